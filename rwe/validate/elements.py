"""What the standard says of the elements of a type, read off the models of fhir.resources.

There is no R4 in fhir.resources: R4 is read as R4B, which left the mapped types as they were.
"""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from rwe.validate.rules import BY_KIND, CODES, Rule

# Their type stands in the resource itself; and what is beside a primitive has no rule of its own.
UNTYPED = ("Resource", "FHIRPrimitiveExtension")


@dataclass(frozen=True, kw_only=True)
class Element:
    """`type` of what is inside of it, or the `rule` of its text; `choice` is `value` for valueQuantity."""

    type: str | None
    rule: Rule | None
    many: bool
    needed: bool
    choice: str


@cache
def model(type_name: str, fhir_version: str) -> type[BaseModel]:
    """LookupError where the version has no such type."""
    package = "fhir.resources" if _release(fhir_version) == "R5" else "fhir.resources.R4B"
    found: type[BaseModel] = importlib.import_module(package).get_fhir_model_class(type_name)
    return found


def _release(fhir_version: str) -> str:
    return "R5" if fhir_version == "5.0.0" else "R4B"


@cache
def elements(type_name: str, fhir_version: str) -> Mapping[str, Element]:
    fields = model(type_name, fhir_version).model_fields
    named = ((f.alias or name, f) for name, f in fields.items())
    return {name: _element(type_name, name, f, fhir_version) for name, f in named}


def _element(type_name: str, name: str, field: Any, fhir_version: str) -> Element:
    extra, text = field.json_schema_extra or {}, str(field.annotation)
    inner = re.search(r"\babc\.(\w+)Type\b", text)
    choice = str(extra.get("one_of_many", ""))
    needed = extra.get("one_of_many_required" if choice else "element_required") or field.is_required()
    return Element(
        type=inner[1] if inner and inner[1] not in UNTYPED else None,
        rule=None if inner else _rule(type_name, name, field, fhir_version),
        many="List[" in text,
        needed=bool(needed),
        choice=choice,
    )


def _rule(type_name: str, name: str, field: Any, fhir_version: str) -> Rule | None:
    listed = tuple((field.json_schema_extra or {}).get("enum_values", ()))
    if codes := CODES[_release(fhir_version)].get((type_name, name), listed):
        return Rule(codes=codes)
    if (type_name, name) == ("Reference", "reference"):
        return BY_KIND["Reference"]
    kind = re.search(r"\b(DateTime|Date|Instant)\(\)", str(field.annotation))
    return BY_KIND[kind[1]] if kind else None
