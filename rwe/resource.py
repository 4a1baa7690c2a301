"""What flows from a source to the landing: one resource as its bytes, or the reason there is none.

Bytes are never re-serialised: a JSON library would turn 1.10 into 1.1.
"""

import hashlib

import msgspec


def digest(compact: bytes) -> bytes:
    """Of JSON without white space around its tokens: an indented Bundle's resource has that of any other."""
    return hashlib.blake2b(compact, digest_size=16).digest()


class Place(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where it was found: a file below the site's folder or a request; the line or entry from 1."""

    source: str
    position: int


class Resource(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A JSON object with a resourceType, no key twice; `body` is one line without its end.

    content: the hash of what it says.
    """

    type: str
    id: str | None
    version: str | None
    updated: str | None
    body: bytes
    content: bytes
    place: Place


class Unusable(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What should have been a resource; `type` where it is known, `reason` a key of rwe.reasons.

    `detail` is the element or the byte at fault, where it is known; never a value.
    """

    type: str | None
    reason: str
    body: bytes
    place: Place
    detail: str | None = None


class PassedOver(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file of another kind, named and not read."""

    source: str


Found = Resource | Unusable | PassedOver
