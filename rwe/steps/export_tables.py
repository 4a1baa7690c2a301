"""The tables of an export: rows of the store with a pseudonym in place of the id.

    cohort tables  ──▶  sql/export  ──▶  rows  ──▶  pseudonyms, codebook's columns  ──▶  frames

A text that leaves is a pseudonym, a code, or one of the levels that the codebook names.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import polars as pl

from rwe import data
from rwe.errors import DataError
from rwe.output.codebook import Variable, frame
from rwe.steps.pseudonyms import pseudonym
from rwe.store import Store, quoted

ROWS = {
    "patients": "patient_row",
    "values": "value_row",
    "adverse_events": "event_row",
    "infusions": "infusion_row",
}
HELD = {
    "patients": "cohort",
    "values": "endpoint_value",
    "adverse_events": "event",
    "infusions": "infusion SEMI JOIN cohort USING (site_id, patient_id)",
}
"""What each table is of, to count it there."""
Who = tuple[str, str, str]
"""Site, patient and arm."""
Columns = dict[str, Sequence[Any]]


def frames(store: Store, variables: Sequence[Variable], *, key: bytes, label: str) -> dict[str, pl.DataFrame]:
    for sql in data.sql_files("export"):
        store.run_file(sql)
    found = {}
    for table, of in groupby(variables, key=lambda v: v.table):
        who, columns = _columns(store, ROWS[table])
        marks = {w: pseudonym(key, site, patient) for w in set(who) for site, patient, _ in [w]}
        columns |= _of_patients(store, who) if table == "patients" else {}
        columns |= {
            "label": [label] * len(who),
            "patient": [marks[w] for w in who],
            "site": [site for site, *_ in who],
        }
        found[table] = checked(list(of), columns)
    return found


def held(store: Store) -> dict[str, int]:
    return {table: store.rows(f"SELECT COUNT(*) FROM {source}")[0][0] for table, source in HELD.items()}


def _columns(store: Store, table: str) -> tuple[list[Who], Columns]:
    """Whose each row is, and the other columns."""
    names = [name for name, *_ in store.rows(f"DESCRIBE {quoted(table)}")]
    rows = store.rows(f"FROM {quoted(table)}")
    columns: Columns = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    who = list(zip(columns.pop("site_id"), columns.pop("patient_id"), columns["arm"], strict=True))
    return who, columns


def _of_patients(store: Store, who: Sequence[Who]) -> Columns:
    """Covariates and baseline values, a column each."""
    known = store.rows(
        "SELECT 'covariate_' || covariate, site_id, patient_id, arm, is_recorded FROM history"
    ) + store.rows(
        "SELECT 'baseline_' || endpoint, site_id, patient_id, arm, value FROM endpoint_value "
        "WHERE is_baseline"
    )
    by_name: dict[str, dict[Who, Any]] = {}
    for name, site, patient, arm, value in known:
        by_name.setdefault(name, {})[site, patient, arm] = value
    return {name: [of.get(w) for w in who] for name, of in by_name.items()}


def checked(variables: list[Variable], columns: Columns) -> pl.DataFrame:
    """In the order of the pseudonyms: that of the ids would tell of them."""
    nothing = [None] * len(columns["patient"])
    made = frame(variables, {v.variable: columns.get(v.variable, nothing) for v in variables})
    for v in variables:
        if v.levels and set(made[v.variable].drop_nulls().unique()) - {*v.levels}:
            raise DataError(
                f"{v.source}: holds what the codebook does not name for {v.table}.{v.variable}",
                hint="nothing was exported; report it with the versions of rwe and of the source",
            )
    return made.sort(made.columns[1:], nulls_last=True)  # the label is the same in all
