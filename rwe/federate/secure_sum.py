"""Secure sum: how often each value occurs in either arm over all sites, and of no site.

    a site      values  ──▶  sketch  ──▶  + masks shared with each other site  ──▶  masked()
    coordinator masked of all sites  ──▶  total(): the masks cancel, the sketch is read

Masks are those of masks.py, modulo a power of 2: sums of counts are exact.
Beside the sketch goes one number more: how many sites have anybody in either arm.
"""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rwe.federate import masks
from rwe.federate.masks import Site
from rwe.federate.sketch import Sketch

MOST_BYTES = 500_000
"""Of all sums of an answer, which is written in Base64 twice."""
SITES = 32
"""Bits of how many sites have anybody in an arm."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One sum: the hash of its request, the place of its statistic there, its stratum; patients: at most."""

    request: str
    ask: int
    stratum: str
    patients: int

    def salt(self, *more: str) -> bytes:
        text = "|".join(("rwe secure sum 2", self.request, str(self.ask), self.stratum, *more))
        return hashlib.sha256(text.encode()).digest()

    @cached_property
    def sketch(self) -> Sketch:
        return Sketch(capacity=self.patients, salt=self.salt())


@dataclass(frozen=True, kw_only=True)
class Total:
    """keys: each with its count; None where they cannot be read.  sites: with anybody treated, or control."""

    keys: Counter[int] | None
    sites: tuple[int, int]


def key_of(value: float, *, treated: bool, event: bool = False) -> int:
    """66 bits: the value to its last bit, the arm, and of times whether it ends with an event."""
    bits = int.from_bytes(struct.pack(">d", value + 0.0))  # of two zeros one
    return (2 * event + treated) << 64 | bits


def value_of(key: int) -> tuple[float, bool, bool]:
    """Value, treated, event."""
    (value,) = struct.unpack(">d", (key & (1 << 64) - 1).to_bytes(8))
    return value, bool(key >> 64 & 1), bool(key >> 65 & 1)


def masked(keys: Iterable[int], slot: Slot, site: Site) -> str:
    form, keys = slot.sketch, [*keys]
    numbers = [*form.of(keys), _present(keys)]
    return masks.masked(numbers, site, width=form.bytes, request=slot.request, salt=slot.salt)


def _present(keys: Iterable[int]) -> int:
    """One for each arm in which this site has anybody."""
    arms = {key >> 64 & 1 for key in keys}
    return (1 in arms) | (0 in arms) << SITES


def size(patients: int) -> int:
    """Bytes of one sum."""
    form = Sketch(capacity=patients, salt=b"")
    return (form.size + 1) * form.bytes


def fits(text: str, patients: int) -> bool:
    """Of the one length that such a sum has."""
    return len(masks.raw(text)) == size(patients)


def total(texts: Sequence[str], slot: Slot) -> Total:
    """Of all sites that the request names."""
    form = slot.sketch
    numbers = zip(*(masks.numbers_of(masks.raw(text), form.bytes) for text in texts), strict=True)
    *cells, present = (sum(column) % form.modulus for column in numbers)
    arms = present & (1 << SITES) - 1, present >> SITES
    return Total(keys=form.read(cells), sites=arms)
