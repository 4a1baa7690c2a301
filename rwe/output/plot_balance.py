"""How far the arms are apart in each variable, without and with weights: a Love plot."""

from collections.abc import Sequence

from markupsafe import Markup

from rwe.output.numbers import NONE, fixed
from rwe.output.svg import GREY, LIMIT, Axis, Drawing, fitted, line, marker, text, tick, wrapped
from rwe.output.words import ESTIMANDS, IMBALANCED
from rwe.results import Balance, Propensity

LEFT, PLOT, ROW = 150.0, 190.0, 18.0
GOAL = 0.1
LEGEND = (
    "Absolute standardised mean difference: open square without weights, filled circle with them."
    f" Lines at {GOAL} and {IMBALANCED}."
)


def balance_plot(p: Propensity, names: Sequence[str], *, slug: str, label: str) -> Markup:
    """names: of the rows of p.balance, as they are printed."""
    drawing = Drawing(slug, f"Balance, {p.stratum}, {ESTIMANDS[p.estimand]}", label=label)
    drawing.lines(wrapped(LEGEND, drawing.width, size=11), size=11, fill=GREY)
    far = [abs(v) for b in p.balance for v in (b.smd_before, b.smd_after) if v is not None]
    axis = Axis(0, max([*far, IMBALANCED]), start=LEFT, end=LEFT + PLOT)
    drawing.y += 6
    _scale(drawing, axis, bottom=drawing.y + ROW * len(p.balance))
    for b, name in zip(p.balance, names, strict=True):
        _row(drawing, b, name, axis=axis)
    drawing.y += 15
    words = (
        f"{n}: {_said(b.smd_before)}, {_said(b.smd_after)}" for b, n in zip(p.balance, names, strict=True)
    )
    return drawing.svg(f"{LEGEND} {'; '.join(words)}.")


def _scale(drawing: Drawing, axis: Axis, *, bottom: float) -> None:
    for limit in (GOAL, IMBALANCED):
        drawing.add(
            line(axis.at(limit), drawing.y, axis.at(limit), bottom, stroke=LIMIT, stroke_dasharray="3 2")
        )
    drawing.add(line(axis.start, bottom, axis.end, bottom))
    for x, words in axis.ticks:
        drawing.add(line(x, bottom, x, bottom + 4))
        drawing.add(tick(x, bottom + 15, words))


def _row(drawing: Drawing, b: Balance, name: str, *, axis: Axis) -> None:
    drawing.y += ROW
    y = drawing.y - ROW / 2
    drawing.add(text(0, y + 4, fitted(name, LEFT - 10, size=11), size=11))
    for value, weighted in ((b.smd_before, False), (b.smd_after, True)):
        if value is not None:
            drawing.add(marker(axis.at(abs(value)), y, treated=weighted))


def _said(value: float | None) -> str:
    return NONE if value is None else fixed(abs(value), 2)
