from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import results_sample as sample
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rwe.output.figures import all_figures, standalone
from rwe.output.svg import Axis
from rwe.results import Attrition, EstimateResult

GLYPH = 0.56


class Texts(HTMLParser):
    """Boxes (x1, y1, x2, y2, text) of the texts of a drawing, by the letter width it was drawn with."""

    def __init__(self, svg):
        super().__init__()
        self.boxes, self.at, self.size = [], None, (0.0, 0.0)
        self.feed(svg)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.at = a if tag == "text" else None
        if tag == "svg":
            self.size = float(a["width"]), float(a["height"])

    def handle_data(self, data):
        if self.at and data.strip():
            size, x, y = (float(self.at[name]) for name in ("font-size", "x", "y"))
            width = GLYPH * size * len(data)
            x -= {"middle": width / 2, "end": width}.get(self.at.get("text-anchor"), 0)
            self.boxes.append((x, y - 0.72 * size, x + width, y + 0.2 * size, data))
        self.at = None


def assert_legible(svg):
    texts = Texts(svg)
    width, height = texts.size
    for x1, y1, x2, y2, words in texts.boxes:
        assert x1 >= -1, words
        assert x2 <= width + 1, words
        assert 0 <= y1 < y2 <= height + 1, words
    for i, a in enumerate(texts.boxes):
        for b in texts.boxes[i + 1 :]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, (a, b)


def wordy():
    """The same study with long names, many visits and wide numbers."""
    results = sample.build(label="a label of many words " * 20)
    endpoints = [replace(e, label=e.label + " with a very long name indeed" * 3) for e in sample.ENDPOINTS]
    rows = [
        replace(c, visit=f"{c.visit}-follow-up-{i}", unit="10*6/(kg.min)")
        for c in results.comparisons
        for i in range(3)
    ]
    return replace(results, comparisons=rows, design=replace(results.design, endpoints=endpoints))


@pytest.mark.parametrize("make", [sample.build, wordy])
def test_no_label_overlaps_another_or_leaves_the_drawing(make):
    figures = all_figures(make())
    assert len(figures) == 2 + 1 + 14 + 2 + 1
    for figure in figures:
        assert_legible(figure.svg)


def test_texts_can_be_read_on_a_phone():
    for figure in all_figures(sample.build()):
        texts = Texts(figure.svg)
        assert texts.size[0] <= 375
        assert 'font-size="9' not in figure.svg


def test_files_are_whole_svg_with_words_for_those_who_cannot_see():
    for figure in all_figures(sample.build()):
        root = ElementTree.fromstring(standalone(figure))
        names = [child.tag.split("}")[1] for child in root][:2]
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert names == ["title", "desc"]
        assert root[1].text.startswith(sample.LABEL)
        assert root.get("role") == "img"


def figure(results, name):
    return next(f.svg for f in all_figures(results) if f.slug == name)


def test_arms_differ_by_shape_and_an_arm_without_values_says_so():
    results = sample.build()
    both = figure(results, "visits-fev1-value-moderate")
    assert both.count("<circle") == 1 + 5
    assert both.count("<rect") == 1 + 5
    assert "no values" not in both
    one = figure(results, "visits-lesion-value-moderate")
    assert "treated: no values" in one
    assert one.count("<circle") == 1
    none = [replace(c, control=c.treated) for c in results.comparisons if c.endpoint == "lesion"][:5]
    assert figure(replace(results, comparisons=none), "visits-lesion-value-moderate").count("no values") == 2


def test_balance_has_a_square_without_and_a_circle_with_weights_for_each_known_difference():
    """Of four variables one has no spread."""
    results = sample.build()
    svg = figure(results, "balance-moderate")
    assert (svg.count("<rect"), svg.count("<circle")) == (3, 3)
    assert "age (years): 0.21, 0.00" in svg
    scores = [replace(p, stratum=name) for p in results.propensity for name in ("a/b", "a?b")]
    slugs = [f.slug for f in all_figures(replace(results, propensity=scores))]
    assert slugs[2:4] == ["balance-a-b", "balance-a-b-2"]


def test_a_limit_of_measurement_is_marked():
    svg = figure(sample.build(), "visits-il6-value-severe")
    assert ">21*<" in svg
    assert "* a quartile is a limit of measurement" in svg


def test_a_median_without_quartiles_has_no_bar():
    results = sample.build()
    c = results.comparisons[0]
    alone = replace(c, treated=replace(c.treated, q1=None, q3=None))
    svg = figure(replace(results, comparisons=[alone]), "visits-fev1-value-moderate")
    assert svg.count('stroke-width="2"') == 1


