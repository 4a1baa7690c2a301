"""Who was purged, so that no pull brings them back: a keyed hash of each id, and no id.

data/purged.key (0600), data/purged.ndjson  ──▶  Purged  ──▶  holds(a resource)?
"""

import hmac
import json
import os
import re
import secrets
from pathlib import Path
from typing import Self

import msgspec

from rwe import chain
from rwe.errors import DataError
from rwe.resource import Resource, Unusable

LIST, KEY = "purged.ndjson", "purged.key"
PATIENT = re.compile(rb"Patient\\?/([A-Za-z0-9.\-]{1,255})")
ID = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9.\-]{1,255})"')


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """patient: HMAC-SHA256 of site and id, with the key of this study."""

    site: str
    patient: str
    before: str


def plain(body: bytes) -> bytes:
    """As its signs, where some are written by their number, which could hide an id."""
    if b"\\u" not in body:
        return body
    try:
        return json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace")
    except (ValueError, RecursionError):
        return body


def patients(item: Resource | Unusable) -> set[bytes]:
    """The ids of all that a resource, or what should have been one, is of or refers to."""
    text = plain(item.body)
    own: list[bytes] = []
    if isinstance(item, Resource):
        own = [(item.id or "").encode()] if item.type == "Patient" else []
    elif item.type in ("Patient", None):
        own = ID.findall(text)
    return {*own, *PATIENT.findall(text)}


class Purged:
    """Of one site.  folder: the study's data/, None where nobody was purged."""

    def __init__(self, folder: Path | None = None, site: str = "") -> None:
        self._folder, self._site = folder, site
        self._key, self._marks = b"", set[str]()
        if folder is not None and (folder / LIST).exists():
            self._marks = {line.patient for line, _ in _lines(folder) if line.site == site}
            self._key = _key(folder)

    @classmethod
    def nobody(cls) -> Self:
        return cls()

    def knows(self, patient: str) -> bool:
        return bool(self._marks) and self._mark(patient.encode()) in self._marks

    def holds(self, item: Resource | Unusable) -> bool:
        if not self._marks:
            return False
        return any(self._mark(p) in self._marks for p in patients(item))

    def add(self, patient: str) -> None:
        assert self._folder is not None
        if self.knows(patient):
            return
        self._key = self._key or _key(self._folder)
        found = _lines(self._folder)
        mark = self._mark(patient.encode())
        line = Line(site=self._site, patient=mark, before=found[-1][1] if found else "")
        chain.append(self._folder / LIST, msgspec.json.encode(line))
        self._marks.add(mark)

    def _mark(self, patient: bytes) -> str:
        return hmac.new(self._key, self._site.encode() + b"\0" + patient, "sha256").hexdigest()


def _lines(folder: Path) -> list[tuple[Line, str]]:
    try:
        return chain.read(folder / LIST, Line)
    except chain.BrokenError:
        raise _damaged(folder / LIST) from None


def _key(folder: Path) -> bytes:
    path = folder / KEY
    try:
        if not (folder / LIST).exists() and not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        key = b""
    if len(key) != 32:
        raise _damaged(path)
    return key


def _damaged(path: Path) -> DataError:
    hint = "without it a pull would bring back who was purged: put it back, or purge with --all and again"
    return DataError(f"{path}: who was purged cannot be read", hint=hint)
