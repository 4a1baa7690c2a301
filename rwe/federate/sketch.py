"""A multiset as whole numbers that add up: two sketches summed, cell by cell, are that of both multisets.

    keys  ──▶  of()  ──▶  cells, + over sites  ──▶  read()  ──▶  each key with its count, or None

A key goes into one cell of each of PLACES parts; a cell holds how many keys it has, their sum and the sum of
their checks.  A cell with one key gives it up, it is taken out of its other cells, until nothing is left.
The last cell holds the sum of long hashes of all: what is read by mistake leaves something there, but for one
case in 2**104 or more.
The cells follow from the multiset alone, so that a sum tells nothing of its parts.
Source: Goodrich MT, Mitzenmacher M. Invertible Bloom lookup tables. Allerton 2011.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

PLACES = 7
KEY, CHECK = 66, 24
"""Bits: of a key, and at least of the sum of checks, which wraps around."""
LONG = 16
"""Bytes of a hash for the last cell."""


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """The form of all sketches that add up.  capacity: of keys, each as often as it occurs."""

    capacity: int
    salt: bytes

    @cached_property
    def part(self) -> int:
        """Cells of one of PLACES.  Simulated, so many full sketches of 1,000,000 are not read: of 20 keys 5,
        of 50 1, of 100 and of 200 fewer; of 1,000 none of 200,000, of 2,000 none of 20,000."""
        return -(-27 * self.capacity // 100) + 6

    @cached_property
    def size(self) -> int:
        return PLACES * self.part + 1

    @cached_property
    def count(self) -> int:
        """Bits of how many keys a cell has."""
        return self.capacity.bit_length()

    @cached_property
    def bytes(self) -> int:
        return -(-(2 * self.count + KEY + CHECK) // 8)

    @cached_property
    def modulus(self) -> int:
        return 1 << 8 * self.bytes

    def of(self, keys: Iterable[int]) -> list[int]:
        cells = [0] * self.size
        for key, count in Counter(keys).items():
            self._put(cells, key, count)
        return cells

    def read(self, cells: Iterable[int]) -> Counter[int] | None:
        """None where there are too many keys, or the cells are no sketch."""
        left, taken = [*cells], 0
        found: Counter[int] = Counter()
        waiting = [*range(self.size - 1)]
        while waiting and taken <= self.capacity:
            at = waiting.pop()
            if (one := self._only(left[at], at)) is None:
                continue
            key, count = one
            found[key] += count
            taken += count
            waiting += self._put(left, key, -count)
        return None if any(left) or taken > self.capacity else found

    def _put(self, cells: list[int], key: int, count: int) -> list[int]:
        places, packed, long = self._hashed(key)
        for at in places:
            cells[at] = (cells[at] + count * packed) % self.modulus
        cells[-1] = (cells[-1] + count * long) % self.modulus
        return places

    def _only(self, cell: int, at: int) -> tuple[int, int] | None:
        """The key and its count, where the cell has no other."""
        count, total = cell % (1 << self.count), cell >> self.count & (1 << KEY + self.count) - 1
        if not count or total % count or total // count >= 1 << KEY:
            return None
        key = total // count
        places, packed, _ = self._hashed(key)
        return (key, count) if at in places and count * packed % self.modulus == cell else None

    def _hashed(self, key: int) -> tuple[list[int], int, int]:
        """Its places, the cell that has it once, and its long hash."""
        raw = hashlib.blake2b(key.to_bytes(9), digest_size=4 * (PLACES + 1) + LONG, key=self.salt).digest()
        check, *hashes = (int.from_bytes(raw[at : at + 4]) for at in range(0, len(raw) - LONG, 4))
        places = [n * self.part + h % self.part for n, h in enumerate(hashes)]
        packed = 1 | key << self.count | check << 2 * self.count + KEY
        return places, packed % self.modulus, int.from_bytes(raw[-LONG:])
