"""The work folder of one export: what was asked, where its job is, and the files that are whole.

    job.json       what was asked, the status URL, then the manifest; written anew as a whole
    files.ndjson   a line for each file that is whole, added to; a last line that is cut is no line
    TYPE-….ndjson.zst

Everything is its owner's only: a status or file URL may hold a key, and the files hold patients.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import msgspec

JOB, FILES, UNDER_WAY = "job.json", "files.ndjson", ".part"
OURS = re.compile(r"(job\.json|files\.ndjson|[A-Za-z]+-[0-9a-f]{16}\.ndjson\.zst)(\.part)?")
Kind = Literal["output", "deleted", "outcome"]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """level: "system", "Patient" or "Group/<id>".  since: an instant.  type_filter: FHIR queries."""

    level: str
    types: tuple[str, ...]
    since: str | None = None
    type_filter: tuple[str, ...] = ()


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the manifest.  key: what stays of its URL when it is signed anew; number: in its type."""

    kind: Kind
    type: str
    number: int
    key: str
    url: str
    count: int | None
    token: bool

    @property
    def what(self) -> str:
        return f"{self.type}, file {self.number}"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """passed_over: files of types that nobody asked for.  failures: what could not be taken, by type."""

    transaction_time: str | None
    pieces: tuple[Piece, ...]
    passed_over: dict[str, int]
    failures: dict[str, str]


Doubt = Literal["fewer", "more", "cut", "empty"]


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """size, sha256: of the plain bytes.  doubt: what is odd about it, though it came so twice."""

    key: str
    name: str
    size: int
    sha256: str
    rows: int
    doubt: Doubt | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """status: None while it is not known whether the server has taken the kick-off.

    started: the server's time.  expired: a file of it is gone, so the next call asks for a new export.
    """

    wanted: Wanted
    status: str | None = None
    started: str | None = None
    manifest: Manifest | None = None
    expired: bool = False


class Folder:
    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.Lock()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def job(self) -> Job | None:
        """None where there is none, or one that this version cannot read."""
        try:
            return msgspec.json.decode((self.path / JOB).read_bytes(), type=Job)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    @property
    def noted(self) -> bool:
        return (self.path / JOB).exists()

    def save(self, job: Job) -> Job:
        part = self.path / (JOB + UNDER_WAY)
        with _private(part, os.O_TRUNC) as file:
            file.write(msgspec.json.encode(job))
        self.publish(part, JOB)
        return job

    def publish(self, part: Path, name: str) -> None:
        """Give a file that is on the disk its name."""
        part.rename(self.path / name)
        self._settle()

    def add(self, whole: Whole) -> None:
        """From any thread."""
        with self._lock, _private(self.path / FILES, os.O_APPEND) as file:
            file.write(b"\n" + msgspec.json.encode(whole) + b"\n")

    def wholes(self) -> dict[str, Whole]:
        """By key; the files themselves are not looked at."""
        try:
            lines = (self.path / FILES).read_bytes().splitlines()
        except FileNotFoundError:
            return {}
        return {whole.key: whole for line in lines if (whole := _whole(line))}

    def empty(self) -> None:
        """The job first: a stop in between must not leave it with files that are gone."""
        for name in (JOB, FILES):
            (self.path / name).unlink(missing_ok=True)
        self._settle()
        for path in self.path.iterdir():
            if OURS.fullmatch(path.name):
                path.unlink()

    def drop_files(self) -> None:
        (self.path / FILES).unlink(missing_ok=True)
        self._settle()

    def _settle(self) -> None:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _private(path: Path, flag: int) -> Iterator[IO[bytes]]:
    """A file that is its owner's only, whatever the umask; on the disk when it is left."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _whole(line: bytes) -> Whole | None:
    try:
        return msgspec.json.decode(line, type=Whole)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
