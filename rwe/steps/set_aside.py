"""A resource that could not be used, as `pull` and `map` list it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rwe import landing
from rwe.landing import UNKNOWN_TYPE, Manifest


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """Where it is and why, never what it says; `detail` is the element or the byte at fault."""

    site: str
    type: str
    source: str
    position: int
    reason: str
    detail: str | None


def landed(raw: Path, manifest: Manifest) -> Iterator[SetAside]:
    """What could not be landed as a resource."""
    for name in (name for series in manifest.types.values() for name in series.pieces):
        for piece in landing.set_aside(raw / manifest.site / name):
            yield SetAside(
                site=manifest.site,
                type=piece.type or UNKNOWN_TYPE,
                source=piece.source,
                position=piece.position,
                reason=piece.reason,
                detail=piece.detail,
            )
