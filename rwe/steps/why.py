"""why: one patient's way through the study, for the people of the site.

    cohort tables  ──▶  sql/why  ──▶  Way: steps, time zero, stratum, values

Reads the store alone.  What it returns is the patient's: for a terminal, never for results/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rwe import data
from rwe.errors import UsageError
from rwe.steps import folder, lineage
from rwe.store import Store
from rwe.study import Study

Row = dict[str, Any]
TIME_ZERO = (
    *("arm", "zero_at", "zero_date", "anchor_at", "anchor_date", "no_arm"),
    *("censor_at", "censor_date"),
)
START = ("kind", "reference", "happened", "verdict", "made_it")
STATE = ("reference", "element", "stratum", "happened", "is_carried", "up_to_time_zero", "made_it")
VALUE = (
    *("arm", "endpoint", "visit", "value", "comparator", "unit", "measured", "reference"),
    *("missing", "not_used"),
)

# Of a candidate of a risk set with several times zero that of way_start alone.
STRATUM = "FROM severity SEMI JOIN way_start USING (site_id, patient_id, start_number)"
DROPPED = (
    "SELECT d.* FROM dropped AS d LEFT JOIN way_start AS w USING (site_id, patient_id) "
    "WHERE COALESCE(d.start_number = w.start_number, TRUE)"
)


@dataclass(frozen=True, kw_only=True)
class Way:
    """Rows as sql/why and sql/cohort have them.  A step's fate: passed, left_out, also (it would leave the
    patient out too) or not_reached."""

    site: str
    patient: str
    in_cohort: bool
    steps: list[Row]
    time_zero: list[Row]
    starts: list[Row]
    strata: list[str | None]
    states: list[Row]
    values: list[Row]


def why(plan: Study, text: str, *, site_id: str | None) -> Way:
    """text: the patient's id, or SITE/ID."""
    name, slash, identity = text.rpartition("/")
    if slash and site_id and name != site_id:
        raise UsageError("two sites are named", hint="write SITE/ID, or ID and --site")
    with Store.open(folder.data_folder(plan.folder)) as store:
        lineage.require(store, "map", lineage.of_map(plan.folder))
        lineage.require(store, "cohort", lineage.of_cohort(plan))
        return _way(store, _site(store, identity, site_id or name), identity)


def _site(store: Store, patient: str, name: str) -> str:
    held = [s for (s,) in store.rows("SELECT site_id FROM person WHERE patient_id = ? ORDER BY 1", [patient])]
    if name and name in held:
        return name
    if name or not held:
        hint = "`rwe inventory` lists the ids of what is held"
        raise UsageError("no such patient is in the store", hint=hint)
    if len(held) > 1:
        raise UsageError("patients of several sites have this id", hint=f"--site is one of {', '.join(held)}")
    return str(held[0])


def _way(store: Store, site: str, patient: str) -> Way:
    for sql in data.sql_files("why"):
        store.run_file(sql)

    def rows(table: str, columns: Sequence[str]) -> list[Row]:
        texts = ", ".join(f"{c}::VARCHAR" if c.endswith(("_at", "_date")) else c for c in columns)
        of = f"SELECT {texts} FROM {table} WHERE site_id = ? AND patient_id = ?"
        return [dict(zip(columns, row, strict=True)) for row in store.rows(of, [site, patient])]

    return Way(
        site=site,
        patient=patient,
        in_cohort=bool(rows("cohort", ("arm",))),
        steps=_steps(store, site, patient),
        time_zero=rows("way_start", TIME_ZERO),
        starts=rows("start_record", START),
        strata=[row["stratum"] for row in rows(f"({STRATUM})", ("stratum",))],
        states=rows("state_record", STATE),
        values=rows("used_value", VALUE),
    )


def _steps(store: Store, site: str, patient: str) -> list[Row]:
    """In the order run; a patient leaves at the first that applies to the start of its way."""
    taken = store.rows(
        "SELECT s.step, s.description, d.patient_id IS NOT NULL, d.reason "
        f"FROM step AS s LEFT JOIN ({DROPPED}) AS d "
        "ON s.step_number = d.step_number AND d.site_id = ? AND d.patient_id = ? ORDER BY s.step_number, 4",
        [site, patient],
    )
    found: list[Row] = []
    gone = False
    for step, description, drops, reason in taken:
        fate = ("also" if gone else "left_out") if drops else ("not_reached" if gone else "passed")
        found.append({"step": step, "description": description, "fate": fate, "reason": reason})
        gone = gone or drops
    return found
