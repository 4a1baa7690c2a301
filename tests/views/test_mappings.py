"""The shipped mappings: one meaning in three FHIR versions, and a row for every resource of real data."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rwe.views import CompiledView, compile_view
from rwe.views import fhirpath as fp
from rwe.views.schema import PRIMITIVES
from tests.views.generate import text
from tests.views.oracle_values import TEXT_TAG
from tests.views.public import SETS, loaded, need_set

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "mappings"
VERSIONS = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}
NAMES = sorted(path.stem for path in (MAPPINGS / "r4").glob("*.json"))
NO_ROW_WITHOUT = {"observation_component": "component", "patient_link": "link"}  # forEach, not forEachOrNull
RESOURCE = ("name", "resource")
# of the specification's required set: no boundary, no join, which are experimental
REQUIRED = {"where", "exists", "empty", "not", "extension", "ofType", "first"}
REQUIRED |= {"getResourceKey", "getReferenceKey"}


def definition(folder: str, name: str) -> Any:
    return json.loads((MAPPINGS / folder / f"{name}.json").read_text())


@cache
def compiled(folder: str, name: str) -> CompiledView:
    return compile_view(definition(folder, name), VERSIONS[folder])


@pytest.mark.parametrize("folder", VERSIONS)
def test_every_version_has_every_mapping(folder: str) -> None:
    assert sorted(path.stem for path in (MAPPINGS / folder).glob("*.json")) == NAMES
    assert len(NAMES) == 9


@pytest.mark.parametrize("folder", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_says_what_it_is(folder: str, name: str) -> None:
    view = definition(folder, name)
    assert (view["name"], view["status"]) == (name, "active")
    assert view["fhirVersion"] == [VERSIONS[folder]]
    assert view["description"].startswith("Grain: ")
    assert compiled(folder, name).columns == compiled("r4", name).columns


def entries(select: Any) -> Iterator[Any]:
    for entry in select:
        yield entry
        yield from entries(entry.get("select", []))


def calls(node: Any) -> Iterator[str]:
    """Names of the functions in a path."""
    for part in ("base", "at", "left", "right", "operand"):
        if (below := getattr(node, part, None)) is not None:
            yield from calls(below)
    for argument in getattr(node, "args", ()):
        yield from calls(argument)
    if isinstance(node, fp.Call):
        yield node.name


@pytest.mark.parametrize("folder", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_is_shareable_and_tabular(folder: str, name: str) -> None:
    """By the profiles ShareableViewDefinition and TabularViewDefinition: any runner reads it."""
    view = definition(folder, name)
    assert set(view) == {"resourceType", "url", "status", "fhirVersion", "description", "select", *RESOURCE}
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", view["url"])
    for entry in entries(view["select"]):
        assert set(entry) <= {"column", "select", "forEach", "forEachOrNull"}
        paths = [entry[key] for key in ("forEach", "forEachOrNull") if key in entry]
        for column in entry.get("column", []):
            assert set(column) <= {"name", "path", "type", "tag"}
            assert re.fullmatch("[a-z][a-z0-9_]*", column["name"])
            assert column["type"] in PRIMITIVES
            paths.append(column["path"])
        assert {call for path in paths for call in calls(fp.parse(path))} <= REQUIRED


def test_every_mapping_has_a_url_of_its_own() -> None:
    urls = {definition(folder, name)["url"] for folder in VERSIONS for name in NAMES}
    assert len(urls) == len(VERSIONS) * len(NAMES)


@pytest.mark.parametrize("folder", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_only_the_text_of_a_number_has_a_tag(folder: str, name: str) -> None:
    """A runner that knows no tag gives the number again."""
    declared = {
        c["name"]: c for e in entries(definition(folder, name)["select"]) for c in e.get("column", [])
    }
    for column in compiled(folder, name).columns:
        tagged = declared[column.name].get("tag", [])
        assert tagged == ([TEXT_TAG] if column.name.endswith("value_text") else [])


@pytest.mark.parametrize("name", NAMES)
def test_r4b_is_r4(name: str) -> None:
    """Two files, since a site names its version by a folder; they must not drift apart."""
    own = {"fhirVersion": None, "url": None}
    assert {**definition("r4b", name), **own} == {**definition("r4", name), **own}


@pytest.mark.parametrize("name", NAMES)
def test_ids_come_first_and_are_texts(name: str) -> None:
    first = compiled("r4", name).columns[0]
    assert first.name == f"{name.removesuffix('_component').removesuffix('_link')}_id"
    assert first.type == "VARCHAR"


@pytest.mark.parametrize("folder", VERSIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_mapping_streams(db: Any, folder: str, name: str) -> None:
    """A join or a window in the plan would hold every resource in memory at once."""
    query = compiled(folder, name).query("""(SELECT '{"id": "x"}'::JSON AS json FROM range(9))""")
    plan = db.execute(f"EXPLAIN {query}").fetchall()[0][1].upper()
    assert "UNNEST" in plan or name == "patient"
    assert not [word for word in ("JOIN", "WINDOW", "DELIM") if word in plan]


@pytest.mark.parametrize("folder", SETS)
@pytest.mark.parametrize("name", NAMES)
def test_every_resource_of_real_data_has_its_rows(execute: Any, folder: str, name: str) -> None:
    need_set(folder)
    view = compiled(SETS[folder], name)
    found = loaded(folder).get(view.resource, [])
    rows = execute(view, [text(r) for r in found])
    need = NO_ROW_WITHOUT.get(name)
    expected = {r["id"] for r in found if "id" in r and (need is None or r.get(need))}
    assert {row[view.columns[0].name] for row in rows} - {None} == expected
    assert len(rows) >= sum(need is None or bool(r.get(need)) for r in found)
