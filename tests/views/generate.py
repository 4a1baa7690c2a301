"""Random resources for a view: the elements that its paths name, as FHIR types them, and odd ones.

    ViewDefinition, FHIR version  ──▶  resources(): a strategy of JSON texts

Odd: null in the place of an element, null in a list beside an extension, numbers such as 1.10, 5E-3 or 21
digits, dates in part and with zones, references of every form, extensions nobody asked for.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hypothesis import strategies as st

from rwe.views import fhirpath as fp
from rwe.views.schema import INTEGERS, PRIMITIVES, Element, Schema
from tests.views.oracle_values import Number

PATHS = ("path", "forEach", "forEachOrNull")
NUMBERS = ["1.10", "1.1", "0", "-0.0", "5E-3", "1.5e2", "100000000000000000000.5", "123456789012345678901"]
NUMBERS += ["0.1234567890125", "0.12345678901249", "1" * 26, "1" * 27, "-9.99E25", "1E-20", "2.50"]
DATES = {
    "date": ["2020", "2020-02", "2020-02-29"],
    "dateTime": ["2020", "2020-02", "2020-02-29", "2020-02-29T23:30:00+01:00", "2020-02-29T10:00:00.123Z"],
    "instant": ["2020-03-29T01:59:59.999+01:00", "2020-03-29T03:00:00+02:00", "2020-03-29T00:00:00Z"],
    "time": ["04:05:06", "23:59:59.999"],
}
REFERENCES = 3 * ["Patient/p", "Encounter/e", "Medication/m", "MedicationAdministration/a"]
REFERENCES += ["Patient/p/_history/2", "https://fhir.example/base/Patient/a.B-3", "#m", "#", "Patient/"]
REFERENCES += ["Group/g", "Patient", "Patient/p/_history/", "Group/Patient/_history/1"]
REFERENCES += ["urn:uuid:00000000-0000-4000-8000-000000000000", "Patient?identifier=x|1", "MyPatient/p"]
TEXTS = ["a", "b", "m", "", "it's", '"\\', "naïve 漢字", "line\nbreak", "1.10", "null"]


def text(value: Any) -> str:
    """As JSON, with numbers as they were read or drawn."""
    match value:
        case Number():
            return value
        case dict():
            return "{" + ", ".join(f"{json.dumps(k)}: {text(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(text, value)) + "]"
    return json.dumps(value)


@dataclass(frozen=True)
class Resources:
    """Draws resources; `named` are the elements to fill often."""

    schema: Schema
    view: Any

    @cached_property
    def nodes(self) -> list[fp.Node]:
        return [node for path in _paths(self.view) for node in _nodes(fp.parse(path))]

    @cached_property
    def named(self) -> set[str]:
        found = {node.name for node in self.nodes if isinstance(node, fp.Member)}
        keys = {node.name for node in self.nodes if isinstance(node, fp.Call)}
        return found | ({"extension"} if "extension" in keys else set()) | {"reference", "id", "resourceType"}

    @cached_property
    def urls(self) -> list[str]:
        found = {n.value for n in self.nodes if isinstance(n, fp.Literal) and n.type == "string"}
        return [*sorted(found), "urn:example:other"]

    @cached_property
    def types(self) -> set[str]:
        """What ofType() asks for, so that choices are often of that type."""
        calls = [n for n in self.nodes if isinstance(n, fp.Call) and n.name == "ofType"]
        return {c.args[0].name for c in calls}  # type: ignore[attr-defined]

    def resource(self, draw: st.DrawFn, kind: str, depth: int = 0) -> Any:
        return {"resourceType": kind, **self.complex(draw, kind, depth)}

    def complex(self, draw: st.DrawFn, kind: str, depth: int) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for members in self.groups(kind, depth):
            fate = draw(st.integers(0, 99))  # the lower, the simpler: a failure shrinks to little
            if fate >= 100 - self.often(members[0], depth):
                element = draw(st.sampled_from(self.preferred(members)))
                content |= self.element(draw, element, fate, depth)
        if kind == "Extension":
            content["url"] = draw(st.sampled_from(self.urls))
        return content

    def groups(self, kind: str, depth: int) -> list[list[Element]]:
        """Of a choice such as value[x] one is drawn.  A contained resource contains none."""
        found: dict[str, list[Element]] = {}
        for element in self.schema.elements(kind).values():
            name = element.choice or element.name
            inside = (name == "contained" and depth) or (kind, name) == ("Extension", "extension")
            if name in self.named and not inside:
                found.setdefault(name, []).append(element)
        return list(found.values())

    def often(self, element: Element, depth: int) -> int:
        if element.name == "extension" and depth:
            return 10
        return 80 if element.choice else 65

    def preferred(self, members: list[Element]) -> list[Element]:
        odd = [e for e in members if e.type in ("string", "Period")]
        asked = [e for e in members if not e.choice or e.type in self.types]
        return asked * 3 + odd or members

    def element(self, draw: st.DrawFn, element: Element, fate: int, depth: int) -> dict[str, Any]:
        if fate == 99:
            return {element.name: None}
        found = self.value(draw, element, depth)
        if element.many:
            more = 3 if element.name == "extension" else 1
            found = [found, *(self.value(draw, element, depth) for _ in range(draw(st.integers(0, more))))]
        if element.type not in PRIMITIVES or fate < 96:
            return {element.name: found}
        beside = {"extension": [{"url": draw(st.sampled_from(self.urls)), "valueCode": "unknown"}]}
        if not element.many:
            return {f"_{element.name}": beside}
        return {element.name: [*found, None], f"_{element.name}": [*[None] * len(found), beside]}

    def value(self, draw: st.DrawFn, element: Element, depth: int) -> Any:
        kind, name = element.type, element.name
        if kind == "Resource":
            return self.resource(draw, draw(st.sampled_from([*self.contained, "Organization"])), depth + 1)
        if kind == "boolean":
            return draw(st.booleans())
        if kind in INTEGERS:
            return Number(draw(st.integers(-(2**31) if kind == "integer" else 1, 2**31 - 1)))
        if kind == "decimal":
            return Number(draw(st.sampled_from(NUMBERS)))
        if kind in DATES:
            return draw(st.sampled_from(DATES[kind]))
        if kind in PRIMITIVES:
            return draw(st.sampled_from(REFERENCES if name == "reference" else TEXTS))
        return self.complex(draw, kind, depth + 1)

    @cached_property
    def contained(self) -> list[str]:
        return sorted(t for t in self.types if self.schema.is_resource(t)) * 2

    def complete(self, kind: str, n: int, depth: int = 0) -> Any:
        """All of the elements, none odd; n turns the choices and the references."""
        content: dict[str, Any] = {}
        for members in self.groups(kind, depth):
            asked = [e for e in members if not e.choice or e.type in self.types] or members
            element = asked[n // 4 % len(asked)]
            many = self.extensions(n, depth) if element.name == "extension" else [self.one(element, n, depth)]
            content[element.name] = many if element.many else many[0]
        return content

    def extensions(self, n: int, depth: int) -> list[Any]:
        if depth > 1:
            return []
        choices = [e for e in self.schema.choices("Extension", "value") if e.type in self.types]
        return [{"url": u, e.name: self.one(e, n, depth)} for u in self.urls for e in choices]

    def one(self, element: Element, n: int, depth: int) -> Any:
        kind = element.type
        if kind == "Resource":
            return {"resourceType": self.contained[0], **self.complete(self.contained[0], n, depth + 1)}
        if kind not in PRIMITIVES:
            return self.complete(kind, n, depth + 1)
        if kind in INTEGERS or kind == "decimal":
            return Number("1")
        texts = [REFERENCES[n % 4]] if element.name == "reference" else ["a"]
        return kind == "boolean" or DATES.get(kind, texts)[0]


def complete(view: Any, fhir_version: str) -> list[str]:
    """Resources that fill every column of a view, if anything can."""
    found = Resources(Schema(fhir_version=fhir_version), view)
    kind = view["resource"]
    return [text({"resourceType": kind, **found.complete(kind, n)}) for n in range(40)]


def resources(view: Any, fhir_version: str) -> st.SearchStrategy[str]:
    found = Resources(Schema(fhir_version=fhir_version), view)

    @st.composite
    def one(draw: st.DrawFn) -> str:
        return text(found.resource(draw, view["resource"]))

    return one()


def _paths(entry: Any) -> list[str]:
    if isinstance(entry, list):
        return [path for item in entry for path in _paths(item)]
    if not isinstance(entry, dict):
        return []
    own = [entry[key] for key in PATHS if key in entry]
    return own + [p for key in ("select", "column", "unionAll", "where") for p in _paths(entry.get(key))]


def _nodes(node: fp.Node) -> list[fp.Node]:
    below: list[fp.Node] = []
    for part in ("base", "at", "left", "right", "operand"):
        below += _nodes(found) if (found := getattr(node, part, None)) is not None else []
    for argument in getattr(node, "args", ()):
        below += _nodes(argument)
    return [node, *below]
