"""What was known of each patient at time zero, and nothing that came after it.

cohort, baseline values  ──▶  People  ──▶  columns of numbers
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from rwe.stats.logistic import BoolArray
from rwe.stats.summaries import FloatArray
from rwe.store import Store
from rwe.study import Study

PATIENTS = (
    "SELECT site_id, patient_id, arm, stratum, age_years, NULLIF(sex, 'unknown'), days_from_anchor "
    "FROM cohort ORDER BY site_id, patient_id, arm"
)
VALUES = (
    "SELECT endpoint, site_id, patient_id, arm, value FROM endpoint_value "
    "WHERE is_baseline AND value IS NOT NULL ORDER BY endpoint, site_id, patient_id, arm"
)
RECORDED = "SELECT covariate, site_id, patient_id, arm, is_recorded FROM history"
UNITS = {"age": "years", "days_from_anchor": "days"}
Known = float | str | None


@dataclass(frozen=True, kw_only=True)
class People:
    """A row a patient and arm in all of it; variables: a number, a level or nothing each."""

    ids: tuple[str, ...]
    strata: tuple[str, ...]
    treated: BoolArray
    variables: dict[str, tuple[Known, ...]]

    @property
    def persons(self) -> tuple[str, ...]:
        """Of each row whose it is: one in both arms has two."""
        return tuple(name.removesuffix("/treated").removesuffix("/control") for name in self.ids)

    def at(self, rows: Sequence[int]) -> "People":
        return People(
            ids=tuple(self.ids[row] for row in rows),
            strata=tuple(self.strata[row] for row in rows),
            treated=self.treated[list(rows)],
            variables={name: tuple(known[row] for row in rows) for name, known in self.variables.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Column:
    """level: of a category, in zeros and ones; NaN where nothing is known."""

    variable: str
    level: str | None
    values: FloatArray

    @property
    def name(self) -> str:
        return self.variable if self.level is None else f"{self.variable}: {self.level}"


def people(store: Store, plan: Study) -> People:
    """In the order of site and patient, whatever order they were stored in."""
    rows = store.rows(PATIENTS)
    values = {tuple(row[:4]): row[4] for row in store.rows(VALUES)}
    variables: dict[str, tuple[Known, ...]] = {
        "age": tuple(row[4] for row in rows),
        "sex": tuple(row[5] for row in rows),
        "days_from_anchor": tuple(row[6] for row in rows),
        "site": tuple(row[0] for row in rows),
        "severity": tuple(row[3] for row in rows),
    }
    recorded = {tuple(row[:4]): ("no", "yes")[row[4]] for row in store.rows(RECORDED)}
    for c in plan.file.covariate:
        variables[c.name] = tuple(recorded.get((c.name, *row[:3])) for row in rows)
    for e in plan.file.endpoint if plan.file.baseline else ():
        variables[e.id] = tuple(values.get((e.id, *row[:3])) for row in rows)
    return People(
        ids=tuple("/".join(row[:3]) for row in rows),
        strata=tuple(row[3] for row in rows),
        treated=np.array([row[2] == "treated" for row in rows], dtype=np.bool_),
        variables=variables,
    )


def columns(who: People, name: str) -> list[Column]:
    """One of a number; of a category one for each level that occurs, in the order of their names."""
    known = who.variables[name]
    levels = sorted({v for v in known if isinstance(v, str)})
    if not levels:
        return [Column(variable=name, level=None, values=_numbers(known))]
    return [
        Column(variable=name, level=level, values=_numbers(None if v is None else v == level for v in known))
        for level in levels
    ]


def terms(who: People, names: Iterable[str]) -> list[Column]:
    """Of a category all levels but the first, which the intercept holds."""
    found = [columns(who, name) for name in names]
    return [c for of in found for c in (of if of[0].level is None else of[1:])]


def matrix(who: People, found: Iterable[Column]) -> FloatArray:
    """A row a patient, a column each."""
    return np.column_stack([np.empty((len(who.ids), 0)), *(c.values for c in found)])


def _numbers(known: Iterable[Known]) -> FloatArray:
    return np.array([np.nan if v is None else float(v) for v in known], dtype=np.float64)
