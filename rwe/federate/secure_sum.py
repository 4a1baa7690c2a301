"""Secure sum: how often each value occurs in either arm over all sites, and of no site.

    a site      values  ──▶  sketch  ──▶  + masks shared with each other site  ──▶  masked()
    coordinator masked of all sites  ──▶  total(): the masks cancel, the sketch is read

A pair of sites has the same mask: X25519 of their pinned keys, by HKDF with the hash of the request, so that
no mask serves twice.  One adds it and the other takes it away, modulo 2**224: sums of counts are exact.
Source: Bonawitz K et al. Practical secure aggregation. CCS 2017, without its recovery of who dropped out.
"""

import base64
import hashlib
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rwe.federate import sketch
from rwe.federate.keys import Public, Secret

MOST_BYTES = 500_000
"""Of all sums of an answer, which is written in Base64 twice."""
Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One sum: the hash of its request, the place of its statistic there, its stratum; patients: at most."""

    request: str
    ask: int
    stratum: str
    patients: int

    def salt(self, *more: str) -> bytes:
        text = "|".join(("rwe secure sum 1", self.request, str(self.ask), self.stratum, *more))
        return hashlib.sha256(text.encode()).digest()


def key_of(value: float, *, treated: bool, event: bool = False) -> int:
    """66 bits: the value to its last bit, the arm, and of times whether it ends with an event."""
    bits = int.from_bytes(struct.pack(">d", value + 0.0))  # of two zeros one
    return (2 * event + treated) << 64 | bits


def value_of(key: int) -> tuple[float, bool, bool]:
    """Value, treated, event."""
    (value,) = struct.unpack(">d", (key & (1 << 64) - 1).to_bytes(8))
    return value, bool(key >> 64 & 1), bool(key >> 65 & 1)


def masked(keys: Iterable[int], slot: Slot, *, name: str, own: Secret, others: Mapping[str, Public]) -> str:
    """others: every other site of the request, by its pinned key."""
    cells = sketch.of(keys, capacity=slot.patients, salt=slot.salt())
    for other, public in others.items():
        sign = 1 if name < other else -1
        for at, mask in enumerate(_masks(slot, len(cells), own, public, (name, other))):
            cells[at] += sign * mask
    raw = b"".join((cell % sketch.MODULUS).to_bytes(sketch.BYTES) for cell in cells)
    return base64.b64encode(raw).decode()


def _masks(slot: Slot, size: int, own: Secret, other: Public, pair: Pair) -> Iterator[int]:
    seed = own.shared(other, salt=bytes.fromhex(slot.request), info=slot.salt(*sorted(pair)))
    return _numbers(hashlib.shake_256(seed).digest(size * sketch.BYTES))


def size(patients: int) -> int:
    """Bytes of one sum."""
    return sketch.size(patients) * sketch.BYTES


def fits(text: str, patients: int) -> bool:
    """Of the one length that such a sum has."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:  # of which binascii.Error is one
        return False
    return len(raw) == size(patients)


def total(texts: Sequence[str], slot: Slot) -> Counter[int] | None:
    """Of all sites that the request names: each key with its count.  None where it cannot be read."""
    cells = zip(*(_numbers(base64.b64decode(text)) for text in texts), strict=True)
    return sketch.read([sum(column) % sketch.MODULUS for column in cells], salt=slot.salt())


def _numbers(raw: bytes) -> Iterator[int]:
    return (int.from_bytes(raw[at : at + sketch.BYTES]) for at in range(0, len(raw), sketch.BYTES))
