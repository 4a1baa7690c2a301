"""Run a view over a few resources, written as JSON text so that numbers keep their digits."""

import io
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rwe.fhir.digits import long_numbers
from rwe.views import CompiledView, compile_view

Rows = Callable[..., list[dict[str, Any]]]
Execute = Callable[[CompiledView, list[str]], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def execute(db: duckdb.DuckDBPyConnection) -> Execute:
    """The rows, after checking that names and types are those that the view declared, and that the
    same rows are read from a file, where the view and its lines may be read so."""

    def run(view: CompiledView, lines: list[str]) -> list[dict[str, Any]]:
        db.execute("CREATE OR REPLACE TEMP TABLE line AS SELECT unnest(?::JSON[]) AS json", [lines])
        found = fetched(db, view, view.query("line"))
        scanned = scan(db, view, lines)
        assert scanned is None or counted(scanned) == counted(found)
        return found

    return run


def fetched(db: duckdb.DuckDBPyConnection, view: CompiledView, sql: str) -> list[dict[str, Any]]:
    found = db.execute(sql)
    assert [(d[0], str(d[1])) for d in found.description] == [(c.name, c.type) for c in view.columns]
    return [dict(zip((c.name for c in view.columns), row, strict=True)) for row in found.fetchall()]


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(map(repr, rows))


def scan(db: duckdb.DuckDBPyConnection, view: CompiledView, lines: list[str]) -> list[dict[str, Any]] | None:
    """By read_ndjson; None where `rwe view` would not read it so."""
    content = "".join(line.replace("\n", " ") + "\n" for line in lines).encode(errors="surrogatepass")
    if view.fast is None or not lines or long_numbers(io.BytesIO(content)):
        return None
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        Path(file.name).write_bytes(content)
        try:
            return fetched(db, view, view.scan(f"['{file.name}']"))
        except duckdb.InvalidInputException:
            return None


@pytest.fixture
def rows(execute: Execute) -> Rows:
    def run(view: dict[str, Any], *resources: Any, fhir_version: str = "4.0.1") -> list[dict[str, Any]]:
        lines = [r if isinstance(r, str) else json.dumps(r) for r in resources]
        return execute(compile_view(view, fhir_version), lines)

    return run


@pytest.fixture
def value(rows: Rows) -> Callable[..., Any]:
    """One column `v` of one resource."""

    def run(resource: str, path: str, content: Any, **column: Any) -> Any:
        select = [{"column": [{"name": "v", "path": path, **column}]}]
        (row,) = rows({"resource": resource, "select": select}, content)
        return row["v"]

    return run
