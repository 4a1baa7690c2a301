"""How what was asked for adds up, by site and type, and what of it is not whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rwe.landing import UNKNOWN_TYPE
from rwe.store import Store

SET_ASIDE_LIMIT = 0.001


@dataclass(frozen=True, kw_only=True)
class Count:
    """A site's resources of one type; asked is None where the source cannot tell."""

    site: str
    type: str
    asked: int | None
    landed: int
    mapped: int
    superseded: int
    gone: int
    set_aside: int
    failure: str | None


def counts(store: Store) -> list[Count]:
    return [
        Count(
            site=site,
            type=kind,
            asked=asked,
            landed=landed,
            mapped=mapped,
            superseded=superseded,
            gone=gone,
            set_aside=set_aside,
            failure=failure,
        )
        for site, kind, asked, landed, mapped, superseded, gone, set_aside, failure in store.rows(
            "FROM resource_count ORDER BY site_id, resource_type"
        )
    ]


def partial(store: Store) -> list[str]:
    """What is not whole, a line each; none where all is."""
    return [line for c in counts(store) for line in _missing(c)]


def _missing(c: Count) -> Iterator[str]:
    yield from not_had(c.site, c.type, asked=c.asked, landed=c.landed, failure=c.failure)
    if many(c.type, set_aside=c.set_aside, landed=c.landed):
        yield f"{c.site}: {c.type}: {c.set_aside} of {c.landed} set aside"


def not_had(site: str, kind: str, *, asked: int | None, landed: int, failure: str | None) -> Iterable[str]:
    if failure:
        yield f"{site}: {kind}: {failure}"
    elif asked is not None and asked != landed:
        yield f"{site}: {kind}: the server counts {asked}, {landed} landed"


def many(kind: str, *, set_aside: int, landed: int) -> bool:
    """More than one in a thousand, or any of no known type: it may be of every one."""
    return set_aside > (0 if kind == UNKNOWN_TYPE else SET_ASIDE_LIMIT * landed)
