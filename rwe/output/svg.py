"""Inline SVG by hand, drawn for 360 units of width: on a phone a unit is about a pixel.

Everything outside comes in through `text` or `Drawing`, which escape it.  Widths of text are estimates
on the safe side, since the reader's font is unknown.
"""

import math
import textwrap

from markupsafe import Markup, escape

from rwe.output.numbers import fixed
from rwe.output.words import plain

WIDTH = 360.0
INK, GREY, LIMIT, RULE = "#1a1a1a", "#555555", "#777777", "#c8c8c8"
TREATED, CONTROL = "#1f4e79", "#a14a00"
LABEL = "#6b4500"
GLYPH = 0.56
"""Width of a letter in units of its size, about that of a digit in Helvetica."""


def text(x: float, y: float, content: str, *, size: float = 12, **style: str) -> str:
    """style: SVG's own attributes, `text_anchor="end"`."""
    attributes = _attributes({"fill": INK, **style})
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{attributes}>{escape(plain(content))}</text>'


def tick(x: float, y: float, words: str, *, size: float = 10, anchor: str = "middle") -> str:
    """The words of a round number of a scale, which is no result."""
    return text(x, y, words, size=size, text_anchor=anchor, fill=GREY).replace(
        "<text", '<text class="tick"', 1
    )


def line(x1: float, y1: float, x2: float, y2: float, **style: str) -> str:
    attributes = _attributes({"stroke": INK, **style})
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{attributes}/>'


def guide(x1: float, y1: float, x2: float, y2: float) -> str:
    """Fainter than a mark may be (WCAG 1.4.11): it leads the eye to a tick and says nothing itself."""
    return line(x1, y1, x2, y2, stroke=RULE, stroke_width="0.6").replace("<line", '<line class="rule"', 1)


def rect(x: float, y: float, width: float, height: float, **style: str) -> str:
    attributes = _attributes({"stroke": INK, "fill": "#ffffff", **style})
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{attributes}/>'


def _attributes(style: dict[str, str]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())


def marker(x: float, y: float, *, treated: bool) -> str:
    """A filled circle for the treated, an open square for the control: told apart without colour."""
    if treated:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2" fill="{TREATED}"/>'
    return rect(x - 3.8, y - 3.8, 7.6, 7.6, stroke=CONTROL, stroke_width="1.8")


def arrow(x: float, y: float, *, dx: float = 0, dy: float = 0) -> str:
    """A tip at (x, y) that points along (dx, dy), a unit vector."""
    back_x, back_y = x - 7 * dx, y - 7 * dy
    corners = ((x, y), (back_x + 4 * dy, back_y + 4 * dx), (back_x - 4 * dy, back_y - 4 * dx))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    return f'<polygon points="{points}" fill="{INK}"/>'


def text_width(content: str, size: float) -> float:
    return GLYPH * size * len(content)


def wrapped(content: str, width: float, *, size: float = 12, lines: int = 4) -> list[str]:
    """Broken to fit, cut with an ellipsis after `lines`."""
    columns = max(4, int(width / (GLYPH * size)))
    return textwrap.wrap(plain(content), columns, max_lines=lines, placeholder=" …") or [""]


def fitted(content: str, width: float, *, size: float = 12) -> str:
    return wrapped(content, width, size=size, lines=1)[0]


class Drawing:
    """Shapes under the label and a title; `y` is where the next shape may begin."""

    def __init__(self, slug: str, title: str, *, label: str, width: float = WIDTH) -> None:
        self.slug, self.title, self.label, self.width = slug, title, label, width
        self.shapes: list[str] = []
        self.y = 4.0
        if label:
            self.lines(wrapped(label, width, size=10, lines=6), size=10, fill=LABEL)
            self.y += 4
        self.lines(wrapped(title, width, size=13), size=13, font_weight="bold")

    def lines(self, lines: list[str], *, x: float = 0, size: float = 12, **style: str) -> None:
        for content in lines:
            self.y += size + 3
            self.add(text(x, self.y - 3, content, size=size, **style))

    def add(self, *shapes: str) -> None:
        self.shapes += shapes

    def scale(self, axis: "Axis", *, bottom: float) -> None:
        """From here down to the axis at the bottom of a panel, a guide and words for each tick."""
        for x, words in axis.ticks:
            self.add(guide(x, self.y, x, bottom + 4), tick(x, bottom + 15, words))
        self.add(line(axis.start, bottom, axis.end, bottom))

    def svg(self, description: str) -> Markup:
        width, height = f"{self.width:.0f}", f"{self.y + 6:.0f}"
        described = f"{self.label}. {description}" if self.label else description
        lines = [
            f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
            f' aria-labelledby="{self.slug}-t {self.slug}-d" font-family="Helvetica, Arial, sans-serif">',
            f'<title id="{self.slug}-t">{escape(plain(self.title))}</title>',
            f'<desc id="{self.slug}-d">{escape(plain(described))}</desc>',
            *self.shapes,
            "</svg>",
        ]
        return Markup("\n".join(lines))  # noqa: S704  every text in it went through escape


class Axis:
    """Maps [low, high], widened to round ticks, onto [start, end] in units of the drawing."""

    def __init__(self, low: float, high: float, *, start: float, end: float, steps: int = 4) -> None:
        self.step = _round_step(_span(low, high) / steps)
        self.first = math.floor(low / self.step + 1e-9)
        self.last = max(math.ceil(high / self.step - 1e-9), self.first + 1)
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        share = (value / self.step - self.first) / (self.last - self.first)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Place and words of each tick."""
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        values = (k * self.step for k in range(self.first, self.last + 1))
        return [(self.at(value), fixed(value, digits)) for value in values]


def _span(low: float, high: float) -> float:
    """Values that differ by no more than rounding get a scale of their own size."""
    size = max(abs(low), abs(high))
    span = high - low if high - low > 1e-6 * size else size
    return span if span > 1e-12 else 1.0


def _round_step(raw: float) -> float:
    power = float(10.0 ** math.floor(math.log10(raw)))
    return power * next(step for step in (1, 2, 5, 10) if step * power >= raw * (1 - 1e-9))
