"""Numbers of a site under masks, and their sum over all sites.

Fixed point: a number times 2**192, modulo 2**512: whatever the unit of what is measured, no digit of a double
is lost, though a sum may multiply four values.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from rwe.errors import DataError
from rwe.federate import masks
from rwe.federate.masks import Site
from rwe.stats.rounds.step import HIDDEN
from rwe.stats.summaries import FloatArray

WIDTH = 64
POINT = 1 << 192
MODULUS = 1 << 8 * WIDTH
LARGEST = 1 << 256
"""Of a site's number."""
LARGEST_SUM = 1 << 270
"""What is no sum, as the masks do not cancel, is larger but once in 10**15."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One model's sums of one round: the hash of its request, its place there, its stratum, the round's
    number and the hash of what the round was asked with."""

    request: str
    place: int
    stratum: str
    number: int
    before: str

    def salt(self, *pair: str) -> bytes:
        parts = (self.request, str(self.place), self.stratum, str(self.number), self.before, *pair)
        return hashlib.sha256("|".join(("rwe rounds 1", *parts)).encode()).digest()


def masked(numbers: FloatArray, slot: Slot, site: Site) -> str:
    nothing = not np.isfinite(numbers).all()
    fixed = [_anything() if nothing else _fixed(float(number)) for number in numbers]
    return masks.masked(fixed, site, width=WIDTH, request=slot.request, salt=slot.salt)


def total(texts: Sequence[str], size: int) -> FloatArray | None:
    """Of all sites.  None where the masks do not cancel, or a text has not so many numbers."""
    raw = [masks.raw(text) for text in texts]
    if not raw or any(len(one) != size * WIDTH for one in raw):
        return None
    columns = zip(*(masks.numbers_of(one, WIDTH) for one in raw), strict=True)
    sums = [_number(sum(column) % MODULUS) for column in columns]
    return None if any(abs(number) > LARGEST_SUM for number in sums) else np.array(sums)


def _anything() -> int:
    """Larger than any sum and at random, so that less it the total tells nothing of the others."""
    return (int(2 * HIDDEN) + secrets.randbelow(LARGEST)) * POINT + secrets.randbelow(POINT)


def _fixed(number: float) -> int:
    if not isfinite(number) or abs(number) > LARGEST:
        raise DataError("a sum is too large to be added up over sites")
    top, bottom = number.as_integer_ratio()
    return round(top * POINT / bottom) if bottom > POINT else top * (POINT // bottom)


def _number(fixed: int) -> float:
    """Of the upper half of the modulus: below 0."""
    return (fixed - MODULUS if fixed >= MODULUS // 2 else fixed) / POINT


def totals_of(plain: Mapping[str, Sequence[float]]) -> dict[str, FloatArray]:
    return {name: np.array(numbers, dtype=np.float64) for name, numbers in plain.items()}
