"""Resource types from a server by bulk export: all of them, or what is new since the watermark.

    [Need]  ──▶  Planner.plan()  ──▶  [Export]  ──▶  Exporter.land()  ──▶  Brought: a Got of each type

One export for the types that have a watermark and one for the others, since an export has one `_since`.
"""

import shutil
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from rwe import landing
from rwe.errors import SiteError
from rwe.fhir import bulk
from rwe.fhir.client import Client
from rwe.fhir.query import Query, tokens
from rwe.landing import Got, Run
from rwe.resource import Resource, Unusable
from rwe.steps import by_search, walks
from rwe.steps.ask import Need
from rwe.steps.by_search import BY_CODE, OVERLAP, RECONCILE, Before, age, hashed, instant
from rwe.steps.walks import Server

METHOD = "bulk"
WENT_BACK = "the newest that was landed is not there: all of it is exported and compared"
ALL = ("manifest", "transactionTime")
"""Failures of an export that are failures of each type."""
BESIDE = ("deleted", "outcome")
"""Failures that are of no one type: what came is landed, and the pull is not whole."""
Take = Callable[[str, bytes], None]


@dataclass(frozen=True, kw_only=True)
class Export:
    """since: None for all.  before: by type, for what is to be extended.  filtered: by the codes needed."""

    name: str
    needs: tuple[Need, ...]
    level: str
    query: dict[str, str]
    before: dict[str, Before] = field(default_factory=dict)
    since: str | None = None
    patients: tuple[str, ...] = ()
    filtered: bool = False

    @property
    def wanted(self) -> bulk.Wanted:
        coded = [n for n in self.needs if self.filtered and n.codes is not None]
        return bulk.Wanted(
            level=self.level,
            types=tuple(sorted(n.kind for n in self.needs)),
            since=self.since,
            type_filter=tuple(f"{n.kind}?{BY_CODE}={tokens(n.codes or ())}" for n in coded),
        )


