"""Masks that cancel over all sites: each pair derives the same numbers, one adds them and the other takes
them away.

A pair's seed: X25519 of their pinned keys, by HKDF with the hash of the request and what the sum is of, so
that no mask serves twice.
Source: Bonawitz K et al. Practical secure aggregation. CCS 2017, without its recovery of who dropped out.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rwe.federate.keys import Public, Secret


@dataclass(frozen=True, kw_only=True)
class Site:
    """Who masks: its name, its key, and every other site of the request by its pinned key."""

    name: str
    own: Secret
    others: Mapping[str, Public]


def masked(
    numbers: Sequence[int], site: Site, *, width: int, request: str, salt: Callable[[str, str], bytes]
) -> str:
    """Modulo 256**width, in Base64.  request: its hash, in hex.  salt: of a pair's names, in their order."""
    found = [*numbers]
    for other, public in site.others.items():
        sign, pair = (1, (site.name, other)) if site.name < other else (-1, (other, site.name))
        seed = site.own.shared(public, salt=bytes.fromhex(request), info=salt(*pair))
        stream = hashlib.shake_256(seed).digest(len(found) * width)
        for at, mask in enumerate(numbers_of(stream, width)):
            found[at] += sign * mask
    return base64.b64encode(
        b"".join((number % (1 << 8 * width)).to_bytes(width) for number in found)
    ).decode()


def raw(text: str) -> bytes:
    """Of what masked() gave; none where it is no Base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # of which binascii.Error is one
        return b""


def numbers_of(raw: bytes, width: int) -> Iterator[int]:
    return (int.from_bytes(raw[at : at + width]) for at in range(0, len(raw), width))
