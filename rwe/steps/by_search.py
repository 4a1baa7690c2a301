"""One resource type from a server by search: all of it, or what is new since the watermark.

    Server, Need, the series as it was  ──▶  fetch()  ──▶  Fetched

Only what changed is asked for where the server can tell; then it is made sure that nothing else did: by the
type's history, else by a count, else by a walk over all ids.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np

from rwe import landing
from rwe.errors import SiteError
from rwe.fhir import history, include, search
from rwe.fhir.capability import Offered
from rwe.fhir.query import Query, tokens
from rwe.landing import Got, Series
from rwe.resource import Resource
from rwe.steps import walks
from rwe.steps.ask import Need
from rwe.steps.walks import Ids, Server, Walked

METHOD = "search"
OVERLAP = timedelta(minutes=5)
RECONCILE = timedelta(days=7)
# https://terminology.hl7.org/CodeSystem-observation-category.html, and what US Core adds to it.
CATEGORIES = (
    *("vital-signs", "laboratory", "social-history", "imaging", "procedure", "survey", "exam", "therapy"),
    *("activity", "sdoh", "functional-status", "disability-status", "cognitive-status"),
    *("treatment-intervention-preference", "care-experience-preference", "observation-adi-documentation"),
)
BY_CODE = "combo-code"
"""Also of components: by `code` alone a panel would not be found by what is measured in it."""
PATIENTS = 50
"""At once in one search."""


@dataclass(kw_only=True)
class Fetched:
    """walked: the pages to land.  got: what they are.  notes: what a person should know."""

    need: Need
    walked: list[Walked] = field(default_factory=list)
    got: Got = field(default_factory=Got)
    notes: list[str] = field(default_factory=list)

    def items(self, server: Server, beside: search.Beside) -> Iterator[search.Item]:
        for walked in self.walked:
            yield from walks.rows(server, walked, beside)


@dataclass(frozen=True, kw_only=True)
class Before:
    """The series that an earlier pull left in the site's folder, and the ids it holds now."""

    series: Series
    folder: Path

    @cached_property
    def live(self) -> list[str]:
        return landing.live(self.folder, self.series)

    @cached_property
    def newest(self) -> datetime | None:
        return landing.newest(self.folder, self.series)

    def since(self) -> datetime:
        """What was newest is always asked for: where it does not come, the source went back."""
        mark = datetime.fromisoformat(self.series.watermark or "") - OVERLAP
        return min(mark, self.newest or mark)

    @cached_property
    def ids(self) -> Ids:
        return _hashes(self.live)

    def expected(self, deleted: Iterable[str], came: Ids) -> int:
        """How many the source should count now."""
        left = np.setdiff1d(self.ids, _hashes(deleted))
        return len(np.union1d(left, came)) + self.series.set_aside


def _hashes(ids: Iterable[str]) -> Ids:
    return np.unique(np.array([hashed(i) for i in ids], dtype=np.uint64))


def hashed(identity: str) -> int:
    """As a spool keeps it."""
    return int(np.frombuffer(blake2b(identity.encode(), digest_size=8).digest(), np.uint64)[0])


def queries(server: Server, need: Need, patients: Sequence[str] | None) -> tuple[list[Query], list[str]]:
    """The searches for all of a type, and what could not be asked as it was meant.

    patients: those of the Group, None where there is none.
    """
    base, notes = Query(kind=need.kind, include=need.include), []
    offered = server.can.offered(need.kind)
    if need.codes is not None and offered.searches_by(BY_CODE):
        base = base.with_((BY_CODE, tokens(need.codes)))
    elif need.codes is not None:
        notes.append(f"{need.kind}: the server cannot search by code: all of it is asked for")
    if patients is None:
        return [base], notes
    return [
        Query(
            kind=need.kind,
            parameters=(*base.parameters, _of(need.kind, offered, some)),
            what=f"{need.kind} of patients {n + 1} to {n + len(some)}",
            private=True,
            include=need.include,
        )
        for n, some in ((at, patients[at : at + PATIENTS]) for at in range(0, len(patients), PATIENTS))
    ], notes


def _of(kind: str, offered: Offered, patients: Sequence[str]) -> tuple[str, str]:
    """AdverseEvent has no `patient` in R4; by a parameter that it does not know a server may find nothing."""
    if kind == "Patient":
        return "_id", ",".join(patients)
    unsaid = kind == "AdverseEvent" and not offered.searches_by("patient")
    if unsaid or (offered.searches_by("patient") is False and offered.searches_by("subject")):
        return "subject", ",".join(f"Patient/{p}" for p in patients)
    return "patient", ",".join(patients)


def fetch(
    server: Server, need: Need, patients: Sequence[str] | None, before: Before | None, *, query: str
) -> Fetched:
    """query: what is asked, hashed."""
    searches, notes = queries(server, need, patients)
    got = Got(method=METHOD, query=query, patients=list(patients or ()))
    try:
        return _fetch(server, Fetched(need=need, got=got, notes=notes), before, searches)
    except search.RequiredError:
        if need.kind != "Observation":
            raise
    return _by_category(server, need, searches, got)


