"""What flows from a source to the landing: one resource as its bytes, or the reason there is none.

Bytes are never re-serialised: a JSON library would turn 1.10 into 1.1.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where it was found: a file below the site's folder or a request; the line or entry from 1."""

    source: str
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A JSON object with a resourceType; `body` is one line without its end."""

    type: str
    id: str | None
    version: str | None
    updated: str | None
    body: bytes
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Unusable:
    """What should have been a resource; `type` where it is known, `reason` a key of rwe.reasons.

    `detail` is the element or the byte at fault, where it is known; never a value.
    """

    type: str | None
    reason: str
    body: bytes
    place: Place
    detail: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedOver:
    """A file of another kind, named and not read."""

    source: str


Found = Resource | Unusable | PassedOver
