"""The row structure of a view: column, select, forEach, forEachOrNull, repeat, unionAll.

    select entries (list of dicts), Scope  ──▶  Selects.rows()  ──▶  Rows: columns and laterals

Every iteration becomes one lateral relation with the element as `e` and, where a path asks for
%rowIndex, its position as `i`, from 0.  Siblings multiply because laterals do.
Knows nothing of how a path is compiled (rwe.views.expression).
"""

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rwe.errors import MappingError
from rwe.views.columns import Column, column, column_name
from rwe.views.document import entries, naming
from rwe.views.expression import Expressions
from rwe.views.fhirpath import Call, Index, Member, Node, parse
from rwe.views.navigate import RESOURCE
from rwe.views.values import EMPTY, Names, Scope, Value, as_list, identifier

ITERATIONS = ("forEach", "forEachOrNull", "repeat")


@dataclass
class Rows:
    """What a select adds: columns with their SQL, and the relations they need."""

    columns: list[tuple[Column, str]] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)

    def add(self, other: "Rows") -> None:
        self.columns += other.columns
        self.relations += other.relations

    def select_list(self) -> str:
        return ",\n".join(f"  {sql} AS {identifier(c.name)}" for c, sql in self.columns)

    def laterals(self) -> str:
        return "".join(f",\n{relation}" for relation in self.relations)

    def statement(self) -> str:
        source = ",\n".join(self.relations)
        return f"SELECT\n{self.select_list()}" + (f"\nFROM {source}" if source else "")


