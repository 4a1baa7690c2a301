import re
from itertools import pairwise

import pytest
import results_sample as sample
from msgspec.structs import replace
from read_html import Report

from rwe.output.cautions import cautions
from rwe.output.report import render_html
from rwe.output.terminal import comparison_text
from rwe.output.words import NOT_RANDOMISED
from rwe.results import EstimateResult, Plan


@pytest.fixture(scope="module")
def results():
    return sample.build()


@pytest.fixture(scope="module")
def html(results):
    return render_html(results)


@pytest.fixture(scope="module")
def report(html):
    return Report(html)


def number(value, digits):
    """As the report has to print it, written independently of rwe.output.numbers."""
    if value in ("Inf", "-Inf"):
        return {"Inf": "∞", "-Inf": "−∞"}[value]
    text = format(value, f".{digits}f")
    return text.strip("-") if not re.search("[1-9]", text) else text.replace("-", "−")


def p_value(p):
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def quartiles(arm, digits):
    if arm.n == 0:
        return "–"
    sign = arm.bounds.get
    parts = [sign(q, "") + number(getattr(arm, q), digits) for q in ("median", "q1", "q3")]
    return f"{parts[0]} [{parts[1]}, {parts[2]}]"


def comparison_rows(report):
    return [(t, row) for t in report.tables.values() if t.id.startswith("comparison-") for row in t.rows]


def test_every_number_of_every_comparison_is_the_one_in_the_results(results, report):
    rows = iter(comparison_rows(report))
    for c in results.comparisons:
        info = next(e for e in sample.ENDPOINTS if e.id == c.endpoint)
        table, row = next(rows)
        assert f"{info.label} ({c.unit})" in table.caption
        assert (row.group, row.head.split()[0]) == (c.stratum, c.visit)
        n_treated, treated, n_control, control, estimate, *p_values = row.cells
        for n, values, arm in ((n_treated, treated, c.treated), (n_control, control, c.control)):
            assert n.startswith(f"{arm.n} / {arm.n_missing}")
            assert all(f"{k} {reason.replace('_', ' ')}" in n for reason, k in arm.missing.items() if k)
            assert values.startswith(quartiles(arm, info.digits))
        if c.estimate.value is not None:
            assert estimate.startswith(number(c.estimate.value, info.digits))
        if c.estimate.ci_low is not None:
            limits = (number(end, info.digits) for end in (c.estimate.ci_low, c.estimate.ci_high))
            assert f" [{', '.join(limits)}]" in estimate
        assert p_values == [p_value(p) for p in (c.test.p, c.test.p_holm, c.test.p_bh)]
    assert next(rows, None) is None


def test_what_cannot_be_estimated_is_listed_with_its_reason_in_words(results, report):
    shown = [row.cells[4] for _, row in comparison_rows(report)]
    lost = [text for text in shown if "not estimable" in text]
    assert len(lost) == sum(c.status == "not_estimable" for c in results.comparisons) == 6
    assert lost.count("– not estimable: an arm has no value") == 5
    assert "0.0 (no interval) not estimable: all values are equal in both arms" in lost


def test_an_interval_of_another_level_says_so(report):
    shown = [row.cells[4] for _, row in comparison_rows(report)]
    assert "18 [−60, 75] (90 % CI) too few values for a 95 % interval" in shown
    assert "18 [−∞, ∞] too few values for a 95 % interval" in shown


def summary(report):
    (text,) = [s for s in report.sections if s.startswith("Summary ")]
    return text


def test_the_multiplicity_is_said_plainly(report):
    text = summary(report)
    assert "70 comparisons asked for, 64 could be estimated (m = 64)" in text
    assert "7 of 64 raw P values are below 0.05; 0 remain below 0.05 after Holm and 0 after" in text
    assert "smallest P is 0.506 by Holm and 0.310 by Benjamini–Hochberg" in text
    assert "about 3.2 raw P values below 0.05 would be expected by chance" in text


