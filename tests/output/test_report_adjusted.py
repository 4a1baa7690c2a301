"""The adjusted analysis in the report, the terminal, the tables and the figures: beside, never among."""

import pytest
import results_sample as sample
from msgspec.structs import replace
from read_html import Report

from rwe.output.figures import all_figures
from rwe.output.report import render_html
from rwe.output.tables import frames
from rwe.output.terminal import comparison_text
from rwe.results import Adjusted, AdjustedArm, EstimateResult

WALD = "Wald z, two-sided, means under overlap weights of a logistic propensity score"
HC0 = "normal, HC0 sandwich, the score taken as known"


def adjusted(c):
    """d28 of the moderate stratum has an estimate, the other visits a site with one arm."""
    known = c.visit == "d28"
    means, sizes = ((2.714, 2.204), (9.81, 11.24)) if known else ((None, None), (None, None))
    value, low, high, level = (0.51, 0.1, 0.92, 0.95) if known else (None, None, None, None)
    score = Adjusted(
        estimand="overlap",
        treated=AdjustedArm(mean=means[0], effective=sizes[0]),
        control=AdjustedArm(mean=means[1], effective=sizes[1]),
        pairs=None,
        detail=None if known else "separation",
        at_fault=[] if known else ["site: west"],
    )
    test = replace(sample.tested(WALD, 0.02 if known else None), p_holm=0.02 if known else None)
    return replace(
        c,
        analysis="adjusted",
        estimate=EstimateResult(
            name="difference of weighted means",
            value=value,
            ci_low=low,
            ci_high=high,
            level=level,
            interval=HC0 if known else None,
        ),
        test=test,
        status="estimated" if known else "not_estimable",
        reason=None if known else "not_identified",
        adjusted=score,
    )


def build():
    """The sample with an adjusted analysis of one endpoint in one stratum."""
    found = sample.build()
    rows = [adjusted(c) for c in found.comparisons if (c.endpoint, c.stratum) == ("fev1", "moderate")]
    design = replace(found.design, analyses=[*found.design.analyses, "adjusted"])
    return replace(found, comparisons=[*found.comparisons, *rows], design=design)


@pytest.fixture(scope="module")
def results():
    return build()


@pytest.fixture(scope="module")
def report(results):
    return Report(render_html(results))


def test_the_tables_of_the_other_analysis_hold_no_adjusted_row(report):
    before = Report(render_html(sample.build())).tables
    held = [name for name in before if name.startswith("comparison-") or name == "overview"]
    assert len(held) > 7
    for name in held:
        assert [r.cells for r in report.tables[name].rows] == [r.cells for r in before[name].rows]


def test_an_adjusted_row_stands_beside_the_published_one(report):
    first, second, *_ = report.tables["adjusted-fev1-0"].rows
    assert (first.group, first.head) == ("moderate", "d28 primary")
    assert "(9.8) /" in first.cells[0]
    assert first.cells[1] == "2.71 2.83 without weights"
    assert first.cells[4:7] == ["0.51 [0.10, 0.92]", "0.020", "0.020"]
    assert first.cells[8] == "0.61 [0.15, 0.95] P = 0.008"
    assert first.heads[8] == "Beside it “unadjusted”: Hodges-Lehmann shift [95 % CI]"
    assert second.cells[4].endswith(
        "not estimable: some values occur in one arm only, so that nobody can be compared (site: west)"
    )


def test_the_report_says_what_it_is_and_how_p_was_made(report):
    section = next(s for s in report.sections if s.startswith("Adjusted comparisons"))
    assert "Analysis “adjusted” is the difference of weighted means" in section
    assert "The score is fitted anew in the patients who have a value at the visit" in section
    assert f"P: {WALD} (scipy 1.17.1); interval: {HC0}." in section
    summary = next(s for s in report.sections if s.startswith("Summary"))
    assert "Analysis “adjusted”: 5 comparisons asked for, 1 could be estimated (m = 1)." in summary


def test_without_a_score_the_section_says_so():
    sections = Report(render_html(sample.build())).sections
    section = next(s for s in sections if s.startswith("Adjusted comparisons"))
    assert section.endswith("No adjusted analysis was asked for.")


def test_figures_of_the_other_analysis_are_not_muddled(results):
    before, after = ({f.slug: f.svg for f in all_figures(r)} for r in (sample.build(), results))
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"estimates-adjusted-moderate"}


def test_the_terminal_shows_means_and_effective_sizes(results):
    text = comparison_text(results)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    head = lines.index("moderate (adjusted)")
    assert lines[head + 1] == "n, eff. mean n, eff. mean difference [95 % CI] P Holm"
    assert lines[head + 2] == "FEV1 (L) d28* 13, 9.8 2.71 16, 11.2 2.20 0.51 [0.10, 0.92] 0.020 0.020"
    assert max(map(len, text.splitlines())) <= 100
    assert lines[head + 3] == "d90 11, – – 13, – – not estimable: separation (site: west)"
    assert "Separation: some values occur in one arm only, so that nobody can be compared." in lines
    assert "Analysis “adjusted” is the difference of weighted means" in " ".join(lines)


def test_tables_for_machines_have_the_weighted_means(results):
    frame = frames(results)["comparisons"]
    first, second = frame.filter(analysis="adjusted").rows(named=True)[:2]
    assert (first["treated_weighted_mean"], first["control_effective"]) == (2.714, 11.24)
    assert (first["estimand"], first["at_fault"]) == ("overlap", None)
    assert (second["detail"], second["at_fault"], second["pairs"]) == ("separation", "site: west", None)
    others = frame.filter(analysis="unadjusted")
    assert others["estimand"].null_count() == others.height == 70


def test_over_all_strata_there_is_nothing_published_to_stand_beside(results):
    whole = [replace(c, stratum="all") if c.adjusted else c for c in results.comparisons]
    alone = Report(render_html(replace(results, comparisons=whole))).tables["adjusted-fev1-0"].rows
    assert {len(r.cells) for r in alone} == {8}
    both = [*results.comparisons, *(c for c in whole if c.adjusted)]
    rows = Report(render_html(replace(results, comparisons=both))).tables["adjusted-fev1-0"].rows
    assert [r.cells[8] for r in rows if r.group == "all"] == ["not asked"] * 5
