"""The design on one line of time: where it begins in each arm, and the window of each visit."""

from markupsafe import Markup

from rwe.output.svg import (
    GREY,
    LIMIT,
    WIDTH,
    Axis,
    Drawing,
    fitted,
    line,
    rect,
    text,
    text_width,
    wrapped,
)
from rwe.results import Design, VisitInfo

LEFT, PLOT, ROW = 60.0, 170.0, 20.0


def design_plot(design: Design, *, slug: str, label: str) -> Markup:
    visits = design.visits
    widest = max(text_width(_words(v), 11) for v in visits)
    drawing = Drawing(
        slug, "Design: time zero and visits", label=label, width=max(WIDTH, LEFT + PLOT + 10 + widest)
    )
    starts = _starts(design)
    for words in starts:
        drawing.lines(wrapped(words, drawing.width, size=11), size=11, fill=GREY)
    drawing.y += 22
    ends = [day for v in visits for day in (v.start, v.end)]
    axis = Axis(min(0.0, *ends), max(ends), start=LEFT, end=LEFT + PLOT)
    _scale(drawing, axis, bottom=drawing.y + ROW * len(visits))
    for v in visits:
        _row(drawing, v, axis=axis)
    drawing.y += 20
    drawing.lines(["Days from time zero. Bars: windows; line: target day."], size=10, fill=GREY)
    return drawing.svg(". ".join([*starts, *(f"{v.name}: {_words(v)}" for v in visits)]) + ".")


def _starts(design: Design) -> list[str]:
    pairs = (("treated", design.time_zero_treated), ("control", design.time_zero_control))
    return [f"Time zero, {arm}: {rule}" for arm, rule in pairs if rule]


def _words(v: VisitInfo) -> str:
    return f"day {v.target:g}, [{v.start:g}, {v.end:g})"


def _scale(drawing: Drawing, axis: Axis, *, bottom: float) -> None:
    zero = axis.at(0)
    drawing.add(text(zero, drawing.y - 5, "time zero", size=10, text_anchor="middle"))
    drawing.scale(axis, bottom=bottom)
    drawing.add(line(zero, drawing.y, zero, bottom))


def _row(drawing: Drawing, v: VisitInfo, *, axis: Axis) -> None:
    drawing.y += ROW
    y, start, target = drawing.y - ROW / 2, axis.at(v.start), axis.at(v.target)
    width = max(1.5, axis.at(v.end) - start)
    drawing.add(rect(start, y - 5, width, 10, stroke="none", fill=LIMIT))
    drawing.add(line(target, y - 8, target, y + 8, stroke_width="2"))
    drawing.add(text(0, y + 4, fitted(v.name, LEFT - 6, size=11), size=11))
    drawing.add(text(LEFT + PLOT + 10, y + 4, _words(v), size=11))
