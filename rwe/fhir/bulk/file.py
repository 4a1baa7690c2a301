"""One file of an export: fetched as a stream, compressed and hashed on the way, kept when it is whole.

    Piece  ──▶  Fetcher.fetch()  ──▶  Whole, beside it the file;  SiteError, ExpiredError

A file that seems to lack something is fetched again: one that ends inside its last line, that has not as
many rows as the manifest counts, that is empty, or whose end nothing tells.  What comes twice the same is
what the server has; what is still odd about it then is the Whole's doubt.
"""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
import zstandard

from rwe.errors import SiteError
from rwe.fhir import files
from rwe.fhir.bulk.job import UNDER_WAY, Doubt, Folder, Piece, Whole
from rwe.fhir.client import Client, Request, Sink

GONE = (403, 404, 410)
HEAD = 512
BLOCK = 1 << 20
BINARY = re.compile(rb'^\s*\{[^{}\[\]]*?"resourceType"\s*:\s*"Binary"')


class ExpiredError(SiteError):
    """The server no longer gives the file."""


class StoppedError(Exception):
    """Another part of the export has ended it."""


@dataclass(frozen=True, kw_only=True)
class Got:
    """rows: lines that begin with a brace.  tail: what stands behind the last line end, if not too long."""

    size: int
    sha256: str
    rows: int
    head: bytes
    tail: bytes | None


