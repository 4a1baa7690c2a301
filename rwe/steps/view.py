"""view: any ViewDefinition over files, to NDJSON, CSV or Parquet.

    files  ──▶  NDJSON as it lies, or gathered lines  ──▶  the compiled SQL  ──▶  rows

DuckDB reads whole NDJSON files itself.  Files of another form, and those with a line that does not fit,
are gathered resource by resource (rwe.steps.view_lines), so that what is wrong costs only itself.
Rows are written beside their place first: what fails leaves nothing half.
"""

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rwe.errors import MappingError, UsageError
from rwe.steps.view_lines import Lines, has_long_numbers, may_be_whole
from rwe.store import Store, literal, quoted, texts
from rwe.views import CompiledView, compile_view
from rwe.views.values import DECIMAL

FORMATS = {
    "ndjson": "FORMAT json",
    "csv": "FORMAT csv, HEADER",
    # Each thread holds a row group: half of DuckDB's size, for the sake of small memories.
    "parquet": "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, WRITE_BLOOM_FILTER false, "
    "ROW_GROUP_SIZE 61440",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where the rows go; memory: what DuckDB may take, such as 512MB."""

    out: Path | None
    output_format: str | None
    memory: str | None = None

    @property
    def form(self) -> str:
        suffix = self.out.suffix.removeprefix(".") if self.out else ""
        return self.output_format or (suffix if suffix in FORMATS else "ndjson")


def view(definition: Path, paths: list[Path], target: Target, *, fhir_version: str) -> list[str]:
    """Write the view's rows; what could not be read, a line each."""
    compiled = compile_view(_definition(definition), fhir_version)
    with tempfile.TemporaryDirectory(prefix="rwe-view-") as name:
        missing = _write(compiled, paths, Path(name), target)
        _deliver(Path(name) / "rows", target.out)
    return missing


def _definition(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, OSError, RecursionError) as e:
        raise MappingError(f"{path}: cannot be read as JSON ({type(e).__name__})") from None
    if not isinstance(found, dict):
        raise MappingError(f"{path}: is not a ViewDefinition")
    return found


def _write(compiled: CompiledView, paths: list[Path], folder: Path, target: Target) -> list[str]:
    whole = [p for p in paths if may_be_whole(p)]
    with (
        Lines(folder / "lines.ndjson", compiled) as lines,
        Store.temporary(folder, reading=whole, memory=target.memory) as store,
    ):
        lines.gather(p for p in paths if p not in whole)
        rows = _of_whole(store, compiled, whole) if whole else None
        if rows and lines.rows:
            rows = f"({rows})\nUNION ALL\n({compiled.query(lines.relation())})"
        if not rows or not store.attempt(_copy(rows, folder, compiled, target)):
            lines.gather(whole)
            store.run(_copy(compiled.query(lines.relation()), folder, compiled, target))
        return lines.missing


def _of_whole(store: Store, compiled: CompiledView, files: list[Path]) -> str | None:
    """The view over NDJSON files as they lie; None where a line of them does not fit."""
    listed = texts(map(str, files))
    if compiled.fast and not any(map(has_long_numbers, files)):
        return compiled.scan(listed)
    # from_json makes NULL of what does not fit: a strict read goes before it.
    if store.attempt(f"SELECT CASE WHEN ({compiled.misfits(listed)}) > 0 THEN error('another type') END"):
        return compiled.query(f"(SELECT json FROM read_ndjson_objects({listed}))")
    return None


def _copy(rows: str, folder: Path, compiled: CompiledView, target: Target) -> str:
    if target.form == "csv" and (plain := _plain(compiled)):
        rows = f"SELECT * REPLACE ({', '.join(plain)})\nFROM (\n{rows}\n)"
    return f"COPY (\n{rows}\n) TO {literal(str(folder / 'rows'))} ({FORMATS[target.form]})"


def _plain(compiled: CompiledView) -> list[str]:
    """Decimals without the zeros that fill them up to twelve."""
    decimals = [quoted(c.name) for c in compiled.columns if c.type == DECIMAL]
    return [f"rtrim(rtrim(CAST({name} AS VARCHAR), '0'), '.') AS {name}" for name in decimals]


def _deliver(rows: Path, out: Path | None) -> None:
    if out is None:
        with rows.open("rb") as source:
            shutil.copyfileobj(source, sys.stdout.buffer)
        return
    try:
        shutil.move(rows, out)
    except OSError as e:
        raise UsageError(f"{out}: cannot be written ({e.strerror})") from None
