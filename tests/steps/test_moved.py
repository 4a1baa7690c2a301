"""diff: what moved between two results, and why."""

import msgspec
import pytest

from rwe.results import encode
from rwe.steps.moved import diff
from rwe.steps.show_moved import moved_text
from tests.output.results_sample import build
from tests.run import rwe

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def before():
    return build()


def changed(results, place=0, **fields):
    rows = list(results.comparisons)
    rows[place] = replace(rows[place], **fields)
    return replace(results, comparisons=rows)


def test_the_same_results_did_not_move(before):
    found = diff(before, build())
    assert (found.causes, found.comparisons, found.events) == ((), (), ())
    assert found.n_same == len(before.comparisons) + len(before.adverse_events)


def test_a_comparison_moves_with_its_estimate_and_the_others_stay(before):
    c = before.comparisons[0]
    after = changed(before, estimate=replace(c.estimate, value=(c.estimate.value or 0) + 1))
    (moved,) = diff(before, after).comparisons
    assert moved.key == (c.analysis, c.endpoint, c.measure, c.stratum, c.visit)
    assert (moved.before, moved.after) == (c, after.comparisons[0])
    assert "values, baselines or weights are others" in moved.why[0]
    assert diff(before, after).n_same == len(before.comparisons) + len(before.adverse_events) - 1


def test_another_version_of_the_test_alone_moves_nothing(before):
    c = before.comparisons[0]
    assert diff(before, changed(before, test=replace(c.test, version="9.9"))).comparisons == ()


def test_another_test_or_estimate_is_named_as_the_reason(before):
    c = before.comparisons[0]
    test, estimate = replace(c.test, name="another"), replace(c.estimate, name="a ratio")
    (moved,) = diff(before, changed(before, test=test, estimate=estimate)).comparisons
    assert moved.why[:2] == (
        f"another test: {c.test.name} → another",
        f"another estimate: {c.estimate.name} → a ratio",
    )


def test_the_reason_is_what_is_counted_otherwise_at_the_visit_by_site_and_arm(before):
    v = before.visits[0]
    place = next(
        i
        for i, c in enumerate(before.comparisons)
        if (c.endpoint, c.stratum, c.visit) == (v.endpoint, v.stratum, v.visit)
    )
    c = before.comparisons[place]
    other = replace(v, measured=v.measured + 1, dead=v.dead + 2)
    after = replace(
        changed(before, place, treated=replace(c.treated, n=c.treated.n + 1)),
        visits=[other, *before.visits[1:]],
    )
    (moved,) = diff(before, after).comparisons
    said = f"measured {v.measured} → {v.measured + 1}, dead {v.dead} → {v.dead + 2}"
    assert moved.why == (f"{v.site} {v.arm}: {said}",)


def test_what_is_new_or_gone_is_said_so(before):
    less = replace(before, comparisons=before.comparisons[1:], adverse_events=before.adverse_events[1:])
    for first, second, word in ((before, less, ": gone"), (less, before, ": new")):
        found = diff(first, second)
        assert (len(found.comparisons), len(found.events)) == (1, 1)
        assert moved_text(first, second, found).count(word) == 2


def test_an_event_row_moves_with_its_counts(before):
    e = before.adverse_events[0]
    more = replace(e, treated=replace(e.treated, patients=e.treated.patients + 1))
    after = replace(before, adverse_events=[more, *before.adverse_events[1:]])
    (moved,) = diff(before, after).events
    assert (moved.before, moved.after) == (e, more)


def test_another_version_of_a_rate_ratio_alone_moves_nothing(before):
    e = next(e for e in before.adverse_events if e.first_rate_ratio.test.version)
    ratio = replace(e.first_rate_ratio, test=replace(e.first_rate_ratio.test, version="scipy 9"))
    rows = [replace(r, first_rate_ratio=ratio) if r is e else r for r in before.adverse_events]
    assert diff(before, replace(before, adverse_events=rows)).events == ()


def test_causes_are_the_plan_the_program_the_sites_and_who_was_analysed(before):
    site, *sites = before.sites
    kind = next(iter(site.resources))
    counts = site.resources[kind]
    more = replace(counts, mapped=counts.mapped + 3)
    last = before.attrition[-1]
    after = replace(
        before,
        study=replace(before.study, sha256="f" * 64),
        software=replace(before.software, version="9.9"),
        partial=[*before.partial, "south: Observation"],
        sites=[replace(site, resources={**site.resources, kind: more}), *sites[:-1]],
        attrition=[*before.attrition[:-1], replace(last, n_out=last.n_out - 1)],
    )
    causes = "\n".join(diff(before, after).causes)
    assert f"study file and code lists: {before.study.sha256[:12]} → ffffffffffff" in causes
    assert f"rwe: {before.software.version} → 9.9" in causes
    assert "now partial: south: Observation" in causes
    assert f"{site.id} {kind}: mapped {counts.mapped} → {counts.mapped + 3}" in causes
    assert f"{sites[-1].id}: no longer a site" in causes
    assert f"analysed {last.n_out} → {last.n_out - 1}" in causes


def test_swapped_results_swap_before_and_after(before):
    c = before.comparisons[0]
    after = changed(before, treated=replace(c.treated, n=c.treated.n + 1))
    there, back = diff(before, after).comparisons[0], diff(after, before).comparisons[0]
    assert (there.before, there.after) == (back.after, back.before)


def test_the_verb_prints_what_moved_and_ends_with_0(before, tmp_path):
    c = before.comparisons[0]
    after = changed(before, treated=replace(c.treated, n=c.treated.n + 1))
    for name, found in (("a.json", before), ("b.json", after)):
        (tmp_path / name).write_bytes(encode(found))
    done = rwe("diff", tmp_path / "a.json", tmp_path / "b.json")
    assert done.stdout.startswith(before.label)
    assert "1 row moved," in done.stdout
    (moved,) = msgspec.json.decode(rwe("diff", tmp_path / "a.json", tmp_path / "b.json", "--json").stdout)[
        "comparisons"
    ]
    assert moved["after"]["treated"]["n"] == moved["before"]["treated"]["n"] + 1


@pytest.mark.parametrize(
    ("content", "code", "said"), [(None, 2, "cannot be read"), ("{}", 13, "not a results")]
)
def test_a_file_that_is_none_of_ours_is_named(before, tmp_path, content, code, said):
    (tmp_path / "a.json").write_bytes(encode(before))
    if content:
        (tmp_path / "b.json").write_text(content)
    done = rwe("diff", tmp_path / "a.json", tmp_path / "b.json", expect=code)
    assert said in done.stderr
    assert "b.json" in done.stderr
