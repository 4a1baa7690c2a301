"""Name and DuckDB type of a column, and the cast to it.

    column of a view (dict), Value of its path  ──▶  Column, SQL

The type is, in this order: the tag `ansi/type` of the column, its `type` (a FHIR primitive), the type of
the path.  A declared type of another family than the path's is a mistake in the mapping and refused.
Trap: a text that is no such number or date becomes NULL (TRY_CAST).  Keep the text in a second column
where that must be counted: tag a decimal `CHARACTER VARYING` and it is the number as it was sent.
Partial dates (2020-02) are no DATE.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rwe.errors import MappingError
from rwe.views.document import entries
from rwe.views.schema import DATES, INTEGERS, PRIMITIVES
from rwe.views.values import DECIMAL, LEAVES, SCALARS, Names, TextNeededError, Value, as_list, single

NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
ANSI = {
    "CHARACTER VARYING": "VARCHAR",
    "CHARACTER": "VARCHAR",
    "CHARACTER LARGE OBJECT": "VARCHAR",
    "VARCHAR": "VARCHAR",
    "TEXT": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "SMALLINT": "SMALLINT",
    "INTEGER": "INTEGER",
    "INT": "INTEGER",
    "BIGINT": "BIGINT",
    "REAL": "FLOAT",
    "FLOAT": "DOUBLE",
    "DOUBLE": "DOUBLE",
    "DOUBLE PRECISION": "DOUBLE",
    "DECIMAL": DECIMAL,
    "NUMERIC": DECIMAL,
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE",
    "TIME": "TIME",
}
SQL_TYPE = re.compile(r"([A-Z ]+?) *(?:\( *(\d{1,4})(?: *, *(\d{1,2}))? *\))?( WITH TIME ZONE)?")
FRACTIONS = ("DECIMAL", "DOUBLE", "FLOAT")
WHOLE = ("INTEGER", "BIGINT", "SMALLINT")
MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    type: str  # of DuckDB: VARCHAR, BOOLEAN, DECIMAL(38,12), VARCHAR[]


def column(declared: Mapping[str, Any], value: Value, names: Names) -> tuple[Column, str]:
    name = column_name(declared)
    if not value.empty and value.type not in SCALARS:
        what = f"'{value.group}' has several types" if value.group else f"it is a whole {value.type}"
        raise MappingError(f"no single value: {what}", hint="name an element of it, or write ofType(…)")
    natural = _natural(value.type)
    target = _declared(declared) or natural
    if not value.empty and not _fits(value.type, target):
        raise MappingError(f"{target} is declared, but the path gives {value.type}")
    if value.rounded and target != DECIMAL:
        raise TextNeededError
    if declared.get("collection") is True:
        return Column(name=name, type=f"{target}[]"), _list(value, target, names)
    return Column(name=name, type=target), _cast(single(value, name), value.type, target)


def column_name(declared: Mapping[str, Any]) -> str:
    name = declared.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise MappingError(f"{name!r} is no column name", hint="letters, digits and _, a letter first")
    return name


def _natural(type_name: str) -> str:
    """A decimal is offered as an exact number, though it was read as text."""
    return DECIMAL if type_name in ("decimal", "number") else LEAVES.get(type_name, "VARCHAR")


def _declared(declared: Mapping[str, Any]) -> str | None:
    for tag in entries(declared, "tag"):
        if tag.get("name") == "ansi/type":
            return _ansi(str(tag.get("value")))
    type_name = declared.get("type")
    if type_name is None:
        return None
    short = re.split(r"[/.]", str(type_name))[-1]  # also http://hl7.org/fhirpath/System.String
    short = short if short in PRIMITIVES else short[:1].lower() + short[1:]
    if short not in PRIMITIVES:
        raise MappingError(f"type '{type_name}' of a column", hint="write a FHIR primitive, such as code")
    return _natural(short)


def _ansi(text: str) -> str:
    match = SQL_TYPE.fullmatch(text.strip().upper())
    base = ANSI.get(match[1] + (match[4] or "")) if match else None
    if match is None or base is None:
        raise MappingError(f"ansi/type '{text}' is not known", hint=f"one of {', '.join(ANSI)}")
    if base != DECIMAL or match[2] is None:
        return base
    width, scale = int(match[2]), int(match[3] or 0)
    if not scale <= width <= 38 or width == 0:
        raise MappingError(f"ansi/type '{text}': DuckDB has DECIMAL up to 38 digits")
    return f"DECIMAL({width},{scale})"


def _fits(type_name: str, target: str) -> bool:
    if target == "VARCHAR":
        return True
    if type_name in INTEGERS:
        return target in WHOLE or target.startswith(FRACTIONS)
    if type_name in ("decimal", "number"):
        return target.startswith(FRACTIONS)  # a whole number would round in silence
    if type_name in DATES:
        return target in MOMENTS
    return target == {"boolean": "BOOLEAN", "time": "TIME"}.get(type_name)


def _cast(sql: str, type_name: str, target: str) -> str:
    stored = "VARCHAR" if type_name == "decimal" else _natural(type_name)
    if not type_name:
        return f"CAST(NULL AS {target})"
    return sql if stored == target else f"TRY_CAST({sql} AS {target})"


def _list(value: Value, target: str, names: Names) -> str:
    if value.empty:
        return f"CAST([] AS {target}[])"
    found, x = f"coalesce({as_list(value, names)}, [])", names("_e")
    cast = _cast(x, value.type, target)
    return found if cast == x else f"list_transform({found}, lambda {x}: {cast})"
