"""What a path compiles to, and the pieces of SQL text that all of rwe.views shares.

A Value is SQL for one element or for a list of them.  A Shape records which elements of a resource the
view touches; its structure() is what from_json parses, and nothing else of the resource is read.

Trap: from_json keeps the text of a number in a VARCHAR leaf (1.10 stays 1.10) only while the structure
holds a DECIMAL leaf somewhere; EXACT is that leaf, a key that no resource has.
tests/views/test_numbers.py pins it.  read_ndjson, faster by a third, takes every number for a double; of
up to 15 digits the value is that of the text (as_sent), the text itself is lost.
Knows no FHIR version, path or view.
"""

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rwe.errors import MappingError
from rwe.views.schema import INTEGERS, PRIMITIVES

EXACT: dict[str, object] = {"_exact": "DECIMAL(1,0)"}
LEAVES = {"boolean": "BOOLEAN", "integer": "INTEGER", "positiveInt": "INTEGER", "unsignedInt": "INTEGER"}
LEAVES |= {"integer64": "BIGINT"}  # all else, decimals too, is read as text
NUMBERS = INTEGERS | {"decimal", "number"}  # decimal: the text as sent; number: DECIMAL(38,12)
SCALARS = PRIMITIVES | NUMBERS
DECIMAL = "DECIMAL(38,12)"
WIDTH = 100
NOT_READ = "not to be read so"


class TextNeededError(Exception):
    """A view asks for what a double has lost: the digits as sent, or JSON to be parsed later."""


class Shape:
    """The touched elements below one element; grows while a view is compiled."""

    def __init__(self, leaf: str = "VARCHAR", *, many: bool = False) -> None:
        self.leaf, self.many = leaf, many
        self.children: dict[str, Shape] = {}

    def child(self, name: str, leaf: str, *, many: bool) -> "Shape":
        return self.children.setdefault(name, Shape(leaf, many=many))

    def structure(self) -> object:
        """As from_json wants it: a type, {name: ...}, or a list of one of them."""
        inner = self.members() if self.children else self.leaf
        return [inner] if self.many else inner

    def members(self) -> dict[str, object]:
        return {name: child.structure() for name, child in self.children.items()}


@dataclass(frozen=True, kw_only=True)
class Value:
    """SQL for an element (many=False, NULL when absent) or a list of elements (NULL or [] when absent).

    shape: where its children are recorded; None for what has none (primitives, results of functions).
    parent, name: how a primitive was reached, since its extensions are in `_name` beside it.
    rounded: a number read by way of a double, whose text nobody can ask for.
    each: of elements below those of a list: the list, a variable, and what of it each element is.
    group: set for a choice such as `value` that ofType() has yet to decide; then `parent` holds it.
    """

    sql: str
    type: str
    many: bool = False
    shape: Shape | None = field(default=None, compare=False)
    parent: "Value | None" = None
    name: str = ""
    group: str = ""
    rounded: bool = False
    each: tuple[str, str, str] | None = field(default=None, compare=False)

    @property
    def empty(self) -> bool:
        return self.type == ""


EMPTY = Value(sql="NULL", type="")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where a path starts: the resource, or the element of a forEach, repeat or where()."""

    this: Value
    alias: str = ""  # of the lateral relation whose `i` is %rowIndex; "" at the resource itself


class Names:
    """Generated names: a lambda variable named like an element would bind to the element."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def __call__(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"


def literal(text: str) -> str:
    if re.search("[\0\ud800-\udfff]", text):
        raise MappingError(
            "a text in a view holds what SQL cannot: NUL or half a character", hint="remove it"
        )
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def structure_text(structure: Mapping[str, object], indent: str) -> str:
    """The structure to parse, as an SQL literal, with the leaf that keeps numbers exact."""
    return literal(_lines(EXACT | dict(structure), indent, width=0))


def typed(structure: object) -> str:
    """The structure as read_ndjson takes it: {'id': 'VARCHAR', 'code': 'STRUCT("text" VARCHAR)'}."""
    assert isinstance(structure, Mapping)
    members = (f"{literal(name)}: {literal(_type(inner))}" for name, inner in structure.items())
    return f"{{{', '.join(members)}}}"


def _type(structure: object) -> str:
    if isinstance(structure, list):
        return f"{_type(structure[0])}[]"
    if isinstance(structure, Mapping):
        return f"STRUCT({', '.join(f'{identifier(n)} {_type(inner)}' for n, inner in structure.items())})"
    return str(structure)


def _lines(structure: object, indent: str, *, width: int = WIDTH) -> str:
    """JSON, broken where it is wider than a screen."""
    flat = json.dumps(structure)
    if len(indent) + len(flat) <= width or isinstance(structure, str):
        return flat
    if isinstance(structure, list):
        return f"[{_lines(structure[0], indent)}]"
    assert isinstance(structure, dict)
    inner = ",\n".join(f"{indent}  {json.dumps(k)}: {_lines(v, indent + '  ')}" for k, v in structure.items())
    return f"{{\n{inner}\n{indent}}}"


def keep(value: Value, names: Names, condition: str) -> str:
    """condition: SQL with {x} for the element."""
    x = names("_e")
    return f"list_filter({value.sql}, lambda {x}: {condition.format(x=x)})"


def narrowed(value: Value, sql: str, *, many: bool = False) -> Value:
    """Some of the same elements.  They no longer line up with the `_name` beside them: no parent."""
    if value.group:
        raise MappingError(f"'{value.group}' has several types", hint=f"write {value.group}.ofType(…) first")
    return replace(value, sql=sql, many=many, parent=None, each=None)


def as_list(value: Value, names: Names) -> str:
    if value.empty:
        return "[]"
    if value.many:
        return value.sql
    return keep(Value(sql=f"[{value.sql}]", type=value.type), names, "{x} IS NOT NULL")


def single(value: Value, path: str) -> str:
    """The only element; the query stops when there are more, for a row would lose data."""
    if not value.many:
        return value.sql
    message = literal(f"{path}: more than one value; use first(), a forEach or collection")
    return f"(CASE WHEN len({value.sql}) > 1 THEN error({message}) ELSE {value.sql}[1] END)"


def as_sent(double: str) -> str:
    """A double as DECIMAL(38,12), the digits of its shortest text; what has none ends the query.

    Below 1000 the cast alone is exact: 12 decimals of it are whole numbers below 2^53.
    """
    small = f"TRY_CAST({double} AS DECIMAL(15,12))"
    return (
        f"(CASE WHEN CAST({small} AS DOUBLE) = {double} THEN CAST({small} AS {DECIMAL})"
        f" WHEN abs({double}) < 1e26 THEN CAST(CAST({double} AS VARCHAR) AS {DECIMAL})"
        f" WHEN {double} IS NOT NULL THEN error('{NOT_READ}: a number') END)"
    )


def number(value: Value, sql: str) -> str:
    """As a number: NULL beyond 26 digits before the point, rounded beyond 12 after it."""
    return f"TRY_CAST({sql} AS {DECIMAL})" if value.type == "decimal" else sql
