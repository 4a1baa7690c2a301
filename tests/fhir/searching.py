"""Which resources a search finds: the parameters of the types that a study reads.

    Parameter: its name ▶ the elements it looks into; a comma is "or", a parameter given twice is "and".

Source: https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

PATIENT = {"patient": ("subject", "patient"), "subject": ("subject", "patient")}
COMMON = ("_id", "_lastUpdated")
RESULT = ("_count", "_summary", "_elements", "_sort", "_include", "_total", "_format")
Parameters = dict[str, dict[str, tuple[str, ...]]]
R4: Parameters = {
    "AdverseEvent": {"subject": ("subject",), "event": ("event",)},
    "Condition": {**PATIENT, "code": ("code",), "category": ("category",)},
    "Encounter": {**PATIENT, "status": ("status",)},
    "Group": {},
    "Medication": {"code": ("code",)},
    "MedicationAdministration": {
        **PATIENT,
        "code": ("medicationCodeableConcept", "medication"),
        "status": ("status",),
        "category": ("category",),
    },
    "Observation": {
        **PATIENT,
        "code": ("code",),
        "combo-code": ("code", "component"),
        "category": ("category",),
        "status": ("status",),
    },
    "Patient": {},
}
R5: Parameters = {**R4, "AdverseEvent": {**PATIENT, "code": ("code",)}}
REFERENCES = ("patient", "subject")
DATE = re.compile(r"(eq|ne|gt|ge|lt|le)?(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d))?")


class BadValueError(Exception):
    pass


def finds(
    resource: dict[str, Any],
    updated: datetime,
    elements: tuple[str, ...],
    name: str,
    value: str,
    *,
    to_the_ms: bool = False,
) -> bool:
    """to_the_ms: a time without a fraction means its first millisecond, not its second."""
    if name == "_id":
        return resource["id"] in value.split(",")
    if name == "_lastUpdated":
        return _compares(updated, value, to_the_ms=to_the_ms)
    held = {t for e in elements for t in _tokens(resource.get(e))}
    if name in REFERENCES:
        value = ",".join(v if "/" in v else f"Patient/{v}" for v in value.split(","))
    return any(v in held for v in value.split(","))


def _tokens(element: Any) -> Iterator[str]:
    """The ways to ask for an element: system|code, |code, code, system|, Type/id."""
    match element:
        case str():
            yield element
        case list():
            for inner in element:
                yield from _tokens(inner)
        case {"reference": str(reference)}:
            yield reference
        case {"concept": concept}:
            yield from _tokens(concept)
        case {"code": {"coding": _} as code}:
            yield from _tokens(code)
        case {"coding": codings}:
            for c in codings:
                system, code = c.get("system", ""), c.get("code", "")
                yield from (f"{system}|{code}", code, *([f"{system}|"] if system else []))


def _compares(updated: datetime, value: str, *, to_the_ms: bool) -> bool:
    begin, end, prefix = span(value)
    if to_the_ms:
        end = begin + timedelta(milliseconds=1)
    inside = begin <= updated < end
    return {
        "eq": inside,
        "ne": not inside,
        "gt": updated >= end,
        "ge": updated >= begin,
        "lt": updated < begin,
        "le": updated < end,
    }[prefix]


def span(value: str) -> tuple[datetime, datetime, str]:
    """The time that a value means, as long as it is precise, and its prefix."""
    found = DATE.fullmatch(value)
    if not found:
        raise BadValueError(value)
    prefix, day, time, fraction, zone = found.groups()
    text = (
        f"{day}T{time}{(fraction or '')[:7]}{zone.replace('Z', '+00:00')}"
        if time
        else f"{day}T00:00:00+00:00"
    )
    begin = datetime.fromisoformat(text).astimezone(UTC)
    lasts = timedelta(milliseconds=1) if fraction else timedelta(seconds=1) if time else timedelta(days=1)
    return begin, begin + lasts, prefix or "eq"


def only(resource: dict[str, Any], elements: str) -> dict[str, Any]:
    """Some elements of a resource, marked as no whole one."""
    tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    kept = {k: v for k, v in resource.items() if k in {"resourceType", "id", *elements.split(",")}}
    return {**kept, "meta": {**resource.get("meta", {}), "tag": [tag]}}
