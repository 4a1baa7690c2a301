"""A slow, obvious runner of ViewDefinitions over parsed JSON: what the compiled SQL is held against.

    view (dict), JSON text of resources  ──▶  rows(): one dict per row

It shares the parser of paths and the schema with rwe.views (each tested by itself), and nothing of how
SQL is made.  It refuses nothing that the compiler refuses before data are read.
tests/views/test_conformance.py runs the official tests through it, so that it is right where it is used.
"""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rwe.views import fhirpath as fp
from rwe.views.schema import PRIMITIVES, Schema
from tests.views import oracle_values as of
from tests.views.oracle_values import Node, Number

Row = dict[str, Any]


class ManyError(Exception):
    """More than one value for a column that holds one."""


@dataclass(frozen=True)
class Scope:
    this: Node
    row_index: int = 0


def parsed(text: str) -> Any:
    return json.loads(text, parse_float=Number, parse_int=Number)


def rows(view: Any, lines: Iterable[str], fhir_version: str) -> list[Row]:
    """Of the resources of the view's type, in the order sent."""
    runner = Runner(Schema(fhir_version=fhir_version), view)
    resources = [r for r in map(parsed, lines) if r.get("resourceType", view["resource"]) == view["resource"]]
    return [row for r in resources for row in runner.resource(Node(r, view["resource"]))]


class Runner:
    def __init__(self, schema: Schema, view: Any) -> None:
        self.schema, self.view = schema, view
        self.constants = {c["name"]: of.constant(c) for c in view.get("constant", [])}

    def resource(self, resource: Node) -> Iterator[Row]:
        scope = Scope(resource)
        if all(self.true(fp.parse(w["path"]), scope) for w in self.view.get("where", [])):
            yield from self.body(self.view, scope)

    # rows

    def select(self, entry: Any, scope: Scope) -> list[Row]:
        """What one entry of `select` makes of one element."""
        if "repeat" in entry:
            elements = list(self.walk([fp.parse(path) for path in entry["repeat"]], scope.this))
        elif key := next((k for k in ("forEach", "forEachOrNull") if k in entry), ""):
            elements = self.path(fp.parse(entry[key]), scope)
            if not elements and key == "forEachOrNull":
                elements = [Node(None, "")]
        else:
            return self.body(entry, scope)
        return [row for i, e in enumerate(elements) for row in self.body(entry, Scope(e, i))]

    def body(self, entry: Any, scope: Scope) -> list[Row]:
        """Columns, nested selects and unionAll stand side by side: every combination is a row."""
        parts = [[{c["name"]: self.column(c, scope) for c in entry.get("column", [])}]]
        parts += [self.select(nested, scope) for nested in entry.get("select", [])]
        if "unionAll" in entry:
            parts.append([row for branch in entry["unionAll"] for row in self.select(branch, scope)])
        return [{k: v for part in found for k, v in part.items()} for found in itertools.product(*parts)]

    def walk(self, paths: list[fp.Node], node: Node) -> Iterator[Node]:
        """Depth first: a child, then what is below it."""
        for path in paths:
            for child in self.path(path, Scope(node)):
                yield child
                yield from self.walk(paths, child)

    def column(self, column: Any, scope: Scope) -> Any:
        found = [of.emitted(node, column) for node in self.path(fp.parse(column["path"]), scope)]
        if column.get("collection"):
            return found
        if len(found) > 1:
            raise ManyError(column["name"])
        return found[0] if found else None

    # paths

    def path(self, node: fp.Node, scope: Scope) -> list[Node]:
        """The elements that an expression gives, in order; none is []."""
        match node:
            case fp.This():
                return [scope.this] if scope.this.value is not None else []
            case fp.Literal(value, type_name):
                return [Node(of.literal(value, type_name), type_name)]
            case fp.Constant("rowIndex"):
                return [Node(Number(scope.row_index), "integer")]
            case fp.Constant(name):
                return [self.constants[name]]
            case fp.Member(base, name):
                return [e for e in self.members(base, name, scope) if e.value is not None]
            case fp.Index(base, at):
                i = int(self.path(at, scope)[0].value)
                return self.path(base, scope)[i : i + 1]
            case fp.Minus(operand):
                return [of.number(-of.decimal(e), e.type) for e in self.path(operand, scope)]
            case fp.Binary("and" | "or" as operator, left, right):
                return of.logic(operator, self.truth(left, scope), self.truth(right, scope))
            case fp.Binary(operator, left, right):
                return of.operated(operator, self.path(left, scope), self.path(right, scope))
            case fp.Call(base, name, args):
                return self.call(base, name, args, scope)
        raise AssertionError(node)

    def members(self, base: fp.Node, name: str, scope: Scope) -> Iterator[Node]:
        """With those that have extensions in the place of a value, for whoever asks for extensions."""
        hollow = name == "extension" and isinstance(base, fp.Member)
        owners = self.members(base.base, base.name, scope) if hollow else self.path(base, scope)
        for owner in owners:
            yield from self.member(owner, name)

    def member(self, owner: Node, name: str) -> Iterator[Node]:
        if owner.type in PRIMITIVES:
            yield from self.member(Node(owner.beside, "Element"), name) if owner.beside else ()
            return
        if not isinstance(owner.value, dict):
            return
        for element in self.schema.elements(owner.type).values():
            if name in ((element.choice,) if element.choice else (element.name,)):
                values = _listed(owner.value.get(element.name))
                beside = _listed(owner.value.get(f"_{element.name}"))
                for value, next_to in itertools.zip_longest(values, beside):
                    yield Node(value, element.type, next_to)

    def truth(self, node: fp.Node, scope: Scope) -> bool | None:
        found = self.path(node, scope)
        return found[0].value if found else None

    def true(self, node: fp.Node, scope: Scope) -> bool:
        return self.truth(node, scope) is True

    def call(self, base: fp.Node, name: str, args: tuple[fp.Node, ...], scope: Scope) -> list[Node]:
        if name == "extension":
            found = [e for e in self.members(base, "extension", scope) if e.value is not None]
            wanted = self.path(args[0], scope)[0].value
            return [e for e in found if e.value.get("url") == wanted]
        found = self.path(base, scope)
        if args and name in ("where", "exists"):
            found = [e for e in found if self.true(args[0], Scope(e, scope.row_index))]
        match name:
            case "where":
                return found
            case "exists":
                return [Node(bool(found), "boolean")]
            case "empty":
                return [Node(not found, "boolean")]
            case "not":
                return [Node(not e.value, "boolean") for e in found]
            case "first":
                return found[:1]
            case "ofType":
                return [typed for e in found if (typed := of.of_type(e, args[0].name)) is not None]
            case "join":
                between = self.path(args[0], scope)[0].value if args else ""
                return [Node(between.join(e.value for e in found), "string")] if found else []
            case "getResourceKey":
                return [key for e in found for key in self.member(e, "id")]
            case "getReferenceKey":
                wanted = args[0].name if args else ""
                return [Node(key, "id") for e in found if (key := of.key(e.value.get("reference"), wanted))]
            case "lowBoundary" | "highBoundary":
                return [of.boundary(e, high=name == "highBoundary") for e in found]
        raise AssertionError(name)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
