"""Models in rounds over three stores that share nothing but files: the estimates of all their rows in one."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rwe.federate import show
from rwe.federate.answer import either
from rwe.federate.pool import rounds
from rwe.stats import cox, survival
from rwe.stats.ancova import ancova
from rwe.stats.survival import Times
from tests.cli import folders
from tests.federate import drop
from tests.federate.drop import LATER, SITES
from tests.federate.test_pooled import EXACT, STRATA, row

SCORE = '[propensity]\nterms = ["age", "sex", "days_from_anchor"]\n\n[adverse_events]\n'
MODELS = (
    "weighted_difference:il6:d28",
    "ancova:il6:d28",
    "hazard_ratio:any_event",
    "log_rank_by_site:any_event",
    "quartiles:sex=male",
)
WISH = {"agreement": "DUA 1", "patients": 120}


TOGETHER = '[propensity]\nterms = ["age", "severity", "site"]\nstrata = "together"\n\n[adverse_events]\n'


@pytest.fixture(scope="module")
def scored(ready, tmp_path_factory):
    """scored(WHO): as ready(WHO), of a study with a propensity score."""

    def built(who):
        folder = Path(shutil.copytree(ready(who), tmp_path_factory.mktemp("scored") / who))
        folders.edit(folder / "study.toml", "[adverse_events]\n", SCORE)
        drop.run("cohort", "--dir", folder)
        return folder

    return built


@pytest.fixture(scope="module")
def made(scored, tmp_path_factory):
    made = drop.federation(tmp_path_factory.mktemp("agreed"), {name: scored(name) for name in SITES})
    folders.edit(made.coordinator / "study.toml", "[adverse_events]\n", SCORE)
    for name in SITES:
        made.policy(name, 'agreement = "DUA 1"\n')
    return made


@pytest.fixture(scope="module")
def merged(scored):
    folder = scored("merged")
    drop.run("compare", "--dir", folder)
    return folder


@pytest.fixture(scope="module")
def asked(made):
    return made.request(*MODELS, "count:cohort", **WISH)


@pytest.fixture(scope="module")
def ended(made, asked, answers):
    """What is pooled after each round, and all that was answered."""
    files, found = [*answers.values()], []
    while True:
        pooled, then = rounds(made.coordinator, asked, files, publish=False, now=LATER)
        found.append(pooled)
        if not then:
            return found, files
        files += [
            either(made.folders[name], path, now=LATER).file for name, path in zip(SITES, then, strict=True)
        ]


@pytest.fixture(scope="module")
def pooled(ended):
    return ended[0][-1]


def near(found, wanted):
    assert (found.status, found.estimate.name) == (wanted["status"], wanted["estimate"]["name"])
    for key in ("value", "ci_low", "ci_high"):
        assert getattr(found.estimate, key) == pytest.approx(wanted["estimate"][key], abs=EXACT)
    assert found.test.p == pytest.approx(wanted["test"]["p"], abs=EXACT)


def same(found, wanted):
    assert (found.status, found.reason, found.treated.n) == (wanted.status, wanted.reason, wanted.n_treated)
    assert found.test.p == pytest.approx(wanted.p, abs=EXACT)
    assert found.estimate.value == pytest.approx(wanted.value, abs=EXACT)


@pytest.mark.parametrize("stratum", STRATA)
def test_a_weighted_difference_is_that_of_the_merged_results_file(pooled, merged, stratum):
    (wanted,) = [
        c
        for c in folders.results(merged)["comparisons"]
        if (c["analysis"], c["endpoint"], c["visit"], c["stratum"]) == ("adjusted", "il6", "d28", stratum)
    ]
    found = row(pooled, "weighted_difference:il6:d28", stratum)
    near(found, wanted)
    assert found.test.name == wanted["test"]["name"]
    for arm in ("treated", "control"):
        assert getattr(found, arm).mean == pytest.approx(wanted["adjusted"][arm]["mean"], abs=EXACT)
        assert getattr(found, arm).effective == pytest.approx(wanted["adjusted"][arm]["effective"], abs=EXACT)
    assert {*found.coefficients} == {"intercept", "age", "sex: male", "days_from_anchor"}


@pytest.mark.parametrize("stratum", [*STRATA, "all"])
def test_ancova_has_an_intercept_for_each_site_and_stratum(pooled, merged, stratum):
    rows = folders.rows(
        merged,
        "SELECT v.value, b.value, v.arm = 'treated', v.site_id || v.stratum, v.stratum "
        "FROM endpoint_value AS v JOIN endpoint_value AS b ON (v.site_id, v.patient_id, v.arm, v.endpoint) = "
        "(b.site_id, b.patient_id, b.arm, b.endpoint) AND b.is_baseline "
        "WHERE v.endpoint = 'il6' AND v.visit = 'd28' AND v.value IS NOT NULL AND b.value IS NOT NULL "
        "AND v.comparator IS NULL AND b.comparator IS NULL",
    )
    after, before, treated, group, _ = map(
        np.array, zip(*[r for r in rows if stratum in (r[4], "all")], strict=True)
    )
    sites = {name: (group == name).astype(float) for name in np.unique(group)[1:]}
    found = row(pooled, "ancova:il6:d28", stratum)
    same(found, ancova(after, before, treated, sites))
    assert "an intercept for each site" in found.test.name


@pytest.mark.parametrize("stratum", [*STRATA, "all"])
def test_times_are_compared_within_sites(pooled, merged, stratum):
    rows = folders.rows(
        merged,
        "SELECT COALESCE(MIN(e.day), ANY_VALUE(f.days)), COUNT(e.day) > 0, f.arm = 'treated', "
        "f.site_id || f.stratum, ANY_VALUE(f.stratum) "
        "FROM follow_up AS f LEFT JOIN event AS e ON e.site_id = f.site_id AND e.patient_id = f.patient_id "
        "AND e.arm = f.arm WHERE f.ascertained GROUP BY f.site_id, f.patient_id, f.arm, f.stratum",
    )
    some = [r for r in rows if stratum in (r[4], "all")]
    strata = [
        Times.of(*zip(*[r[:3] for r in some if r[3] == g], strict=True)) for g in sorted({r[3] for r in some})
    ]
    same(row(pooled, "hazard_ratio:any_event", stratum), cox.cox(strata))
    same(row(pooled, "log_rank_by_site:any_event", stratum), survival.log_rank(strata))
    for name in ("hazard_ratio", "log_rank_by_site"):
        assert row(pooled, f"{name}:any_event", stratum).test.name.endswith(", within sites")


def test_each_round_says_what_it_waits_for_and_the_rest_is_there_at_once(ended):
    found, files = ended
    assert 6 <= len(found) <= 10
    assert len(files) == 3 * len(found)
    assert found[0].unfinished == "11 models go on to round 2"
    assert {r.status for r in found[0].rows if r.statistic == "count"} == {"counted"}
    assert row(found[0], "ancova:il6:d28", "moderate").status == "unfinished"
    assert found[-1].unfinished is None
    assert not [r for r in found[-1].rows if r.status == "unfinished"]


def test_a_round_is_shown_in_plain_words_before_it_is_answered(made, ended):
    asked = made.request("ancova:d_dimer:d28", agreement="DUA 1")
    files = [made.answer(name, asked) for name in SITES]
    _, then = rounds(made.coordinator, asked, files, publish=False, now=LATER)
    lines = show.either(made.folders["north"], then[0], now=LATER).lines
    assert lines[0].startswith("Round 2 of request")
    assert "under masks shared with centre, south, and nothing else" in "\n".join(lines)
    assert lines[-3:] == [f"  ancova d_dimer d28, {stratum}: 5 numbers" for stratum in (*STRATA, "all")]
    first = show.either(made.folders["north"], made.request("ancova:six_mwd:d90", **WISH), now=LATER).lines
    assert any("in rounds, hidden under masks" in line for line in first)
    assert any("sums of" in line and "under masks shared with centre, south" in line for line in first)


def test_what_is_published_of_a_model_is_rounded(made, asked, ended):
    found, _ = rounds(made.coordinator, asked, ended[1], publish=True, now=LATER)
    model = row(found, "weighted_difference:il6:d28", "moderate")
    assert (model.status, model.test.statistic) == ("estimated", None)
    numbers = [
        *model.coefficients.values(),
        model.treated.effective,
        model.control.mean,
        model.estimate.value,
    ]
    assert [float(f"{number:.3g}") for number in numbers] == numbers
    assert model.treated.n % 5 == 0


def test_a_score_over_all_strata_has_an_intercept_a_site_where_site_is_a_term(scored, merged, tmp_path):
    """As the merged file, in which sites are columns."""
    whole = Path(shutil.copytree(merged, tmp_path / "merged"))
    folders.edit(whole / "study.toml", SCORE, TOGETHER)
    drop.run("cohort", "--dir", whole)
    drop.run("compare", "--dir", whole)
    stores = {name: scored(name) for name in SITES}
    for folder in stores.values():
        folders.edit(folder / "study.toml", SCORE, TOGETHER)
        drop.run("cohort", "--dir", folder)
    other = drop.federation(tmp_path / "together", stores)
    folders.edit(other.coordinator / "study.toml", "[adverse_events]\n", TOGETHER)
    for name in SITES:
        other.policy(name, 'agreement = "DUA 1"\n')
    asked = other.request("weighted_difference:il6:d28", **WISH)
    files = [other.answer(name, asked) for name in SITES]
    then = [""]
    while then:
        found, then = rounds(other.coordinator, asked, files, publish=False, now=LATER)
        files += [either(other.folders[n], p, now=LATER).file for n, p in zip(SITES, then, strict=False)]
    (wanted,) = [
        c
        for c in folders.results(whole)["comparisons"]
        if (c["analysis"], c["endpoint"], c["visit"]) == ("adjusted", "il6", "d28")
    ]
    near(row(found, "weighted_difference:il6:d28"), wanted)
    assert wanted["status"] == "estimated"


def test_a_level_under_a_secure_sum_has_a_share(pooled, merged):
    share = folders.rows(merged, "SELECT AVG((sex = 'male')::INT) FROM cohort WHERE arm = 'treated'")[0][0]
    assert row(pooled, "quartiles:sex=male").treated.mean == pytest.approx(share, abs=EXACT)


def test_by_hand_the_commands_name_the_next_file_of_each_site(made, ended, asked):
    _, files = ended
    said = drop.run("federate", "pool", asked, *files[:3], "--dir", made.coordinator, expect=3)
    assert "UNFINISHED: 11 models go on to round 2" in said
    assert all(f"-2-{name}.sealed" in said for name in SITES)
    said = drop.run("federate", "pool", asked, *files[:4], "--dir", made.coordinator, expect=3)
    assert "round 2, which waits for centre, south" in said
    said = drop.run("federate", "pool", asked, *files, "--dir", made.coordinator)
    assert "ancova il6 d28: ANCOVA of change from baseline" in said