def test_the_overview_has_every_comparison_of_the_main_analysis(results, report):
    cells = [cell for row in report.tables["overview"].rows for cell in row.cells]
    assert len(cells) == len(results.comparisons)
    assert cells[0] == "0.61 [0.15, 0.95] primary; P = 0.008; Holm 0.506"


def test_a_visit_that_was_not_asked_for_is_not_a_missing_one(results):
    fewer = replace(results, comparisons=results.comparisons[:4] + results.comparisons[5:])
    assert Report(render_html(fewer)).tables["overview"].rows[0].cells[-1] == "not asked"


def test_a_study_without_a_primary_comparison_says_so(results):
    plain = [replace(c, primary=False) for c in results.comparisons]
    report = Report(render_html(replace(results, comparisons=plain)))
    assert "primary" not in report.tables
    assert "names no primary comparison" in summary(report)


def test_label_heads_the_page_and_every_table_figure_and_section(html, report):
    body = html[html.index("<body>") :]
    assert body.index(sample.LABEL) < body.index("<h1>") < body.index(NOT_RANDOMISED) < body.index("<section")
    assert report.tables
    assert all(table.caption.startswith(sample.LABEL) for table in report.tables.values())
    assert len(report.figures) == 2 + 1 + 14 + 2 + 1
    assert all(sample.LABEL in figure for figure in report.figures)
    assert all(section.split(" ", 1)[1].find(sample.LABEL) >= 0 for section in report.sections)


def test_a_study_without_a_label_has_no_empty_banner():
    html = render_html(sample.build(label=""))
    assert 'class="banner"' not in html
    assert 'class="label"' not in html


def test_no_hostile_markup_survives(html, report):
    assert {tag for tag, _ in report.elements} & {"script", "img", "iframe", "object", "link", "b"} == set()
    assert not [name for _, attributes in report.elements for name in attributes if name.startswith("on")]
    assert "\x1b" not in html
    assert "\u202e" not in html
    term = next(r.head for r in report.tables["events-term"].rows if r.head.startswith("<script>"))
    assert len(term) <= 200
    assert term.endswith("…")


def test_a_hostile_label_stays_a_text():
    label = '</style><script>x</script>"; } body { display: none } \\'
    html = render_html(sample.empty(label=label))
    report = Report(html)
    assert [tag for tag, _ in report.elements].count("style") == 1
    assert "script" not in {tag for tag, _ in report.elements}
    style = html[html.index("<style>") : html.index("</style>")]
    assert "display: none }" not in style.split("@top-left")[1].split("width")[0]


def test_nothing_comes_from_outside(html, report):
    for _, attributes in report.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in html
    assert "@import" not in html
    assert ("meta", {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    }) in report.elements  # fmt: skip


def test_anchors_lead_somewhere_and_ids_are_unique(report):
    ids = [a["id"] for _, a in report.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for tag, a in report.elements if tag == "a"} <= set(ids)


def test_headings_go_down_one_step_at_a_time(report):
    levels = [level for level, _ in report.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_tables_have_scopes_and_figures_have_words(report):
    assert all(a.get("scope") for tag, a in report.elements if tag == "th")
    drawings = [a for tag, a in report.elements if tag == "svg"]
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in drawings)


def test_attrition_sums_over_sites(report):
    rows = [r for r in report.tables["attrition"].rows if r.group.startswith("age")]
    assert rows[0].head == "all"
    assert rows[0].cells[:3] == ["124", "8", "116"]
    assert rows[0].heads[3:] == [f"By site: in → remain: {site}" for site in ("north", "south", "west")]
    by_arm = {r.head: r.cells for r in rows}
    assert by_arm["treated, moderate"] == ["22", "1", "21", "12 → 11", "6 → 6", "4 → 4"]
    assert sum(int(cells[0]) for head, cells in by_arm.items() if head != "all") == 124


