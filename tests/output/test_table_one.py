"""Table 1 before any outcome: what the arms differ in is said, also where no distance can be given."""

import pytest
import results_sample as sample
from msgspec.structs import replace
from read_html import Report

from rwe.output.cautions import before_outcomes, cautions
from rwe.output.report import render_html
from rwe.output.table_one import baseline_text, wholly_apart
from rwe.results import Baseline, BaselineArm


def level(treated, control, smd=None, name="clot"):
    arms = [BaselineArm(n=n, count=k, share=k / n if n else None) for k, n in (treated, control)]
    return _row(name, "yes", arms, smd)


def measured(treated, control, smd=None, name="days_from_anchor"):
    arms = [BaselineArm(n=9, median=m, q1=m, q3=m, mean=m, sd=sd) for m, sd in (treated, control)]
    return _row(name, None, arms, smd)


def _row(name, at, arms, smd):
    return Baseline(
        variable=name, level=at, unit=None, stratum="moderate", treated=arms[0], control=arms[1],
        smd=smd, n_missing=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "apart"),
    [
        (level((55, 55), (0, 26)), True),
        (level((0, 55), (26, 26)), True),
        (level((55, 55), (26, 26)), False),
        (level((1, 55), (0, 26), smd=0.19), False),
        (level((0, 0), (0, 26)), False),
        (measured((8.0, 0.0), (0.0, 0.0)), True),
        (measured((0.0, 0.0), (0.0, 0.0)), False),
        (measured((8.0, None), (0.0, 0.0)), False),
        (measured((8.0, 1.0), (0.0, 0.0), smd=9.0), False),
    ],
)
def test_arms_without_spread_that_are_not_alike_are_wholly_apart(row, apart):
    assert wholly_apart(row) is apart


def said(*rows, scores=()):
    return " ".join(before_outcomes(rows, scores, sample.build().design))


def test_what_only_one_arm_has_is_named_though_it_has_no_distance():
    text = said(level((55, 55), (0, 26)), level((20, 55), (9, 26), smd=0.04, name="sex"))
    assert "differ in 1 of 2 rows of Table 1, moderate" in text
    assert "clot: yes in 55/55 (100.0 %) and 0/26 (0.0 %)" in text
    assert "sex" not in text


@pytest.mark.parametrize("row", [measured((8.0, 3.0), (0.0, 0.0), smd=3.8), measured((8.0, 0.0), (0.0, 0.0))])
def test_a_time_zero_that_lies_later_in_one_arm_is_named_with_its_distribution(row):
    text = said(row)
    assert "treated 8.0 [8.0, 8.0] days, control 0.0 [0.0, 0.0]" in text
    assert "immortal time" in text


def test_arms_that_are_alike_need_no_caution():
    assert not said(measured((0.5, 1.0), (0.4, 1.0), smd=0.1), level((3, 9), (3, 9), smd=0.0))


def test_a_score_that_cannot_be_made_is_a_caution_and_one_that_can_is_none():
    moderate, severe = sample.build().propensity
    assert not said(scores=[moderate])
    text = said(scores=[severe])
    assert "Propensity score, severe: not estimable: some values occur in one arm only" in text
    assert "No difference of the outcomes can be read as an effect" in text


def test_the_text_has_a_line_for_each_row_with_its_distance_in_words():
    rows = [level((55, 55), (0, 26)), replace(measured((8.0, 3.0), (7.0, 3.0), smd=0.33), unit="days")]
    lines = [" ".join(line.split()) for line in baseline_text(rows, sample.build().design).splitlines()]
    assert lines == [
        "Before treatment, moderate treated control SMD |SMD|",
        "clot: yes 55/55 (100.0 %) 0/26 (0.0 %) – no spread, wholly apart",
        "days from anchor (days) 8.00 [8.00, 8.00] 7.00 [7.00, 7.00] 0.33 above 0.25",
    ]


def test_the_report_has_cautions_and_balance_before_the_first_estimate():
    results = replace(sample.build(), baseline=[level((55, 55), (0, 26))])
    html = render_html(results)
    (text,) = [c for c in cautions(results) if "clot: yes in" in c]
    first = min(html.index('id="overview"'), html.index('id="primary"'))
    assert 0 < html.index(text) < html.index('id="baseline-table"') < html.index('id="scores"') < first
    (row,) = Report(html).tables["baseline-table"].rows
    assert row.cells[-2:] == ["–", "no spread, wholly apart"]
