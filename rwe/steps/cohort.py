"""cohort: who is in, in which arm, from when, and one value for each visit.

    tables  ──▶  sql/result                  ──▶  result, contradiction; unit_conversion (units.py)
            ──▶  sql/cohort in number order  ──▶  cohort, attrition, measurement, event
            ──▶  sql/endpoint                ──▶  endpoint_value
            ──▶  sql/visit                   ──▶  visit_count
            ──▶  sql/check                   ──▶  check_result

What it shows touches no outcome: attrition rests on sql/cohort before 40_measurement.sql, which reads no
result; checks count results that cannot be used, never a value; Table 1 and the propensity score are of what
was known at time zero.  Of endpoint_value, made for `compare`, the baseline alone is looked at here.

A file of sql/cohort with a `Step` line leaves patients out: its table holds who, and why.  It is one
step of the attrition by itself, in the order of the numbers, when its `When` holds for the study.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from rwe import data, study
from rwe.errors import MappingError
from rwe.results import Attrition, Baseline, CheckResult, Design, Propensity
from rwe.steps import folder, lineage, tables, units
from rwe.steps.baseline import baseline
from rwe.steps.counts import partial
from rwe.steps.design import design
from rwe.steps.propensity import propensity
from rwe.store import Store, literal, quoted
from rwe.study import Study

STEPS = """
CREATE OR REPLACE TABLE step (step_number INTEGER, step VARCHAR, description VARCHAR);
CREATE OR REPLACE TABLE dropped (
    step_number INTEGER, site_id VARCHAR, patient_id VARCHAR, start_number BIGINT, reason VARCHAR);
"""
# What sql/cohort reads of the mappings; a mapping that lost one is named before any SQL runs.
MAPPED = (
    *("patient", "patient_link", "encounter", "condition", "observation", "observation_component"),
    *("medication", "medication_administration", "adverse_event"),
)


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """`missing` says what of the data is not whole, a line each."""

    attrition: list[Attrition]
    checks: list[CheckResult]
    propensity: list[Propensity]
    missing: tuple[str, ...]
    baseline: list[Baseline]
    design: Design


def cohort(study_dir: Path) -> Cohort:
    """Build the cohort tables of the study in its folder."""
    plan = study.load(study_dir)
    with Store.open(folder.data_folder(study_dir)) as store:
        store.require(*MAPPED, by="map")
        lineage.require(store, "map", lineage.of_map(study_dir))
        with store.transaction("cohort"):
            build(store, plan)
            lineage.note(store, "cohort", lineage.of_cohort(plan))
        return Cohort(
            attrition=attrition(store),
            checks=checks(store),
            propensity=propensity(store, plan),
            missing=tuple(partial(store)),
            baseline=list(baseline(store, plan)),
            design=design(plan),
        )


def build(store: Store, plan: Study) -> None:
    people_and_values(store, plan)
    for sql in data.sql_files("visit"):
        store.run_file(sql)
    _run_checks(store)


def people_and_values(store: Store, plan: Study) -> None:
    """All that comparisons read, without counts and checks."""
    tables.write(store, plan)
    _forget(store)
    for sql in data.sql_files("result"):
        store.run_file(sql)
    units.write(store, plan)
    store.run(STEPS)
    for number, sql in enumerate(data.sql_files("cohort"), start=1):
        _run(store, number, sql)
    endpoint_values(store, plan)


def _forget(store: Store) -> None:
    """What an older rwe kept in the store and this one keeps in memory: nobody would bring it up to date."""
    for (name,) in store.rows(
        "SELECT database_name || '.' || schema_name || '.' || table_name FROM duckdb_tables() "
        "WHERE NOT temporary AND table_name IN ('coding', 'result', 'contradiction', 'moment')"
    ):
        store.run(f"DROP TABLE {name}")


def endpoint_values(store: Store, plan: Study) -> None:
    """One value for each visit of the table `visit`."""
    kinds = list(dict.fromkeys(e.kind for e in plan.file.endpoint))
    for kind in kinds:
        store.run_file(data.root() / "sql" / "endpoint" / f"{kind}.sql")
    union = " UNION ALL BY NAME ".join(f"FROM {quoted(kind)}" for kind in kinds)
    store.run(f"CREATE OR REPLACE TABLE endpoint_value AS {union}")


def _run(store: Store, number: int, sql: Path) -> None:
    """One file; a step's table is the file's name without its number."""
    step, when = header(sql, "Step"), header(sql, "When")
    if when and not store.rows(f"SELECT COALESCE({when}, FALSE) FROM study")[0][0]:
        return
    store.run_file(sql)
    if step:
        name = re.sub(r"^[0-9]+_", "", sql.stem)
        store.run("INSERT INTO step VALUES (?, ?, ?)", [number, name, step])
        store.run(f"INSERT INTO dropped BY NAME SELECT {number} AS step_number, * FROM {quoted(name)}")


def _run_checks(store: Store) -> None:
    """Count the rows that each check brings back; none is a pass.  One statement: each costs a plan."""
    store.run(
        "CREATE OR REPLACE TABLE check_result "
        "(rule VARCHAR, site_id VARCHAR, arm VARCHAR, n BIGINT, severity VARCHAR)"
    )
    counts = "\nUNION ALL\n".join(_counted(sql) for sql in data.sql_files("check"))
    store.run(f"INSERT INTO check_result {counts}")


def _counted(sql: Path) -> str:
    severity = header(sql, "Severity")
    if severity not in ("error", "warning", "info"):
        raise MappingError(f"{sql.name}: its header needs Severity error, warning or info")
    rows = sql.read_text(encoding="utf-8").rstrip().rstrip(";")
    counts = f"SELECT {literal(sql.stem)}, site_id, arm, COUNT(*), {literal(severity)}"
    return f"{counts} FROM (\n{rows}\n) GROUP BY site_id, arm"


def header(sql: Path, key: str) -> str:
    """What a file's header says under a key, or ''."""
    found = re.search(rf"^-- {key} +(.+)$", sql.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip() if found else ""


def attrition(store: Store) -> list[Attrition]:
    rows = store.rows(
        "SELECT step, description, site_id, arm, stratum, n_in, n_out FROM attrition "
        "ORDER BY number, site_id, arm NULLS FIRST, stratum NULLS FIRST"
    )
    return [
        Attrition(step=step, description=text, site=site, arm=arm, stratum=stratum, n_in=n_in, n_out=n_out)
        for step, text, site, arm, stratum, n_in, n_out in rows
    ]


def checks(store: Store) -> list[CheckResult]:
    rows = store.rows("FROM check_result ORDER BY rule, site_id, arm NULLS FIRST")
    return [
        CheckResult(rule=rule, site=site, arm=arm, n=n, severity=severity)
        for rule, site, arm, n, severity in rows
    ]
