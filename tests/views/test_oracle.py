"""Compiled SQL against a slow, obvious runner in Python (tests/views/oracle.py).

The shipped views over random resources of their type; random views over random Patients.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rwe.views import compile_view
from tests.views import generate, oracle
from tests.views.conftest import scan

MAPPINGS = Path(__file__).parents[2] / "mappings"
SHIPPED = sorted(
    p.relative_to(MAPPINGS) for folder in ("r4", "r5") for p in (MAPPINGS / folder).glob("*.json")
)
VERSIONS = {"r4": "4.0.1", "r5": "5.0.0"}  # r4b is r4, file by file: tests/views/test_mappings.py
LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large]


@cache
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def compiled(view: Any, lines: list[str], fhir_version: str) -> list[oracle.Row]:
    done = compile_view(view, fhir_version)
    found = database().execute(done.query("(SELECT unnest(?::JSON[]) AS json)"), [lines]).fetchall()
    return [dict(zip((c.name for c in done.columns), row, strict=True)) for row in found]


def multiset(rows: list[oracle.Row]) -> Counter[Any]:
    """By type and text: 1.10 is not 1.1, true is not 1."""
    return Counter(tuple((k, type(v).__name__, str(v)) for k, v in sorted(row.items())) for row in rows)


@pytest.mark.parametrize("file", SHIPPED, ids=str)
@settings(max_examples=20, deadline=None, suppress_health_check=LARGE)
@given(data=st.data())
def test_a_shipped_view_has_the_rows_of_the_oracle(file: Path, data: st.DataObject) -> None:
    view, version = json.loads((MAPPINGS / file).read_text()), VERSIONS[file.parts[0]]
    lines = data.draw(st.lists(generate.resources(view, version), min_size=1, max_size=4))
    expected = multiset(oracle.rows(view, lines, version))
    assert multiset(compiled(view, lines, version)) == expected
    scanned = scan(database(), compile_view(view, version), lines)
    assert scanned is None or multiset(scanned) == expected


@pytest.mark.parametrize("file", SHIPPED, ids=str)
def test_something_fills_each_column_of_a_shipped_view(file: Path) -> None:
    """A path that nothing can fill is a mistake, such as a step that its type lacks."""
    view, version = json.loads((MAPPINGS / file).read_text()), VERSIONS[file.parts[0]]
    lines = generate.complete(view, version)
    found = compiled(view, lines, version)
    assert multiset(found) == multiset(oracle.rows(view, lines, version))
    assert {name for row in found for name, value in row.items() if value is None} <= {
        name for row in found for name, value in row.items() if value is not None
    }


TREE: dict[str, dict[str, str]] = {  # type: {element: its type}; "" is a text
    "Patient": {"name": "HumanName", "contact": "Contact", "telecom": "ContactPoint"},
    "HumanName": {"family": "", "given": "", "use": ""},
    "Contact": {"name": "HumanName", "telecom": "ContactPoint"},
    "ContactPoint": {"system": "", "value": ""},
}
LISTS = {("Patient", "name"), ("Patient", "contact"), ("Patient", "telecom")}
LISTS |= {("HumanName", "given"), ("Contact", "telecom")}
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3
) | st.sampled_from(["a", "b", "'", "\\", '"', "''; --"])


@st.composite
def element(draw: st.DrawFn, type_name: str) -> Any:
    if not type_name:
        return draw(TEXT)
    content = {}
    for name, below in TREE[type_name].items():
        if draw(st.booleans()):
            many = (type_name, name) in LISTS
            content[name] = draw(st.lists(element(below), max_size=3) if many else element(below))
    return content


@st.composite
def paths(draw: st.DrawFn, at: str = "Patient") -> tuple[str, str]:
    """A path, and the type that it leads to."""
    steps = []
    while at:
        name = draw(st.sampled_from(sorted(TREE[at])))
        steps.append(name)
        at = TREE[at][name]
        kind = draw(st.sampled_from(["", "", "first", "index", "where"]))
        texts = [n for n, below in TREE.get(at, {}).items() if below == "" and (at, n) not in LISTS]
        if kind == "where" and texts:
            steps[-1] += f".where({draw(st.sampled_from(texts))} = {quoted(draw(TEXT))})"
        elif kind == "index":
            steps[-1] += f"[{draw(st.integers(0, 2))}]"
        elif kind == "first":
            steps.append("first()")
        if draw(st.integers(0, 4)) == 0:
            break
    return ".".join(steps), at


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@st.composite
def columns(draw: st.DrawFn, at: str, name: str) -> list[Any]:
    path, end = draw(paths(at)) if at else ("$this", "")
    tests = [{"name": f"{name}_is", "path": f"{path}.exists()"}, {"name": f"{name}_i", "path": "%rowIndex"}]
    texts = [] if end else [{"name": f"{name}_v", "path": path, "collection": True}]
    return tests + texts


@st.composite
def selects(draw: st.DrawFn, at: str, name: str, depth: int) -> Any:
    """Columns and, below it, up to two further selects, and two branches that are the same or reversed."""
    key = draw(st.sampled_from(["", "forEach", "forEachOrNull"]))
    path, end = draw(paths(at)) if key and at else ("$this", at)
    entry = {key: path} if key else {}
    entry["column"] = draw(columns(end, name))
    if depth:
        numbers = range(draw(st.integers(0, 2)))
        entry["select"] = [draw(selects(end, f"{name}{i}", depth - 1)) for i in numbers]
    if depth and draw(st.booleans()):
        branch = draw(selects(end, f"{name}u", 0))
        entry["unionAll"] = [branch, {**branch, "forEach": "$this"} if len(branch) == 1 else branch]
    return entry


@st.composite
def views(draw: st.DrawFn) -> Any:
    view = {"resource": "Patient", "select": [draw(selects("Patient", f"c{i}", 1)) for i in range(2)]}
    if draw(st.booleans()):
        operator = draw(st.sampled_from(["and", "or"]))
        (a, _), (b, _) = draw(paths()), draw(paths())
        view["where"] = [{"path": f"{a}.exists() {operator} ({b}.exists()).not()"}]
    return view


@settings(max_examples=200, deadline=None)
@given(path=paths(), resource=element("Patient"))
def test_a_path_is_its_elements_in_order(path: tuple[str, str], resource: Any) -> None:
    text, end = path
    found = [{"name": "v", "path": f"{text}.exists()"}]
    found += [] if end else [{"name": "w", "path": text, "collection": True}]
    view = {"resource": "Patient", "select": [{"column": found}]}
    lines = [json.dumps(resource)]
    assert compiled(view, lines, "5.0.0") == oracle.rows(view, lines, "5.0.0")


@settings(max_examples=150, deadline=None, suppress_health_check=LARGE)
@given(view=views(), people=st.lists(element("Patient"), min_size=1, max_size=3))
def test_a_random_view_has_the_rows_of_the_oracle(view: Any, people: list[Any]) -> None:
    """Iterations in each other and side by side, each with its %rowIndex, unions and a where."""
    lines = [json.dumps(person) for person in people]
    assert multiset(compiled(view, lines, "5.0.0")) == multiset(oracle.rows(view, lines, "5.0.0"))
