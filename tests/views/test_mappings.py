"""The shipped mappings: one meaning in three FHIR versions, and a row for every resource of real data."""

import gzip
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rwe.views import CompiledView, compile_view

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "mappings"
DATA = Path(os.environ.get("RWE_DATA", ROOT.parent / "shared" / "data"))
VERSIONS = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}
NAMES = sorted(path.stem for path in (MAPPINGS / "r4").glob("*.json"))
NO_ROW_WITHOUT = {"observation_component": "component"}  # forEach, not forEachOrNull
SETS = {
    "fhir-bridge-gecco-tests": "r4",
    "gematik-hddt-doc-json": "r4",
    "google-synthea-hiv": "r4",
    "hl7-spec-examples/R4": "r4",
    "hl7-spec-examples/R4B": "r4b",
    "hl7-spec-examples/R5": "r5",
    "mii-kds-testdata": "r4",
    "smart-bulk-ndjson-10-patients": "r4",
    "smart-synthea-2019": "r4",
    "synthea-covid-bundles": "r4",
    "synthea-covid-ndjson": "r4",
    "torch-odd": "r4",
}


def definition(folder: str, name: str) -> Any:
    return json.loads((MAPPINGS / folder / f"{name}.json").read_text())


@cache
def compiled(folder: str, name: str) -> CompiledView:
    return compile_view(definition(folder, name), VERSIONS[folder])


@pytest.mark.parametrize("folder", VERSIONS)
def test_every_version_has_every_mapping(folder: str) -> None:
    assert sorted(path.stem for path in (MAPPINGS / folder).glob("*.json")) == NAMES
    assert len(NAMES) == 8


@pytest.mark.parametrize("folder", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_says_what_it_is(folder: str, name: str) -> None:
    view = definition(folder, name)
    assert (view["name"], view["status"]) == (name, "active")
    assert view["fhirVersion"] == [VERSIONS[folder]]
    assert view["description"].startswith("Grain: ")
    assert compiled(folder, name).columns == compiled("r4", name).columns


@pytest.mark.parametrize("name", NAMES)
def test_r4b_is_r4(name: str) -> None:
    """Two files, since a site names its version by a folder; they must not drift apart."""
    assert {**definition("r4b", name), "fhirVersion": None} == {**definition("r4", name), "fhirVersion": None}


@pytest.mark.parametrize("name", NAMES)
def test_ids_come_first_and_are_texts(name: str) -> None:
    first = compiled("r4", name).columns[0]
    assert first.name == f"{name.removesuffix('_component')}_id"
    assert first.type == "VARCHAR"


@pytest.mark.parametrize("folder", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_streams(db: Any, folder: str, name: str) -> None:
    """A join or a window in the plan would hold every resource in memory at once."""
    query = compiled(folder, name).query("""(SELECT '{"id": "x"}'::JSON AS json FROM range(9))""")
    plan = db.execute(f"EXPLAIN {query}").fetchall()[0][1].upper()
    assert "UNNEST" in plan or name == "patient"
    assert not [word for word in ("JOIN", "WINDOW", "DELIM") if word in plan]


def texts(folder: Path) -> Iterator[str]:
    """One JSON document each: a file, or a line of an NDJSON file."""
    for path in sorted(folder.rglob("*.json*")) + sorted(folder.rglob("*.ndjson*")):
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        yield from text.splitlines() if ".ndjson" in path.name else [text]


def documents(folder: Path) -> Iterator[Any]:
    for text in texts(folder):
        try:
            yield json.loads(text)
        except ValueError:
            continue  # torch-odd holds two on purpose


def resources(document: Any) -> Iterator[Any]:
    if not isinstance(document, dict) or "resourceType" not in document:
        return
    if document["resourceType"] != "Bundle":
        yield document
    for entry in document.get("entry", []) if document["resourceType"] == "Bundle" else []:
        yield from resources(entry.get("resource"))


@cache
def loaded(folder: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for document in documents(DATA / folder):
        for resource in resources(document):
            found.setdefault(resource["resourceType"], []).append(resource)
    return found


@pytest.mark.parametrize("folder", SETS)
@pytest.mark.parametrize("name", NAMES)
def test_every_resource_of_real_data_has_its_rows(execute: Any, folder: str, name: str) -> None:
    if not (DATA / folder).is_dir():
        pytest.skip(f"{DATA / folder} is not there")
    view = compiled(SETS[folder], name)
    found = loaded(folder).get(view.resource, [])
    rows = execute(view, [json.dumps(r) for r in found])
    need = NO_ROW_WITHOUT.get(name)
    expected = {r["id"] for r in found if "id" in r and (need is None or r.get(need))}
    assert {row[view.columns[0].name] for row in rows} - {None} == expected
    assert len(rows) >= sum(need is None or bool(r.get(need)) for r in found)
