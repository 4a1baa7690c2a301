"""pull --dry-run: the requests that a pull would make, and none of them made; nothing is written.

    sites.toml, study, what is landed  ──▶  dry_run()  ──▶  [Planned]

Only what decides them is asked for: the CapabilityStatement, the Group, a token.  Patients' ids are not
shown.  What depends on the answers is said in words.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from rwe import landing, site, study
from rwe.fhir import bulk, files, group
from rwe.fhir.auth import authorisation
from rwe.fhir.capability import statement
from rwe.fhir.client import Client
from rwe.fhir.query import Query
from rwe.fhir.request import Parameters
from rwe.landing import Purged, Series
from rwe.site import Site
from rwe.steps import ask, by_search, folder, include, members, pages
from rwe.steps.ask import Need
from rwe.steps.by_bulk import Planner, newest
from rwe.steps.by_search import OVERLAP, Before, instant, parts
from rwe.steps.choose import choose
from rwe.steps.progress import silent
from rwe.steps.walks import Server
from rwe.steps.wishes import Wishes
from rwe.steps.world import World

PRIVATE = ("_id", "patient", "subject")


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A request, or in `then` alone what is to know.  url: as it is sent, but readable, and patients hidden.

    body: of a POST.  then: what follows it, or when it is made.  made: it was made now.
    """

    site: str
    method: str = ""
    url: str = ""
    body: str = ""
    then: str = ""
    made: bool = False

    def __str__(self) -> str:
        asked = " ".join(filter(None, (self.method, self.url, self.body)))
        said = "made now" if self.made else self.then
        return f"{self.site}: " + (f"{asked} ({said})" if asked and said else asked or said)


def dry_run(study_dir: Path, world: World, wishes: Wishes) -> list[Planned]:
    """SiteError where a site cannot be asked what it can."""
    plan = None if wishes.everything else study.load(study_dir)
    data = study_dir / folder.DATA
    found: list[Planned] = []
    for s in site.select(site.load(study_dir), list(wishes.sites)):
        needs = ask.needs(plan, s.fhir_version, group=s.table.group)
        found += _files(s) if s.table.files else _server(s, needs, data, world, wishes)
    return found


def _files(s: Site) -> Iterator[Planned]:
    top = s.path(s.table.files or "")
    yield Planned(site=s.id, then=f"reads {len(files.files(top, site=s.id))} files below {top}")


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """at: the site's folder of landed data, which may not be there yet."""

    server: Server
    at: Path
    series: dict[str, Series]
    patients: list[str] | None

    @property
    def client(self) -> Client:
        return self.server.client

    @property
    def site(self) -> Site:
        return self.client.site

    def before(self, kind: str) -> Before | None:
        found = self.series.get(kind)
        return Before(series=found, folder=self.at) if found else None

    def get(self, path: str, *parameters: tuple[str, str], then: str = "", made: bool = False) -> Planned:
        url = self._url(path, parameters)
        return Planned(site=self.site.id, method="GET", url=url, then=then, made=made)

    def ask(self, query: Query, *more: tuple[str, str], then: str = "") -> Planned:
        """By POST as long as the server has not refused one."""
        parameters = [(k, _hidden(k, v) if query.private else v) for k, v in query.with_(*more).parameters]
        if not query.private:
            return self.get(query.kind, *parameters, then=then)
        url, body = self._url(f"{query.kind}/_search"), _form(parameters)
        return Planned(site=self.site.id, method="POST", url=url, body=body, then=then)

    def say(self, text: str) -> Planned:
        return Planned(site=self.site.id, then=text)

    def _url(self, path: str, parameters: Parameters = ()) -> str:
        return f"{self.client.base}{path}" + (f"?{_form(parameters)}" if parameters else "")


def _form(parameters: Parameters) -> str:
    return urlencode([*parameters], safe="<>, |:/")


def _hidden(name: str, ids: str) -> str:
    return f"<{ids.count(',') + 1}-patients>" if name in PRIVATE else ids


def _server(s: Site, needs: list[Need], data: Path, world: World, wishes: Wishes) -> Iterator[Planned]:
    at = data / folder.RAW / s.id
    with Client(s, authorisation(s, world.environment), world.clock, world.say) as client:
        can, date, _ = statement(client)
        picture = landing.current(at)
        plan = _Plan(
            server=Server(client=client, can=can, folder=at, progress=silent),
            at=at,
            series=picture.types if picture and not wishes.full else {},
            patients=None,
        )
        yield plan.get("metadata", made=True)
        if s.table.group and (can.types() or s.table.method != "bulk"):
            yield plan.get(f"Group/{s.table.group}", made=True)
            plan = _of_group(plan, needs, Purged(data, s.id))
        yield from _waiting(plan)
        yield from _requests(plan, needs, date)


