"""The constants of a view: name ──▶ typed literal, checked before they reach any SQL.

A constant that is wrong is refused even where no path uses it.
"""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rwe.errors import MappingError
from rwe.views.document import entries
from rwe.views.fhirpath import Literal
from rwe.views.schema import INTEGERS, PRIMITIVES

RESERVED = ("rowIndex", "context", "resource", "rootResource", "sct", "loinc", "ucum")


def constants(view: Mapping[str, Any]) -> dict[str, Literal]:
    found: dict[str, Literal] = {}
    for item in entries(view, "constant"):
        name = item.get("name")
        if not isinstance(name, str) or not name or name in RESERVED or name in found:
            raise MappingError(f"{name!r} cannot name a constant", hint="each name once, none of FHIRPath's")
        found[name] = _literal(name, item)
    return found


def _literal(name: str, item: Mapping[str, Any]) -> Literal:
    keys = [key for key in item if key.startswith("value")]
    if len(keys) != 1:
        raise MappingError(f"the constant {name} has {len(keys)} values", hint="one, such as valueCode")
    type_name = keys[0].removeprefix("value")
    type_name = type_name[:1].lower() + type_name[1:]
    text = _text(item[keys[0]], type_name)
    if text is None or type_name not in PRIMITIVES:
        raise MappingError(f"{keys[0]} of the constant {name} is no {type_name}")
    return Literal(text, type_name)


def _text(value: object, type_name: str) -> str | None:
    """None: not a value of that type."""
    if isinstance(value, bool):
        return str(value).lower() if type_name == "boolean" else None
    if type_name in INTEGERS:
        return str(value) if isinstance(value, int) else None
    if type_name == "decimal":
        finite = isinstance(value, int | float | Decimal) and math.isfinite(value)
        return format(Decimal(str(value)), "f") if finite else None
    return value if isinstance(value, str) and type_name != "boolean" else None
