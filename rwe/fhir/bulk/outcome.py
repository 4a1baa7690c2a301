"""The files of an export that hold no data: what the server reports, and what was deleted.

OperationOutcome, a line each  ──▶  report()     ──▶  Report
Bundle of DELETEs, a line each ──▶  deletions()  ──▶  (type, id), None for what cannot be read
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rwe.fhir import files
from rwe.fhir.bundle import ID
from rwe.fhir.outcome import CODE
from rwe.fhir.types import TYPES
from rwe.resource import PassedOver

HARMLESS = ("information", "warning", "success")
URL = re.compile(r"(?:.*/)?([A-Za-z]+)/([A-Za-z0-9\-.]+)")


@dataclass(frozen=True, kw_only=True)
class Report:
    """Issue codes, with how often; unreadable: lines that are no OperationOutcome."""

    errors: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0

    @property
    def failure(self) -> str | None:
        found = [f"it reports {_listed(self.errors)}"] if self.errors else []
        found += [f"{self.unreadable} lines of its report cannot be read"] if self.unreadable else []
        return "; ".join(found) or None

    @property
    def note(self) -> str | None:
        return f"the server remarks {_listed(self.notes)}" if self.notes else None


class _Issue(msgspec.Struct):
    severity: Any = None
    code: Any = None


class _Outcome(msgspec.Struct, rename={"kind": "resourceType"}):
    kind: str
    issue: list[_Issue]


class _Request(msgspec.Struct):
    method: str
    url: str


class _Entry(msgspec.Struct):
    request: _Request


class _Bundle(msgspec.Struct):
    entry: list[_Entry] = []


def report(paths: Iterable[Path], line_bytes: int) -> Report:
    """An issue whose severity is none of the standard's is taken for an error."""
    errors: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    unreadable = 0
    for body in _bodies(paths, line_bytes):
        outcome = _decoded(body, _Outcome)
        if not isinstance(outcome, _Outcome) or outcome.kind != "OperationOutcome":
            unreadable += 1
            continue
        for issue in outcome.issue:
            code = (
                issue.code if isinstance(issue.code, str) and CODE.fullmatch(issue.code) else "another code"
            )
            (notes if issue.severity in HARMLESS else errors)[code] += 1
    return Report(errors=errors, notes=notes, unreadable=unreadable)


def deletions(paths: Iterable[Path], line_bytes: int) -> Iterator[tuple[str, str] | None]:
    for body in _bodies(paths, line_bytes):
        bundle = _decoded(body, _Bundle)
        if not isinstance(bundle, _Bundle):
            yield None
            continue
        yield from map(_deleted, bundle.entry)


def _deleted(entry: _Entry) -> tuple[str, str] | None:
    found = URL.fullmatch(entry.request.url)
    if entry.request.method != "DELETE" or not found or found[1] not in TYPES or not ID.fullmatch(found[2]):
        return None
    return found[1], found[2]


def _bodies(paths: Iterable[Path], line_bytes: int) -> Iterator[bytes]:
    """Each line; nothing for one that is too long, which then is not to be read."""
    for path in paths:
        for item in files.read(path, name=path.name, line_bytes=line_bytes):
            yield b"" if isinstance(item, PassedOver) else item.body


def _decoded(body: bytes, kind: type[msgspec.Struct]) -> msgspec.Struct | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _listed(codes: Counter[str]) -> str:
    return ", ".join(f"{code} ({n})" for code, n in codes.most_common(8))
