"""Median and quartiles of both arms at each visit: one drawing for an endpoint in a stratum."""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from rwe.output.arrange import Block
from rwe.output.numbers import quartiles
from rwe.output.svg import (
    CONTROL,
    GREY,
    TREATED,
    WIDTH,
    Axis,
    Drawing,
    fitted,
    guide,
    line,
    marker,
    text,
    text_width,
    tick,
)
from rwe.results import Arm

HEIGHT, ASIDE = 170.0, 8.0


def visits_plot(block: Block, *, slug: str, label: str) -> Markup:
    treated, control = [c.treated for c in block.rows], [c.control for c in block.rows]
    drawing = Drawing(
        slug,
        f"{block.name}, {block.stratum}",
        label=label,
        width=max(WIDTH, 70 + 46 * len(block.rows)),
    )
    _legend(drawing, treated=treated, control=control)
    axis = _axis(drawing, treated + control)
    left = 10 + max([text_width("control", 11), *(text_width(words, 11) for _, words in axis.ticks)])
    step = (drawing.width - left) / len(block.rows)
    places = [left + (i + 0.5) * step for i in range(len(block.rows))]
    _frame(drawing, axis, left=left, unit=block.rows[0].unit)
    _arm(drawing, axis, places=places, arms=control, is_treated=False)
    _arm(drawing, axis, places=places, arms=treated, is_treated=True)
    drawing.y = axis.start
    _beneath(drawing, block, places=places, step=step)
    return drawing.svg(_description(block))


def _legend(drawing: Drawing, *, treated: Sequence[Arm], control: Sequence[Arm]) -> None:
    drawing.y += 20
    for x, arms, name in ((6.0, treated, "treated"), (drawing.width / 2, control, "control")):
        words = name if any(arm.median is not None for arm in arms) else f"{name}: no values"
        drawing.add(marker(x, drawing.y - 4, treated=name == "treated"), text(x + 10, drawing.y, words))


def _axis(drawing: Drawing, arms: Sequence[Arm]) -> Axis:
    values = [v for arm in arms for v in (arm.q1, arm.median, arm.q3) if v is not None]
    top = drawing.y + 30
    return Axis(min(values, default=0.0), max(values, default=1.0), start=top + HEIGHT, end=top)


def _frame(drawing: Drawing, axis: Axis, *, left: float, unit: str) -> None:
    drawing.add(text(0, axis.end - 12, fitted(unit, drawing.width, size=11), size=11, fill=GREY))
    for y, words in axis.ticks:
        drawing.add(guide(left, y, drawing.width, y))
        drawing.add(tick(left - 5, y + 4, words, size=11, anchor="end"))
    drawing.add(line(left, axis.start, left, axis.end), line(left, axis.start, drawing.width, axis.start))


def _arm(
    drawing: Drawing, axis: Axis, *, places: Sequence[float], arms: Sequence[Arm], is_treated: bool
) -> None:
    aside, stroke = (-ASIDE, TREATED) if is_treated else (ASIDE, CONTROL)
    points = [
        (x + aside, axis.at(arm.median), arm)
        for x, arm in zip(places, arms, strict=True)
        if arm.median is not None
    ]
    for (x1, y1, _), (x2, y2, _) in pairwise(points):
        drawing.add(line(x1, y1, x2, y2, stroke=stroke, stroke_dasharray="none" if is_treated else "4 3"))
    for x, y, arm in points:
        if arm.q1 is not None and arm.q3 is not None:
            drawing.add(line(x, axis.at(arm.q1), x, axis.at(arm.q3), stroke=stroke, stroke_width="2"))
        drawing.add(marker(x, y, treated=is_treated))


def _beneath(drawing: Drawing, block: Block, *, places: Sequence[float], step: float) -> None:
    drawing.y += 17
    for x, c in zip(places, block.rows, strict=True):
        drawing.add(text(x, drawing.y, fitted(c.visit, step, size=12), text_anchor="middle"))
    drawing.y += 18
    drawing.add(text(0, drawing.y, "n", size=11, fill=GREY))
    for name, arms in (
        ("treated", [c.treated for c in block.rows]),
        ("control", [c.control for c in block.rows]),
    ):
        drawing.y += 15
        drawing.add(text(0, drawing.y, name, size=11, fill=GREY))
        for x, arm in zip(places, arms, strict=True):
            star = "*" if arm.bounds else ""
            drawing.add(text(x, drawing.y, f"{arm.n}{star}", size=11, text_anchor="middle"))
    drawing.y += 6
    drawing.lines(["Points: medians; bars: quartiles."], size=10, fill=GREY)
    if any(c.treated.bounds or c.control.bounds for c in block.rows):
        drawing.lines(["* a quartile is a limit of measurement"], size=10, fill=GREY)


def _description(block: Block) -> str:
    digits = block.info.digits
    visits = (
        f"{c.visit}: treated {quartiles(c.treated, digits)}, n {c.treated.n};"
        f" control {quartiles(c.control, digits)}, n {c.control.n}"
        for c in block.rows
    )
    return f"Median [quartiles] of {block.name}, {block.stratum}. {'. '.join(visits)}."