@dataclass(frozen=True, kw_only=True)
class Selects:
    expressions: Expressions
    names: Names

    def rows(self, view: Mapping[str, Any], scope: Scope) -> Rows:
        """All selects of a view, side by side; at least one column in all, no name twice."""
        rows = Rows()
        for entry in entries(view, "select"):
            rows.add(self._one(entry, scope))
        names = [c.name for c, _ in rows.columns]
        if not names or len(set(names)) < len(names):
            found = ", ".join(names) or "none"
            raise MappingError("a view needs columns, each name once", hint=f"found: {found}")
        return rows

    def _one(self, entry: Mapping[str, Any], scope: Scope) -> Rows:
        used = [key for key in ITERATIONS if key in entry]
        if len(used) > 1:
            raise MappingError(f"{' and '.join(used)} in one select", hint="nest one select in the other")
        if not used:
            return self._body(entry, scope)
        return self._iteration(entry, used[0], scope)

    def _body(self, entry: Mapping[str, Any], scope: Scope) -> Rows:
        rows = Rows()
        for declared in entries(entry, "column"):
            with naming(f"column {column_name(declared)}", declared.get("path")):
                value = self.expressions.compile(parse(declared.get("path")), scope)
                rows.columns.append(column(declared, value, self.names))
        for nested in entries(entry, "select"):
            rows.add(self._one(nested, scope))
        if branches := entries(entry, "unionAll"):
            rows.add(self._union(branches, scope))
        return rows

    def _union(self, found: Iterable[Mapping[str, Any]], scope: Scope) -> Rows:
        branches = [self._one(entry, scope) for entry in found]
        first, *others = ([c for c, _ in branch.columns] for branch in branches)
        for other in others:
            if other != first:
                raise MappingError(
                    "unionAll: the branches must have the same columns, of one type, in one order",
                    hint=f"{_listed(first)} is not {_listed(other)}",
                )
        if not first:
            raise MappingError("unionAll: its branches have no column")
        alias = self.names("u")
        body = "\nUNION ALL\n".join(branch.statement() for branch in branches)
        columns = [(c, f"{alias}.{identifier(c.name)}") for c in first]
        return Rows(columns, [_lateral(body, alias)])

    def _iteration(self, entry: Mapping[str, Any], key: str, scope: Scope) -> Rows:
        alias = self.names("u")
        with naming(key, entry[key]):
            if key == "repeat":
                value, relation = self._repeat(entry[key], scope, alias)
            else:
                value = self.expressions.compile(parse(entry[key]), scope)
                relation = ""
            if value.group or value.type == RESOURCE:
                raise MappingError("an iteration over several types", hint="say which, by ofType(…)")
        this = Value(sql=f"{alias}.e", type=value.type, shape=value.shape) if not value.empty else EMPTY
        rows = self._body(entry, Scope(this=this, alias=alias))
        relation = relation or self._unnest(value, alias, or_null=key == "forEachOrNull")
        return Rows(rows.columns, [relation, *rows.relations])

    def _unnest(self, value: Value, alias: str, *, or_null: bool) -> str:
        found = as_list(value, self.names)
        if or_null:
            found = f"CASE WHEN len({found}) > 0 THEN {found} ELSE [NULL] END"
        indexed = alias in self.expressions.indexed
        index = f",\n  CAST(generate_subscripts({found}, 1) - 1 AS INTEGER) AS i" if indexed else ""
        return _lateral(f"SELECT\n  unnest({found}) AS e{index}", alias)

    def _repeat(self, paths: object, scope: Scope, alias: str) -> tuple[Value, str]:
        """Walk down: `path` holds the position at every level, so it sorts depth first, as the document."""
        if not isinstance(paths, list) or not paths:
            raise MappingError("repeat needs a list of paths")
        nodes = [parse(path) for path in paths]
        if not all(map(_last, nodes)):
            raise MappingError("a path of repeat must name an element", hint="$this would never end")
        start = self._children(nodes, scope)
        walk = self.names("walk")
        below = self._children(nodes, Scope(this=Value(sql=f"{walk}.e", type=start.type, shape=start.shape)))
        if start.empty:
            return start, _lateral("SELECT NULL AS e, 0 AS i WHERE false", alias)
        if below.type not in ("", start.type):
            raise MappingError(f"repeat goes from {start.type} to {below.type}", hint="stay within one type")
        return start, _lateral(_walk(walk, as_list(start, self.names), as_list(below, self.names)), alias)

    def _children(self, nodes: list[Node], scope: Scope) -> Value:
        found = [v for node in nodes if not (v := self._lenient(node, scope)).empty]
        if len({v.type for v in found}) > 1:
            raise MappingError("the paths of repeat lead to different types")
        if len(found) < 2:
            return found[0] if found else EMPTY
        lists = ", ".join(as_list(v, self.names) for v in found)
        return Value(sql=f"list_concat({lists})", type=found[0].type, many=True, shape=found[0].shape)

    def _lenient(self, node: Node, scope: Scope) -> Value:
        if scope.this.empty:
            return EMPTY
        if isinstance(node, Member):
            return self.expressions.navigator.member(self._lenient(node.base, scope), node.name, lenient=True)
        return self.expressions.compile(node, scope)


def repeated(view: object) -> frozenset[str]:
    """Names of the elements that a view repeats over, wherever in it."""
    if isinstance(view, list):
        return frozenset().union(*map(repeated, view))
    if not isinstance(view, Mapping):
        return frozenset()
    paths = view.get("repeat")
    own = {_last(parse(path)) for path in paths} if isinstance(paths, list) else set()
    return frozenset(own - {""}).union(*(repeated(view.get(key)) for key in ("select", "unionAll")))


def _last(node: Node) -> str:
    while isinstance(node, Call | Index):
        node = node.base
    return node.name if isinstance(node, Member) else ""


def _walk(walk: str, start: str, below: str) -> str:
    return f"""WITH RECURSIVE {walk} AS (
  SELECT [n.i] AS path, n.e
  FROM (SELECT unnest({start}) AS e, generate_subscripts({start}, 1) AS i) AS n
  UNION ALL
  SELECT list_append({walk}.path, n.i), n.e
  FROM {walk}, LATERAL (SELECT unnest({below}) AS e, generate_subscripts({below}, 1) AS i) AS n
)
SELECT e, CAST(row_number() OVER (ORDER BY path) - 1 AS INTEGER) AS i FROM {walk}"""  # noqa: S608 (text only, no input in it)


def _lateral(body: str, alias: str) -> str:
    return f"LATERAL (\n{textwrap.indent(body, '  ')}\n) AS {alias}"


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(f"{c.name} {c.type}" for c in columns)
