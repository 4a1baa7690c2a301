"""A mark lies where its number is on the scale that is drawn beside it."""

from itertools import groupby
from xml.etree import ElementTree

import pytest
import results_sample as sample

from rwe.output.figures import all_figures

HALF = 3.8
"""Of a square's side; a circle is placed by its middle."""


@pytest.fixture(scope="module")
def results():
    return sample.build()


@pytest.fixture(scope="module")
def drawings(results):
    return {f.slug: ElementTree.fromstring(f.svg) for f in all_figures(results)}


def scale(drawing, axis, shift):
    """From a place to its value, by the first and the last tick; and how much a rounded place may hide."""
    ticks = [t for t in drawing.iter("text") if t.get("class") == "tick"]
    (low, first), *_, (high, last) = [
        (float(t.get(axis)) - shift, float(t.text.replace("−", "-"))) for t in ticks
    ]
    step = (last - first) / (high - low)
    return lambda place: first + (place - low) * step, 0.2 * abs(step)


def circles(drawing, axis):
    """Without that of the legend."""
    return [float(c.get(f"c{axis}")) for c in drawing.iter("circle")][1:]


def squares(drawing, axis):
    sides = [r for r in drawing.iter("rect") if r.get("width") == "7.6"]
    return [float(r.get(axis)) + HALF for r in sides][1:]


def test_medians_of_the_visits(results, drawings):
    for (endpoint, stratum), group in groupby(results.comparisons, key=lambda c: (c.endpoint, c.stratum)):
        rows = list(group)
        drawing = drawings[f"visits-{endpoint.replace('_', '-')}-value-{stratum}"]
        value, error = scale(drawing, "y", 4)
        for places, arm in ((circles(drawing, "y"), "treated"), (squares(drawing, "y"), "control")):
            medians = [m for c in rows if (m := getattr(c, arm).median) is not None]
            assert list(map(value, places)) == pytest.approx(medians, abs=error), (endpoint, stratum, arm)


def test_risks_of_the_events(results, drawings):
    shown = [e for e in results.adverse_events if e.theme in ("total", "term")]
    shown.sort(key=lambda e: (e.theme == "term", -(e.treated.patients + e.control.patients), e.term))
    value, error = scale(drawings["events-all"], "x", 0)
    for places, arm in ((circles, "treated"), (squares, "control")):
        risks = [100 * a.risk.value for e in shown if not _unasked(e, a := getattr(e, arm))]
        assert [value(x) for x in places(drawings["events-all"], "x")] == pytest.approx(risks, abs=error)


def _unasked(e, arm):
    return e.reason == "not_ascertained" and not arm.events


def test_estimates_and_their_limits(results, drawings):
    """Each panel has a scale of its own: of one without an estimate there is nothing."""
    for stratum in sample.STRATA:
        drawing = drawings[f"estimates-unadjusted-{stratum}"]
        panels = groupby((c for c in results.comparisons if c.stratum == stratum), key=lambda c: c.endpoint)
        left = list(_panels(drawing))
        for _, group in panels:
            rows = [c.estimate for c in group if c.estimate.value is not None]
            if rows:
                value, error, middles, bars = left.pop(0)
                assert [value(x) for x in middles] == pytest.approx([e.value for e in rows], abs=error)
                ends = [(e.ci_low, e.ci_high) for e in rows if isinstance(e.ci_low, float)]
                assert [value(x) for bar in bars for x in bar] == pytest.approx(
                    [end for pair in ends for end in pair], abs=error
                )
        assert left == []


def _panels(drawing):
    """Scale, middles and bars of each panel: ticks come first.  A bar as long as the scale has no ends."""
    parts = [
        t
        for t in drawing
        if t.get("class") == "tick" or t.get("stroke-width") == "1.6" or t.get("width") == "7.0"
    ]
    for is_tick, group in groupby(parts, key=lambda t: t.get("class") == "tick"):
        here = list(group)
        if is_tick:
            xs = [float(t.get("x")) for t in here]
            values = [float(t.text.replace("−", "-")) for t in here]
            step = (values[-1] - values[0]) / (xs[-1] - xs[0])
        else:
            bars = [(float(t.get("x1")), float(t.get("x2"))) for t in here if t.tag == "line"]
            yield (
                lambda x, xs=xs, values=values, step=step: values[0] + (x - xs[0]) * step,
                0.2 * abs(step),
                [float(t.get("x")) + 3.5 for t in here if t.tag == "rect"],
                [bar for bar in bars if bar != (xs[0], xs[-1])],
            )
