"""Compile a ViewDefinition into one DuckDB query.

    view (dict), FHIR version  ──▶  compile_view()  ──▶  CompiledView; .query(lines), .scan(files)  ──▶  SQL

Emits text: opens no file (rwe.landing), runs nothing (rwe.store), knows no study.  Every line of JSON is
parsed once, to a STRUCT of just the elements that the view names; then lists, lambdas and lateral
unnests, one per forEach.  A view outside the specification or the subset is refused (MappingError).

query() parses lines by from_json: every number as sent, every mismatch NULL.  scan() reads files by
read_ndjson: faster, and one line that does not fit ends it.

forEachOrNull unnests [NULL] instead of an empty list: LEFT JOIN LATERAL gives the same rows, but holds
all resources in memory to number and join them (DuckDB 2.0).
Rows come in no particular order: sort where order matters.
Source: https://sql-on-fhir.org
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rwe.errors import MappingError
from rwe.views.columns import NAME, Column
from rwe.views.constants import constants
from rwe.views.document import entries, naming
from rwe.views.expression import Expressions
from rwe.views.fhirpath import parse
from rwe.views.functions import ANY_SERVER
from rwe.views.navigate import Navigator
from rwe.views.schema import Schema
from rwe.views.select import ITERATIONS, Selects, repeated
from rwe.views.values import NOT_READ, Names, Scope, Shape, TextNeededError, Value, structure_text, typed


@dataclass(frozen=True, kw_only=True)
class Body:
    """A view over a parsed resource `r`.

    structure: the touched elements, as from_json takes them, without the leaf that keeps numbers exact.
    """

    columns: tuple[Column, ...]
    structure: Mapping[str, object]
    select: str  # below SELECT
    laterals: str  # after the parsed resource
    where: str

    def over(self, source: str, *, first: str = "") -> str:
        return f"SELECT\n{first}{self.select}\nFROM {source}{self.laterals}{self.where}"


@dataclass(frozen=True, kw_only=True)
class CompiledView:
    """columns, in order, is also what a table of the view has."""

    name: str
    resource: str
    definition: Mapping[str, Any]
    fhir_version: str
    before: str
    exact: Body
    key: str | None  # the column of getResourceKey(), one for all rows of a resource

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.exact.columns

    @cached_property
    def fast(self) -> Body | None:
        """Over numbers as doubles; None where the view asks for their text."""
        try:
            schema = Schema(fhir_version=self.fhir_version)
            return _body(self.definition, schema, self.resource, self.before, doubles=True)
        except TextNeededError:
            return None

    def query(self, lines: str, *, beside: str = "") -> str:
        """lines: a SQL relation (a table name or a parenthesised SELECT) with one column `json` (type
        JSON), one resource of this type a row; beside: a column of it that is to be the first of the rows."""
        parsed = f"from_json(json, {structure_text(self.exact.structure, '  ')})"
        kept, first = (f"{beside}, ", f"  resource.{beside},\n") if beside else ("", "")
        source = f"(\n  SELECT {kept}{parsed} AS r\n  FROM {lines} AS line\n) AS resource"  # noqa: S608 (text only)
        return self.exact.over(source, first=first)

    def scan(self, files: str) -> str:
        """files: a SQL list of NDJSON files, without a number of more than 15 digits; other types are
        passed over.  Only where `fast` is not None."""
        assert self.fast is not None
        source = f"(\n  FROM {_read(self.fast, files)}\n  WHERE {_is(self.resource)}\n) AS r"
        return self.fast.over(source)

    def misfits(self, files: str) -> str:
        """One number, of the lines that are no such resource; the query ends where one does not fit.

        What from_json makes NULL in silence (a list for an object) shows here, before query().
        """
        return f"SELECT COUNT(*) FROM {_read(self.exact, files)} WHERE NOT {_is(self.resource)}"  # noqa: S608 (text only)


def _read(body: Body, files: str) -> str:
    columns = typed({"resourceType": "VARCHAR", "id": "VARCHAR", **body.structure})
    return f"read_ndjson({files}, columns = {columns}, records = true, format = 'newline_delimited')"


def _is(resource: str) -> str:
    """Of this type; a line without a type or an id is none to be passed over."""
    stop = f"WHEN resourceType IS NULL OR id IS NULL THEN error('{NOT_READ}: no type or id')"
    return f"(CASE {stop} ELSE resourceType = '{resource}' END)"


def compile_view(view: Mapping[str, Any], fhir_version: str, *, before: str = ANY_SERVER) -> CompiledView:
    """before: a regular expression of what may stand before Type/id in a reference that has a key."""
    schema = Schema(fhir_version=fhir_version)
    name, resource = _name(view), _resource(view, schema)
    with naming(f"view {name}"):
        exact = _body(view, schema, resource, before, doubles=False)
    return CompiledView(
        name=name,
        resource=resource,
        definition=view,
        fhir_version=fhir_version,
        before=before,
        exact=exact,
        key=_key(view),
    )


def _key(view: Mapping[str, Any]) -> str | None:
    outer = (entry for entry in entries(view, "select") if not set(entry) & {*ITERATIONS, "unionAll"})
    columns = (column for entry in outer for column in entries(entry, "column"))
    return next((c["name"] for c in columns if c.get("path") == "getResourceKey()"), None)


def _body(view: Mapping[str, Any], schema: Schema, resource: str, before: str, *, doubles: bool) -> Body:
    root, names = Shape(), Names()
    navigator = Navigator(schema=schema, names=names, raw=repeated(view), doubles=doubles)
    expressions = Expressions(navigator=navigator, constants=constants(view), before=before)
    scope = Scope(this=Value(sql="r", type=resource, shape=root))
    rows = Selects(expressions=expressions, names=names).rows(view, scope)
    where = _where(view, expressions, scope)
    root.child("id", "VARCHAR", many=False)  # a structure of no element is no STRUCT
    return Body(
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
