"""A small database, tables drawn in ASCII, and the rows that a file of sql/ makes of them.

The mapped tables have the columns of the shipped R4 mappings, the study tables those of
rwe/steps/tables.py with the small study below, the tables of sql/ those that each file makes of nothing.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rwe import data
from rwe import study as studies
from rwe.steps import arrivals, tables, units
from rwe.steps import cohort as steps
from rwe.steps import map as mapping
from rwe.store import Store, quoted

STUDY = {
    "study_id": "small",
    "days": "instant",
    "population_label": "COVID-19",
    "population_source": "condition",
    "population_codes": "covid",
    "population_numeric": False,
    "exposure_codes": "product",
    "dose_value": "4e7",
    "dose_unit": "{cells}",
    "dose_tolerance": "0.25",
    "control_time_zero": "enrolment",
    "control_source": "encounter",
    "control_codes": "enrolled",
    "future_treated": False,
    "alive_at_time_zero": False,
    "events_until_day": 360,
}
CODE_LISTS = """
    code_list | code
    ----------+-----
    covid     | covid
    product   | msc
    product   | msc-2
    enrolled  | control
    cells     | other-cells
    cancer    | cancer
    graded    | grade
    moderate  | moderate
    severe    | severe
    fev1      | fev1
    fev1      | fev1-pre"""
VISITS = """
    number | visit    | target | start_day | end_day | is_baseline | same_day
    -------+----------+--------+-----------+---------+-------------+---------
    0      | baseline | 0      | -7        | 0       | true        | false
    1      | d28      | 28     | 21        | 35      | false       | false
    2      | d90      | 90     | 69        | 111     | false       | false"""
ENDPOINTS = """
    number | endpoint | label | kind     | code_list | unit | low | high
    -------+----------+-------+----------+-----------+------+-----+-----
    1      | FEV1     | FEV1  | quantity | fev1      | L    | 0.2 | 8"""
UNITS = """
    from_unit | to_unit | factor
    ----------+---------+-------
    L         | L       | 1
    mL        | L       | 0.001
    {cells}   | {cells} | 1
    10*6      | {cells} | 1000000"""

RESULT = tuple(f"result/{f.name}" for f in data.sql_files("result"))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.temporary(tmp_path_factory.mktemp("spec")) as store:
        store.run(arrivals.KEPT + arrivals.ANEW + tables.TABLES + units.TABLE + steps.STEPS)
        for view in mapping.views("4.0.1"):
            columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in view.columns)
            store.run(f"CREATE TABLE {quoted(view.name)} (site_id VARCHAR, {columns})")
        store.run(f"INSERT INTO study ({', '.join(STUDY)}) VALUES ({marks(STUDY)})", list(STUDY.values()))
        for table, text in (
            ("code_list", CODE_LISTS),
            ("visit", VISITS),
            ("endpoint", ENDPOINTS),
            ("unit_conversion", UNITS),
            ("counted_status", "status\ncompleted"),
        ):
            load(store, table, text)
        for folder in ("map", "codes", "result", "cohort", "endpoint"):
            for file in data.sql_files(folder):
                store.run_file(file)
        visited(store)
        for file in data.sql_files("why"):
            store.run_file(file)
        yield store


@pytest.fixture
def db(store: Store) -> Iterator[Store]:
    with fresh(store):
        yield store


@contextmanager
def fresh(store: Store) -> Iterator[None]:
    """Whatever happens inside is undone."""
    store.run("BEGIN")
    try:
        yield
    finally:
        store.run("ROLLBACK")


def load(db: Store, table: str, text: str) -> None:
    """Insert an ASCII table: blank cells are NULL, the site is north and a code's system s if not named."""
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    head, *body = (line for line in lines if not set("".join(line)) <= {"-", "+"})
    insert(db, table, [dict(zip(head, line, strict=True)) for line in body])


def insert(db: Store, table: str, records: list[dict[str, str]]) -> None:
    named = db.rows("SELECT column_name FROM duckdb_columns() WHERE table_name = ?", (table,))
    defaults = {c: "s" for (c,) in named if c == "system" or (c.endswith("_system") and "unit" not in c)}
    if ("site_id",) in named:
        defaults["site_id"] = "north"
    if table in ("measurement", "contact", "history"):
        defaults["arm"] = "treated"
    if ("start_number",) in named:
        defaults["start_number"] = "1"
    for record in records:
        row = {**defaults, **record}
        columns = ", ".join(map(quoted, row))
        db.run(
            f"INSERT INTO {quoted(table)} ({columns}) VALUES ({marks(row)})",
            [cell if cell != "" else None for cell in row.values()],
        )


def marks(row: dict[str, Any]) -> str:
    return ", ".join("?" * len(row))


def study(db: Store, **changes: Any) -> None:
    for column, value in changes.items():
        db.run(f"UPDATE study SET {quoted(column)} = ?", [value])


def stratified(db: Store) -> None:
    load(db, "carrier", "code_list\ncovid\ngraded")
    load(
        db,
        "stratum",
        """
        number | stratum  | label    | code_list
        -------+----------+----------+----------
        1      | moderate | moderate | moderate
        2      | severe   | severe   | severe""",
    )


def run_sql(db: Store, *files: str) -> None:
    """With moment before them: what was recorded may have been loaded since it was made."""
    for file in ("cohort/01_moment.sql", *files):
        db.run_file(data.root() / "sql" / file)


def run_cohort(db: Store) -> None:
    """All of sql/result, sql/cohort with its steps, and sql/endpoint, as `rwe cohort` does."""
    run_sql(db, *RESULT)
    db.run(steps.STEPS)
    for number, file in enumerate(data.sql_files("cohort"), start=1):
        steps._run(db, number, file)
    run_sql(db, "endpoint/quantity.sql")
    visited(db)


def visited(db: Store) -> None:
    """The small study's endpoint is a quantity."""
    db.run("CREATE OR REPLACE TABLE endpoint_value AS FROM quantity")
    for file in data.sql_files("visit"):
        db.run_file(file)


def rows(db: Store, table: str, columns: str = "*") -> list[Any]:
    """Sorted; of a single column the values.  TIMESTAMPTZ as text in UTC."""
    found = db.rows(f"SELECT {columns} FROM {table} ORDER BY ALL")
    return [row[0] for row in found] if found and len(found[0]) == 1 else found


MSC = (data.demo_study() / "study.toml").read_text(encoding="utf-8")
COVARIATE = """
[[covariate]]
name = "cancer"
label = "a cancer"
in = ["condition"]
codes = "malignancy"
"""
WEIGHTED = 'terms = ["age", "sex", "FEV1"]'


@pytest.fixture
def written(tmp_path):
    """written(TEXT): the study of this text, with the code lists of the demo."""
    shutil.copytree(data.demo_study() / "codes", tmp_path / "codes")

    def written(text):
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return studies.load(tmp_path)

    return written


@pytest.fixture
def plan(written):
    def plan(keys=WEIGHTED):
        table = (COVARIATE if "cancer" in keys else "") + (f"\n[propensity]\n{keys}\n" if keys else "")
        return written(MSC + table)

    return plan


@pytest.fixture
def cohort(db):
    db.run("CREATE OR REPLACE TABLE endpoint_value AS SELECT * FROM quantity WHERE FALSE")
    return db