@dataclass(kw_only=True)
class Brought:
    """got: by type.  empty: types of which nothing came where all were asked for.  missing: of no one type.

    again: types of which the server counts other than came since the watermark: all of them is needed.
    """

    got: dict[str, Got] = field(default_factory=dict)
    empty: list[Need] = field(default_factory=list)
    again: list[Need] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Planner:
    """before: what earlier pulls left, by type.  now: the server's time.

    patients: the Group's members, None where they cannot be read.
    """

    server: Server
    level: str
    before: Callable[[str], Before | None]
    group: str | None = None
    patients: Sequence[str] | None = None
    now: str | None = None

    def plan(self, needs: Sequence[Need]) -> list[Export]:
        known = {n.kind: old for n in needs if (old := self._known(n))}
        since = [n for n in needs if n.kind in known and self._asks_since(known[n.kind])]
        found = []
        if since:
            marks = [datetime.fromisoformat(known[n.kind].series.watermark or "") for n in since]
            found.append(self._export("since", since, known, instant(min(marks) - OVERLAP)))
        if rest := [n for n in needs if n not in since]:
            found.append(self._export("full", rest, known))
        return found

    def whole(self, needs: Sequence[Need]) -> Export:
        """All of them, whatever their watermark."""
        return self._export("again", needs, {n.kind: old for n in needs if (old := self._known(n))})

    def _known(self, need: Need) -> Before | None:
        old = self.before(need.kind)
        usable = old and not old.series.failure and old.series.query == need.query(self.group)
        return old if usable else None

    def _export(
        self, name: str, needs: Sequence[Need], known: dict[str, Before], since: str | None = None
    ) -> Export:
        return Export(
            name=name,
            needs=tuple(needs),
            level=self.level,
            query={n.kind: n.query(self.group) for n in needs},
            before=known,
            since=since,
            patients=tuple(self.patients or ()),
            filtered=bool(self.server.can.offered("Observation").searches_by(BY_CODE)),
        )

    def _asks_since(self, old: Before) -> bool:
        """An export of what is new may leave out who joined a Group; HAPI ties it to the Patient's date."""
        series, known = old.series, old.series.deletions_known_at
        if not series.watermark or not known or not self.now:
            return False
        if self.group and (
            self.server.can.vendor in ("hapi", "smile")
            or self.patients is None
            or [*self.patients] != series.patients
        ):
            return False
        return age(known, self.now) <= RECONCILE


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """One site's exports while they are under way.

    client: by the login for exports; the server's counts are asked for by the site's own.  folder: where the
    jobs and their files are kept until they are landed.  take: is told of each resource that is landed.
    """

    planner: Planner
    client: Client
    run: Run
    folder: Path
    take: Take
    say: Callable[[str], None]

    @property
    def server(self) -> Server:
        return self.planner.server

    def land(self, export: Export) -> Brought:
        """Fetched and landed.  SiteError where there is no export, or none of its files came."""
        post, here = self.server.can.exports_v4, self.folder / export.name
        with self.server.progress(f"{self.server.site}: export", None, unit="bytes") as told:

            def came(piece: bytes) -> None:
                told(len(piece))

            found = bulk.export(self.client, export.wanted, here, self.say, post=post, came=came)
        wanting = [text for n in export.needs if (text := found.failures.get(n.kind))]
        if wanting and export.since is None and not found.files:
            raise SiteError(f"{self.server.site}: no file of the export came: {wanting[0]}")
        brought = self._all(export, found)
        if any(got.failure for got in brought.got.values()) and (_every(found) or not wanting):
            self._forget(here, brought)
        return brought

    def _all(self, export: Export, found: bulk.Exported) -> Brought:
        brought, deleted = _brought(found), _by_type(found)
        for need in export.needs:
            ids, counted = self._land_type(need, found)
            got = _got(export, need, found, deleted.get(need.kind, []))
            got = replace(got, asked=counted, failure=_every(found) or found.failures.get(need.kind))
            if brought.missing:  # what is missing may come with the next export, from where this one began
                old = export.before.get(need.kind)
                got = replace(got, watermark=old.series.watermark if old else None)
            if not got.failure and export.since and self._went_back(need, export.before[need.kind], got):
                brought.notes.append(f"{need.kind}: {WENT_BACK}")
                brought.again.append(need)
            elif not got.failure:
                got = self._checked(export, need, got, ids, brought)
            brought.got[need.kind] = got
        return brought

    def _forget(self, job: Path, brought: Brought) -> None:
        """What it lacks is in none of its files: fetched again it would lack the same for ever."""
        try:
            bulk.finish(self.client, job)
        except SiteError as e:
            brought.notes.append(f"{e} ({e.hint})")

    def _land_type(self, need: Need, found: bulk.Exported) -> tuple[walks.Ids, int | None]:
        """A hash of each id that came, and how many the manifest counts."""
        ids = array("Q")
        files = [f for f in found.files if f.type == need.kind]
        for file in files:
            for n, item in enumerate(bulk.read(file)):
                self.run.add(item)
                if isinstance(item, Resource):
                    ids.append(hashed(item.id or ""))
                    self.take(need.kind, item.body)
                elif isinstance(item, Unusable):
                    ids.append(hashed(f"?{file.name}:{n}"))
        counts = [f.count for f in files]
        counted = None if None in counts or not counts else sum(c or 0 for c in counts)
        return np.unique(np.array(ids, dtype=np.uint64)), counted

    def _checked(self, export: Export, need: Need, got: Got, ids: walks.Ids, brought: Brought) -> Got:
        """Held against the server's own count, where one can be asked for of just this."""
        full = export.since is None
        if full and not len(ids):
            brought.empty.append(need)
        if self.planner.level != "system" or not self.server.can.offered(need.kind).does("search-type"):
            return got
        live = len(ids) if full else export.before[need.kind].expected(got.deleted, ids)
        try:
            counts = [self._count(query, live, got) for query in self._countings(need)]
        except SiteError as e:
            return replace(got, failure=str(e).removeprefix(f"{self.server.site}: "))
        if counts[0] is None:
            return got
        if live not in counts:
            if not full:
                brought.again.append(need)
                return got
            text = f"the server counts {counts[0]}, the export brought {live}"
            return replace(got, asked=counts[0], failure=text)
        return replace(got, asked=len(ids), deletions_known_at=got.watermark)

    def _went_back(self, need: Need, old: Before, got: Got) -> bool:
        """An export of what is new does not show that a source was restored from a backup."""
        query = newest(self.server, need, old)
        if query is None or old.newest is None:
            return False
        if landing.updated_since(old.folder, old.series, old.newest) <= {*got.deleted}:
            return False
        try:
            return walks.count(self.server, query) == 0
        except SiteError:  # an account for exports need not be one for searches
            return False

    def _countings(self, need: Need) -> list[Query]:
        """An export may bring all codes, though only some were asked for."""
        query = by_search.queries(self.server, need, None)[0][0]
        return [query, Query(kind=need.kind)] if query.parameters else [query]

    def _count(self, query: Query, live: int, got: Got) -> int | None:
        """What the server counts; `live` where it differs by no more than was written since."""
        count = walks.count(self.server, query)
        if count is None or count == live:
            return count
        return live if abs(count - live) <= (_later(self.server, query, got) or 0) else count

    def finish(self) -> list[str]:
        """All is landed: the server may forget the jobs; what it says against that is only told."""
        said = []
        for folder in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            try:
                bulk.finish(self.client, folder)
            except SiteError as e:
                said.append(f"{e} ({e.hint})")
        shutil.rmtree(self.folder, ignore_errors=True)
        return said


def newest(server: Server, need: Need, old: Before) -> Query | None:
    """The search for what was newest of a type, where the server has one."""
    searches = server.can.offered(need.kind).does("search-type")
    if old.newest is None or not searches or not server.can.declares(need.kind, "_lastUpdated"):
        return None
    return Query(kind=need.kind, parameters=(("_lastUpdated", f"ge{instant(old.newest)}"),))


def _every(found: bulk.Exported) -> str | None:
    return next((text for name, text in found.failures.items() if name in ALL), None)


def _brought(found: bulk.Exported) -> Brought:
    over = found.passed_over.items()
    notes = [f"{n} files of {kind} were exported, for which nobody asked" for kind, n in over]
    missing = [f"the export's {name} files: {t}" for name, t in found.failures.items() if name in BESIDE]
    return Brought(notes=[*found.notes, *notes], missing=missing)


def _by_type(found: bulk.Exported) -> dict[str, list[str]]:
    deleted: dict[str, list[str]] = {}
    for kind, identity in found.deletions:
        deleted.setdefault(kind, []).append(identity)
    return deleted


def _got(export: Export, need: Need, found: bulk.Exported, deleted: list[str]) -> Got:
    now, old = found.transaction_time, export.before.get(need.kind)
    return Got(
        method=METHOD,
        query=export.query[need.kind],
        patients=list(export.patients),
        extends=old is not None,
        complete=old is not None and export.since is None,
        deleted=tuple(deleted),
        watermark=now,
        deletions_known_at=old.series.deletions_known_at if old and export.since else now,
    )


def _later(server: Server, query: Query, got: Got) -> int | None:
    """How many were written after the export's time: it may have them or not."""
    if not got.watermark:
        return None
    since = instant(datetime.fromisoformat(got.watermark))
    return walks.count(server, query.with_(("_lastUpdated", f"ge{since}")))
