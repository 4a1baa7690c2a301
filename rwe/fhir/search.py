"""Walk the pages of a search into a spool, and read them from there.

    Client, Query, Spool  ──▶  walk()   ──▶  the spool, whole        or SiteError
                          ──▶  read()   ──▶  Resource | Unusable
                          ──▶  total()  ──▶  how many the server holds, None where it does not say

A next link is the server's own: it is followed as it stands, never built.  Places are named by type
and page, since URLs hold patients' ids.
Source: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#paging
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import msgspec

from rwe.errors import SiteError
from rwe.fhir import include, rough
from rwe.fhir.bundle import entries, read_bundle, read_head, resource, whole_bundle
from rwe.fhir.client import Answer, Client, StatusError
from rwe.fhir.outcome import Outcome
from rwe.fhir.query import NO_POST, Query, by_get, by_post
from rwe.fhir.spool import Page, Spool, SpoolError
from rwe.fhir.types import TYPES
from rwe.resource import Resource, Unusable

PAGES_WITHOUT_NEWS = 50
EMPTY = "entry without a resource"


class _Slim(msgspec.Struct, rename="camel"):
    resource_type: Any = None
    id: Any = None
    issue: Any = None


class _Search(msgspec.Struct):
    mode: Any = None


class _Entry(msgspec.Struct):
    resource: _Slim | None = None
    search: _Search | None = None

    def is_row(self, kind: str) -> bool:
        mode = self.search.mode if self.search else None
        return self.resource is not None and mode not in ("include", "outcome") and not self.is_other(kind)

    def is_other(self, kind: str) -> bool:
        """Of a type that was not searched, whatever is said of it: some servers give no mode."""
        found = self.resource.resource_type if self.resource else None
        return found != kind and isinstance(found, str) and found in TYPES

    def is_outcome(self, kind: str) -> bool:
        return self.resource is not None and self.resource.resource_type == "OperationOutcome" != kind


class _Link(msgspec.Struct):
    relation: Any = None
    url: Any = None


class _Page(msgspec.Struct, rename="camel"):
    resource_type: Any = None
    entry: list[_Entry | None] = []
    link: list[_Link] = []
    total: int | None = None

    def to(self, relation: str) -> str | None:
        urls = (link.url for link in self.link if link.relation == relation)
        return next((url for url in urls if isinstance(url, str) and url), None)


Told = Callable[[int], object]
Beside = Counter[str]
Item = Resource | Unusable
_read_page = msgspec.json.Decoder(_Page).decode


class _Recent:
    """The ids of the last pages."""

    def __init__(self) -> None:
        self._pages: deque[list[str]] = deque()
        self._times: Counter[str] = Counter()

    def add(self, ids: list[str]) -> bool:
        """Is any of a page's new to them?"""
        times = self._times
        new = any(i not in times for i in ids)
        times.update(ids)
        self._pages.append(ids)
        if len(self._pages) > PAGES_WITHOUT_NEWS:
            for i in self._pages.popleft():
                if times[i] == 1:
                    del times[i]
                else:
                    times[i] -= 1
        return new


def walk(client: Client, query: Query, spool: Spool, told: Told = lambda _: None) -> None:
    """Fetch what the spool lacks.  told: of how many rows more have come."""
    with spool:
        _turn(client, query, spool, told)


def _turn(client: Client, query: Query, spool: Spool, told: Told) -> None:
    recent, stale, corner = _Recent(), 0, ""
    while not spool.whole:
        number = (spool.last.number if spool.last else 0) + 1
        what = f"page {number} of {query.words}"
        answer = _ask(client, query, spool.last, what)
        page, ids = _page(client, query, answer, number)
        if page.next and page.next in (corner, answer.url):
            raise SiteError(f"{client.site.id}: {what}: its next link leads back to an earlier page")
        # Brent's way to find a circle without keeping all URLs.
        corner = answer.url if number & (number - 1) == 0 or not corner else corner
        stale = 0 if recent.add(ids) else stale + 1
        if stale == PAGES_WITHOUT_NEWS:
            raise SiteError(f"{client.site.id}: {query.words}: {stale} pages in a row brought nothing new")
        spool.add(answer.body, ids, page)
        told(len(ids))


def _ask(client: Client, query: Query, last: Page | None, what: str) -> Answer:
    if last is not None and last.next:
        return client.get(last.next, what=what)
    return _first(client, query.page(client.site.table.limits.page_size), what)


def _first(client: Client, query: Query, what: str) -> Answer:
    """By POST where patients' ids are asked for, if the server takes it: no log on the way holds them."""
    if query.include:
        return _with_others(client, query, what)
    return _posted(client, query, what) or client.get(query.kind, query.parameters, what=what)


def _with_others(client: Client, query: Query, what: str) -> Answer:
    """A refusal is taken for one of the _include, not of POST."""
    try:
        if query.private and client.posts:
            return client.ask(replace(by_post(query, what), expected=(200,)))
        return client.get(query.kind, query.parameters, what=what)
    except StatusError as e:
        if e.status not in include.REFUSED:
            raise
        raise IncludeError(str(e), hint=e.hint) from None


def _posted(client: Client, query: Query, what: str) -> Answer | None:
    if query.private and client.posts:
        answer = client.ask(by_post(query, what))
        if answer.status not in NO_POST:
            return answer
        client.posts = False
    return None