def test_infinite_limits_are_arrows_and_no_estimate_is_words():
    results = sample.build()
    assert figure(results, "estimates-unadjusted-severe").count("<polygon") == 2
    moderate = figure(results, "estimates-unadjusted-moderate")
    assert "no estimate: d28, d90, d180, d270, d360" in moderate
    assert "0.0 (no interval)" in moderate


def test_one_lost_row_among_others_and_a_ratio_with_its_own_neutral_line():
    results = sample.build()
    ratio = EstimateResult(name="risk ratio", value=2.0, ci_low=1.5, ci_high="Inf", level=0.95, interval=None)
    first = replace(results.comparisons[0], estimate=ratio)
    lost = replace(
        results.comparisons[1],
        estimate=replace(ratio, value=None, ci_low=None, ci_high=None),
        status="not_estimable",
    )
    svg = figure(replace(results, comparisons=[first, lost]), "estimates-unadjusted-moderate")
    assert ">not estimable<" in svg
    assert svg.count("<polygon") == 1
    assert 'stroke-dasharray="3 2"' in svg
    silent = replace(lost, status="estimated")
    svg = figure(replace(results, comparisons=[first, silent]), "estimates-unadjusted-moderate")
    assert ">no estimate<" in svg


def test_wide_numbers_get_fewer_ticks():
    results = sample.build()
    wide = EstimateResult(name="shift", value=1e6, ci_low=-4.1e8, ci_high=5.3e8, level=0.95, interval=None)
    rows = [replace(results.comparisons[0], estimate=wide)]
    assert_legible(figure(replace(results, comparisons=rows), "estimates-unadjusted-moderate"))


def test_names_that_a_file_cannot_hold_stay_apart():
    results = sample.build()
    rows = [replace(results.comparisons[0], stratum=name) for name in ("a/b", "a?b", "a b")]
    names = [
        f.slug
        for f in all_figures(
            replace(results, comparisons=rows, attrition=[], propensity=[], adverse_events=[])
        )
    ]
    assert len(names) == len(set(names)) == 7
    assert "estimates-unadjusted-a-b-2" in names


def test_flow_with_patients_of_no_arm_beside_those_of_one():
    def row(arm, n_in, n_out):
        return Attrition(step="s", description="", site="x", arm=arm, stratum=None, n_in=n_in, n_out=n_out)

    results = replace(sample.empty(), attrition=[row("control", 3, 3), row(None, 9, 2), row("treated", 5, 4)])
    svg = figure(results, "flow-diagram")
    order = [svg.index(words) for words in ("17 entered", "arm not known", ">treated<", ">control<")]
    assert order == sorted(order)
    assert ">3 remain, none<" in svg
    assert_legible(svg)


def test_events_have_a_mark_for_each_arm_that_was_asked_and_the_count_beside_it():
    """Of seven rows one arm is not ascertained: its zero has no mark."""
    svg = figure(sample.build(), "events-all")
    assert (svg.count("<circle"), svg.count("<rect")) == (1 + 6, 1 + 5)
    assert "Rash: treated 0/52 (0.0 %) [0.0, 6.8]; control 2/58 (3.4 %) [1.0, 40.0]" in svg
    assert "control not ascertained" in svg
    assert ">14/52<" in svg
    assert "any event" in svg
    assert "&lt;script&gt;" in svg
    assert "<script>" not in svg


def test_events_beyond_a_page_are_counted_and_strata_that_are_not_together_have_a_figure_each():
    results = sample.build()
    many = [sample.event(f"term {i}", (i % 5, 1), (0.0, -0.1, 0.1), p=0.5) for i in range(23)]
    svg = figure(replace(results, adverse_events=many), "events-all")
    assert "3 rarer terms in the table below." in svg
    assert svg.count("<circle") == 1 + 20
    assert_legible(svg)
    apart = [replace(e, stratum=s) for s in ("severe", "moderate") for e in many[:2]]
    slugs = [f.slug for f in all_figures(replace(results, adverse_events=apart))]
    assert slugs[-2:] == ["events-moderate", "events-severe"]


@pytest.mark.parametrize(("low", "span"), [(0.0, 5e-324), (455.0, 1e-12), (0.0, 0.0), (-3.0, 0.0)])
def test_equal_values_get_a_scale_of_their_own_size(low, span):
    axis = Axis(low, low + span, start=0, end=100)
    assert len({words for _, words in axis.ticks}) == len(axis.ticks) >= 2


@given(
    st.floats(-1e6, 1e6),
    st.floats(0, 1e6),
    st.integers(1, 6),
)
def test_ticks_are_round_and_hold_the_data(low, span, steps):
    axis = Axis(low, low + span, start=0, end=100, steps=steps)
    ticks = axis.ticks
    assert 2 <= len(ticks) <= steps + 3
    assert [place for place, _ in ticks] == sorted(place for place, _ in ticks)
    assert -1e-3 <= axis.at(low) <= axis.at(low + span) <= 100 + 1e-3
