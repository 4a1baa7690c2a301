"""The resources of a view, one by one, from files of any form; and which files DuckDB may read itself.

files  ──▶  Lines.gather()  ──▶  one NDJSON file of resources of the view's type; what is missing
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from rwe.errors import UsageError
from rwe.fhir import files
from rwe.fhir.digits import BLOCK, long_numbers
from rwe.reasons import REASONS
from rwe.resource import Found, PassedOver, Place, Resource, Unusable
from rwe.store import line_size, literal
from rwe.views import CompiledView
from rwe.views.fit import misfit

LINE_BYTES = 64_000_000


class Lines:
    """rows and longest: of what is gathered; missing: what could not be, a line each."""

    def __init__(self, path: Path, view: CompiledView) -> None:
        self.path, self.view = path, view
        self.rows = self.longest = 0
        self.missing: list[str] = []

    def __enter__(self) -> Self:
        self._stream = self.path.open("wb")
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    def relation(self) -> str:
        """A relation with the column json."""
        return f"(SELECT json FROM read_ndjson_objects({literal(str(self.path))}{line_size(self.longest)}))"

    def gather(self, paths: Iterable[Path]) -> None:
        for path in paths:
            for item in _read(path):
                match item:
                    case Resource(type=kind) if kind == self.view.resource:
                        self._add(item)
                    case Unusable(type=kind) if kind in (None, self.view.resource):
                        self._miss(item.place, item.reason)
                    case PassedOver():
                        self.missing.append(
                            f"{item.source}: is neither .ndjson nor .json, plain, .gz or .zst"
                        )
        self._stream.flush()

    def _add(self, item: Resource) -> None:
        # Numbers as floats: Python refuses whole ones of more than 4,300 digits.
        tree = json.loads(item.body, parse_int=_whole)
        if place := misfit(tree, self.view.exact.structure, self.view.resource):
            self._miss(item.place, "invalid", f" ({place})")
            return
        self._stream.write(item.body + b"\n")
        self.rows += 1
        self.longest = max(self.longest, len(item.body))

    def _miss(self, place: Place, reason: str, detail: str = "") -> None:
        self.missing.append(f"{place.source}:{place.position}: {REASONS[reason][0]}{detail}")


def _whole(text: str) -> int | float:
    return int(text) if len(text) < 40 else float(text)


def _read(path: Path) -> Iterator[Found]:
    if str(path) == "-":
        yield from files.stream(sys.stdin.buffer, name="stdin", line_bytes=LINE_BYTES)
        return
    if path.is_dir():
        raise UsageError(f"{path}: is a folder", hint="name its files")
    try:
        yield from files.read(path, name=str(path), line_bytes=LINE_BYTES)
    except OSError as e:
        raise UsageError(f"{path}: cannot be read ({e.strerror})") from None


def may_be_whole(path: Path) -> bool:
    """NDJSON that DuckDB may read as it lies: a plain file under a plain name, to its end undamaged.

    DuckDB takes a compressed file that is cut for one that ends there.
    """
    if not re.search(r"\.ndjson(\.gz|\.zst)?$", path.name) or re.search(r"[*?\[\]{}]", str(path)):
        return False
    try:
        if not path.is_file() or path.suffix == ".ndjson":
            return path.is_file() and os.access(path, os.R_OK)
        with path.open("rb") as raw, files.decompressed(raw, path.name) as stream:
            while stream.read(BLOCK):
                pass
    except (*files.DAMAGED, OSError):
        return False
    return True


def has_long_numbers(path: Path) -> bool:
    with path.open("rb", buffering=0) as raw, files.decompressed(raw, path.name) as stream:
        return long_numbers(stream)
