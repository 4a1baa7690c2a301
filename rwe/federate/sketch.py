"""A multiset as whole numbers that add up: two sketches summed, cell by cell, are that of both multisets.

    keys  ──▶  of()  ──▶  cells, + over sites  ──▶  read()  ──▶  each key with its count, or None

A key goes into one cell of each of PLACES parts; a cell holds how many keys it has, their sum and the sum of
their checks.  A cell with one key gives it up, it is taken out of its other cells, until nothing is left.
The cells follow from the multiset alone, so that a sum tells nothing of its parts.
Source: Goodrich MT, Mitzenmacher M. Invertible Bloom lookup tables. Allerton 2011.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable

PLACES = 5
KEY, COUNT, FIELD = 66, 32, 96
"""Bits: of a key, of a count, and of the sum of at most 2**30 keys or checks of 64 bits."""
BYTES = (COUNT + 2 * FIELD) // 8
MODULUS = 1 << 8 * BYTES


def size(capacity: int) -> int:
    """Cells for that many keys: three a key, so that one of 100,000 sketches is not read."""
    return PLACES * (-(-3 * capacity // PLACES) + 8)


def of(keys: Iterable[int], *, capacity: int, salt: bytes) -> list[int]:
    cells = [0] * size(capacity)
    for key, count in Counter(keys).items():
        _put(cells, key, count, salt)
    return cells


def read(cells: Iterable[int], *, salt: bytes) -> Counter[int] | None:
    """None where there are too many keys, or the cells are no sketch."""
    left = [*cells]
    found: Counter[int] = Counter()
    waiting = [*range(len(left))]
    while waiting:
        if (one := _only(left[waiting.pop()], salt)) is None:
            continue
        key, count = one
        found[key] += count
        waiting += _put(left, key, -count, salt)
    return None if any(left) else found


def _put(cells: list[int], key: int, count: int, salt: bytes) -> list[int]:
    places, packed = _hashed(key, len(cells), salt)
    for at in places:
        cells[at] = (cells[at] + count * packed) % MODULUS
    return places


def _only(cell: int, salt: bytes) -> tuple[int, int] | None:
    """The key and its count, where the cell has no other."""
    count, total = cell % (1 << COUNT), cell >> COUNT & (1 << FIELD) - 1
    if not count or total % count or total // count >= 1 << KEY:
        return None
    key = total // count
    return (key, count) if count * _hashed(key, PLACES, salt)[1] == cell else None


def _hashed(key: int, cells: int, salt: bytes) -> tuple[list[int], int]:
    """Its places, and the cell that has it once."""
    raw = hashlib.blake2b(key.to_bytes(16), digest_size=8 * (PLACES + 1), key=salt).digest()
    check, *hashes = (int.from_bytes(raw[at : at + 8]) for at in range(0, len(raw), 8))
    part = cells // PLACES
    places = [n * part + h % part for n, h in enumerate(hashes)]
    return places, 1 | key << COUNT | check << COUNT + FIELD