def _by_category(server: Server, need: Need, searches: list[Query], got: Got) -> Fetched:
    """What is in no category of the list is not had, so that this is never whole."""
    fetched, refused = Fetched(need=need), []
    for category in CATEGORIES:
        for query in searches:
            words = f"{query.words}, category {category}"
            asked_for = replace(query.with_(("category", category)), what=words)
            try:
                walked = walks.whole(server, asked_for)
                searched_so(server, fetched, walked)
            except SiteError:
                refused.append(category)
            else:
                fetched.walked.append(walked)
    if not fetched.walked:
        raise SiteError(f"{server.site}: {need.kind}: the server gives none of the known categories")
    failure = "the server gives it only by category: what is in none of the known ones was not asked for"
    if refused:
        failure += f"; refused: {', '.join(dict.fromkeys(refused))}"
    fetched.got = replace(got, watermark=date(fetched.walked), failure=failure)
    fetched.notes += [note for w in fetched.walked for note in w.notes]
    return fetched


def _fetch(server: Server, fetched: Fetched, before: Before | None, searches: list[Query]) -> Fetched:
    need, got = fetched.need, fetched.got
    old = before.series if before else None
    if before is None or old is None or old.failure or old.query != got.query:
        _all(server, fetched, searches)
        fetched.got = _now(fetched, got)
    elif old.watermark and server.can.vendor != "epic" and tells_news(server, need.kind, searches):
        _since(
            server,
            fetched,
            Plan(all=searches, got=got, before=before, **parts(server, need, got.patients or None, old)),
        )
    else:
        fetched.notes.append(f"{need.kind}: the server cannot tell what is new: all is fetched and compared")
        _compared(server, fetched, searches, got)
    fetched.notes += [note for w in fetched.walked for note in w.notes]
    return fetched


def tells_news(server: Server, kind: str, searches: list[Query]) -> bool:
    """A server that does not say that it searches by _lastUpdated may refuse to, or find nothing by it: what
    changed since the beginning of time must be all there is."""
    if server.can.declares(kind, "_lastUpdated"):
        return True
    ever = ("_lastUpdated", "ge1900-01-01T00:00:00Z")
    both = [(walks.count(server, q), walks.count(server, q.with_(ever))) for q in searches]
    return all(a is not None and a == b for a, b in both) and any(a for a, _ in both)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """all: the searches for all of a type; known: for patients that the series has; joined: for others."""

    all: list[Query]
    known: list[Query]
    joined: list[Query]
    got: Got
    before: Before


def parts(server: Server, need: Need, patients: Sequence[str] | None, old: Series) -> dict[str, list[Query]]:
    """Whoever joined a Group since the last pull is asked for whole, the others for what is new."""
    if patients is None:
        return {"known": queries(server, need, None)[0], "joined": []}
    had = set(old.patients)
    known, joined = [p for p in patients if p in had], [p for p in patients if p not in had]
    return {"known": queries(server, need, known)[0], "joined": queries(server, need, joined)[0]}


def _all(server: Server, fetched: Fetched, searches: list[Query]) -> None:
    for query in searches:
        walked = walks.whole(server, query)
        fetched.walked.append(walked)
        searched_so(server, fetched, walked)


def searched_so(server: Server, fetched: Fetched, walked: Walked) -> None:
    """A parameter that was let fall makes the result wider, without an error."""
    for name in sorted(walked.dropped - {"_lastUpdated", include.PARAMETER}):
        if name != BY_CODE:
            walked.remove()
            raise SiteError(
                f"{server.site}: {walked.query.words}: the server cannot search by {name}: none is kept",
                hint="ask the site for a search by patient, or for a bulk export of the Group",
            )
        fetched.notes.append(f"{walked.query.words}: the server does not search by code: all of it came")


def _compared(server: Server, fetched: Fetched, searches: list[Query], got: Got) -> None:
    """All of it again: what is the same is not landed twice, and what did not come is gone."""
    fetched.walked = []
    _all(server, fetched, searches)
    fetched.got = replace(_now(fetched, got), extends=True, complete=True)


def _now(fetched: Fetched, got: Got) -> Got:
    now = date(fetched.walked)
    return replace(got, asked=asked(fetched.walked), watermark=now, deletions_known_at=now)


def _since(server: Server, fetched: Fetched, plan: Plan) -> None:
    old, kind = plan.before.series, fetched.need.kind
    begin = plan.before.since()
    since = instant(begin)
    _all(server, fetched, [*(q.with_(("_lastUpdated", f"ge{since}")) for q in plan.known), *plan.joined])
    if any("_lastUpdated" in w.dropped for w in fetched.walked):
        fetched.notes.append(
            f"{kind}: the server does not search by _lastUpdated: all is fetched and compared"
        )
        _compared(server, fetched, plan.all, plan.got)
        return
    fetched.got = replace(
        plan.got,
        asked=asked(fetched.walked),
        extends=True,
        watermark=date(fetched.walked),
        deletions_known_at=old.deletions_known_at,
    )
    _deletions(server, fetched, plan)
    if _went_back(fetched, plan, begin):
        fetched.notes.append(f"{kind}: the newest that was landed is not there: all is fetched and compared")
        _compared(server, fetched, plan.all, plan.got)


