"""A whole little FHIR server in memory: versions, deletions, search, history, and the manners of vendors.

    with Memory() as m:  m.put(patient);  m.delete("Patient", "p1");  m.now = …;  Client(url = m.base)

Nothing can be written over HTTP: that is the test's own business.  Every write takes a second of the
server's time, `now`.  What a Memory does otherwise than a good server is said in its Manners.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.fhir.manners import GOOD, Manners
from tests.fhir.searching import COMMON, R4, R5, RESULT, BadValueError, finds, only, span
from tests.fhir.server import Reply
from tests.fhir.wire import Asked, Listener

Body = dict[str, Any]
Mount = Callable[..., Reply | None]
INCLUDE = "MedicationAdministration:medication"
EXPORT = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"
ESTIMATED_TOO_MANY = 7


@dataclass(frozen=True, kw_only=True)
class Version:
    """body: None where the resource was deleted."""

    kind: str
    id: str
    number: int
    at: datetime
    body: Body | None

    def instant(self, manners: Manners) -> str:
        precision = "seconds" if manners.to_the_second else "milliseconds"
        return self.at.isoformat(timespec=precision).replace("+00:00", "Z")

    def resource(self, manners: Manners) -> Body:
        assert self.body is not None
        stamp = {"versionId": str(self.number), "lastUpdated": self.instant(manners)}
        rest = {k: v for k, v in self.body.items() if k != "meta"}
        own = self.body.get("meta", {})
        return {**rest, **({"meta": {**own, **stamp}} if manners.meta else {})}


class Memory(Listener):
    """mounts: further handlers (an $export), asked first, with (method, path, query, headers, body).

    token: wanted of every request but those whose path `open` matches.
    """

    def __init__(self, manners: Manners = GOOD, *, token: str | None = None, version: str = "4.0.1") -> None:
        super().__init__()
        self.manners, self.token, self.fhir_version = manners, token, version
        self.parameters = R5 if version.startswith("5") else R4
        self.base = f"{self.origin}/fhir"
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.mounts: list[Mount] = []
        self.open: str | None = None
        self._versions: dict[tuple[str, str], list[Version]] = {}
        self._listings: list[_Listing] = []

    def put(self, *resources: Body) -> None:
        for r in resources:
            self._write(r["resourceType"], r["id"], json.loads(json.dumps(r)))

    def delete(self, kind: str, id_: str) -> None:
        self._write(kind, id_, None)

    def _write(self, kind: str, id_: str, body: Body | None) -> None:
        with self.lock:
            held = self._versions.setdefault((kind, id_), [])
            held.append(Version(kind=kind, id=id_, number=len(held) + 1, at=self.now, body=body))
            self.now += timedelta(seconds=1)

    def current(self, kind: str) -> list[Version]:
        """What is there, the oldest first."""
        with self.lock:
            newest = [held[-1] for (k, _), held in self._versions.items() if k == kind]
        return sorted((v for v in newest if v.body is not None), key=lambda v: (v.at, v.id))

    def gone(self) -> list[Version]:
        """What was deleted and not made again."""
        with self.lock:
            return [held[-1] for held in self._versions.values() if held[-1].body is None]

    def resources(self) -> dict[str, list[Body]]:
        """By type, as they would be read: what an $export gives."""
        return {k: [v.resource(self.manners) for v in self.current(k)] for k in self.manners.offers}

    def reply(self, asked: Asked) -> Reply:
        reply = self._refused(asked) or self._mounted(asked) or self._reply(asked)
        reply.headers.setdefault("Date", format_datetime(self.now.astimezone(UTC), usegmt=True))
        return reply

    def _refused(self, asked: Asked) -> Reply | None:
        if not self.token or (self.open and re.search(self.open, asked.path)):
            return None
        right = asked.headers.get("authorization") == f"Bearer {self.token}"
        return None if right else outcome(401, "login")

    def _mounted(self, asked: Asked) -> Reply | None:
        query = parse_qs(urlsplit(asked.target).query, keep_blank_values=True)
        replies = (m(asked.method, asked.path, query, asked.headers, asked.body) for m in self.mounts)
        return next((r for r in replies if r is not None), None)

    def _reply(self, asked: Asked) -> Reply:
        path = [p for p in asked.path.removeprefix("/fhir").split("/") if p]
        if asked.method not in ("GET", "HEAD") and not (asked.method == "POST" and path[1:] == ["_search"]):
            return outcome(405, "not-supported")
        try:
            return self._route(asked, path)
        except (BadValueError, ValueError, IndexError):
            return outcome(400, "invalid")

    def _route(self, asked: Asked, path: list[str]) -> Reply:
        match path:
            case ["metadata"]:
                return found(self._statement())
            case []:
                return self._next_page(asked)
            case [kind, *rest] if kind in self.manners.offers:
                return self._of_type(kind, rest, asked)
        return outcome(404, "not-supported")

    def _of_type(self, kind: str, rest: list[str], asked: Asked) -> Reply:
        match rest:
            case []:
                return self._search(kind, asked)
            case ["_search"] if self.manners.post_search:
                return self._search(kind, asked)
            case ["_history"] if self.manners.history:
                return self._history(kind, asked)
            case [id_]:
                return self._read(kind, id_)
        return outcome(404, "not-found")

    def _read(self, kind: str, id_: str) -> Reply:
        held = self._versions.get((kind, id_))
        if not held:
            return outcome(404, "not-found")
        return found(held[-1].resource(self.manners)) if held[-1].body else outcome(410, "deleted")

    def _search(self, kind: str, asked: Asked) -> Reply:
        m = self.manners
        given = [(k, v) for k, v in asked.parameters if k != "_offset"]
        known = {*COMMON, *RESULT, *self.parameters[kind]} - m.ignores
        known -= {"_include"} if m.include == "drop" else set()
        if m.include == "refuse" and "_include" in dict(given):
            return outcome(400, "not-supported")
        unknown = {k for k, _ in given} - known
        if unknown and (m.unknown == "refuse" or "handling=strict" in asked.headers.get("prefer", "")):
            return outcome(400, "not-supported")
        if (
            m.needs_category
            and kind == "Observation"
            and not {"category", "code", "combo-code"} & {k for k, _ in given}
        ):
            return outcome(400, "required")
        obeyed = [(k, v) for k, v in given if k not in unknown]
        rows = [] if unknown and m.unknown == "keep" else self._matches(kind, obeyed)
        query = dict(obeyed)
        if query.get("_summary") == "count":
            return found({"resourceType": "Bundle", "type": "searchset", "total": len(rows)})
        return self._list(
            asked,
            what="searchset",
            own=f"{kind}?{urlencode(given if m.unknown == 'keep' else obeyed)}",
            entries=[self._match(v, query.get("_elements")) for v in rows],
            included=query.get("_include") if m.include in ("give", "bare") else None,
        )

    def _matches(self, kind: str, parameters: list[tuple[str, str]]) -> list[Version]:
        own = dict.fromkeys(COMMON, ()) | self.parameters[kind]
        filters = [(own[k], k, v) for k, v in parameters if k in own]
        for time in (v for _, k, v in filters if k == "_lastUpdated"):
            span(time)  # refused also where there is nothing to compare it with
        if any(f"{kind}.{k}" in self.manners.blind for _, k, _ in filters):
            return []
        exact = self.manners.to_the_second
        rows = [
            v
            for v in self.current(kind)
            if all(finds(v.body or {}, v.at, *f, to_the_ms=exact) for f in filters)
        ]
        sort = dict(parameters).get("_sort", "-" if self.manners.paging == "offset" else "")
        if sort.endswith("_id"):
            rows.sort(key=lambda v: v.id)
        return rows[::-1] if sort.startswith("-") else rows

    def _match(self, v: Version, elements: str | None, mode: str = "match") -> Body:
        resource = v.resource(self.manners)
        return {
            "fullUrl": f"{self.base}/{v.kind}/{v.id}",
            "resource": only(resource, elements) if elements else resource,
            "search": {"mode": mode},
        }

    def _history(self, kind: str, asked: Asked) -> Reply:
        """The newest first; `_since` is inclusive."""
        since = dict(asked.parameters).get("_since")
        begin = span(since)[0] if since else datetime.min.replace(tzinfo=UTC)
        with self.lock:
            versions = [
                v for (k, _), held in self._versions.items() if k == kind for v in held if v.at >= begin
            ]
        versions.sort(key=lambda v: (v.at, v.number), reverse=True)
        own = f"{kind}/_history?{urlencode(asked.parameters)}"
        return self._list(asked, what="history", own=own, entries=[self._change(v) for v in versions])

    def _change(self, v: Version) -> Body:
        method = "DELETE" if v.body is None else "POST" if v.number == 1 else "PUT"
        return {
            "fullUrl": f"{self.base}/{v.kind}/{v.id}",
            **({} if v.body is None else {"resource": v.resource(self.manners)}),
            "request": {"method": method, "url": f"{v.kind}/{v.id}"},
            "response": {"status": "200", "etag": f'W/"{v.number}"', "lastModified": v.instant(self.manners)},
        }

    def _list(
        self, asked: Asked, *, what: str, own: str, entries: list[Body], included: str | None = None
    ) -> Reply:
        """The first page; by OFFSET also every other, for all is looked up again."""
        query = dict(asked.parameters)
        size = max(1, min(int(query.get("_count", self.manners.page)), self.manners.most))
        listing = _Listing(what=what, own=f"{self.base}/{own}", entries=entries, size=size, included=included)
        if self.manners.paging == "offset" and what == "searchset":
            return self._page(listing, int(query.get("_offset", 0)), f"{listing.own}&_offset=")
        with self.lock:
            self._listings.append(listing)
            return self._page(listing, 0, self._further(len(self._listings) - 1))

    def _next_page(self, asked: Asked) -> Reply:
        number, _, at = dict(asked.parameters).get("_getpages", "").split("-")
        return self._page(self._listings[int(number)], int(at), self._further(int(number)))

    def _further(self, number: int) -> str:
        """All but the row a page begins with; the type is there for the eye, and for scripts of faults."""
        kind = self._listings[number].own.removeprefix(self.base).split("/")[1].partition("?")[0]
        return f"{self.base}?_getpages={number}-{kind}-"

    def _page(self, listing: "_Listing", at: int, further: str) -> Reply:
        end = at + listing.size
        last = end >= len(listing.entries)
        entry = listing.entries[at:end]
        link = [{"relation": "self", "url": listing.own}]
        if not last:
            link.append({"relation": "next", "url": f"{further}{end}"})
        if self.manners.total != "none":
            wrong = 0 if last or self.manners.total == "exact" else ESTIMATED_TOO_MANY
            total = {"total": len(listing.entries) + wrong}
        else:
            total = {}
        if listing.included == INCLUDE:
            entry = entry + self._included(entry)
        if self.manners.include == "bare":
            entry = [{k: v for k, v in e.items() if k != "search"} for e in entry]
        bundle = {"resourceType": "Bundle", "type": listing.what, **total, "link": link}
        return found({**bundle, **({"entry": entry} if entry else {})})

    def _included(self, entry: list[Body]) -> list[Body]:
        wanted = {r for e in entry if (r := _medication(e["resource"]))}
        rows = self.current("Medication")
        return [self._match(v, None, "include") for v in rows if f"Medication/{v.id}" in wanted]

    def _search_include(self, kind: str) -> Body:
        listed = self.manners.includes if kind == "MedicationAdministration" else ()
        return {"searchInclude": [*listed]} if listed else {}

    def _statement(self) -> Body:
        codes = ["read", "search-type", *(["history-type"] if self.manners.history else [])]
        resource = [
            {
                "type": kind,
                "interaction": [{"code": c} for c in codes],
                "searchParam": [
                    {"name": n} for n in sorted({*COMMON, *self.parameters[kind]} - self.manners.ignores)
                ],
                **self._search_include(kind),
            }
            for kind in self.manners.offers
        ]
        rest = {
            "mode": "server",
            "resource": resource,
            **({"operation": [{"name": "export", "definition": EXPORT}]} if self.mounts else {}),
        }
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "fhirVersion": self.fhir_version,
            "software": {"name": "memory"},
            "rest": [rest],
        }


@dataclass(frozen=True, kw_only=True)
class _Listing:
    """What was found, before it is cut into pages.  own: the self link."""

    what: str
    own: str
    entries: list[Body]
    size: int
    included: str | None


def _medication(administration: Body) -> str | None:
    """R4 and R5."""
    r4, r5 = administration.get("medicationReference"), administration.get("medication", {}).get("reference")
    reference: str | None = (r4 or r5 or {}).get("reference")
    return reference


def found(body: Body) -> Reply:
    return Reply(body=json.dumps(body, ensure_ascii=False).encode())


def outcome(status: int, code: str) -> Reply:
    issue = [{"severity": "error", "code": code, "diagnostics": "of no interest"}]
    body = {"resourceType": "OperationOutcome", "issue": issue}
    return Reply(status=status, body=json.dumps(body).encode())
