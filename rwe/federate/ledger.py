"""federate/ledger.ndjson: what was approved, answered, pooled and refused; hash-chained.

It holds no patient: of what has left, how many patients each number was of, and a hash of who they are that
only the site's own key can make again.  The audit log beside the data (rwe/audit.py) keeps the hash of each
line, so that a ledger that was cut, or written anew from its beginning, is told from a sound one.  Whoever
writes both anew, or puts back a copy of both, is not told of: keep a copy elsewhere.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from rwe import audit, chain
from rwe.errors import DataError, RefusedError
from rwe.federate import members, rules
from rwe.federate.keys import Secret
from rwe.federate.refusals import refusal
from rwe.federate.rules import Answered, Cell
from rwe.federate.seen import Seen
from rwe.steps import folder
from rwe.steps.audit import noted, stamp

NAME = "ledger.ndjson"
ANSWER = "federate answer"
"""As the audit log calls the command."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """request: SHA-256 of the request, where one was read.  cells: what has left, by its name.

    members: who was in each arm of each stratum then, by either; UNTOLD of whom nothing has left.
    sums: of what left under masks, by its group, the sites it was summed over.  number: of a round after
    the first.
    """

    before: str
    at: str
    what: Literal["approved", "answered", "continued", "pooled", "refused"]
    verb: str
    request: str = ""
    query: str = ""
    code: str = ""
    cells: dict[str, Cell] = {}
    members: dict[str, Cell] = {}
    sums: dict[str, list[str]] = {}
    number: int = 0


def entries(study_dir: Path, *, now: datetime) -> list[Entry]:
    """A refusal where a line was changed, cut or put in, or is later than now."""
    found = _sound(study_dir)
    if max((entry.at for entry in found), default="") > stamp(now):  # a refusal has the clock it was made by
        raise refusal("clock_set_back", study_dir / members.FOLDER / NAME)
    return found


def _sound(study_dir: Path) -> list[Entry]:
    """All lines that the audit log has heard of; that log first, for it may only lag behind."""
    path, told = study_dir / members.FOLDER / NAME, audit.lines(study_dir / folder.DATA)
    try:
        found = chain.read(path, Entry)
    except chain.BrokenError:
        raise refusal("ledger_lost", path) from None
    if not {line.ledger for line in told if line.ledger} <= {digest for _, digest in found}:
        raise refusal("ledger_lost", path)
    return [entry for entry, _ in found]


def answered(found: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in found if entry.what == "answered"]


def rounds(found: Iterable[Entry], query: str) -> int:
    """How many of a request's rounds were answered."""
    return sum(entry.query == query and entry.what in ("answered", "continued") for entry in found)


def told(found: Iterable[Entry]) -> Answered:
    """Of all answers before: what was summed over which sites, and what was told plainly."""
    sums: dict[str, list[str]] = {}
    plain: set[str] = set()
    for entry in answered(found):
        sums |= entry.sums
        plain |= {rules.group_of(name) for name in entry.cells} - {*entry.sums}
    return sums, plain


def write(study_dir: Path, entry: Entry) -> None:
    """Never behind what is not whole, which the next would then be held against."""
    path = members.folder_of(study_dir) / NAME
    _sound(study_dir)
    try:
        made = chain.extend(path, Entry, lambda before: msgspec.structs.replace(entry, before=before))
    except chain.BrokenError:
        raise refusal("ledger_lost", path) from None
    except OSError as e:
        hint = "nothing has left; make room or mend that, then run it again"
        raise DataError(f"{path}: the ledger cannot be written ({e.strerror})", hint=hint) from None
    noted(study_dir, f"federate {entry.verb}", made)


@contextmanager
def recording(study_dir: Path, verb: str, now: datetime) -> Iterator[None]:
    """A refusal inside has its line, by its code alone."""
    try:
        yield
    except RefusedError as e:
        if e.code != "ledger_lost":
            write(study_dir, Entry(before="", at=stamp(now), what="refused", verb=verb, code=e.code))
        raise


def cell(rows: Iterable[Seen], by: Secret) -> Cell:
    """Who they are and what was measured of each, as only this site can tell."""
    texts = sorted(repr((s.patient, s.value)) for s in rows)
    digest = hmac.new(by.raw, "\n".join(texts).encode(), hashlib.sha256).hexdigest()
    return len(texts), digest[:32]