def _went_back(fetched: Fetched, plan: Plan, since: datetime) -> bool:
    """A source that was restored from a backup has not what was newest: nothing else would show it."""
    told = {*fetched.got.deleted}
    came = {*_ids(fetched.walked).tolist()}
    due = landing.updated_since(plan.before.folder, plan.before.series, since)
    return not fetched.got.complete and any(hashed(i) not in came for i in due - told)


def _deletions(server: Server, fetched: Fetched, plan: Plan) -> None:
    """By the history of the type where there is one; then a count shows whether anything else went."""
    old, kind, now = plan.before.series, fetched.need.kind, fetched.got.watermark
    known = old.deletions_known_at
    history_of = _history(server, fetched, known)
    told, deleted = history_of is not None, history_of.deleted if history_of else ()
    if history_of:
        fetched.got = replace(
            fetched.got, deleted=deleted, reborn=history_of.reborn, deletions_known_at=now or known
        )
    due = not told and (not known or not now or age(known, now) > RECONCILE)
    counts = [walks.count(server, q) for q in plan.all]
    if None in counts:
        if due:
            _reconcile(server, fetched, plan)
        elif not told:
            fetched.notes.append(f"{kind}: deletions are not known since {known}")
        return
    expected = plan.before.expected(deleted, _ids(fetched.walked))
    if due or sum(c or 0 for c in counts) != expected:
        _reconcile(server, fetched, plan)
    else:
        fetched.got = replace(fetched.got, deletions_known_at=now or known)


def _history(server: Server, fetched: Fetched, known: str | None) -> history.Deletions | None:
    """None where there is none, whatever the server says."""
    kind = fetched.need.kind
    if not known or not server.can.offered(kind).does("history-type"):
        return None
    try:
        return history.deletions(server.client, kind, instant(datetime.fromisoformat(known) - OVERLAP))
    except SiteError:
        fetched.notes.append(f"{kind}: its history cannot be read: deletions are looked for by count")
        return None


def _reconcile(server: Server, fetched: Fetched, plan: Plan) -> None:
    """A walk over all ids tells what is gone; where it tells of some that never came, all is fetched."""
    kind = fetched.need.kind
    present: list[str] = []
    counted = True
    for query in plan.all:
        walked = walks.whole(server, query.alone().with_(("_elements", "id")))
        found = walks.rows(server, walked, search.Beside())
        present += [item.id for item in found if isinstance(item, Resource) and item.id]
        counted = counted and walked.asked is not None
        walked.remove()
    came = {*_ids(fetched.walked).tolist(), *plan.before.ids.tolist()}
    if any(hashed(i) not in came for i in present):
        fetched.notes.append(f"{kind}: some that are not new had not come: all is fetched and compared")
        _compared(server, fetched, plan.all, plan.got)
        return
    missing = {*plan.before.live} - {*present}
    if not counted:  # pages alone do not prove that a walk was whole
        missing -= _there(server, kind, missing)
    fetched.got = replace(
        fetched.got, missing=tuple(sorted(missing)), deletions_known_at=fetched.got.watermark
    )
    fetched.notes.append(f"{kind}: all ids compared with the server's")


def _there(server: Server, kind: str, ids: set[str]) -> set[str]:
    """Those of the ids that the server gives when asked for them by name."""
    there: set[str] = set()
    for query in by_ids(kind, ids, f"{kind} that did not come"):
        walked = walks.whole(server, query)
        found = walks.rows(server, walked, search.Beside())
        there |= {item.id for item in found if isinstance(item, Resource) and item.id}
        walked.remove()
    return there


def by_ids(kind: str, ids: set[str], what: str) -> list[Query]:
    ordered = sorted(ids)
    return [
        Query(
            kind=kind,
            parameters=(("_id", ",".join(ordered[at : at + PATIENTS])),),
            what=f"{what}, {at + 1} to {min(at + PATIENTS, len(ordered))}",
            private=kind == "Patient",
        )
        for at in range(0, len(ordered), PATIENTS)
    ]


def _ids(walked: list[Walked]) -> Ids:
    return np.unique(np.concatenate([np.empty(0, np.uint64), *(w.ids() for w in walked)]))


def came(ids: Iterable[str], walked: list[Walked]) -> int:
    """How many of the ids."""
    found = {*_ids(walked).tolist()}
    return sum(hashed(i) in found for i in ids)


def asked(walked: list[Walked]) -> int | None:
    counts = [w.asked for w in walked]
    return None if None in counts else sum(c or 0 for c in counts)


def date(walked: list[Walked]) -> str | None:
    """The server's time before which nothing can have been missed; None where it gave none."""
    dates = [w.date for w in walked]
    return min((d for d in dates if d), default=None) if all(dates) else None


def instant(when: datetime) -> str:
    """With Z: a bare + in a query is a space."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(then: str, now: str) -> timedelta:
    return datetime.fromisoformat(now) - datetime.fromisoformat(then)
