"""The variables of an export, rwe/reviewed/export/variable.csv: nothing but what they say leaves."""

import re

import polars as pl
import pytest

from rwe import data, study
from rwe.errors import DataError
from rwe.output.codebook import TYPES
from rwe.results import Theme
from rwe.steps import export_tables
from rwe.steps.event_rows import WORDS
from rwe.steps.export_tables import checked
from rwe.steps.pseudonyms import pseudonym
from rwe.steps.variables import TABLES, variables
from tests.cli import folders

ROWS = data.reviewed("export/variable")
SQL = {f.stem[3:]: f.read_text() for f in data.sql_files("export")}
FREE = {"patient", "system", "code"}


@pytest.fixture(scope="module")
def plan():
    return study.load(data.demo_study())


@pytest.fixture
def named(plan):
    return variables(plan, ["north", "south"], age_bands=False)


def levels(table, variable):
    (row,) = (r for r in ROWS if (r["table"], r["variable"]) == (table, variable))
    return set(row["levels"].split("|"))


def test_every_variable_says_all_that_a_reader_needs():
    for row in ROWS:
        assert row["table"] in (*TABLES, "*")
        assert row["type"] in TYPES
        assert all(row[key] for key in ("label", "missing", "source")), row["variable"]


def test_a_text_has_levels_but_for_pseudonym_and_code():
    """`checked` lets no text through that is none of them."""
    unbounded = {r["variable"] for r in ROWS if r["type"] == "text" and r["levels"] in ("", "#code")}
    assert unbounded == FREE


def test_every_column_that_leaves_is_a_variable_and_the_other_way_round(named):
    made = {"label", "patient", "site"}
    for table, source in export_tables.ROWS.items():
        select = SQL[source].rpartition("SELECT\n")[2].partition("\nFROM")[0]
        columns = set(re.findall(r"\b([a-z0-9_]+),?$", select, re.M)) - {"site_id", "patient_id", "age_band"}
        said = {v.variable for v in named if v.table == table} - made
        assert columns == {v for v in said if not v.startswith(("baseline_", "covariate_"))}, table


def test_reasons_to_set_aside_are_those_of_the_sql():
    measurement = (data.root() / "sql/cohort/40_measurement.sql").read_text().rpartition("CASE")[2]
    made = set(re.findall(r"THEN '(\w+)'", measurement))
    made |= {"codes_contradict", "unit_contradicts", "display_contradicts"}
    assert levels("values", "set_aside") == made
    parts = {row["part"] for row in data.reviewed("contradiction_word")}
    assert {f"{part}_contradicts" for part in parts} <= made


def test_reasons_of_the_missing_are_those_of_the_sql():
    quantity = (
        (data.root() / "sql/endpoint/quantity.sql").read_text().rpartition("value IS NOT NULL THEN NULL")[2]
    )
    assert levels("values", "missing") == set(re.findall(r"(?:THEN|ELSE) '(\w+)'", quantity))


@pytest.mark.parametrize("theme", ["severity", "grade", "causality"])
def test_degrees_are_those_that_the_report_counts(theme: Theme):
    assert levels("adverse_events", theme) == {*WORDS[theme], "other"}


def test_verdicts_are_those_of_the_sql():
    infusion = (data.root() / "sql/cohort/13_infusion.sql").read_text()
    assert levels("infusions", "verdict") == set(re.findall(r"(?:THEN|ELSE) '(\w+)'", infusion))


def test_age_stands_there_once(plan):
    for age_bands, name in ((False, "age"), (True, "age_band")):
        found = [v.variable for v in variables(plan, [], age_bands=age_bands)]
        assert [v for v in found if v.startswith("age")] == [name]


def test_covariates_and_baseline_values_have_a_column_each(tmp_path):
    folder = folders.copy("enoxaparin", tmp_path / "study")
    plan = study.load(folder)
    found = [v.variable for v in variables(plan, [], age_bands=False) if v.table == "patients"]
    assert plan.file.covariate
    assert [v for v in found if v.startswith("covariate_")] == [
        f"covariate_{c.name}" for c in plan.file.covariate
    ]
    baseline = [f"baseline_{e.id}" for e in plan.file.endpoint] if plan.file.baseline else []
    assert [v for v in found if v.startswith("baseline_")] == baseline


def test_a_text_that_the_codebook_does_not_name_does_not_leave(named):
    """As a record of a source that is stranger than the standard."""
    of = [v for v in named if v.table == "infusions"]
    row = {"label": of[0].levels, "patient": ["P1"], "site": ["north"], "arm": ["treated"]}
    assert checked(of, {**row, "stratum": ["severe"], "verdict": ["counts"]}).height == 1
    with pytest.raises(DataError, match=r"infusion\.verdict: .* infusions\.verdict") as refused:
        checked(of, {**row, "stratum": ["severe"], "verdict": ["John Smith"]})
    assert "Smith" not in str(refused.value)


def test_a_pseudonym_is_of_key_site_and_patient():
    marks = {pseudonym(k, s, p) for k in (b"1", b"2") for s, p in (("a", "bc"), ("ab", "c"), ("a", "b"))}
    assert len(marks) == 6
    assert all(re.fullmatch("P[0-9a-f]{16}", mark) for mark in marks)


def test_a_frame_has_the_types_of_its_variables(named):
    of = [v for v in named if v.table == "values"]
    empty = checked(of, {"patient": []})
    assert dict(empty.schema) == {v.variable: TYPES[v.type]() for v in of}
    assert isinstance(empty, pl.DataFrame)
