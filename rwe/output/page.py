"""What the template knows: sections of parts, and a part's paragraphs, tables and figures.

All of it is text that the template escapes, but for a figure's SVG, which rwe.output.svg escapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """`note` stands below in small type: a reason, a count, a warning."""

    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    over: str = ""
    """The title shared with neighbours, `Treated`."""
    prose: bool = False
    """Aligned as text and free to wrap."""

    @property
    def spoken(self) -> str:
        return f"{self.over}: {self.title}" if self.over else self.title


@dataclass(frozen=True, slots=True)
class Row:
    head: Cell
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Table:
    """The first column heads its rows."""

    id: str
    caption: str
    columns: Sequence[Column]
    groups: Sequence[Group]
    notes: Sequence[str] = ()
    cards: bool = False
    """On a phone each row becomes a card; without it the table is scrolled sideways."""

    @property
    def spans(self) -> list[tuple[str, int, Column]]:
        """Neighbours under one title, with the first of them; each column without a title by itself."""
        runs = groupby(enumerate(self.columns), key=lambda pair: pair[1].over or pair[0])
        return [
            (group[0].over, len(group), group[0])
            for _, run in runs
            for group in [[column for _, column in run]]
        ]

    @property
    def stacked(self) -> bool:
        return any(column.over for column in self.columns)

    @property
    def short(self) -> bool:
        """Not to be broken over printed pages."""
        return sum(len(group.rows) for group in self.groups) <= 16


@dataclass(frozen=True, slots=True)
class Figure:
    slug: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Part:
    title: str = ""
    paragraphs: Sequence[str] = ()
    items: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    parts: Sequence[Part] = field(default=())


def row(head: str, *cells: str | Cell, note: str = "") -> Row:
    return Row(Cell(head, note), [cell if isinstance(cell, Cell) else Cell(cell) for cell in cells])
