"""Every file of sql/ is what its name and its header say."""

import re
from pathlib import Path

import pytest

from rwe import data
from rwe.steps.cohort import header

from .conftest import run_sql

ROOT = data.root() / "sql"
FILES = sorted(ROOT.glob("*/*.sql"))
TABLES = [f for f in FILES if f.parent.name != "check"]
CHECKS = data.sql_files("check")
STEPS = [f for f in data.sql_files("cohort") if f.name.startswith("2") and f.stem != "28_draw"]
KEYS = ("Grain", "Reads", "Keeps", "Drops", "Caveat", "Reference")


def named(files):
    return pytest.mark.parametrize("file", files, ids=lambda f: f"{f.parent.name}/{f.name}")


def name(file: Path) -> str:
    return re.sub(r"^[0-9]+_", "", file.stem)


def code(file: Path) -> str:
    """Without comments and texts."""
    return re.sub(r"--.*|'[^']*'", "", file.read_text(encoding="utf-8"))


def reads(file: Path) -> set[str]:
    """Tables after FROM and JOIN that are no CTE of the file."""
    inside = set(re.findall(r"(\w+) AS \(", code(file)))
    return set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", code(file))) - inside


@named(FILES)
def test_the_header_opens_with_the_name_and_has_every_key(file):
    assert file.read_text(encoding="utf-8").startswith(f"-- {name(file)}: ")
    assert [key for key in KEYS if not header(file, key)] == []


@named(FILES)
def test_a_step_has_a_step_line_and_a_check_a_severity(file):
    assert bool(header(file, "Step")) == (file in STEPS)
    assert (header(file, "Severity") in ("error", "warning", "info")) == (file in CHECKS)


@named(TABLES)
def test_a_file_makes_one_table_of_its_own_name(file):
    assert re.findall(r"(?:CREATE.*(?:TABLE|VIEW)|INSERT INTO) (\w+)", code(file)) == [name(file)]


@named([f for f in data.sql_files("cohort") if f.name < "40"])
def test_who_is_in_is_decided_without_a_result(file):
    """So that attrition and balance can be seen before the plan is locked."""
    assert not reads(file) & {"result", "measurement", "endpoint_value", "quantity", "endpoint", "event"}


@named(CHECKS)
def test_a_check_is_one_query_that_makes_nothing(file):
    assert code(file).count(";") == 1
    assert not re.search(r"\b(CREATE|INSERT|UPDATE|DELETE|DROP)\b", code(file))


@named(FILES)
def test_reads_names_the_tables_that_are_read(file):
    text = file.read_text(encoding="utf-8").split("\n-- Keeps")[0].split("-- Reads")[1]
    assert reads(file) == set(re.findall(r"\w+", text))


@named(FILES)
def test_a_file_runs_by_itself_and_twice(db, file):
    """No parameters; the tables it reads are there.  endpoint_value is made of the kinds by `rwe cohort`."""
    db.run("CREATE OR REPLACE TABLE endpoint_value AS FROM quantity")
    for _ in range(2):
        run_sql(db, f"{file.parent.name}/{file.name}")


@named(STEPS)
def test_a_step_says_who_leaves_and_why(db, file):
    """A start leaves; before there is one, the patient."""
    start = set() if name(file) == "population" else {"start_number"}
    assert {"site_id", "patient_id", "reason"} | start == {
        column for (column,) in db.rows(f"SELECT column_name FROM (DESCRIBE {name(file)})")
    }


@named(CHECKS)
def test_a_check_gives_site_arm_and_patient(db, file):
    query = file.read_text(encoding="utf-8").rstrip().rstrip(";")
    db.run(f"CREATE TABLE brought_back AS {query}")
    columns = db.rows("SELECT column_name FROM duckdb_columns() WHERE table_name = 'brought_back'")
    assert [c for (c,) in columns] == ["site_id", "arm", "patient_id"]
