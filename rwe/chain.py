"""Files of JSON lines that are only added to, each line with the hash of the line before.

A last line without its end was cut by a stop: it is not read, and the next one takes its place.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec


class Linked(Protocol):
    """before: the hash of the line before, as it stands; "" of the first."""

    @property
    def before(self) -> str: ...


Line = TypeVar("Line", bound=Linked)


class BrokenError(Exception):
    """No chain: a line was changed, lost or put in."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read(path: Path, kind: type[Line]) -> list[tuple[Line, str]]:
    """Each line with its hash; none where there is no file."""
    before, found = "", []
    try:
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        for text in whole.splitlines():
            line = msgspec.json.decode(text, type=kind)
            if line.before != before:
                raise BrokenError
            before = sha256(text)
            found.append((line, before))
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
        raise BrokenError from None
    return found


def append(path: Path, text: bytes) -> str:
    """Add a line, on the disk before this returns; its hash."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return sha256(text)


def extend(path: Path, kind: type[Line], make: Callable[[str], Line]) -> str:
    """Add what is made of the last line's hash, while nobody else adds; its own hash."""
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = read(path, kind)
        return append(path, msgspec.json.encode(make(found[-1][1] if found else "")))
