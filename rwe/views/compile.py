"""Compile a ViewDefinition into one DuckDB query.

    view (dict), FHIR version  ──▶  compile_view()  ──▶  CompiledView; .query(lines)  ──▶  SQL (str)

Emits text: opens no file (rwe.landing), runs nothing (rwe.store), knows no study.  Every line of JSON is
parsed once, to a STRUCT of just the elements that the view names; then lists, lambdas and lateral
unnests, one per forEach.  A view outside the specification or the subset is refused (MappingError).

forEachOrNull unnests [NULL] instead of an empty list: LEFT JOIN LATERAL gives the same rows, but holds
all resources in memory to number and join them (DuckDB 2.0).
Rows come in no particular order: sort where order matters.
Source: https://sql-on-fhir.org
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rwe.errors import MappingError
from rwe.views.columns import NAME, Column
from rwe.views.constants import constants
from rwe.views.document import entries, naming
from rwe.views.expression import Expressions
from rwe.views.fhirpath import parse
from rwe.views.navigate import Navigator
from rwe.views.schema import Schema
from rwe.views.select import Selects, repeated
from rwe.views.values import Names, Scope, Shape, Value, structure_text


@dataclass(frozen=True, kw_only=True)
class CompiledView:
    """columns, in order, is also what a table of the view has.

    structure: the touched elements, as from_json takes them, without the leaf that keeps numbers exact.
    """

    name: str
    resource: str
    columns: tuple[Column, ...]
    structure: Mapping[str, object]
    select: str  # below SELECT
    laterals: str  # after the parsed resource, `r`
    where: str

    def query(self, lines: str) -> str:
        """lines: a SQL relation (a table name or a parenthesised SELECT) with one column `json` (type
        JSON), one resource of this type a row."""
        parsed = f"from_json(json, {structure_text(self.structure, '  ')})"
        source = f"(\n  SELECT {parsed} AS r\n  FROM {lines} AS line\n) AS resource"  # noqa: S608 (text only)
        return f"SELECT\n{self.select}\nFROM {source}{self.laterals}{self.where}"


def compile_view(view: Mapping[str, Any], fhir_version: str) -> CompiledView:
    schema = Schema(fhir_version=fhir_version)
    name, resource = _name(view), _resource(view, schema)
    with naming(f"view {name}"):
        root, names = Shape(), Names()
        navigator = Navigator(schema=schema, names=names, raw=repeated(view))
        expressions = Expressions(navigator=navigator, constants=constants(view))
        scope = Scope(this=Value(sql="r", type=resource, shape=root))
        rows = Selects(expressions=expressions, names=names).rows(view, scope)
        where = _where(view, expressions, scope)
        root.child("id", "VARCHAR", many=False)  # a structure of no element is no STRUCT
        return CompiledView(
            name=name,
            resource=resource,
            columns=tuple(c for c, _ in rows.columns),
            structure=root.members(),
            select=navigator.fill(rows.select_list()),
            laterals=navigator.fill(rows.laterals()),
            where=navigator.fill(where),
        )


def _name(view: Mapping[str, Any]) -> str:
    name = view.get("name", view.get("resource"))
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise MappingError(f"{name!r} is no name of a view", hint="letters, digits and _, a letter first")
    return name


def _resource(view: Mapping[str, Any], schema: Schema) -> str:
    resource = view.get("resource")
    if not isinstance(resource, str) or not schema.is_resource(resource):
        raise MappingError(
            f"view {view.get('name', '')}: {resource!r} is no resource of FHIR {schema.fhir_version}",
            hint='write the resource type, for example "resource": "Patient"',
        )
    return resource


def _where(view: Mapping[str, Any], expressions: Expressions, scope: Scope) -> str:
    conditions = []
    for item in entries(view, "where"):
        with naming("where", item.get("path")):
            conditions.append(expressions.boolean(parse(item.get("path")), scope, "where"))
    return "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""