def test_who_is_counted_in_both_arms_is_one_patient_in_the_methods(results):
    last = [a for a in results.attrition if a.step == "alive"]
    again = [
        replace(a, step="future_treated", n_in=a.n_out, n_out=a.n_out + (a.arm == "control")) for a in last
    ]
    text = " ".join(Report(render_html(results)).sections)
    assert "Of 620 patients 110 were left to be analysed." in text
    text = " ".join(Report(render_html(replace(results, attrition=[*results.attrition, *again]))).sections)
    assert "110 were left to be analysed, 6 of them first as a control, then as treated." in text


def test_imbalance_is_written_out(report):
    rows = {r.head: r.cells for r in report.tables["baseline-table"].rows if r.group == "moderate"}
    assert rows["age (a)"][-2:] == ["−0.26", "above 0.25"]
    assert rows["sex: female"][-2:] == ["0.15", "above 0.1"]
    assert rows["FEV1 (L)"][-2:] == ["0.09", "0.1 or below"]
    assert rows["height (cm)"][-2:] == ["–", "–"]
    assert rows["sex: female"][1] == "10/21 (47.6 %)"
    assert rows["age (a)"][1] == "58.0 [49.5, 66.0] mean 57.4 (SD 11.2)"


def test_reasons_of_an_arm_add_up_to_its_patients(report):
    assert len(report.tables["missing-table"].rows) == 70
    for row in report.tables["missing-table"].rows:
        half = len(row.cells) // 2
        counts = [int(cell.split()[0]) for cell in row.cells]
        assert (sum(counts[:half]), sum(counts[half:])) == sample.STRATA[row.group.split(", ")[1]]


def test_what_was_set_aside_at_a_visit_stands_with_its_reason(report):
    cells = {r.cells[4] for r in report.tables["missing-table"].rows}
    assert cells == {"0", "1 1 implausible"}


def test_alive_and_seen_are_told_once_for_all_endpoints(report):
    rows = report.tables["presence"].rows
    assert [(r.group, r.head) for r in rows] == [(s, v.name) for s in sample.STRATA for v in sample.VISITS]
    assert rows[0].cells == ["21", "20", "17", "26", "25", "22"]


def test_no_event_among_n_has_an_upper_limit_and_no_record_has_none(report):
    rows = {r.head: r.cells for r in report.tables["events-term"].rows}
    assert rows["Rash"][:2] == ["0/52 (0.0 %) 95 % upper limit 6.8 %", "0"]
    assert rows["=cmd()"][2:4] == ["– not ascertained", "–"]
    rates = {r.head: r.cells for r in report.tables["events-term-rates"].rows}
    assert rates["Rash"][0] == "0.0 95 % upper limit 99.5 in 44.4 years"
    assert rates["=cmd()"][2:4] == ["– not ascertained"] * 2
    section = next(s for s in report.sections if s.startswith("Adverse events"))
    assert "not ascertained: nobody may have asked" in section
    assert "No AdverseEvent resource came from: west." in section


def test_events_have_a_table_of_risks_and_one_of_rates_for_each_theme(report):
    (total,) = report.tables["events-total"].rows
    assert total.cells == [
        "14/52 (26.9 %) [1.0, 40.0]", "15", "17/58 (29.3 %) [1.0, 40.0]", "17", "−2.4 [−18.5, 14.2]", "0.831"
    ]  # fmt: skip
    (rates,) = report.tables["events-total-rates"].rows
    assert rates.cells == [
        "31.5 [0.5, 99.5] in 44.4 years", "31.8 [0.4, 88.5] in 47.2 years",
        "34.7 [0.5, 99.5] in 49.0 years", "32.9 [0.4, 88.5] in 51.7 years",
        *["0.82 [0.25, 4.50]", "0.831"] * 2,
    ]  # fmt: skip
    (severe,) = report.tables["events-severity-rates"].rows
    assert severe.cells[4] == "– [0.25, ∞]"


def test_what_the_treated_alone_can_have_has_no_column_of_controls(report):
    (row,) = report.tables["events-infusion"].rows
    assert row.cells == ["4/52 (7.7 %) [1.0, 40.0]", "5"]
    assert len(report.tables["events-infusion-rates"].rows[0].cells) == 2


