"""Resources against the standard, by fhir.resources.

    problem()   one resource's bytes  ──▶  None, or the first Problem
    suspects()  a type and version    ──▶  SQL that finds the rows to be looked at one by one

fhir.resources reads some 6,000 resources a second, far below the mapping's speed.  So `map` asks it
about one exemplar of each shape and about suspect rows only.  It takes any word where the standard
requires one of a few codes; that is checked here.  A message names the element, never its value.
There is no R4 in fhir.resources: R4 is read as R4B, which left these types as they were.
"""

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

# https://hl7.org/fhir/R4/datatypes.html#date, and only days that there are.
YEAR = r"([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
LEAP = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
LONG = r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
SHORT = r"(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
DAY = rf"({YEAR}-({LONG}|{SHORT})|{LEAP}-02-29)"
DATE = rf"({YEAR}(-(0[1-9]|1[0-2]))?|{DAY})"
ZONE = r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
INSTANT = rf"{DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?{ZONE}"
PATTERNS = {"Date": DATE, "DateTime": f"({DATE}|{INSTANT})", "Instant": INSTANT}

# fhir.resources shortens these value sets to "+"; here whole, from hl7.org/fhir.
SHORTENED = {
    ("Observation", "status"): (
        *("registered", "preliminary", "final", "amended", "corrected"),
        *("cancelled", "entered-in-error", "unknown"),
    ),
    ("Encounter", "status"): (
        *("planned", "arrived", "triaged", "in-progress", "onleave", "finished"),
        *("cancelled", "entered-in-error", "unknown"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`reason` is a key of rwe.reasons; `detail` names the element and what is the matter with it."""

    reason: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """An element near the top of a type, and what its text has to be."""

    path: tuple[str, ...]
    pattern: str = ""
    codes: tuple[str, ...] = ()

    def broken(self, text: str) -> bool:
        return text not in self.codes if self.codes else not re.fullmatch(self.pattern, text)

    def broken_sql(self, text: str) -> str:
        if self.codes:
            return f"{text} NOT IN ({', '.join(map(_literal, self.codes))})"
        return f"NOT regexp_full_match({text}, {_literal(self.pattern)})"


@cache
def model(resource_type: str, fhir_version: str) -> type[BaseModel]:
    package = "fhir.resources" if fhir_version == "5.0.0" else "fhir.resources.R4B"
    module = importlib.import_module(f"{package}.{resource_type.lower()}")
    found: type[BaseModel] = getattr(module, resource_type)
    return found


@cache
def leaves(resource_type: str, fhir_version: str) -> tuple[Leaf, ...]:
    """The single dates and required codes at the top of a type, and the ends of its Periods."""
    fields = model(resource_type, fhir_version).model_fields
    return tuple(
        leaf
        for name, field in fields.items()
        if "List[" not in str(field.annotation)
        for leaf in _leaves(resource_type, field.alias or name, field)
    )


def _leaves(resource_type: str, name: str, field: Any) -> Iterator[Leaf]:
    extra = field.json_schema_extra or {}
    kind = re.search(r"\b(DateTime|Date|Instant)\(\)", str(field.annotation))
    if kind:
        yield Leaf(path=(name,), pattern=PATTERNS[kind[1]])
    elif "PeriodType" in str(field.annotation):
        yield Leaf(path=(name, "start"), pattern=PATTERNS["DateTime"])
        yield Leaf(path=(name, "end"), pattern=PATTERNS["DateTime"])
    elif codes := tuple(extra.get("enum_values", ())):
        yield Leaf(path=(name,), codes=SHORTENED[resource_type, name] if "+" in codes else codes)


def suspects(resource_type: str, fhir_version: str, lines: str) -> str:
    """The rows of `lines` (a relation with columns row and json) with a broken leaf.

    Takes one parameter, a list of shapes: rows of these (json_structure) are suspect too.
    """
    found = leaves(resource_type, fhir_version)
    paths = ", ".join(_literal("$." + ".".join(leaf.path)) for leaf in found)
    tests = " OR ".join(f"({leaf.broken_sql(f'leaf[{n}]')})" for n, leaf in enumerate(found, start=1))
    shape = "(len($1) > 0 AND list_contains($1, json_structure(json)::VARCHAR))"
    leaf = f"SELECT row, json, json_extract_string(json, [{paths}]) AS leaf FROM {lines}"
    return f"SELECT row, json::VARCHAR FROM ({leaf}) WHERE {tests or 'false'} OR {shape} ORDER BY row"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def problem(body: bytes, resource_type: str, fhir_version: str) -> Problem | None:
    try:
        model(resource_type, fhir_version).model_validate_json(body)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False, include_context=False)[0]
        # The name of an element that the standard lacks may be anything, so it is not repeated.
        place = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
        return Problem(reason="invalid", detail=f"{_element(resource_type, place)}: {first['type']}")
    except (LookupError, TypeError) as e:  # its own, from a contained resource of a type that is none
        return Problem(reason="invalid", detail=f"{resource_type}: {type(e).__name__}")
    tree = json.loads(body, parse_int=float)  # Python refuses whole numbers of more than 4,300 digits
    for leaf in leaves(resource_type, fhir_version):
        text = _at(tree, leaf.path)
        if isinstance(text, str) and leaf.broken(text):
            reason = "invalid_code" if leaf.codes else "invalid"
            return Problem(reason=reason, detail=_element(resource_type, leaf.path))
    return None


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _element(resource_type: str, location: tuple[int | str, ...]) -> str:
    """A FHIRPath-like name of a place in a resource."""
    text = resource_type
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"_?[A-Za-z][A-Za-z0-9]{0,63}", part):
            text += f".{part}"
    return text
