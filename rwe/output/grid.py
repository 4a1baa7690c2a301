"""Columns of plain text."""

import textwrap
from collections.abc import Sequence

from rwe.output.words import plain, short

WIDTH = 100


def columns(rows: Sequence[Sequence[str]], *, left: int = 1, limit: int = 40, gap: int = 2) -> list[str]:
    """A text per row: the first `left` cells aligned left, the others right, each within `limit`.

    A row may be shorter than the others: its last cell then runs on, below where it would pass WIDTH.
    """
    count = max(map(len, rows))
    clean = [[short(plain(cell), limit if len(row) == count else WIDTH) for cell in row] for row in rows]
    full = [row for row in clean if len(row) == count]
    widths = [max((len(row[i]) for row in full), default=0) for i in range(count)]
    widths[:left] = [max(len(short(row[i], limit)) for row in clean if i < len(row)) for i in range(left)]
    return [_line(row, widths, left, " " * gap) for row in clean]


def _line(row: Sequence[str], widths: Sequence[int], left: int, gap: str) -> str:
    placed = [
        cell.ljust(width) if i < left else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=False))
    ]
    if len(row) == len(widths):
        return gap.join(placed).rstrip()
    line = gap.join([*placed[:-1], row[-1]])
    return line if len(line) <= WIDTH else f"{gap.join(placed[:-1])}\n{row[-1].rjust(WIDTH)}"


def filled(text: str, *, indent: str = "") -> str:
    return textwrap.fill(plain(text), WIDTH, subsequent_indent=indent)


def widest(lines: Sequence[str]) -> int:
    return max(len(part) for line in lines for part in line.split("\n"))
