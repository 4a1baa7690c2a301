"""Patients with an adverse event in each arm, with exact limits: in total, serious, and by term."""

from collections.abc import Sequence

from markupsafe import Markup

from rwe.output.numbers import NONE, fixed, share
from rwe.output.svg import (
    CONTROL,
    GREY,
    TREATED,
    Axis,
    Drawing,
    fitted,
    line,
    marker,
    text,
    text_width,
    wrapped,
)
from rwe.output.words import plural, short
from rwe.results import AdverseEventResult, EventArm, Incidence

LEFT, PLOT, ROW = 128.0, 150.0, 32.0
LEGEND = "Patients with at least one event, % of those asked, with exact 95 % limits."


def events_plot(
    rows: Sequence[AdverseEventResult], *, more: int, title: str, slug: str, label: str
) -> Markup:
    """more: terms for which there is no room."""
    drawing = Drawing(slug, title, label=label)
    drawing.lines(wrapped(LEGEND, drawing.width, size=11), size=11, fill=GREY)
    _legend(drawing)
    axis = _axis(rows)
    drawing.scale(axis, bottom=drawing.y + ROW * len(rows))
    for e in rows:
        _row(drawing, e, axis=axis)
    drawing.y += 18
    rest = f"{plural(more, 'rarer term')} in the table below." if more else ""
    drawing.lines([rest] if rest else [], size=11, fill=GREY)
    words = (f"{short(e.term)}: treated {_said(e, e.treated)}; control {_said(e, e.control)}" for e in rows)
    return drawing.svg(f"{LEGEND} {'. '.join(words)}. {rest}".rstrip())


def found(e: AdverseEventResult, arm: EventArm) -> Incidence | None:
    """None also where nobody is known to have asked: its zero is no finding."""
    return None if e.reason == "not_ascertained" and arm.events == 0 else arm.risk


def _legend(drawing: Drawing) -> None:
    drawing.y += 16
    for x, name in ((6.0, "treated"), (drawing.width / 2, "control")):
        drawing.add(marker(x, drawing.y - 4, treated=name == "treated"), text(x + 10, drawing.y, name))
    drawing.y += 6


def _axis(rows: Sequence[AdverseEventResult]) -> Axis:
    """In percent, fewer ticks where their words would touch."""
    highest = max(
        (100 * r.ci_high for e in rows for a in (e.treated, e.control) if (r := found(e, a))), default=1
    )
    axes = [Axis(0, highest, start=LEFT, end=LEFT + PLOT, steps=steps) for steps in (4, 3, 2)]
    return next((a for a in axes if _fits(a)), axes[-1])


def _fits(axis: Axis) -> bool:
    widest = max(text_width(words, 10) for _, words in axis.ticks)
    return widest + 6 < PLOT / (len(axis.ticks) - 1)


def _row(drawing: Drawing, e: AdverseEventResult, *, axis: Axis) -> None:
    drawing.y += ROW
    middle = drawing.y - ROW / 2
    name = wrapped(e.term, LEFT - 10, size=11, lines=2)
    for i, words in enumerate(name):
        drawing.add(text(0, middle + 4 + 13 * (i - (len(name) - 1) / 2), words, size=11))
    for arm, treated, y in ((e.treated, True, middle - 6.5), (e.control, False, middle + 6.5)):
        _bar(drawing, found(e, arm), y, treated=treated, axis=axis)
        beside = fitted(_beside(e, arm), drawing.width - LEFT - PLOT - 8, size=10)
        drawing.add(text(LEFT + PLOT + 8, y + 3.5, beside, size=10))


def _bar(drawing: Drawing, risk: Incidence | None, y: float, *, treated: bool, axis: Axis) -> None:
    if risk is None:
        return
    low, middle, high = (axis.at(100 * v) for v in (risk.ci_low, risk.value, risk.ci_high))
    drawing.add(line(low, y, high, y, stroke=TREATED if treated else CONTROL, stroke_width="1.6"))
    drawing.add(marker(middle, y, treated=treated))


def _beside(e: AdverseEventResult, arm: EventArm) -> str:
    return NONE if found(e, arm) is None else f"{arm.patients}/{arm.n}"


def _said(e: AdverseEventResult, arm: EventArm) -> str:
    risk = found(e, arm)
    if risk is None:
        return "not ascertained" if e.reason == "not_ascertained" else NONE
    low, high = (fixed(v, 1, scale=100) for v in (risk.ci_low, risk.ci_high))
    return f"{share(arm.patients, arm.n)} [{low}, {high}]"
