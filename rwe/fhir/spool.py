"""Pages of a search as they came, on disk, so that a stop costs no page twice.

    Spool.add(page)      ──▶  NAME.pages (bodies, end to end), NAME.ids, NAME.journal (one line a page)
    Spool(folder, name)  ──▶  where an earlier walk of the same name stopped

A page's line in the journal is written after the page and holds the hash of both: what a stop cut, or a
disk lost, is not taken for a page.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """end: of its body in NAME.pages; rows: of the type asked for, from the first page to this one.

    url: where it came from; next: the next page's.  dropped: what was asked, but was not searched by.
    trouble: an issue that says that rows are missing; warnings: those that say something else.
    """

    number: int = 0
    end: int = 0
    hash: str = ""
    rows: int = 0
    url: str = ""
    next: str | None = None
    date: str | None = None
    total: int | None = None
    dropped: list[str] = []
    trouble: str | None = None
    warnings: list[str] = []


class SpoolError(Exception):
    """A page is no longer what was written."""


class Spool:
    """`first` and `last`: pages, None before the first; `warnings` and `trouble`: of all of them."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._paths = {end: folder / f"{name}.{end}" for end in ("pages", "ids", "journal")}
        for path in self._paths.values():
            path.touch(mode=0o600)
        self.first: Page | None = None
        self.last: Page | None = None
        self.trouble: str | None = None
        self.warnings: set[str] = set()
        self._cut(self._found())
        self._files: list[io.FileIO] = []

    def __enter__(self) -> Self:
        """To add pages; to read them it need not be open."""
        self._files = [self._paths[end].open("ab", buffering=0) for end in ("pages", "ids", "journal")]
        return self

    def __exit__(self, *exception: object) -> None:
        for file in self._files:
            file.close()

    def _found(self) -> int:
        """Take note of the pages that are whole; where the journal ends with them."""
        sizes = {end: path.stat().st_size for end, path in self._paths.items()}
        at = 0
        with self._paths["journal"].open("rb") as journal:
            for line in journal:
                try:
                    page = msgspec.json.decode(line, type=Page)
                except msgspec.MsgspecError:
                    break
                if page.end > sizes["pages"] or page.rows * 8 > sizes["ids"] or not line.endswith(b"\n"):
                    break
                at += len(line)
                self._note(page)
        return at

    def _cut(self, journal: int) -> None:
        last = self.last or Page()
        for end, size in (("pages", last.end), ("ids", last.rows * 8), ("journal", journal)):
            with self._paths[end].open("ab") as file:
                file.truncate(size)

    def _note(self, page: Page) -> None:
        self.first, self.last = self.first or page, page
        self.trouble = self.trouble or page.trouble
        self.warnings.update(page.warnings)

    @property
    def whole(self) -> bool:
        return self.last is not None and self.last.next is None

    def add(self, body: bytes, ids: Sequence[str], page: Page) -> Page:
        """page: what is known of it; its number, place and hash are set here."""
        last = self.last or Page()
        whole = msgspec.structs.replace(
            page,
            number=last.number + 1,
            end=last.end + len(body),
            rows=last.rows + len(ids),
        )
        whole = msgspec.structs.replace(whole, hash=_hash(body, whole))
        hashes = b"".join(hashlib.blake2b(i.encode(), digest_size=8).digest() for i in ids)
        for file, data in zip(self._files, (body, hashes, msgspec.json.encode(whole) + b"\n"), strict=True):
            _all(file, data)
        self._note(whole)
        return whole

    def ids(self) -> NDArray[np.uint64]:
        """A hash of each id that came, as often as it came."""
        return np.fromfile(self._paths["ids"], np.uint64)

    def bodies(self) -> Iterator[tuple[Page, bytes]]:
        """Page by page."""
        start = 0
        with self._paths["pages"].open("rb") as pages, self._paths["journal"].open("rb") as journal:
            for line in journal:
                page = msgspec.json.decode(line, type=Page)
                body = pages.read(page.end - start)
                if _hash(body, page) != page.hash:
                    raise SpoolError(f"page {page.number}")
                start = page.end
                yield page, body

    def remove(self) -> None:
        self.__exit__()
        for path in self._paths.values():
            path.unlink(missing_ok=True)


def _hash(body: bytes, page: Page) -> str:
    """Of the body and of what is said of it: a date that a disk changed would move the watermark."""
    said = msgspec.json.encode(msgspec.structs.replace(page, hash=""))
    return hashlib.blake2b(body + said, digest_size=16).hexdigest()


def _all(file: io.FileIO, data: bytes) -> None:
    """An unbuffered write may take only a part."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
