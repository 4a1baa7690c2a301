"""The shipped views over the public sets: against the oracle, and against what the JSON holds.

The first asks whether a view means what it says, the second whether it says what is wanted: a path with
a typing error in an extension's url would pass the first.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rwe.store import quoted
from rwe.views import compile_view
from tests.views import oracle
from tests.views.generate import text
from tests.views.public import SETS, loaded, need_set

MAPPINGS = Path(__file__).parents[2] / "mappings"
VERSIONS = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}
NAMES = sorted(path.stem for path in (MAPPINGS / "r4").glob("*.json"))
APART = [s for s in SETS if s != "synthea-covid-bundles"]  # the same resources as synthea-covid-ndjson
OF_ONE_SHAPE = 3
INVALID = {
    ("fhir-bridge-gecco-tests", "blood-pressure")
}  # "107", a text where FHIR has a number: read as one

SUBJECT = {"subject_identifier_system": "subject.identifier.system"}
SUBJECT |= {"subject_identifier": "subject.identifier.value", "subject_reference": "subject.reference"}
TEXTS = {"system": "code.coding.system", "code": "code.coding.code", "display": "code.coding.display"}
TEXTS |= {"text": "code.text"}
VALUES = {
    "value_text": "valueQuantity.value",
    "comparator": "valueQuantity.comparator",
    "unit": "valueQuantity.unit",
    "unit_system": "valueQuantity.system",
    "unit_code": "valueQuantity.code",
    "value_string": "valueString",
    "value_boolean": "valueBoolean",
    "value_integer": "valueInteger",
    "value_datetime": "valueDateTime",
    "value_concept_code": "valueCodeableConcept.coding.code",
    "value_concept_display": "valueCodeableConcept.coding.display",
    "value_concept_text": "valueCodeableConcept.text",
    "data_absent_reason": "dataAbsentReason.coding.code",
    "data_absent_reason_text": "dataAbsentReason.text",
}
EFFECTIVE = {"effective": "effectiveDateTime", "effective_instant": "effectiveInstant"}
EFFECTIVE |= {"effective_start": "effectivePeriod.start", "effective_end": "effectivePeriod.end"}
RANGE = {
    f"reference_{end}{column}": f"referenceRange.0.{end}.{name}"
    for end in ("low", "high")
    for column, name in {"": "value", "_unit": "unit", "_unit_code": "code"}.items()
}
RATE = {
    f"rate_{end}{column}": f"dosage.rateRatio.{end}.{name}"
    for end in ("numerator", "denominator")
    for column, name in {"": "value", "_unit": "unit", "_unit_code": "code"}.items()
}
# view: {column: where the JSON holds it; several by | for R4 and R5; a number is a place in a list}
HELD: dict[str, dict[str, str]] = {
    "observation": SUBJECT
    | TEXTS
    | VALUES
    | EFFECTIVE
    | RANGE
    | {
        "value_low": "valueRange.low.value",
        "value_high": "valueRange.high.value",
        "value_numerator": "valueRatio.numerator.value",
        "value_denominator": "valueRatio.denominator.value",
        "reference_text": "referenceRange.0.text",
        "method_code": "method.coding.0.code",
        "issued": "issued",
    },
    "observation_component": {column: f"component.{path}" for column, path in (TEXTS | VALUES).items()},
    "condition": SUBJECT
    | TEXTS
    | {
        "onset": "onsetDateTime",
        "onset_start": "onsetPeriod.start",
        "onset_end": "onsetPeriod.end",
        "onset_age": "onsetAge.value",
        "onset_age_unit_code": "onsetAge.code",
        "onset_text": "onsetString",
        "abatement": "abatementDateTime",
        "severity_code": "severity.coding.code",
        "stage_code": "stage.summary.coding.code",
        "stage_text": "stage.summary.text",
        "stage_type_code": "stage.type.coding.code",
        "recorded_date": "recordedDate",
    },
    "encounter": SUBJECT
    | {
        "class_system": "class.system|class.0.coding.0.system",
        "class_code": "class.code|class.0.coding.0.code",
        "period_start": "period.start|actualPeriod.start",
        "period_end": "period.end|actualPeriod.end",
        "discharge_code": "hospitalization.dischargeDisposition.coding.0.code",
        "system": "type.coding.system",
        "code": "type.coding.code",
        "text": "type.text",
    },
    "patient_link": {
        "type": "link.type",
        "other_reference": "link.other.reference",
        "other_identifier": "link.other.identifier.value",
    },
    "medication": {**TEXTS, "identifier": "identifier.0.value", "status": "status"},
    "medication_administration": SUBJECT
    | RATE
    | {
        "effective": "effectiveDateTime|occurenceDateTime",
        "effective_start": "effectivePeriod.start|occurencePeriod.start",
        "effective_end": "effectivePeriod.end|occurencePeriod.end",
        "medication_reference": "medicationReference.reference|medication.reference.reference",
        "medication_display": "medicationReference.display|medication.reference.display",
        "code": "medicationCodeableConcept.coding.code|medication.concept.coding.code",
        "text": "medicationCodeableConcept.text|medication.concept.text",
        "dose_text": "dosage.text",
        "dose_value_text": "dosage.dose.value",
        "dose_unit": "dosage.dose.unit",
        "dose_unit_code": "dosage.dose.code",
        "rate_value_text": "dosage.rateQuantity.value",
        "rate_unit": "dosage.rateQuantity.unit",
        "rate_unit_code": "dosage.rateQuantity.code",
        "route_system": "dosage.route.coding.0.system",
        "route_code": "dosage.route.coding.0.code",
    },
    "adverse_event": SUBJECT
    | {
        "occurrence": "date|occurrenceDateTime",
        "occurrence_start": "occurrencePeriod.start",
        "occurrence_end": "occurrencePeriod.end",
        "recorded_date": "recordedDate",
        "seriousness_system": "seriousness.coding.system",
        "seriousness_code": "seriousness.coding.code",
        "seriousness_text": "seriousness.text",
        "severity_code": "severity.coding.code",
        "outcome_code": "outcome.coding.0.code|outcome.0.coding.0.code",
        "suspect_reference": "suspectEntity.instance.reference|suspectEntity.instanceReference.reference",
        "suspect_display": "suspectEntity.instance.display|suspectEntity.instanceReference.display",
        "causality_code": "suspectEntity.causality.entityRelatedness.coding.0.code",
        "system": "event.coding.system|code.coding.system",
        "code": "event.coding.code|code.coding.code",
        "text": "event.text|code.text",
    },
    "patient": {"birth_date": "birthDate", "deceased_datetime": "deceasedDateTime", "gender": "gender"},
}


def shape(value: Any, at: str = "") -> Iterator[str]:
    match value:
        case dict():
            for key, below in value.items():
                yield from shape(below, f"{at}.{key}")
        case list():
            for below in value:
                yield from shape(below, f"{at}[{len(value) > 1}]")
        case _:
            yield at


def sample(resources: list[Any]) -> list[Any]:
    """A few of each shape: the oracle is slow."""
    seen: Counter[frozenset[str]] = Counter()
    kept = []
    for resource in resources:
        kind = frozenset(shape(resource))
        seen[kind] += 1
        if seen[kind] <= OF_ONE_SHAPE:
            kept.append(resource)
    return kept


def held(value: Any, path: str) -> bool:
    """Whether anything stands there, in whichever element of a list."""
    if isinstance(value, list):
        first, _, rest = path.partition(".")
        if first.isdecimal():
            return bool(value) and (held(value[int(first)], rest) if rest else True)
        return any(held(below, path) for below in value)
    if not path:
        return value is not None
    first, _, rest = path.partition(".")
    return isinstance(value, dict) and held(value.get(first), rest)


@pytest.mark.parametrize("folder", APART)
@pytest.mark.parametrize("name", NAMES)
def test_the_rows_are_those_of_the_oracle(execute: Any, folder: str, name: str) -> None:
    need_set(folder)
    view = json.loads((MAPPINGS / SETS[folder] / f"{name}.json").read_text())
    version = VERSIONS[SETS[folder]]
    valid = [r for r in loaded(folder).get(view["resource"], []) if (folder, r.get("id")) not in INVALID]
    lines = [text(r) for r in sample(valid)]
    found, expected = execute(compile_view(view, version), lines), oracle.rows(view, lines, version)
    assert Counter(map(repr, map(typed, found))) == Counter(map(repr, map(typed, expected)))


def typed(row: oracle.Row) -> list[tuple[str, str, str]]:
    return sorted((k, type(v).__name__, str(v)) for k, v in row.items())


@pytest.mark.parametrize("folder", APART)
@pytest.mark.parametrize("name", NAMES)
def test_a_column_is_filled_where_the_json_holds_it(db: Any, folder: str, name: str) -> None:
    need_set(folder)
    view = json.loads((MAPPINGS / SETS[folder] / f"{name}.json").read_text())
    found = [r for r in loaded(folder).get(view["resource"], []) if "id" in r]
    compiled = compile_view(view, VERSIONS[SETS[folder]])
    db.execute(
        "CREATE OR REPLACE TEMP TABLE line AS SELECT unnest(?::JSON[]) AS json", [[text(r) for r in found]]
    )
    db.execute(f"CREATE OR REPLACE TEMP TABLE mapped AS {compiled.query('line')}")
    key = compiled.columns[0].name
    for column, paths in HELD[name].items():
        sql = f"SELECT DISTINCT {key} FROM mapped WHERE {quoted(column)} IS NOT NULL"
        expected = {r["id"] for r in found if any(held(r, path) for path in paths.split("|"))}
        assert {i for (i,) in db.execute(sql).fetchall()} - {None} == expected, column
