"""view: any ViewDefinition over files, to NDJSON, CSV or Parquet.

files  ──▶  resources of the view's type, one a line  ──▶  the compiled SQL  ──▶  rows
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rwe.errors import MappingError, UsageError
from rwe.fhir import files
from rwe.reasons import REASONS
from rwe.resource import Found, PassedOver, Place, Resource, Unusable
from rwe.store import Store, literal
from rwe.strict import repeats
from rwe.views import compile_view

FORMATS = {"ndjson": "FORMAT json", "csv": "FORMAT csv, HEADER", "parquet": "FORMAT parquet"}
LINE_BYTES = 64_000_000


def view(
    definition: Path, paths: list[Path], *, fhir_version: str, output_format: str | None, out: Path | None
) -> list[str]:
    """Write the view's rows; what could not be read, a line each."""
    compiled = compile_view(_definition(definition), fhir_version)
    kind = output_format or _format_of(out)
    with tempfile.TemporaryDirectory(prefix="rwe-view-") as name:
        folder = Path(name)
        missing = _gather(paths, compiled.resource, folder / "lines.ndjson")
        gathered = literal(str(folder / "lines.ndjson"))
        lines = (
            f"(SELECT json FROM read_ndjson_objects({gathered}, maximum_object_size = {LINE_BYTES + 1024}))"
        )
        rows = literal(str(folder / "rows"))
        with Store.temporary(folder) as store:
            store.run(f"COPY (\n{compiled.query(lines)}\n) TO {rows} ({FORMATS[kind]})")
        _deliver(folder / "rows", out)
    return missing


def _definition(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, OSError) as e:
        raise MappingError(f"{path}: cannot be read as JSON ({type(e).__name__})") from None
    if not isinstance(found, dict):
        raise MappingError(f"{path}: is not a ViewDefinition")
    return found


def _format_of(out: Path | None) -> str:
    suffix = out.suffix.removeprefix(".") if out else ""
    return suffix if suffix in FORMATS else "ndjson"


def _gather(paths: list[Path], kind: str, target: Path) -> list[str]:
    missing = []
    with target.open("wb") as lines:
        for path in paths:
            for item in _read(path):
                match item:
                    case Resource(type=t) if t == kind and repeats(item.body):
                        missing.append(_at(item.place, "repeated_key"))
                    case Resource(type=t) if t == kind:
                        lines.write(item.body + b"\n")
                    case Unusable():
                        missing.append(_at(item.place, item.reason))
                    case PassedOver():
                        missing.append(f"{item.source}: is neither .ndjson nor .json, plain, .gz or .zst")
    return missing


def _at(place: Place, reason: str) -> str:
    return f"{place.source}:{place.position}: {REASONS[reason][0]}"


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


def _deliver(rows: Path, out: Path | None) -> None:
    if out is None:
        with rows.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        return
    try:
        shutil.move(rows, out)
    except OSError as e:
        raise UsageError(f"{out}: cannot be written ({e.strerror})") from None
