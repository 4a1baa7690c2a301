"""Where each item of STROBE and RECORD is answered, as a table to go on with: CSV and Markdown.

rwe/reviewed/export/reporting_item.csv  ──▶  reporting_items.csv, reporting_items.md
"""

import polars as pl

from rwe import data
from rwe.output.tables import csv_bytes

OPEN = "not answered by rwe: write it"
PLACES = {
    "report": "report.html",
    "results": "results.json",
    "study": "study.toml",
    "sql": "rwe sql",
    "export": "this export",
}
HEAD = """# STROBE and RECORD: where each item is answered

For a cohort study.  The items are told in our words; the guidelines have the authoritative ones:
STROBE, doi 10.1371/journal.pmed.0040296; RECORD, doi 10.1371/journal.pmed.1001885.
"""


def items() -> list[dict[str, str]]:
    """where: in words, or that it is left to the authors."""
    return [{**row, "where": _where(row["where"])} for row in data.reviewed("export/reporting_item")]


def places(where: str) -> list[tuple[str, str]]:
    """`report#flow; results:attrition` as (report, flow), (results, attrition)."""
    found = [text.replace("#", ":", 1).partition(":") for text in where.split("; ") if text]
    return [(kind, name) for kind, _, name in found]


def _where(where: str) -> str:
    said = [f"{PLACES[kind]} {'#' if kind == 'report' else ''}{name}" for kind, name in places(where)]
    return "; ".join(said) or OPEN


def as_csv() -> bytes:
    return csv_bytes(pl.DataFrame(items()))


def as_markdown() -> bytes:
    lines = [HEAD, "| | item | asks | where | note |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(row.values())} |" for row in items()]
    return ("\n".join(lines) + "\n").encode()
