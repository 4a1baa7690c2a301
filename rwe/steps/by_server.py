"""One site's server to one run: types side by side, landed as they come, committed together.

Client, Run, [Need]  ──▶  Pull().all()  ──▶  Landed        or SiteError where nothing could be had
"""

import shutil
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

from rwe import landing
from rwe.errors import SiteError
from rwe.fhir import bulk, group, search
from rwe.fhir.capability import Capability, statement
from rwe.fhir.client import Client
from rwe.landing import Got, Manifest, Run
from rwe.site import Site
from rwe.steps import by_bulk, by_search, hydrate, include, members, pages, walks
from rwe.steps.ask import BY_REFERENCE, Need
from rwe.steps.by_bulk import Brought, Exporter, Planner
from rwe.steps.by_search import Before, Fetched
from rwe.steps.choose import Choice, choose
from rwe.steps.side_by_side import side_by_side
from rwe.steps.walks import Server, ShortError
from rwe.steps.wishes import Wishes
from rwe.steps.world import World

LONG = 10.0
"""Seconds of waiting that are told when all is over."""


@dataclass(frozen=True, kw_only=True)
class Clients:
    """The server by the site's login, and by that for exports, which may be another."""

    api: Client
    bulk: Client


@dataclass(frozen=True, kw_only=True)
class Landed:
    """failures: type ▶ why it is not whole.  missing: what of no one type is not whole."""

    manifest: Manifest
    new: bool
    failures: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Pull:
    """A site's pull while it is under way."""

    def __init__(self, clients: Clients, run: Run, world: World, wishes: Wishes) -> None:
        self.clients, self.client, self.run, self.world, self.wishes = (
            clients,
            clients.api,
            run,
            world,
            wishes,
        )
        self.site = self.client.site
        self.got: dict[str, Got] = {}
        self.errors: list[SiteError] = []
        self.notes: list[str] = []
        self.beside = search.Beside()
        self.references = hydrate.References(self.site.own)
        self.included = include.Included()
        self.missing: list[str] = []
        self.exporter: Exporter | None = None

    def all(self, needs: list[Need]) -> Landed:
        can, date, lacking = statement(self.client)
        if lacking:
            self.notes.append(f"no capability statement: {_short(self.site, lacking)}")
        work = pages.waiting(self.run.folder, self.run.name)
        server = Server(client=self.client, can=can, folder=work, progress=self.world.progress)
        needs = include.marked(_referred(needs) if self.site.table.group else needs, can)
        choice = choose(self.site, can, needs)
        self.notes += choice.words
        patients = self._members(can, needs) if self.site.table.group else None
        searched = [*choice.search, *self._export(server, choice, patients, date)]
        self._side_by_side(server, [n for n in searched if self._offered(can, n)], patients)
        for need in needs:
            if need.referred_by and need.kind not in self.got:
                self._hydrate(server, need, date)
        if self.errors and all(got.failure for got in self.got.values()):
            raise self.errors[0]
        return self._commit(server, date)

    def _offered(self, can: Capability, need: Need) -> bool:
        if can.types() and need.kind not in can.types():
            self.got[need.kind] = Got(method=by_search.METHOD, failure="the server does not offer it")
            return False
        return True

    def _members(self, can: Capability, needs: list[Need]) -> list[str] | None:
        """With those who left: they are asked for as before, since to leave is not to be deleted.

        None where an export knows its Group without us.
        """
        try:
            now = group.members(self.client, self.site.table.group or "")
        except SiteError:
            if can.types() or self.site.table.method != "bulk":
                raise
            return None
        before = self._before("Patient")
        asked, left = members.asked_for(now, before, needs, self.site.table.group or "", self.run.purged)
        if left:
            self.notes.append(f"{left} patients are in the Group no more: kept, until `rwe purge`")
        return asked

    def _before(self, kind: str) -> Before | None:
        series = self.run.before.types.get(kind) if self.run.before else None
        if series is None or self.wishes.full:
            return None
        return Before(series=series, folder=self.run.folder)

    def _export(
        self, server: Server, choice: Choice, patients: list[str] | None, date: str | None
    ) -> list[Need]:
        """Types that are to be had by search after all."""
        if choice.level is None:
            return []
        planner = Planner(
            server=server,
            level=choice.level,
            before=self._before,
            group=self.site.table.group,
            patients=patients,
            now=date,
        )
        exporter = self.exporter = Exporter(
            planner=planner,
            client=self.clients.bulk,
            run=self.run,
            folder=self._jobs(),
            take=self.references.take,
            say=self.world.say,
        )
        rest: list[Need] = []
        for export in planner.plan(choice.bulk):
            try:
                again = self._brought(exporter.land(export), server, rest)
                if again:
                    self._brought(exporter.land(planner.whole(again)), server, rest)
            except SiteError as e:
                if self.site.table.method == "bulk" or not server.can.types():
                    for need in export.needs:
                        self._fail(need, e)
                else:
                    self.notes.append(f"no export ({_short(self.site, e)}): by search")
                    rest += [n for n in export.needs if not n.referred_by]
        return rest

    def _jobs(self) -> Path:
        """A folder is a run's: files that have been landed must never be taken for fresh by the run after."""
        top = self.run.folder / pages.EXPORTS
        for other in sorted(top.iterdir()) if top.is_dir() else ():
            if other.name != self.run.name:
                for job in sorted(other.iterdir()):
                    bulk.cancel(self.clients.bulk, job)
                shutil.rmtree(other)
        return top / self.run.name

    def _brought(self, brought: Brought, server: Server, rest: list[Need]) -> list[Need]:
        self.got.update({k: replace(g, removals=self.wishes.removals) for k, g in brought.got.items()})
        self.notes += brought.notes
        self.missing += brought.missing
        for need in brought.empty:  # the server may not export this type: its search has the last word
            if server.can.offered(need.kind).does("search-type"):
                self.got.pop(need.kind)
                rest.append(need)
        return brought.again

    def _side_by_side(self, server: Server, needs: list[Need], patients: list[str] | None) -> None:
        """Fetched by as many threads as the site allows requests at once; landed by this one."""

        def fetch(need: Need) -> Fetched:
            query = need.query(self.site.table.group)
            return by_search.fetch(server, need, patients, self._before(need.kind), query=query)

        for need, job in side_by_side(fetch, needs, most=self.site.table.limits.concurrency):
            self._land(server, need, job)

    def _land(self, server: Server, need: Need, job: "Future[Fetched]") -> None:
        try:
            fetched = job.result()
            for item in fetched.items(server, self.beside):
                if item.type == need.kind:
                    self.run.add(item)
                    self.references.take(need.kind, item.body)
                elif self.included.add(item):
                    self.run.add(item)
        except SiteError as e:
            self._fail(need, e)
            return
        self.included.walked += fetched.walked if need.include else []
        self.notes += fetched.notes
        self.got[need.kind] = replace(fetched.got, removals=self.wishes.removals)

    def _fail(self, need: Need, error: SiteError) -> None:
        self.errors.append(error)
        asked = error.asked if isinstance(error, ShortError) else None
        text = _short(self.site, error).removeprefix(f"{need.kind}: ")
        text += f" ({error.hint})" if error.hint else ""
        self.got[need.kind] = Got(method=by_search.METHOD, asked=asked, failure=text)

    def _hydrate(self, server: Server, need: Need, date: str | None) -> None:
        """What others refer to and did not come along, of all that is landed: it may have changed though
        they did not."""
        by = need.referred_by or ""
        if by in self.got and self.got[by].failure:
            self.got[need.kind] = Got(method=by_search.METHOD, failure=f"{by} says which, and is not whole")
            return
        before = self._before(need.kind)
        self._read_landed(by)
        known = set(before.live) if before else set()
        ids, along = self.references.ids(need.kind), self.included.ids(need.kind)
        rest = (ids | known) - along
        fetched = Fetched(need=need)
        try:
            if rest and self._offered(server.can, need):
                for some in by_search.by_ids(need.kind, rest, f"{need.kind} referred to"):
                    fetched.walked.append(walked := walks.whole(server, some))
                    by_search.searched_so(server, fetched, walked)
            for item in fetched.items(server, self.beside):
                if item not in self.included:
                    self.run.add(item)
        except SiteError as e:
            self._fail(need, e)
            return
        came = by_search.came(ids - along, fetched.walked) + len(ids & along)
        self.notes += self.references.unresolved(need.kind, came)
        query = need.query(self.site.table.group)
        found = hydrate.got(fetched, self.included, before, query=query, date=date)
        self.got.setdefault(need.kind, replace(found, removals=self.wishes.removals))

    def _read_landed(self, kind: str) -> None:
        picture = self.run.before
        if picture and kind in picture.types and not self.wishes.full:
            for shard in picture.types[kind].shards:
                for body in landing.lines(self.run.folder / shard.file):
                    self.references.take(kind, body)

    def _commit(self, server: Server, date: str | None) -> Landed:
        self.run.passed_over.update(self.beside)
        methods = {got.method for got in self.got.values()}
        method = by_bulk.METHOD if by_bulk.METHOD in methods else by_search.METHOD
        manifest, new = self.run.commit(
            self.got, fhir_version=self.site.fhir_version, method=method, pulled_at=date
        )
        failed = {kind: got.failure for kind, got in self.got.items() if got.failure}
        self.notes += [f"{kind}: {t.twice} came twice" for kind, t in self.run.tallies.items() if t.twice]
        pages.keep(server.folder, failed, self.run.name, new=new)
        self._end_exports(failed, new=new)
        return Landed(
            manifest=manifest,
            new=new,
            failures={**failed, **self.run.refused},
            missing=tuple(self.missing),
            notes=(*self.notes, *self._waits()),
        )

    def _waits(self) -> list[str]:
        """Said where they were long enough to matter, also to whoever does not watch."""
        n, seconds = len(self.client.waits), sum(self.client.waits)
        times = "once" if n == 1 else f"{n} times"
        return [f"waited {times} for the server, {seconds:.0f} s in all"] if seconds >= LONG else []

    def _end_exports(self, failed: dict[str, str], *, new: bool) -> None:
        """A job of which files are wanting is kept for the run that comes next."""
        if self.exporter is None:
            return
        here = self.exporter.folder
        if not any(self.got[kind].method == by_bulk.METHOD for kind in failed):
            self.notes += self.exporter.finish()
        elif new and here.is_dir():
            here.rename(here.parent / f"{int(self.run.name) + 1:06d}")


def _short(site: Site, error: SiteError) -> str:
    return str(error).removeprefix(f"{site.id}: ")


def _referred(needs: list[Need]) -> list[Need]:
    """A Medication is no patient's: of a Group's patients those that are referred to, after the others."""
    kinds = {n.kind for n in needs}
    found = [replace(n, referred_by=by) if (by := BY_REFERENCE.get(n.kind)) in kinds else n for n in needs]
    return sorted(found, key=lambda n: n.referred_by is not None)
