"""Who stayed at each step of the cohort, over all sites."""

from collections.abc import Sequence

from markupsafe import Markup

from rwe.output.flow import Step, left_out
from rwe.output.svg import GREY, WIDTH, Drawing, arrow, line, rect, wrapped

GAP, INDENT = 10.0, 28.0


def flow_plot(steps: Sequence[Step], *, slug: str, label: str) -> Markup:
    drawing = Drawing(slug, "Flow of patients, all sites", label=label)
    drawing.y += 8
    _boxes(drawing, [[f"{steps[0].n_in} entered"]])
    for step in steps:
        _step(drawing, step)
    return drawing.svg(". ".join(map(_said, steps)) + ".")


def _said(s: Step) -> str:
    verb = _verb(s.n_in, s.n_out)
    return f"{s.description or s.name}: {s.n_in} in, {s.dropped} {verb}, {s.n_out} out"


def _verb(n_in: int, n_out: int) -> str:
    return "dropped" if n_in >= n_out else "also counted"


def _step(drawing: Drawing, step: Step) -> None:
    top = drawing.y
    drawing.y += 7
    drawing.lines(wrapped(step.description or step.name, WIDTH - INDENT), x=INDENT, fill=GREY)
    drawing.y += 8
    drawing.add(line(INDENT / 2, top, INDENT / 2, drawing.y - 3), arrow(INDENT / 2, drawing.y, dy=1))
    _boxes(drawing, [_arm(step, arm) for arm in step.arms])


def _arm(step: Step, arm: str | None) -> list[str]:
    n_in, n_out = step.of(arm=arm)
    name = [] if step.arms == [None] else [arm or "arm not known"]
    dropped = "none dropped" if n_in == n_out else f"{left_out(n_in, n_out)} {_verb(n_in, n_out)}"
    strata = [f"{stratum}: {step.of(arm=arm, stratum=stratum)[1]}" for stratum in step.strata(arm)]
    return [*name, f"{n_out} remain, {dropped}", *strata]


def _boxes(drawing: Drawing, boxes: Sequence[Sequence[str]]) -> None:
    width = (WIDTH - 2 - GAP * (len(boxes) - 1)) / len(boxes)
    contents = [
        [part for words in box for part in wrapped(words, width - 14, size=12, lines=2)] for box in boxes
    ]
    height = 15 * max(map(len, contents)) + 10
    top = drawing.y
    for place, content in enumerate(contents):
        x = 1 + place * (width + GAP)
        drawing.y = top + 3
        drawing.add(rect(x, top, width, height))
        drawing.lines(content[:1], x=x + 7, font_weight="bold")
        drawing.lines(content[1:], x=x + 7)
    drawing.y = top + height
