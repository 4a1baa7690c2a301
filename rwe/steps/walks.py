"""One type by search: counted, walked, counted again, until what came is what the server counts.

Server, [Query]  ──▶  whole()   ──▶  [Walked]        or SiteError, with the counts
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rwe.errors import SiteError
from rwe.fhir import include, search
from rwe.fhir.capability import Capability
from rwe.fhir.client import Client
from rwe.fhir.query import Query
from rwe.fhir.spool import Spool
from rwe.steps.progress import Progress

Ids = NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A site's server, and the folder where its pages wait to be landed."""

    client: Client
    can: Capability
    folder: Path
    progress: Progress

    @property
    def site(self) -> str:
        return self.client.site.id

    def spool(self, query: Query, walk: int = 1) -> Spool:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return Spool(self.folder, f"{query.kind}-{query.digest}-{walk}")


@dataclass(kw_only=True)
class Walked:
    """A query's pages, of one walk or of two that lost different rows; asked: None where nothing counts."""

    query: Query
    spools: list[Spool] = field(default_factory=list)
    asked: int | None = None
    notes: list[str] = field(default_factory=list)

    def ids(self) -> Ids:
        return np.unique(np.concatenate([spool.ids() for spool in self.spools]))

    @property
    def date(self) -> str | None:
        """The server's time when the first page came."""
        dates = [s.first.date for s in self.spools if s.first]
        return min((d for d in dates if d), default=None) if all(dates) else None

    def remove(self) -> None:
        for spool in self.spools:
            spool.remove()

    @property
    def dropped(self) -> set[str]:
        return {name for s in self.spools if s.first for name in s.first.dropped}


class ShortError(SiteError):
    """The server counts other than it gives."""

    def __init__(self, message: str, *, asked: int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.asked = asked


def whole(server: Server, query: Query) -> Walked:
    """SiteError where two walks do not bring what the server counts."""
    try:
        return _whole(server, query)
    except search.IncludeError:
        walked = _whole(server, query.alone())
    walked.notes.append(f"{query.words}: the server refuses _include, which it lists: asked without")
    return walked


def _whole(server: Server, query: Query) -> Walked:
    walked = Walked(query=query)
    before = count(server, query)
    with server.progress(f"{server.site}: {query.words}", before) as told:
        _walk(server, walked, told)
        came = len(walked.ids())
        walked.asked = before if before == came else count(server, query)
        if walked.asked is None:
            walked.asked = _by_pages(server, walked, came, told)
        elif walked.asked != came:
            _again(server, walked, told)
    _listen(server, walked)
    return walked


def count(server: Server, query: Query) -> int | None:
    """By _summary=count; None where the server does not offer it."""
    try:
        return search.total(server.client, query)
    except search.NoCountError:
        return None


def _walk(server: Server, walked: Walked, told: search.Told) -> None:
    """On from where an earlier walk was stopped; where that is too old for the server, anew."""
    spool = server.spool(walked.query, len(walked.spools) + 1)
    walked.spools.append(spool)
    had = spool.last.number if spool.last else 0
    if spool.last:
        told(spool.last.rows)
    try:
        search.walk(server.client, walked.query, spool, told)
    except SiteError:
        if not had or (spool.last and spool.last.number > had):
            raise
        spool.remove()
        walked.spools[-1] = server.spool(walked.query, len(walked.spools))
        search.walk(server.client, walked.query, walked.spools[-1], told)


def _again(server: Server, walked: Walked, told: search.Told) -> None:
    """Rows that moved while the pages were turned come with a second walk."""
    _walk(server, walked, told)
    asked, came = count(server, walked.query), len(walked.ids())
    walked.asked = asked
    if asked in (came, len(np.unique(walked.spools[-1].ids()))):
        walked.notes.append(f"{walked.query.words}: walked twice, for rows moved between the pages")
        return
    walked.remove()
    raise ShortError(
        f"{server.site}: {walked.query.words}: the server counts {asked}, {came} came, in two walks",
        asked=asked or 0,
        hint="does this login see all that the server counts? then run the same command again",
    )


def _by_pages(server: Server, walked: Walked, came: int, told: search.Told) -> int | None:
    """Without a count to ask for: the total on the last page, which may be an estimate."""
    last = walked.spools[0].last
    said = last.total if last else None
    if said is None or said == came:
        return said
    _walk(server, walked, told)
    if len(walked.ids()) != came or not came:
        raise ShortError(
            f"{server.site}: {walked.query.words}: its pages say {said}, {came} came, then other ones",
            asked=said,
            hint="run the same command again, when nothing is written there",
        )
    walked.notes.append(f"{walked.query.words}: its pages say {said}, two walks brought the same {came}")
    return came


def _listen(server: Server, walked: Walked) -> None:
    """What the server says beside its rows."""
    trouble = next((s.trouble for s in walked.spools if s.trouble), None)
    if trouble:
        walked.remove()
        raise SiteError(
            f"{server.site}: {walked.query.words}: the server reports an error among its rows: {trouble}"
        )
    if include.PARAMETER in walked.dropped:
        walked.notes.append(f"{walked.query.words}: the server does not say that it heeded _include")
    if said := sorted({code for s in walked.spools for code in s.warnings}):
        walked.notes.append(f"{walked.query.words}: the server remarks: {', '.join(said)}")


def rows(server: Server, walked: Walked, beside: "search.Beside") -> Iterator[search.Item]:
    """Of all the walks; the same row twice is no matter to the landing."""
    for spool in walked.spools:
        try:
            yield from search.read(server.client, walked.query, spool, beside)
        except SiteError:
            spool.remove()
            raise
