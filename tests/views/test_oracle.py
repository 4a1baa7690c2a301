"""Compiled SQL against a slow, obvious evaluator in Python, over random Patients and random paths."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.views import compile_view

Elements = list[Any]


@dataclass(frozen=True)
class Step:
    """One step of a path: its text, and what it does to a list of elements."""

    kind: str  # member, first, index, where
    name: str = ""
    at: int = 0
    text: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "member":
                return f".{self.name}"
            case "first":
                return ".first()"
            case "index":
                return f"[{self.at}]"
        escaped = self.text.replace("\\", "\\\\").replace("'", "\\'")
        return f".where({self.name} = '{escaped}')"

    def of(self, elements: Elements) -> Elements:
        match self.kind:
            case "member":
                below = [e.get(self.name) for e in elements]
                lists = [b if isinstance(b, list) else [b] for b in below]
                return [e for each in lists for e in each if e is not None]
            case "first":
                return elements[:1]
            case "index":
                return elements[self.at : self.at + 1]
        return [e for e in elements if e.get(self.name) == self.text]


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
def steps(draw: st.DrawFn) -> list[Step]:
    found, at = [], "Patient"
    while at:
        name = draw(st.sampled_from(sorted(TREE[at])))
        found.append(Step("member", name))
        at = TREE[at][name]
        kind = draw(st.sampled_from(["", "", "first", "index", "where"]))
        if kind == "where":
            texts = [n for n, below in TREE.get(at, {}).items() if below == "" and (at, n) not in LISTS]
            if texts:
                found.append(Step("where", draw(st.sampled_from(texts)), text=draw(TEXT)))
        elif kind:
            found.append(Step(kind, at=draw(st.integers(0, 2))))
        if draw(st.integers(0, 4)) == 0:
            break
    return found


def spelled(path: list[Step]) -> str:
    return "".join(map(str, path)).removeprefix(".")


def evaluated(path: list[Step], resource: Any) -> Elements:
    elements = [resource]
    for step in path:
        elements = step.of(elements)
    return elements


@cache
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def run(select: list[Any], resource: Any) -> list[tuple[Any, ...]]:
    sql = compile_view({"resource": "Patient", "select": select}, "5.0.0").query("(SELECT ?::JSON AS json)")
    return database().execute(sql, [json.dumps(resource)]).fetchall()


COLUMN = {"name": "v", "path": "", "collection": True}


@settings(max_examples=200, deadline=None)
@given(path=steps(), resource=element("Patient"))
def test_a_path_is_its_elements_in_order(path: list[Step], resource: Any) -> None:
    expected = evaluated(path, resource)
    exists = {"name": "v", "path": f"{spelled(path)}.exists()"}
    assert run([{"column": [exists]}], resource) == [(bool(expected),)]
    if not any(isinstance(e, dict) for e in expected) and _ends_in_text(path):
        assert run([{"column": [{**COLUMN, "path": spelled(path)}]}], resource) == [(expected,)]


@settings(max_examples=200, deadline=None)
@given(outer=steps(), inner=steps(), or_null=st.booleans(), resource=element("Patient"))
def test_for_each_is_nested_loops(outer: list[Step], inner: list[Step], or_null: bool, resource: Any) -> None:
    """Two iterations side by side, each with its %rowIndex."""
    key = "forEachOrNull" if or_null else "forEach"
    select = [
        {key: spelled(path), "column": [{"name": name, "path": "%rowIndex"}]}
        for path, name in ((outer, "a"), (inner, "b"))
    ]
    counts = [max(len(evaluated(path, resource)), int(or_null)) for path in (outer, inner)]
    expected = [(i, j) for i in range(counts[0]) for j in range(counts[1])]
    assert sorted(run(select, resource)) == expected


def _ends_in_text(path: list[Step]) -> bool:
    at = "Patient"
    for step in path:
        at = TREE[at][step.name] if step.kind == "member" else at
    return at == ""
