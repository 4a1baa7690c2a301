"""What each variable of an export is, for people and for programs.

Variables, rows of each table  ──▶  codebook.json, codebook.csv, codebook.md
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

import polars as pl

from rwe.output.tables import csv_bytes

Type = Literal["text", "integer", "number", "boolean"]
TYPES: Mapping[Type, type[pl.DataType]] = {
    "text": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
}
HEAD = """| variable | is | type | unit | levels | an empty field means | from |
|---|---|---|---|---|---|---|
"""
COLUMNS = ("table", "variable", "label", "type", "unit", "levels", "missing", "source")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """levels: all that a text may be; none where it is a pseudonym or a code.

    missing: what an empty field means.  source: table and column of the store.
    """

    table: str
    variable: str
    label: str
    type: Type
    unit: str
    levels: tuple[str, ...]
    missing: str
    source: str


def frame(variables: Sequence[Variable], columns: Mapping[str, Sequence[Any]]) -> pl.DataFrame:
    """The variables of one table, in their order."""
    return pl.DataFrame([pl.Series(v.variable, columns[v.variable], TYPES[v.type]) for v in variables])


def as_csv(variables: Iterable[Variable]) -> bytes:
    rows = [{**asdict(v), "levels": " | ".join(v.levels)} for v in variables]
    return csv_bytes(pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)))


def as_json(head: Mapping[str, Any], tables: Mapping[str, int], variables: Iterable[Variable]) -> bytes:
    """tables: their rows.  head: what else is to know."""
    by_table: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
    for v in variables:
        by_table[v.table].append({key: item for key, item in asdict(v).items() if key != "table"})
    found = {name: {"rows": n, "variables": by_table[name]} for name, n in tables.items()}
    return json.dumps({**head, "tables": found}, indent=2, ensure_ascii=False).encode() + b"\n"


def as_markdown(head: str, tables: Mapping[str, int], variables: Iterable[Variable]) -> bytes:
    text = io.StringIO()
    text.write(head.rstrip() + "\n")
    for name, of in groupby(variables, key=lambda v: v.table):
        text.write(f"\n## {name}: {tables[name]} rows\n\n")
        text.write(HEAD)
        for v in of:
            cells = (f"`{v.variable}`", v.label, v.type, v.unit, ", ".join(v.levels), v.missing, v.source)
            text.write(f"| {' | '.join(map(_cell, cells))} |\n")
    return text.getvalue().encode()


def _cell(text: str) -> str:
    """A label of the study file may hold what Markdown or HTML would take for its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
