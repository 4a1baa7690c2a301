"""doctor, one resource type: how a pull will get it, tried with one page that is thrown away.

Client, Capability, Need  ──▶  examine()  ──▶  Said (ok, note or fault; what; what to do)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rwe.errors import SiteError
from rwe.fhir import include, search
from rwe.fhir.capability import Capability
from rwe.fhir.client import Client
from rwe.fhir.query import Query
from rwe.fhir.spool import Page
from rwe.steps import by_search, walks
from rwe.steps.ask import Need
from rwe.steps.by_search import BY_CODE, tells_news
from rwe.steps.progress import silent
from rwe.steps.walks import Server

DRY = "`rwe pull --dry-run` prints the request: show it to the server's people"
EVER = "ge1900-01-01T00:00:00Z"
NOBODY = "0"
"""An id to ask for where only the asking is of interest."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """faults, notes: each with what to do.  words: how it will go."""

    words: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """patients: of the Group, None where there is none.  level: of the export.

    tells_time: the server sends its date.
    """

    client: Client
    can: Capability
    patients: Sequence[str] | None
    level: str | None
    tells_time: bool

    @property
    def server(self) -> Server:
        return Server(client=self.client, can=self.can, folder=Path(), progress=silent)

    def of(self, need: Need, *, exported: bool) -> Said:
        said = Said()
        if self.can.types() and need.kind not in self.can.types():
            todo = "have it offered, or take an export of it into a folder: `files`"
            said.faults.append(("the server does not offer it", todo))
        elif exported:
            counts = self.level == "system" and self.can.offered(need.kind).does("search-type")
            said.words.append("by export" + (", held against the server's count" if counts else ""))
        else:
            try:
                self._search(need, said)
            except SiteError as e:
                said.faults.append((_short(self.client, e), e.hint or DRY))
        return said

    def _search(self, need: Need, said: Said) -> None:
        query = self._query(need)
        size = self.client.site.table.limits.page_size
        page, rows = search.peek(self.client, query.with_(("_count", str(size))))
        self._look(need, query, page, said)
        if need.referred_by:
            said.words.append(f"by search, those that {need.referred_by} refers to, each time")
            return
        verb = "POST" if query.private and self.client.posts else "GET"
        n = walks.count(self.server, query)
        said.words.extend([f"by search, {verb}", _counted(n, self.patients), *_paged(page, rows, size)])
        self._include(need, query, said)
        if self._tells_news(query, said):
            history = self.can.offered(need.kind).does("history-type")
            how = "history and counts" if history else "counts and all ids"
            said.words.append(f"what is new by _lastUpdated, deletions by {how}")
        else:
            said.words.append("all of it each time, compared")

    def _query(self, need: Need) -> Query:
        if need.referred_by:
            return by_search.by_ids(need.kind, {NOBODY}, f"{need.kind} referred to")[0]
        return by_search.queries(self.server, need, self.patients)[0][0].alone()

    def _include(self, need: Need, query: Query, said: Said) -> None:
        """Once it is known whether searches are taken by POST."""
        if need.include is None:
            return
        kind, todo = need.include.kind, "nothing is lost by it: what does not come along is fetched by its id"
        try:
            page, _ = search.peek(self.client, replace(query, include=need.include).page(1))
        except search.IncludeError:
            said.notes.append((f"the server lists {need.include.by} to be included, and refuses it", todo))
            return
        said.words.append(f"with the {kind} it refers to, by _include")
        if include.PARAMETER in page.dropped:
            said.notes.append(("the server does not say that it heeds _include, which it lists", todo))

    def _look(self, need: Need, query: Query, page: Page, said: Said) -> None:
        if page.trouble:
            said.faults.append((f"the server reports an error among its rows: {page.trouble}", DRY))
        for name in page.dropped:
            if name != BY_CODE:
                todo = "ask the site for this search, or for a bulk export of the Group"
                said.faults.append((f"the server cannot search by {name}, so a pull would keep none", todo))
        asks_code = any(k == BY_CODE for k, _ in query.parameters)
        if need.codes is not None and (BY_CODE in page.dropped or not asks_code):
            todo = "nothing is lost by it: expect a longer pull, or ask the site for a search by code"
            said.notes.append(("cannot be searched by code: all of it is fetched", todo))

    def _tells_news(self, query: Query, said: Said) -> bool:
        """As by_search.fetch() will go about it."""
        if (
            not self.tells_time
            or self.can.vendor == "epic"
            or not tells_news(self.server, query.kind, [query])
        ):
            return False
        try:
            page, _ = search.peek(self.client, query.with_(("_lastUpdated", EVER), ("_count", "1")))
        except SiteError as e:
            todo = (
                f"pull with `--full --site {self.client.site.id}` from the second time on, or have it mended"
            )
            said.notes.append((f"says that it searches by _lastUpdated, but: {_short(self.client, e)}", todo))
            return False
        return "_lastUpdated" not in page.dropped


def _counted(n: int | None, patients: Sequence[str] | None) -> str:
    if n is None:
        return "not counted: what comes is held against the total on its last page"
    some = patients is not None and len(patients) > by_search.PATIENTS
    return f"{n} there" + (f" for the first {by_search.PATIENTS} patients" if some else "")


def _paged(page: Page, rows: int, size: int) -> Iterator[str]:
    if rows > size:
        yield f"pages of {rows}, though {size} are asked for"
    elif page.next:
        yield f"pages of {rows}" + (f", though {size} are asked for" if rows < size else "")
    else:
        yield "one page"


def _short(client: Client, error: SiteError) -> str:
    return str(error).removeprefix(f"{client.site.id}: ")
