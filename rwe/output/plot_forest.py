"""Every estimate of a stratum with its interval, a panel and a scale for each endpoint."""

from collections.abc import Sequence

from markupsafe import Markup

from rwe.output.arrange import Block
from rwe.output.numbers import interval
from rwe.output.svg import (
    GREY,
    INK,
    LIMIT,
    TREATED,
    WIDTH,
    Axis,
    Drawing,
    arrow,
    fitted,
    line,
    rect,
    text,
    text_width,
    tick,
    wrapped,
)
from rwe.output.words import STATUS
from rwe.results import Comparison, EstimateResult

LEFT, PLOT, ROW = 46.0, 166.0, 18.0


def forest_plot(blocks: Sequence[Block], *, slug: str, label: str, title: str) -> Markup:
    widest = max(text_width(_words(c, block), 11) for block in blocks for c in block.rows)
    drawing = Drawing(slug, title, label=label, width=max(WIDTH, LEFT + PLOT + 10 + widest))
    drawing.lines(["Treated minus (ratios: over) control, with interval"], size=11, fill=GREY)
    for block in blocks:
        _panel(drawing, block)
    words = (f"{b.name} {c.visit}: {_words(c, b)}" for b in blocks for c in b.rows)
    return drawing.svg(". ".join(words) + ".")


def _words(row: Comparison, block: Block) -> str:
    if row.estimate.value is None:
        return STATUS[row.status] or "no estimate"
    return interval(row.estimate, block.info.digits)


def neutral(estimate: EstimateResult) -> float:
    """No difference is 0, and 1 for a ratio."""
    return 1.0 if "ratio" in estimate.name.lower() else 0.0


def _panel(drawing: Drawing, block: Block) -> None:
    drawing.y += 12
    drawing.lines(wrapped(block.name, drawing.width, lines=2), font_weight="bold")
    drawing.y += 3
    if all(row.estimate.value is None for row in block.rows):
        words = f"no estimate: {', '.join(row.visit for row in block.rows)}"
        drawing.lines(wrapped(words, drawing.width, size=11), size=11, fill=GREY)
        return
    axis = _axis(block.rows)
    bottom = drawing.y + ROW * len(block.rows)
    for x, words in axis.ticks:
        drawing.add(line(x, bottom, x, bottom + 4))
        drawing.add(tick(x, bottom + 15, words))
    middle = axis.at(neutral(block.rows[0].estimate))
    drawing.add(line(middle, drawing.y, middle, bottom, stroke=LIMIT, stroke_dasharray="3 2"))
    drawing.add(line(axis.start, bottom, axis.end, bottom))
    for row in block.rows:
        _row(drawing, row, axis=axis, words=_words(row, block))
    drawing.y = bottom + 15


def _axis(rows: Sequence[Comparison]) -> Axis:
    """Three ticks or so, fewer where their words would touch."""
    numbers = [neutral(rows[0].estimate)]
    for row in rows:
        ends = (row.estimate.value, row.estimate.ci_low, row.estimate.ci_high)
        numbers += [end for end in ends if isinstance(end, float | int)]
    low, high = min(numbers), max(numbers)
    axes = [Axis(low, high, start=LEFT, end=LEFT + PLOT, steps=steps) for steps in (3, 2, 1)]
    return next((axis for axis in axes if _fits(axis)), axes[-1])


def _fits(axis: Axis) -> bool:
    widest = max(text_width(words, 10) for _, words in axis.ticks)
    return widest + 6 < PLOT / (len(axis.ticks) - 1)


def _row(drawing: Drawing, row: Comparison, *, axis: Axis, words: str) -> None:
    drawing.y += ROW
    y, estimate = drawing.y - ROW / 2, row.estimate
    drawing.add(text(0, y + 4, fitted(row.visit, LEFT - 2, size=11), size=11))
    if estimate.value is not None:
        low, high = _end(estimate.ci_low, axis), _end(estimate.ci_high, axis)
        if low is not None and high is not None:
            drawing.add(line(low, y, high, y, stroke=TREATED, stroke_width="1.6"))
            drawing.add(*_tips(estimate, y, axis=axis))
        x = axis.at(estimate.value)
        drawing.add(rect(x - 3.5, y - 3.5, 7, 7, stroke="none", fill=TREATED))
    grey = GREY if estimate.value is None else INK
    drawing.add(text(LEFT + PLOT + 10, y + 4, words, size=11, fill=grey))


def _end(limit: float | str | None, axis: Axis) -> float | None:
    if isinstance(limit, str):
        return axis.end if limit == "Inf" else axis.start
    return None if limit is None else axis.at(limit)


def _tips(estimate: EstimateResult, y: float, *, axis: Axis) -> list[str]:
    low = [arrow(axis.start, y, dx=-1)] if estimate.ci_low == "-Inf" else []
    return low + ([arrow(axis.end, y, dx=1)] if estimate.ci_high == "Inf" else [])
