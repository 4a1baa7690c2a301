"""STROBE and RECORD: every item is there, and every place that is named for an answer exists."""

import json
import re

import pytest
import results_sample as sample

from rwe import data, schemas
from rwe.output import reporting
from rwe.output.report import render_html
from rwe.steps import export, sql
from rwe.steps.variables import TABLES

ROWS = data.reviewed("export/reporting_item")
PLACES = sorted({place for row in ROWS for place in reporting.places(row["where"])})
METHODS = "1a 1b 2 3 4 5 6a 6b 7 8 9 10 11 12a 12b 12c 12d 12e"
FOUND = "13a 13b 13c 14a 14b 14c 15 16a 16b 16c 17 18 19 20 21 22"
RECORD = "1.1 1.2 1.3 6.1 6.2 6.3 7.1 12.1 12.2 12.3 13.1 19.1 22.1"


def walk(schema, path):
    """Follow a.b.c through a JSON Schema, its references, lists and alternatives; nothing where it ends."""
    found = [schema]
    for name in path.split("."):
        found = [child for s in found for one in opened(s, schema) if (child := of(one, name)) is not None]
    return found


def of(schema, name):
    return schema.get("properties", {}).get(name)


def opened(part, schema):
    if "$ref" in part:
        yield from opened(schema["$defs"][part["$ref"].rpartition("/")[2]], schema)
    for other in (*part.get("anyOf", ()), *part.get("allOf", ())):
        yield from opened(other, schema)
    if isinstance(part.get("items"), dict):
        yield from opened(part["items"], schema)
    yield part


def rooted(name):
    """A schema whose first place is that of its class."""
    schema = json.loads(schemas.texts()[name])
    return {**schema, **next(one for one in opened(schema, schema) if "properties" in one)}


@pytest.fixture(scope="module")
def sections():
    return set(re.findall(r'<section id="([^"]+)"', render_html(sample.build())))


def exists(kind, name, sections):
    if kind == "report":
        return name in sections
    if kind in ("results", "study"):
        return bool(walk(rooted(f"{kind}.schema.json"), name))
    if kind == "sql":
        return name in sql.names()
    table, _, variable = name.partition(".")
    if table in TABLES:
        return any((r["table"], r["variable"]) == (table, variable) for r in data.reviewed("export/variable"))
    return name in ("codebook.csv", "codebook.md", "codebook.json", export.EVIDENCE)


@pytest.mark.parametrize(("kind", "name"), PLACES)
def test_a_place_that_is_named_exists(sections, kind, name):
    assert exists(kind, name, sections)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("report", "flows"),
        ("results", "attrition.n"),
        ("results", "attritions"),
        ("study", "eligibility.age"),
        ("sql", "cohort/99_none"),
        ("export", "patients.name"),
        ("export", "codebook"),
    ],
)
def test_a_place_that_does_not_exist_is_found_out(sections, kind, name):
    assert not exists(kind, name, sections)


def test_sections_that_a_note_names_exist(sections):
    assert {name for row in ROWS for name in re.findall(r"report#(\w+)", row["note"])} <= sections


def test_every_item_of_both_guidelines_stands_there_once():
    assert [row["item"] for row in ROWS if row["guideline"] == "STROBE"] == [*METHODS.split(), *FOUND.split()]
    assert [row["item"] for row in ROWS if row["guideline"] == "RECORD"] == RECORD.split()


def test_what_is_not_answered_says_so():
    for row, shown in zip(ROWS, reporting.items(), strict=True):
        assert (shown["where"] == reporting.OPEN) == (row["where"] == "")
    assert "| STROBE | 22 | funding and the role of funders | not answered by rwe: write it |" in (
        reporting.as_markdown().decode()
    )


def test_a_table_of_markdown_has_as_many_cells_in_each_row():
    lines = [line for line in reporting.as_markdown().decode().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {6}
    assert len(lines) == len(ROWS) + 2