def test_causes_are_shown_in_both_arms_and_not_compared(report):
    (row,) = report.tables["events-causality"].rows
    assert row.cells == ["6/52 (11.5 %) [1.0, 40.0]", "7", "1/58 (1.7 %) [1.0, 40.0]", "1"]
    assert len(report.tables["events-causality-rates"].rows[0].cells) == 4
    assert "It is not compared" in " ".join(report.sections)


def test_a_degree_that_no_event_states_is_a_sentence_and_no_zero(report):
    assert "events-grade" not in report.tables
    text = " ".join(report.sections)
    assert "No adverse event states it in a code that is known here: 8 events not stated." in text


def test_terms_stand_by_how_many_patients_had_them(report):
    heads = [r.head for r in report.tables["events-term"].rows]
    assert heads[0] == "Fever"
    assert heads[-1] == "Anaphylaxis"


def test_sites_say_whether_they_are_whole(report):
    rows = {(r.group.split(":")[0], r.head): r.cells[-1] for r in report.tables["sites"].rows}
    assert rows["north", "Observation"] == "whole"
    assert rows["south", "Observation"] == "not whole: 1 unaccounted for"
    assert rows["west", "Observation"] == "source cannot tell"
    assert any("Encounter 190, Device 3" in r.group for r in report.tables["sites"].rows)


def test_the_plan_is_shown_as_it_is(results):
    def plan(locked_at, compared_at, changed_since):
        before = locked_at and locked_at <= compared_at
        stands = Plan(
            locked_at=locked_at,
            first_comparison_at=compared_at,
            before_comparison=before,
            changed_since=changed_since,
        )
        changed = replace(results, plan=stands)
        head = comparison_text(changed)
        rows = Report(render_html(changed)).tables["software"].rows
        text = next(r.cells[0] for r in rows if r.head == "Plan")
        assert f"Plan: {text}" in " ".join(head.split())
        return text

    first, second = "2026-11-20T08:00:00.000Z", "2026-11-20T08:00:00.001Z"
    assert plan(first, second, ["SQL changed"]).endswith(
        f"before the first comparison ({second}); changed since: SQL changed"
    )
    assert plan(second, first, []).endswith(
        f"after the first comparison ({first}): nothing shows that it was fixed before outcomes were seen;"
        " changed since: nothing"
    )
    assert plan(None, None, None).startswith("never locked")


def test_a_plan_locked_too_late_or_changed_is_said_at_the_head(results):
    late = replace(results.plan, before_comparison=False)
    assert "locked after the endpoints were first compared" in cautions(replace(results, plan=late))[0]
    assert "changed since it was locked: code list msc" in cautions(results)[0]
    same = replace(results.plan, changed_since=[])
    assert not [c for c in cautions(replace(results, plan=same)) if "plan" in c]


def test_two_analyses_methods_and_estimates_are_told_apart(results):
    ratio = EstimateResult(
        name="mean_difference", value=0.2, ci_low=-0.1, ci_high=0.5, level=None, interval=None
    )
    test = replace(sample.tested("overlap_weights", 0.2), version="")
    again = [replace(c, analysis="adjusted", estimate=ratio, test=test) for c in results.comparisons[:1]]
    mixed = [replace(results.comparisons[1], estimate=ratio, test=test)]
    rows = [results.comparisons[0], *mixed, *again]
    report = Report(render_html(replace(results, comparisons=rows)))
    first, second = (report.tables[name].rows for name in ("comparison-fev1-0", "comparison-fev1-1"))
    assert [r.cells[5] for r in first] == ["0.008 method 1", "0.200 method 2"]
    assert first[1].cells[4] == "0.20 [−0.10, 0.50] (level unknown) mean difference"
    assert "mean 3.02 (SD 0.40)" in first[1].cells[1]
    assert second[0].heads[4] == "Mean difference [95 % CI]"
    assert (3, "FEV1 (L): adjusted") in report.headings


