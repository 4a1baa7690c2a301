"""The sensitivity section and its table, read back and held against the results."""

import csv
import io

import pytest
import results_sample as sample
from msgspec.structs import replace
from read_html import Report
from test_report_html import number, p_value, quartiles

from rwe.output.report import render_html
from rwe.output.tables import csv_bytes, frames
from rwe.output.terminal import comparison_text


@pytest.fixture(scope="module")
def results():
    return sample.build()


@pytest.fixture(scope="module")
def report(results):
    return Report(render_html(results))


def section(report):
    (found,) = [s for s in report.sections if s.startswith("Sensitivity")]
    return found


def cells(report, kind, endpoint, head):
    """By stratum and visit."""
    table = report.tables[f"sensitivity-{kind}-{endpoint.replace('_', '-')}"]
    rows = [r for r in table.rows if r.head == head]
    return {(r.group, at): cell for r in rows for at, cell in zip(r.heads, r.cells, strict=True)}


def test_a_report_without_it_says_how_to_run_it(results):
    report = Report(render_html(replace(results, sensitivity=[])))
    assert "not run; `rwe compare --sensitivity` runs them" in section(report)
    assert not [t for t in report.tables if t.startswith("sensitivity")]
    assert "Sensitivity" not in comparison_text(replace(results, sensitivity=[]))


def test_it_says_that_no_family_counts_the_variants(results, report):
    assert "otherwise than the analysis “unadjusted”" in section(report)
    assert "none is counted by Holm or Benjamini–Hochberg" in section(report)
    assert all(c.test.p_holm is None for v in results.sensitivity for c in v.rows)


def test_the_main_analysis_stands_first_and_each_variant_below_it(results, report):
    table = report.tables["sensitivity-effects-fev1"]
    names = ["Main analysis", "Without <b>north</b>", "Death worst rank"]
    assert [r.head for r in table.rows] == names * 2
    assert [r.group for r in table.rows] == ["moderate"] * 3 + ["severe"] * 3
    assert [r.head for r in report.tables["sensitivity-quartiles-fev1"].rows] == [
        "Main analysis",
        "Quartiles type 6",
    ] * 2


def test_every_number_is_the_one_in_the_results(results, report):
    seen = 0
    for head, found in [
        ("Main analysis", results.comparisons),
        *((v.name.capitalize().replace("_", " "), v.rows) for v in results.sensitivity),
    ]:
        for c in found:
            kind = "quartiles" if head.startswith("Quartiles") else "effects"
            info = next(e for e in sample.ENDPOINTS if e.id == c.endpoint)
            cell = cells(report, kind, c.endpoint, head)[c.stratum, c.visit]
            seen += 1
            if kind == "quartiles":
                assert cell == f"{quartiles(c.treated, info.digits)} v {quartiles(c.control, info.digits)}"
                continue
            assert f"n {c.treated.n} v {c.control.n}" in cell
            if c.estimate.value is not None:
                assert cell.startswith(number(c.estimate.value, info.digits))
            if c.test.p is not None:
                assert p_value(c.test.p) in cell
            assert ("dead 2 v 0" in cell) == (head == "Death worst rank")
    assert seen == len(results.comparisons) + 3 * 14


def test_what_was_varied_has_its_method_its_caution_and_why_it_was_not_run(report):
    rows = {r.head: r.cells for r in report.tables["sensitivity-variants"].rows}
    assert rows["Quartiles type 6"] == ["Quartiles_type_6!", f"{sample.METHOD} (scipy 1.17.1)", "–"]
    assert rows["Death worst rank"][2].startswith("<script>alert(1)</script>")
    assert rows["=imputed"][2] == "– not run: the main analysis is of a change, not of a value"


def test_the_table_for_machines_begins_with_the_main_analysis(results):
    rows = list(csv.DictReader(io.StringIO(csv_bytes(frames(results)["sensitivity"]).decode())))
    main = [r for r in rows if r["variant"] == "main"]
    assert [r["test_p_holm"] for r in main] == [
        "" if c.test.p_holm is None else str(c.test.p_holm) for c in results.comparisons
    ]
    assert {r["test_p_holm"] for r in rows[len(main) :]} == {""}
    dead = [r for r in rows if r["variant"] == "death_worst_rank"]
    assert {(r["treated_n_dead"], r["control_n_dead"], r["theme"]) for r in dead} == {("2", "0", "missing")}
    (last,) = [r for r in rows if r["not_run"]]
    assert (last["variant"], last["not_run"], last["endpoint"]) == ("'=imputed", "of_a_change", "")
    assert len(rows) == len(main) + 3 * 14 + 1


def test_the_terminal_lists_the_variants_and_leaves_the_numbers_to_the_report(results):
    lines = comparison_text(results).splitlines()
    (first,) = [i for i, line in enumerate(lines) if line.startswith("Sensitivity")]
    assert lines[first + 1].split() == ["quartiles", "type", "6", "12", "of", "14"]
    assert lines[first + 4].split(maxsplit=1)[1].startswith("not run: the main analysis is of a change")