def _page(client: Client, query: Query, answer: Answer, number: int) -> tuple[Page, list[str]]:
    what = f"page {number} of {query.words}"
    found = _bundle(client, answer.body, what)
    rows = [e for e in found.entry if e is not None and e.is_row(query.kind)]
    ids = [
        r.resource.id if r.resource and isinstance(r.resource.id, str) else f"?{number}.{n}"
        for n, r in enumerate(rows)
    ]
    outcomes = [
        Outcome.of(e.resource.issue) for e in found.entry if e and e.resource and e.is_outcome(query.kind)
    ]
    link = found.to("next")
    try:
        following = urljoin(answer.url, link) if link else None
    except ValueError:
        raise SiteError(f"{client.site.id}: {what}: the next link is no URL") from None
    return Page(
        url=answer.url,
        next=following,
        date=answer.date,
        total=found.total,
        dropped=query.dropped(found.to("self")),
        trouble=next((w for o in outcomes if (w := o.worst())), None),
        warnings=[code for o in outcomes for code in o.codes()],
    ), ids


def _bundle(client: Client, body: bytes, what: str) -> _Page:
    try:
        body.decode("utf-8")
        if (kind := read_head(body).resource_type) != "Bundle":
            said = " an OperationOutcome" if kind == "OperationOutcome" else " something else than a Bundle"
            raise SiteError(f"{client.site.id}: {what}: the server answers with{said}")
        return _read_page(body)
    except msgspec.ValidationError:
        return _slowly(client, body, what)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        if found := rough.tamed(body):
            return _bundle(client, found[0], what)
        raise SiteError(f"{client.site.id}: {what}: the Bundle cannot be read (not_json)") from None


def _slowly(client: Client, body: bytes, what: str) -> _Page:
    """Entry by entry: one that is no resource costs the others nothing."""
    try:
        bundle = read_bundle(body)
    except msgspec.DecodeError:
        raise SiteError(
            f"{client.site.id}: {what}: the server answers with something else than a Bundle"
        ) from None
    found: list[_Entry | None] = []
    for entry, mode in zip(bundle.entry, include.modes(body), strict=True):
        said = _Search(mode=mode)
        try:
            slim = msgspec.json.decode(entry.resource if entry else b"", type=_Slim)
            found.append(_Entry(resource=slim, search=said))
        except msgspec.DecodeError:
            there = entry and bytes(entry.resource) not in (b"", b"null")
            found.append(_Entry(resource=_Slim(), search=said) if there else None)
    links = [_Link(relation=link.relation, url=link.url) for link in bundle.link]
    return _Page(resource_type="Bundle", entry=found, link=links, total=bundle.total)


def read(client: Client, query: Query, spool: Spool, beside: Beside) -> Iterator[Item]:
    """What was asked for, of the pages, and what it includes; `beside` counts by type what else was given."""
    kinds = {query.kind, query.include.kind if query.include else query.kind}
    try:
        for page, body in spool.bodies():
            where = f"page {page.number} of {query.words}"
            (whole, reason), spoiled, text = whole_bundle(body), {}, body
            if whole is None and (found := rough.tamed(body)):
                (whole, reason), spoiled, text = whole_bundle(found[0]), found[1], found[0]
            if whole is None:
                raise SiteError(f"{client.site.id}: {where}: the Bundle cannot be read ({reason})")
            along = include.along(text) if query.include else set()
            for entry in entries(whole, f"{query.words}, page {page.number}", searchset=True):
                bad = spoiled.get(entry.place.position)
                item = resource(bad, entry.place) if bad else entry
                if item.type in kinds:
                    yield item
                elif isinstance(item, Unusable) and item.type is None and item.reason != "no_resource":
                    kind = _meant(query, included=entry.place.position in along)
                    yield msgspec.structs.replace(item, type=kind)
                else:
                    beside[item.type or EMPTY] += 1
    except SpoolError as e:
        raise SiteError(
            f"{client.site.id}: {query.words}: {e} is not as it was written: is the disk well?",
            hint="run the same command again",
        ) from None


def _meant(query: Query, *, included: bool) -> str:
    """The type of what cannot be read."""
    return query.include.kind if query.include and included else query.kind


def peek(client: Client, query: Query) -> tuple[Page, int]:
    """One page, thrown away: what it says, and how many rows it had.  query: as a page is asked."""
    answer = _first(client, query, f"page 1 of {query.words}")
    page, ids = _page(client, query, answer, 1)
    return page, len(ids)


class NoCountError(SiteError):
    """The server refuses to count."""


class IncludeError(SiteError):
    """The server refuses a search with _include."""


class RequiredError(SiteError):
    """The server wants another parameter: Epic does not give Observations without a category or code."""


def total(client: Client, query: Query) -> int | None:
    """By _summary=count; None where the server does not say."""
    what = f"the count of {query.words}"
    counted = query.with_(("_summary", "count"))
    answer = _posted(client, counted, what) or client.ask(by_get(counted, what))
    if answer.status == 400 and "required" in _codes(answer.body):
        raise RequiredError(f"{client.site.id}: {query.words}: the server wants another parameter")
    if answer.status != 200:
        raise NoCountError(f"{client.site.id}: {what}: the server answers {answer.status}")
    return _bundle(client, answer.body, what).total


def _codes(body: bytes) -> list[str]:
    try:
        return Outcome.of(msgspec.json.decode(body, type=_Slim).issue).codes()
    except msgspec.DecodeError:
        return []
