"""data/audit.ndjson: who ran which command on the study's data, and when; no patient, no value, no secret.

    a command  ──▶  a line when it begins, one before it compares, one when it ends; of a federated command
                    also one after each line of its own ledger, by that line's hash

Each line has the hash of the one before.  A purge leaves the log; a command that ended without its last line
was killed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from rwe import chain
from rwe.errors import DataError

NAME = "audit.ndjson"
MEND = "put it back as it was; or keep it elsewhere, and the next command begins a new one"


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """at: UTC.  user: of the operating system.  study: the SHA-256 of study.toml and its code lists, null
    where they are not sound.  begun: of an end the hash of its beginning.  ledger: the hash of the newest
    line of federate/ledger.ndjson."""

    before: str
    at: str
    user: str
    what: Literal["begin", "comparison", "ledger", "end"]
    command: str
    options: dict[str, bool | str] = {}
    study: str | None = None
    sites: list[str] = []
    begun: str = ""
    ledger: str = ""
    counts: dict[str, int] = {}
    exit_code: int | None = None


class BrokenLogError(DataError):
    """A line was changed, lost or put in."""


def lines(folder: Path) -> list[Line]:
    """folder: the study's data/."""
    try:
        return [line for line, _ in chain.read(folder / NAME, Line)]
    except chain.BrokenError:
        raise _broken(folder / NAME) from None


def write(folder: Path, make: Callable[[str], Line]) -> str:
    """make: the line, of the hash of the one before.  Its own hash, once it is on the disk."""
    path = folder / NAME
    try:
        return chain.extend(path, Line, make)
    except chain.BrokenError:
        raise _broken(path) from None
    except OSError as e:
        raise DataError(
            f"{path}: the audit log cannot be written ({e.strerror})", hint="mend that, then run it again"
        ) from None


def first_comparison(folder: Path) -> str | None:
    """When the endpoints were first compared, as far as the log knows."""
    return next((line.at for line in lines(folder) if line.what == "comparison"), None)


def _broken(path: Path) -> BrokenLogError:
    return BrokenLogError(f"{path}: a line of the audit log was changed, lost or put in", hint=MEND)
