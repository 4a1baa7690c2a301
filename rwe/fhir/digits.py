"""Are there numbers in a stream of JSON that a double cannot hold?

    binary stream  ──▶  long_numbers()  ──▶  bool

DuckDB's fast reader takes every number for a double, which keeps 15 digits.  16 bytes or more of digits
and points in a row are looked for a block at a time, by numpy: a twentieth of the time of any regular
expression.  A few numbers of just 15 digits are taken for longer.
"""

import re
from typing import IO

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 18  # stays in the cache
OVERLAP = 64
RUN = 16
DIGITS = b"./0123456789"
# Not a text: an OID is digits and points too, and stands between quotes or after a colon in them.
NUMBER = re.compile(rb"(?<=[:,\[\s-])[0-9.]{16,}(?=[eE,}\]\s])")


def long_numbers(stream: IO[bytes]) -> bool:
    """Reads to the end, or to the first such number."""
    block = np.zeros(OVERLAP + BLOCK, np.uint8)
    shifted, digit = np.empty_like(block), np.empty(len(block), np.bool_)  # made once: 0.3 s a GB
    while got := stream.readinto(block[OVERLAP:].data):  # type: ignore[attr-defined]  # IO has no readinto
        n = OVERLAP + got
        np.subtract(block[:n], ord("."), out=shifted[:n])
        np.less(shifted[:n], 12, out=digit[:n])  # `.`, `/` and 0 to 9
        if any(_is_number(block[:n], int(at)) for at in _long(digit[:n])):
            return True
        block[:OVERLAP] = block[got:n].copy()
    return False


def _long(digit: NDArray[np.bool_]) -> NDArray[np.intp]:
    """A run of 16 covers an aligned word of 8 whole, and 4 of the bytes before or behind that word."""
    whole = np.flatnonzero(digit[: len(digit) // 8 * 8].view(np.uint64) == 0x0101010101010101)
    half = digit[: len(digit) // 4 * 4].view(np.uint32)
    inner = whole[(whole > 0) & (2 * whole + 2 < len(half))]
    long: NDArray[np.intp] = (half[2 * inner - 1] == 0x01010101) | (half[2 * inner + 2] == 0x01010101)
    return inner[long] * 8


def _is_number(block: NDArray[np.uint8], at: int) -> bool:
    """A run up to the block's end is whole in the next, unless it is longer than what the two share."""
    first = max(0, at - OVERLAP)
    text = block[first : at + OVERLAP].tobytes()
    start = len(text[: at - first].rstrip(DIGITS))
    endless = len(text) - start >= OVERLAP and not text[start:].strip(DIGITS)
    return endless or NUMBER.match(text, start) is not None