def test_change_from_baseline_has_its_own_table(results):
    change = [replace(c, measure="change") for c in results.comparisons[:5]]
    report = Report(render_html(replace(results, comparisons=[*change, *results.comparisons[:5]])))
    captions = [t.caption for t in report.tables.values() if t.id.startswith("comparison-")]
    assert [("change from baseline" in c) for c in captions] == [False, True]


def test_suppressed_rows_and_unknown_codes_are_shown(results):
    c = replace(results.comparisons[35], status="suppressed", reason="small_cell", unit="", endpoint="new")
    report = Report(render_html(replace(results, comparisons=[c])))
    assert report.tables["comparison-new-0"].rows[0].cells[4].endswith("suppressed: small cell")
    assert (3, "new") in report.headings


def test_nothing_estimable_gives_no_smallest_p(results):
    lost = [c for c in results.comparisons if c.status != "estimated"]
    text = summary(Report(render_html(replace(results, comparisons=lost))))
    assert "6 comparisons asked for, 0 could be estimated (m = 0)" in text
    assert "Holm and" not in text


def test_events_with_other_estimates(results):
    ratio = sample.event("Fever", (5, 3), (1.9, 0.4, 7.7), p=0.4, name="risk ratio")
    mixed = [sample.adverse_events()[6], ratio]
    one = Report(render_html(replace(results, adverse_events=[ratio])))
    two = Report(render_html(replace(results, adverse_events=mixed)))
    assert one.tables["events-term"].rows[0].heads[4] == "Risk ratio [95 % CI]"
    assert one.tables["events-term"].rows[0].cells[4] == "1.90 [0.40, 7.70]"
    assert two.tables["events-term"].rows[0].heads[4] == "Estimate [95 % CI]"


def test_adjusted_p_values_of_events_are_shown_where_there_are_any(results, report):
    fever = results.adverse_events[5]
    adjusted = replace(fever, test=replace(fever.test, p_holm=0.9482, p_bh=0.7))
    shown = Report(render_html(replace(results, adverse_events=[adjusted])))
    assert shown.tables["events-term"].rows[0].cells[-1] == "0.474 Holm 0.948; BH 0.700"
    assert "not adjusted for their number" not in " ".join(shown.sections)
    assert "not adjusted for their number" in " ".join(report.sections)


def test_balance_is_shown_without_and_with_weights(report):
    age, sex, fev1, il6, site = report.tables["balance-weighted"].rows
    assert (age.group, age.head) == ("moderate, overlap weights", "age (years)")
    assert age.cells == ["57.3", "55.1", "0.21", "56.2", "56.2", "0.00", "0.1 or below"]
    assert sex.cells[:6] == ["55 %", "40 %", "0.30", "47 %", "47 %", "0.00"]
    assert fev1.head == "FEV1 †"
    assert fev1.cells[-1] == "above 0.25"
    assert il6.cells == ["2.00", "2.00", "–", "2.00", "2.00", "–", "–"]
    assert site.cells[3:] == ["–"] * 4


def test_a_score_says_its_sizes_or_why_there_is_none(report):
    moderate, severe = report.tables["scores"].rows
    assert moderate.head == "moderate, overlap weights converged in 4 steps"
    assert moderate.cells[:4] == ["20", "1 1 without sex", "16.8", "0.45 [0.30, 0.60] 0.10 to 0.90"]
    assert "not estimable: some values occur in one arm only" in severe.head
    assert severe.cells[2:4] == ["–", "–"]
    assert [row.cells for row in report.tables["overlap"].rows][3] == ["12", "18"]


def test_an_empty_study_renders_every_section():
    report = Report(render_html(sample.empty()))
    assert [text for level, text in report.headings if level == 2] == [
        "Flow of patients", "Definitions", "Methods, in words", "Table 1: patients at time zero",
        "Propensity score: balance and overlap", "Summary", "Comparisons", "Adjusted comparisons",
        "Missing values", "Adverse events", "Sensitivity", "Checks", "Unit conversions", "Deviations",
        "Provenance",
    ]  # fmt: skip
    assert report.figures == []


def test_same_results_same_bytes(html):
    assert render_html(sample.build()) == html
