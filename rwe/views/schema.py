"""What FHIR says about an element: type, cardinality, choice group; read off fhir.resources.

    FHIR version, type name  ──▶  Schema.elements()  ──▶  {element name: Element}

The class bodies are read as source (ast), not imported: the annotation text still tells `instant` from
`dateTime`, and importing one model costs 210 ms of CPU (pydantic, yaml) where reading the few
files that a view touches costs 20.  tests/views/test_schema.py compares the two.
fhir.resources has no R4: 4.0.1 is read with the R4B models, which leave the types used here alone.
Knows nothing of paths, views or SQL.
"""

import ast
import functools
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rwe.errors import MappingError

FOLDERS = {"4.0.1": "R4B", "4.3.0": "R4B", "5.0.0": ""}
INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt", "integer64"})
DATES = frozenset({"date", "dateTime", "instant"})
NAMES = frozenset({"canonical", "code", "id", "oid", "uri", "url", "uuid"})
TEXTS = NAMES | {"base64Binary", "markdown", "string", "xhtml"}
PRIMITIVES = INTEGERS | DATES | TEXTS | {"boolean", "decimal", "time"}
_BY_CLASS = {name[0].upper() + name[1:]: name for name in PRIMITIVES}


@dataclass(frozen=True, kw_only=True)
class Element:
    name: str  # as in JSON
    type: str  # `Period`, `code`, `ObservationComponent`, `Resource`
    many: bool = False
    choice: str = ""  # `value` for valueQuantity


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The element definitions of one FHIR version."""

    fhir_version: str

    def __post_init__(self) -> None:
        if self.fhir_version not in FOLDERS:
            raise MappingError(
                f"FHIR version {self.fhir_version!r} is not supported",
                hint=f"write one of {', '.join(FOLDERS)}",
            )

    def is_resource(self, name: str) -> bool:
        return _bases(FOLDERS[self.fhir_version], name).count("Resource") == 1

    def elements(self, type_name: str) -> Mapping[str, Element]:
        """All elements of a complex type, inherited ones too; empty for an unknown type."""
        return _elements(FOLDERS[self.fhir_version], type_name)

    def choices(self, type_name: str, group: str) -> tuple[Element, ...]:
        """The members of a choice: valueQuantity, valueString, … for `value`."""
        return tuple(e for e in self.elements(type_name).values() if e.choice == group)


@functools.cache
def _home() -> Path:
    spec = importlib.util.find_spec("fhir.resources")  # imports the empty parent `fhir` only
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@functools.cache
def _modules(folder: str) -> tuple[str, ...]:
    return tuple(sorted(p.stem for p in (_home() / folder).glob("*.py")))


@functools.cache
def _classes(folder: str, module: str) -> Mapping[str, ast.ClassDef]:
    tree = ast.parse((_home() / folder / f"{module}.py").read_bytes())
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


@functools.cache
def _class(folder: str, name: str) -> ast.ClassDef | None:
    """A backbone class lives in the module of its resource, whose name is a prefix of its own."""
    hits = [m for m in _modules(folder) if name.lower().startswith(m)]
    for module in sorted(hits, key=len, reverse=True):
        if name in (found := _classes(folder, module)):
            return found[name]
    return None


def _bases(folder: str, name: str) -> tuple[str, ...]:
    node, found = _class(folder, name), tuple[str, ...]()
    while node is not None and node.bases and isinstance(base := node.bases[0], ast.Attribute):
        found = (*found, node.name)
        node = _class(folder, base.attr)
    return found


@functools.cache
def _elements(folder: str, name: str) -> Mapping[str, Element]:
    found: dict[str, Element] = {}
    for base in reversed(_bases(folder, name)):
        node = _class(folder, base)
        assert node is not None
        fields = [e for item in node.body if isinstance(item, ast.AnnAssign) if (e := _element(item))]
        found |= {e.name: e for e in fields}
    return found


def _element(field: ast.AnnAssign) -> Element | None:
    if not isinstance(field.value, ast.Call):
        return None  # __resource_type__
    options = {k.arg: k.value for k in field.value.keywords}
    annotation = ast.unparse(field.annotation)
    named = re.search(r"fhirtypes\.(\w+)Type\b|\b(bool)\b", annotation)
    if named is None or named[1] == "FHIRPrimitiveExtension":
        return None  # fhir_comments; `_birthDate` is derived from `birthDate` where a path asks for it
    type_name = named[1] or "Boolean"
    return Element(
        name=ast.literal_eval(options["alias"]),
        type=_BY_CLASS.get(type_name, type_name),
        many="List[" in annotation,
        choice=_choice(options.get("json_schema_extra")),
    )


def _choice(extra: ast.expr | None) -> str:
    if not isinstance(extra, ast.Dict):
        return ""
    for key, value in zip(extra.keys, extra.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == "one_of_many":
            return str(ast.literal_eval(value))
    return ""