def _of_group(plan: _Plan, needs: list[Need], purged: Purged) -> _Plan:
    name = plan.site.table.group or ""
    now = group.members(plan.client, name)
    patients, _ = members.asked_for(now, plan.before("Patient"), needs, name, purged)
    return _Plan(server=plan.server, at=plan.at, series=plan.series, patients=patients)


def _waiting(plan: _Plan) -> Iterator[Planned]:
    """What a stopped pull left: of this no request is made again."""
    if any((plan.at / pages.FETCHED).glob("*/*")):
        yield plan.say("goes on from the pages that a stopped pull has fetched")
    if any((plan.at / pages.EXPORTS).glob("*/*")):
        yield plan.say("goes on with the export under way, where it is for just this")


def _requests(plan: _Plan, needs: list[Need], date: str | None) -> Iterator[Planned]:
    can = plan.server.can
    needs = include.marked(needs, can)
    along = {need.include.kind for need in needs if need.include}
    choice = choose(plan.site, can, needs)
    yield from map(plan.say, choice.words)
    if choice.level:
        yield from _exports(plan, choice.level, choice.bulk, date)
    for need in choice.search:
        if can.types() and need.kind not in can.types():
            yield plan.say(f"{need.kind}: the server does not offer it: it is not asked for")
        else:
            yield from _searches(plan, need)
    for need in needs:
        if need.referred_by and need not in choice.bulk:
            but = ", but those that come along" if need.kind in along else ""
            yield plan.get(need.kind, ("_id", f"<those that {need.referred_by} refers to{but}>"))


def _exports(plan: _Plan, level: str, needs: tuple[Need, ...], date: str | None) -> Iterator[Planned]:
    planner = Planner(
        server=plan.server,
        level=level,
        before=plan.before,
        group=plan.site.table.group,
        patients=plan.patients,
        now=date,
    )
    for export in planner.plan(needs):
        request = bulk.kick_off_request(plan.client, export.wanted, post=plan.server.can.exports_v4)
        url = plan.get(request.url, *request.parameters).url
        body = (request.body or b"").decode()
        then = "then its status and its files"
        yield Planned(site=plan.site.id, method=request.method, url=url, body=body, then=then)
        for need in export.needs if export.since else ():
            if query := newest(plan.server, need, export.before[need.kind]):
                yield plan.ask(query, ("_summary", "count"), then="is what was newest still there?")
    for need in needs:
        if level == "system" and plan.server.can.offered(need.kind).does("search-type"):
            query = by_search.queries(plan.server, need, None)[0][0]
            yield plan.ask(query, ("_summary", "count"), then="held against what the export brings")


def _searches(plan: _Plan, need: Need) -> Iterator[Planned]:
    """As by_search.fetch() goes about it."""
    every = by_search.queries(plan.server, need, plan.patients)[0]
    before = plan.before(need.kind)
    old = before.series if before else None
    usable = old and not old.failure and old.query == need.query(plan.site.table.group)
    if before is None or old is None or not usable or not old.watermark or plan.server.can.vendor == "epic":
        for query in every:
            yield from _search(plan, query)
        return
    if not plan.server.can.declares(need.kind, "_lastUpdated"):
        yield plan.say(
            f"{need.kind}: all of it, where counts show that the server cannot tell what is new; else:"
        )
    since = ("_lastUpdated", f"ge{instant(before.since())}")
    known = parts(plan.server, need, plan.patients, old)
    for query in (*(q.with_(since) for q in known["known"]), *known["joined"]):
        yield from _search(plan, query)
    yield from _deletions(plan, need, old, every)


def _search(plan: _Plan, query: Query) -> Iterator[Planned]:
    yield plan.ask(query, ("_summary", "count"))
    yield plan.ask(query.page(plan.site.table.limits.page_size), then="then its next links")


def _deletions(plan: _Plan, need: Need, old: Series, every: list[Query]) -> Iterator[Planned]:
    known = old.deletions_known_at
    if known and plan.server.can.offered(need.kind).does("history-type"):
        since = ("_since", instant(datetime.fromisoformat(known) - OVERLAP))
        yield plan.get(f"{need.kind}/_history", since, ("_count", "500"), then="then its next links")
    for query in every:
        then = "all ids, where it does not agree with what is landed"
        yield plan.ask(query, ("_summary", "count"), then=then)
