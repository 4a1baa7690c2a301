"""The manifest of an export, versions 1 to 4: what is there to fetch.

    bytes                  ──▶  part()    ──▶  Part, None where it is no manifest
    Wanted, parts, origin  ──▶  gather()  ──▶  rwe.fhir.bulk.job.Manifest

Nothing of it is believed: a type is one of FHIR's and was asked for, else its file is not loaded.
Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import msgspec

from rwe.fhir.bulk.job import Kind, Manifest, Piece, Wanted
from rwe.fhir.types import TYPES

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class _Item(msgspec.Struct):
    type: Any = None
    url: Any = None
    count: Any = None


class _Link(msgspec.Struct):
    relation: Any = None
    url: Any = None


_Items = list[_Item | None] | None


class Part(msgspec.Struct, rename="camel"):
    """`error` is called `outcome` from version 4 on."""

    transaction_time: Any = None
    requires_access_token: Any = None
    output: _Items = None
    deleted: _Items = None
    error: _Items = None
    outcome: _Items = None
    link: list[_Link | None] | None = None

    @property
    def next(self) -> str | None:
        links = (i for i in self.link or () if i and i.relation == "next")
        return next((i.url for i in links if isinstance(i.url, str) and i.url), None)

    def items(self) -> Iterator[tuple[Kind, _Item]]:
        found: list[tuple[Kind, _Items]] = [
            ("output", self.output),
            ("deleted", self.deleted),
            ("outcome", self.error),
            ("outcome", self.outcome),
        ]
        for kind, items in found:
            for item in items or ():
                yield kind, item or _Item()


def part(body: bytes, *, strict: bool = True) -> Part | None:
    """strict: it has `output`, which every manifest has; else any whole JSON is one."""
    try:
        body.decode("utf-8")
        if not strict:
            msgspec.json.decode(body, type=msgspec.Raw)
            return Part()
        found = msgspec.json.decode(body, type=Part)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if found.output is not None else None


def gather(wanted: Wanted, parts: list[tuple[Part, str]], own: Callable[[str], bool]) -> Manifest:
    """own: is a URL on the site's own origin?"""
    pieces: dict[str, Piece] = {}
    passed_over: Counter[str] = Counter()
    failures: dict[str, str] = {}
    known, numbers = _known(parts), Counter[str]()
    for found, base, listed, item in _items(parts):
        kind, name = _named(listed, item, wanted)
        url = _joined(base, item.url)
        if name is None:
            failures["manifest"] = "it lists a file of a type that is none of FHIR's, which is not loaded"
        elif kind == "output" and name not in wanted.types:
            passed_over[name] += 1
        elif url is None:
            failures[name] = "the manifest lists a file without a URL"
        elif (key := f"{kind} {name} {known(url)}") not in pieces:
            numbers[name] += 1
            pieces[key] = Piece(
                kind=kind,
                type=name,
                number=numbers[name],
                key=key,
                url=url,
                count=_count(item.count),
                token=_token(found.requires_access_token, url, own),
            )
    time, wrong = _time(parts)
    return Manifest(
        transaction_time=time,
        pieces=tuple(pieces.values()),
        passed_over=dict(sorted(passed_over.items())),
        failures={**failures, **wrong},
    )


def _items(parts: list[tuple[Part, str]]) -> Iterator[tuple[Part, str, Kind, _Item]]:
    for found, base in parts:
        for kind, item in found.items():
            yield found, base, kind, item


def _named(kind: Kind, item: _Item, wanted: Wanted) -> tuple[Kind, str | None]:
    """Some servers list their OperationOutcomes among the output."""
    if kind != "output":
        return kind, kind
    if item.type == "OperationOutcome" and "OperationOutcome" not in wanted.types:
        return "outcome", "outcome"
    return kind, item.type if isinstance(item.type, str) and item.type in TYPES else None


def _joined(base: str, url: object) -> str | None:
    try:
        return urljoin(base, url) if isinstance(url, str) and url else None
    except ValueError:
        return None


def _known(parts: list[tuple[Part, str]]) -> Callable[[str], str]:
    """A URL without its query, where that names one file only: a signature in it changes."""
    urls = {url for _, base, _, item in _items(parts) if (url := _joined(base, item.url))}
    bare = Counter(map(_bare, urls))
    return lambda url: _bare(url) if bare[_bare(url)] == 1 else url


def _bare(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(query="", fragment=""))


def _count(count: object) -> int | None:
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _token(required: object, url: str, own: Callable[[str], bool]) -> bool:
    """Where the manifest does not say it, the login goes to the site's own origin only."""
    return required if isinstance(required, bool) else own(url)


def _time(parts: list[tuple[Part, str]]) -> tuple[str | None, dict[str, str]]:
    times = {found.transaction_time if _instant(found.transaction_time) else None for found, _ in parts}
    time = times.pop()
    if times:
        return None, {"transactionTime": "the manifest's parts name different times"}
    if time is None:
        return None, {"transactionTime": "the manifest names no time: nothing new can be asked since then"}
    return time, {}


def _instant(text: object) -> bool:
    if not isinstance(text, str) or not INSTANT.fullmatch(text):
        return False
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