class Writer:
    """Plain bytes to a zstd file, which compresses in a thread beside."""

    def __init__(self, path: Path, *, longest: int) -> None:
        self._file = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")  # noqa: SIM115
        self._zstd = zstandard.ZstdCompressor(level=3, write_checksum=True, threads=1).compressobj()
        self._hash, self._longest = hashlib.sha256(), longest
        self._size = self._rows = 0
        self._head, self._tail, self._too_long = b"", bytearray(), False

    def take(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._file.write(self._zstd.compress(piece))
        if len(self._head) < HEAD:
            self._head += piece[: HEAD - len(self._head)]
        at_start = not self._tail and not self._too_long
        self._rows += braces(piece) + (at_start and piece.startswith(b"{"))
        self._size += len(piece)
        self._keep_tail(piece)

    def _keep_tail(self, piece: bytes) -> None:
        end = piece.rfind(b"\n")
        if end >= 0:
            self._tail, self._too_long = bytearray(piece[end + 1 :]), False
        elif not self._too_long:
            self._tail += piece
        if len(self._tail) > self._longest:
            self._tail, self._too_long = bytearray(), True

    def end(self) -> Got:
        """On the disk."""
        self._file.write(self._zstd.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Got(
            size=self._size,
            sha256=self._hash.hexdigest(),
            rows=self._rows,
            head=self._head,
            tail=None if self._too_long else bytes(self._tail),
        )

    def drop(self) -> None:
        self._file.close()


def braces(piece: bytes) -> int:
    """Lines that begin in it with a brace, but the first: a third of the time of count(b"\\n{")."""
    text = np.frombuffer(piece, np.uint8)
    ends = np.flatnonzero(text[:-1] == ord("\n"))
    return int(np.count_nonzero(text[ends + 1] == ord("{")))


class Fetcher:
    """came: is handed the plain bytes, piece by piece, of every attempt."""

    def __init__(self, client: Client, folder: Folder, stop: threading.Event, came: Sink) -> None:
        self._client, self._folder, self._stop, self._came = client, folder, stop, came
        self._limits = client.site.table.limits

    def fetch(self, piece: Piece) -> Whole:
        name = f"{piece.type}-{hashlib.blake2b(piece.key.encode(), digest_size=8).hexdigest()}.ndjson.zst"
        part = self._folder.path / (name + UNDER_WAY)
        try:
            got, doubt = self._settled(piece, part)
            self._folder.publish(part, name)
        except OSError as e:
            e.filename = e.filename or str(part)
            raise
        whole = Whole(key=piece.key, name=name, size=got.size, sha256=got.sha256, rows=got.rows, doubt=doubt)
        self._folder.add(whole)
        return whole

    def _settled(self, piece: Piece, part: Path) -> tuple[Got, Doubt | None]:
        before = ""
        for _ in range(self._limits.attempts):
            got, framed = self._once(piece, part)
            doubt = _doubt(piece, got, part, self._limits.line_bytes)
            if (doubt is None and (framed or piece.count is not None)) or got.sha256 == before:
                return got, doubt
            before = got.sha256
        raise SiteError(f"{self._where(piece)}: it comes cut, or differently each time")

    def _where(self, piece: Piece) -> str:
        return f"{self._client.site.id}: {piece.what}"

    def _once(self, piece: Piece, part: Path) -> tuple[Got, bool]:
        """What came, and whether its end was told by more than the connection's."""
        writers: list[Writer] = []
        try:
            answer = self._client.download(_request(piece), self._begin(part, writers))
            if answer.status in GONE:
                raise ExpiredError(
                    f"{self._where(piece)}: the server no longer gives it ({answer.status})",
                    hint="links to files end after a while: run the same command again for a new export",
                )
            got = writers[-1].end()
        finally:
            for writer in writers:
                writer.drop()
        framed = "content-length" in answer.headers or "chunked" in answer.headers.get(
            "transfer-encoding", ""
        )
        if piece.type != "Binary" and BINARY.match(got.head):
            got = self._unpack(piece, part, got)
        return got, framed

    def _begin(self, part: Path, writers: list[Writer]) -> Callable[[], Sink]:
        def begin() -> Sink:
            while writers:
                writers.pop().drop()
            writer = Writer(part, longest=self._limits.line_bytes)
            writers.append(writer)

            def take(piece: bytes) -> None:
                if self._stop.is_set():
                    raise StoppedError
                writer.take(piece)
                self._came(piece)

            return take

        return begin

    def _unpack(self, piece: Piece, part: Path, got: Got) -> Got:
        """A Binary resource, which some servers answer in place of what it holds."""
        if got.size > self._limits.page_bytes:
            raise SiteError(f"{self._where(piece)}: it comes as a Binary resource of {got.size} bytes")
        text = b"".join(plain(part))
        try:
            content = msgspec.json.decode(text, type=_Binary).data
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise SiteError(
                f"{self._where(piece)}: it comes as a Binary resource that cannot be read"
            ) from None
        writer = Writer(part, longest=self._limits.line_bytes)
        try:
            writer.take(content)
            return writer.end()
        finally:
            writer.drop()


class _Binary(msgspec.Struct):
    data: bytes


def _request(piece: Piece) -> Request:
    return Request(
        url=piece.url,
        what=piece.what,
        headers={"Accept": "application/fhir+ndjson"},
        expected=(200, *GONE),
        token=piece.token,
    )


def _doubt(piece: Piece, got: Got, part: Path, longest: int) -> Doubt | None:
    if got.tail and not _is_json(got.tail):
        return "cut"
    if piece.count is None:
        return None if got.size else "empty"
    rows = got.rows if got.rows == piece.count else lines(part, longest)
    return None if rows == piece.count else "fewer" if rows < piece.count else "more"


def _is_json(line: bytes) -> bool:
    if not line.strip():
        return True
    try:
        line.decode("utf-8")
        msgspec.json.decode(line, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def lines(path: Path, longest: int) -> int:
    """Those that are not blank, to the letter: a line may begin with a space."""
    with path.open("rb") as raw, files.decompressed(raw, ".zst") as stream:
        return sum(1 for _ in files.lines(stream, "", longest))


def plain(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw, files.decompressed(raw, ".zst") as stream:
        yield from _blocks(stream)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block


def intact(folder: Path, whole: Whole) -> bool:
    """Is the file there as it was?"""
    digest = hashlib.sha256()
    try:
        for block in plain(folder / whole.name):
            digest.update(block)
    except (FileNotFoundError, *files.DAMAGED):
        return False
    return digest.hexdigest() == whole.sha256
