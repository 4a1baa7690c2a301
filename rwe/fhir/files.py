"""A folder of FHIR files: NDJSON, Bundles and single resources, plain, `.gz` or `.zst`.

    folder  ──▶  read()  ──▶  Resource | Unusable | PassedOver, in the order of the file names

Files are read as streams, so a large NDJSON file takes no more memory than its longest line.
"""

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from rwe.errors import SiteError
from rwe.fhir.bundle import document, is_resource, resource
from rwe.resource import Found, PassedOver, Place, Resource, Unusable

BOM = b"\xef\xbb\xbf"
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)
# Of compressed bytes at once: zstd can make 30,000 times as many of them.
PIECE = 1024
# Of a line at once: most end in the first, and one that is too long is never held whole.
LINE_PIECE = 1_000_000
Form = Callable[[IO[bytes], str, int], Iterator[Resource | Unusable]]


def files(folder: Path, *, site: str) -> list[Path]:
    """All files below a folder, sorted; hidden ones are not looked at, links are followed once."""
    if not folder.is_dir():
        raise SiteError(
            f"{site}: {folder} is not a folder", hint=f"correct `files` of [{site}] in sites.toml"
        )
    try:
        return sorted(_below(folder, set()))
    except OSError as e:
        raise SiteError(
            f"{site}: {e.filename} cannot be read ({e.strerror})",
            hint="is the owner or mode wrong, or the link?",
        ) from None


def _below(folder: Path, been: set[Path]) -> Iterator[Path]:
    """Not by rglob(): it leaves out, without a word, what may not be read and what a link leads to."""
    real = folder.resolve()
    if real in been:
        return
    been.add(real)
    for path in sorted(Path(entry) for entry in os.scandir(folder)):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _below(path, been)
        elif path.stat() and path.is_file():  # stat() raises where a link leads nowhere
            yield path


def newest(paths: list[Path]) -> str | None:
    """The source's time: when the newest file was last changed."""
    times = [p.stat().st_mtime for p in paths]
    return datetime.fromtimestamp(int(max(times)), UTC).isoformat() if times else None


def read(path: Path, *, name: str, line_bytes: int) -> Iterator[Found]:
    """The resources of one file; `name` is how places call it."""
    name = _text(name)
    suffix = _plain_suffix(path)
    if suffix not in (".ndjson", ".json"):
        yield PassedOver(source=name)
        return
    form = lines if suffix == ".ndjson" else _either
    with path.open("rb") as raw:
        yield from _guarded(raw, path.name.lower(), form, (name, line_bytes))


def _text(name: str) -> str:
    """A file's name as text: one that is not UTF-8 could not be written anywhere."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _guarded(raw: IO[bytes], file: str, form: Form, by: tuple[str, int]) -> Iterator[Resource | Unusable]:
    """What a compressed file gives up to where it is damaged, then that it is."""
    position = 0
    try:
        with decompressed(raw, file) as stream:
            for item in form(stream, *by):
                position = item.place.position
                yield item
    except DAMAGED:
        place = Place(source=by[0], position=position + 1)
        yield Unusable(type=None, reason="cut_file", body=b"", place=place)


def _plain_suffix(path: Path) -> str:
    """The suffix below `.gz` or `.zst`, in lower case."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz").removesuffix(".zst")).suffix


@contextmanager
def decompressed(raw: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    if name.endswith(".gz"):
        with gzip.open(raw) as stream:
            yield cast(IO[bytes], stream)
    elif name.endswith(".zst"):
        with io.BufferedReader(_Zstd(raw)) as stream:
            yield stream
    else:
        yield raw


class _Zstd(io.RawIOBase):
    """Frame after frame.  zstandard's own reader takes a file that is cut for one that ends there."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._frame = raw, zstandard.ZstdDecompressor().decompressobj()
        self._begun, self._compressed, self._plain = False, b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._plain:
            piece = self._compressed or self._raw.read(PIECE)
            if not piece and self._begun:
                raise EOFError
            if not piece:
                return 0
            self._feed(piece)
        given = self._plain[: len(target)]
        target[: len(given)] = given
        self._plain = self._plain[len(given) :]
        return len(given)

    def _feed(self, piece: bytes) -> None:
        self._plain = memoryview(self._frame.decompress(piece))
        self._begun, self._compressed = not self._frame.eof, self._frame.unused_data
        if self._frame.eof:
            self._frame = zstandard.ZstdDecompressor().decompressobj()


def stream(raw: IO[bytes], *, name: str, line_bytes: int) -> Iterator[Resource | Unusable]:
    """Standard input: NDJSON or a document, plain or compressed, told apart by how it begins."""
    buffered = io.BufferedReader(raw)  # type: ignore[type-var]
    magic = buffered.peek(4)[:4]
    suffix = ".gz" if magic.startswith(b"\x1f\x8b") else ".zst" if magic == b"\x28\xb5\x2f\xfd" else ""
    if magic:
        yield from _guarded(buffered, name + suffix, _either, (name, line_bytes))


def lines(stream: IO[bytes], name: str, line_bytes: int) -> Iterator[Resource | Unusable]:
    """NDJSON: blank lines are nothing; CRLF, a BOM and a missing last line end are harmless."""
    position = 0
    while (line := _line(stream, line_bytes)) != b"":
        position += 1
        place = Place(source=name, position=position)
        if line is None:
            yield Unusable(type=None, reason="too_long", body=b"", place=place)
        elif body := (line.removeprefix(BOM) if position == 1 else line).strip():
            yield resource(body, place)


def _line(stream: IO[bytes], line_bytes: int) -> bytes | None:
    """The next line, nothing at the end; None for one that is too long, which is let go of on the way."""
    longest = line_bytes + len(b"\r\n")
    piece = stream.readline(LINE_PIECE)
    pieces, size = [piece], len(piece)
    while piece and not piece.endswith(b"\n"):
        piece = stream.readline(LINE_PIECE)
        size += len(piece)
        pieces.append(piece) if size <= longest else pieces.clear()
    whole = b"".join(pieces)
    return whole if size <= longest and len(whole.rstrip(b"\r\n")) <= line_bytes else None


def _either(stream: IO[bytes], name: str, line_bytes: int) -> Iterator[Resource | Unusable]:
    """As lines, without holding them all, where the first is a resource and no Bundle; else whole."""
    first = stream.readline(line_bytes)
    head = io.BytesIO(first)
    if is_resource(first.removeprefix(BOM)):
        return lines(cast(IO[bytes], _Chained(head, stream)), name, line_bytes)
    return _whole(cast(IO[bytes], _Chained(head, stream)), name, line_bytes)


class _Chained:
    """Two streams as one, as far as lines() and _whole() read them."""

    def __init__(self, first: IO[bytes], rest: IO[bytes]) -> None:
        self._first, self._rest = first, rest

    def readline(self, size: int) -> bytes:
        return self._first.readline(size) or self._rest.readline(size)

    def read(self) -> bytes:
        return self._first.read() + self._rest.read()


def _whole(stream: IO[bytes], name: str, line_bytes: int) -> Iterator[Resource | Unusable]:
    """A JSON document, or NDJSON that calls itself `.json`."""
    body = stream.read().removeprefix(BOM)
    found = list(document(body, name))
    match found:
        case [Unusable(reason="not_json" | "not_utf8")]:
            as_lines = list(lines(io.BytesIO(body), name, line_bytes))
            return iter(as_lines if any(isinstance(item, Resource) for item in as_lines) else found)
    return iter(found)
