"""A resource type is one JSON file: its table, its validation and what is asked for follow."""

import json
import shutil
from pathlib import Path

import pytest

from rwe import data
from rwe.address import RELATIVE
from rwe.fhir.bundle import resource
from rwe.landing import Run
from rwe.resource import Place
from rwe.steps import ask
from rwe.steps import map as mapping
from rwe.store import Store

PROCEDURE = {
    "resourceType": "ViewDefinition",
    "name": "procedure",
    "status": "active",
    "resource": "Procedure",
    "fhirVersion": ["4.0.1"],
    "select": [
        {
            "column": [
                {"name": "procedure_id", "path": "getResourceKey()"},
                {"name": "patient_id", "path": "subject.getReferenceKey(Patient)"},
                {"name": "performed", "path": "performed.ofType(dateTime)", "type": "dateTime"},
            ]
        }
    ],
}
LINES = [
    '{"resourceType": "Procedure", "id": "a", "status": "completed", "subject": {"reference": "Patient/p"},'
    ' "performedDateTime": "2021-02"}',
    '{"resourceType": "Procedure", "id": "b", "status": "bogus", "subject": {"reference": "Patient/p"}}',
]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("mappings", "sql"):
        shutil.copytree(data.root() / folder, tmp_path / folder)
    (tmp_path / "mappings" / "r4" / "procedure.json").write_text(json.dumps(PROCEDURE))
    monkeypatch.setattr(data, "root", lambda: tmp_path)


def land(folder: Path, lines: list[str]) -> None:
    with Run(folder / "raw", site="north", types=ask.types("4.0.1")) as run:
        for number, line in enumerate(lines, start=1):
            run.add(resource(line.encode(), Place(source="x.ndjson", position=number)))
        run.commit({}, fhir_version="4.0.1", method="files", pulled_at=None)


def pull_and_map(folder: Path, lines: list[str]) -> list[tuple[str, ...]]:
    land(folder, lines)
    with Store.open(folder, create=True) as store:
        mapping.build(store, folder / "raw", {"north": RELATIVE}, say=lambda _: None)
        return sorted(store.rows("SELECT procedure_id, performed FROM procedure"))


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("path", ["getResourceKey()", "id"])
def test_a_table_follows_what_changed_with_a_key_column_or_without(tmp_path: Path, path: str) -> None:
    view = json.loads(json.dumps(PROCEDURE).replace("getResourceKey()", path))
    (tmp_path / "mappings" / "r4" / "procedure.json").write_text(json.dumps(view))
    first = [line.replace("bogus", "unknown") for line in LINES]
    assert pull_and_map(tmp_path, first) == [("a", "2021-02"), ("b", None)]
    later = [first[0].replace("2021-02", "2021-03"), first[1].replace('"b"', '"c"')]
    assert pull_and_map(tmp_path, later) == [("a", "2021-03"), ("c", None)]


@pytest.mark.usefixtures("shipped")
def test_one_file_in_mappings_is_all_that_a_type_needs(tmp_path: Path) -> None:
    assert "Procedure" in ask.types("4.0.1")
    land(tmp_path, LINES)
    with Store.open(tmp_path, create=True) as store:
        mapping.build(store, tmp_path / "raw", {"north": RELATIVE}, say=lambda _: None)
        assert store.rows("FROM procedure") == [("north", "a", "p", "2021-02")]
        assert store.rows("SELECT id, fate, detail FROM resource WHERE fate <> 'mapped'") == [
            ("b", "invalid_code", "Procedure.status")
        ]
