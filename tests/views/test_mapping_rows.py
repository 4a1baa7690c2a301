"""The same fact written in R4 and in R5 gives the same row."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

MAPPINGS = Path(__file__).parents[2] / "mappings"
VERSIONS = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}
MSC = {"system": "urn:example:product", "code": "MSC", "display": "UC-MSC"}
DOSE = '{"dose": {"value": 4.0E7, "unit": "cells", "system": "urn:example:unit", "code": "{cells}"}}'


def concept(*codes: str) -> Any:
    return {"coding": [{"system": "s", "code": c} for c in codes]}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def mapped(rows: Any, version: str) -> Any:
    """Rows without the columns that are NULL."""

    def run(name: str, resource: Any) -> list[dict[str, Any]]:
        view = json.loads((MAPPINGS / version / f"{name}.json").read_text())
        found = rows(view, resource, fhir_version=VERSIONS[version])
        return [{k: v for k, v in row.items() if v is not None} for row in found]

    return run


def test_infusion_of_a_coded_product(mapped: Any, version: str) -> None:
    r4 = {
        "medicationCodeableConcept": {"coding": [MSC], "text": "stem cells"},
        "context": {"reference": "Encounter/e"},
    }
    r4 |= {"effectivePeriod": {"start": "2020-03-02T10:00:00Z", "end": "2020-03-02T11:00:00Z"}}
    r5 = {"medication": {"concept": r4["medicationCodeableConcept"]}, "encounter": r4["context"]}
    r5 |= {"occurencePeriod": r4["effectivePeriod"]}
    common = {"id": "a", "status": "completed", "subject": {"reference": "Patient/p"}}
    text = json.dumps(common | (r5 if version == "r5" else r4))
    (row,) = mapped("medication_administration", text.removesuffix("}") + f', "dosage": {DOSE}}}')
    assert (str(row.pop("dose_value")), row) == (
        "40000000.000000000000",
        {
            "medication_administration_id": "a",
            "patient_id": "p",
            "subject_reference": "Patient/p",
            "encounter_id": "e",
            "status": "completed",
            "effective_start": "2020-03-02T10:00:00Z",
            "effective_end": "2020-03-02T11:00:00Z",
            "system": "urn:example:product",
            "code": "MSC",
            "display": "UC-MSC",
            "text": "stem cells",
            "dose_value_text": "4.0E7",
            "dose_unit": "cells",
            "dose_unit_system": "urn:example:unit",
            "dose_unit_code": "{cells}",
        },
    )


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("#m", {"medication_reference": "#m"}),
        ("Medication/x", {"medication_reference": "Medication/x", "medication_id": "x"}),
        ("urn:uuid:7", {"medication_reference": "urn:uuid:7"}),
    ],
)
def test_infusion_of_a_referenced_or_contained_product(
    mapped: Any, version: str, reference: str, found: dict[str, str]
) -> None:
    contained = [{"resourceType": "Medication", "id": "m", "code": {"coding": [MSC]}}]
    contained += [{"resourceType": "Patient", "id": "other"}]
    pointer = {"reference": reference}
    medication = (
        {"medication": {"reference": pointer}} if version == "r5" else {"medicationReference": pointer}
    )
    (row,) = mapped("medication_administration", {"id": "a", "contained": contained, **medication})
    assert row == {
        "medication_administration_id": "a",
        "contained_id": "m",
        "contained_system": "urn:example:product",
        "contained_code": "MSC",
        "contained_display": "UC-MSC",
        **found,
    }


def test_adverse_event(mapped: Any, version: str) -> None:
    coding = {"coding": [{"system": "https://www.meddra.org", "code": "10037660"}], "text": "fever"}
    suspect = {"reference": "MedicationAdministration/a"}
    cause = concept("possible")
    r4 = {"event": coding, "date": "2020-03-02", "outcome": concept("resolved")}
    r4 |= {"suspectEntity": [{"instance": suspect, "causality": [{"assessment": cause}]}]}
    r5 = {"code": coding, "occurrenceDateTime": "2020-03-02", "outcome": [r4["outcome"]]}
    r5 |= {"suspectEntity": [{"instanceReference": suspect, "causality": {"entityRelatedness": cause}}]}
    common = {"id": "v", "actuality": "actual", "subject": {"identifier": {"system": "s", "value": "42"}}}
    (row,) = mapped("adverse_event", common | (r5 if version == "r5" else r4))
    assert row == {
        "adverse_event_id": "v",
        "subject_identifier_system": "s",
        "subject_identifier": "42",
        "actuality": "actual",
        "occurrence": "2020-03-02",
        "outcome_system": "s",
        "outcome_code": "resolved",
        "suspect_index": 0,
        "suspect_reference": "MedicationAdministration/a",
        "suspect_id": "a",
        "causality_system": "s",
        "causality_code": "possible",
        "system": "https://www.meddra.org",
        "code": "10037660",
        "text": "fever",
    }


def test_every_suspect_of_an_adverse_event_has_its_own_causality(mapped: Any, version: str) -> None:
    """By reference, identifier or display; the event is one, its rows are three."""
    entities = [
        ({"reference": "MedicationAdministration/a"}, "possible"),
        ({"identifier": {"system": "s", "value": "7"}}, "unlikely"),
        ({"display": "saline"}, None),
    ]
    made = []
    for instance, code in entities:
        r4 = {"instance": instance, **({"causality": [{"assessment": concept(code)}]} if code else {})}
        r5 = {"instanceReference": instance}
        r5 |= {"causality": {"entityRelatedness": concept(code)}} if code else {}
        made.append(r5 if version == "r5" else r4)
    found = mapped("adverse_event", {"id": "v", "suspectEntity": made})
    kept = ("suspect_id", "suspect_identifier", "suspect_display", "causality_code")
    assert {row["suspect_index"]: tuple(row.get(k) for k in kept) for row in found} == {
        0: ("a", None, None, "possible"),
        1: (None, "7", None, "unlikely"),
        2: (None, None, "saline", None),
    }
    assert len(found) == 3


def test_seriousness_keeps_every_coding_with_its_system(mapped: Any) -> None:
    """Some sources put a CTCAE grade there: only the system tells."""
    coding = [{"system": "seriousness", "code": "serious"}, {"system": "ctcae", "code": "3"}]
    found = mapped("adverse_event", {"id": "v", "seriousness": {"coding": coding}})
    assert {(row["seriousness_system"], row["seriousness_code"]) for row in found} == {
        ("seriousness", "serious"),
        ("ctcae", "3"),
    }


def test_an_infusion_of_which_only_an_identifier_or_a_display_is_known(mapped: Any, version: str) -> None:
    pointer = {"identifier": {"system": "s", "value": "batch-7"}, "display": "UC-MSC"}
    product = {"medication": {"reference": pointer}} if version == "r5" else {"medicationReference": pointer}
    (row,) = mapped("medication_administration", {"id": "a", **product})
    assert row == {
        "medication_administration_id": "a",
        "medication_identifier_system": "s",
        "medication_identifier": "batch-7",
        "medication_display": "UC-MSC",
    }


@pytest.mark.parametrize("kind", ["rateQuantity", "rateRatio"])
def test_a_rate_is_a_quantity_or_a_ratio(mapped: Any, kind: str) -> None:
    quantity = '{"value": 1.10, "unit": "mL/h", "system": "u", "code": "mL/h"}'
    ratio = '{"numerator": {"value": 50, "code": "mL"}, "denominator": {"value": 30, "unit": "min"}}'
    rate = f'"{kind}": {quantity if kind == "rateQuantity" else ratio}'
    (row,) = mapped("medication_administration", f'{{"id": "a", "dosage": {{"text": "slowly", {rate}}}}}')
    found = {k: str(v) for k, v in row.items() if k.startswith("rate")}
    assert row["dose_text"] == "slowly"
    if kind == "rateQuantity":
        assert found == {
            "rate_value": "1.100000000000",
            "rate_value_text": "1.10",
            "rate_unit": "mL/h",
            "rate_unit_system": "u",
            "rate_unit_code": "mL/h",
        }
    else:
        assert found == {
            "rate_numerator": "50.000000000000",
            "rate_numerator_unit_code": "mL",
            "rate_denominator": "30.000000000000",
            "rate_denominator_unit": "min",
        }


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('"valueDateTime": "2020-02"', {"value_datetime": "2020-02"}),
        ('"valueRange": {"low": {"value": 1, "code": "a"}}', {"value_low": "1", "value_low_unit_code": "a"}),
        (
            '"valueRatio": {"numerator": {"value": 1, "comparator": "<"}, "denominator": {"value": 128}}',
            {"value_numerator": "1", "value_numerator_comparator": "<", "value_denominator": "128"},
        ),
        ('"valueCodeableConcept": {"text": "positive"}', {"value_concept_text": "positive"}),
        ('"valueBoolean": false', {"value_boolean": "False"}),
        (
            '"dataAbsentReason": {"coding": [{"code": "error"}], "text": "clotted"}',
            {"data_absent_reason": "error", "data_absent_reason_text": "clotted"},
        ),
        (
            '"referenceRange": [{"high": {"value": 0.5, "unit": "mg/L FEU"}, "text": "adult"}]',
            {"reference_high": "0.5", "reference_high_unit": "mg/L FEU", "reference_text": "adult"},
        ),
    ],
)
def test_an_observation_keeps_what_is_no_quantity(mapped: Any, value: str, found: dict[str, str]) -> None:
    (row,) = mapped("observation", f'{{"id": "o", {value}}}')
    plain = {k: f"{v.normalize():f}" if isinstance(v, Decimal) else str(v) for k, v in row.items()}
    assert plain == {"observation_id": "o", **found}


@pytest.mark.parametrize(
    "url",
    [
        "http://hl7.org/fhir/uv/ae-research-ig/StructureDefinition/ae-grade",
        "http://hl7.org/fhir/uv/ae-research-backport-ig/StructureDefinition/ae-grade",
        "http://hl7.org/fhir/us/ctcae/StructureDefinition/ctcae-grade",
        "http://hl7.org/fhir/us/mcode/StructureDefinition/ctcae-grade",
    ],
)
def test_a_grade_is_an_extension(mapped: Any, url: str) -> None:
    other = {"url": "urn:example:other", "valueCodeableConcept": concept("9")}
    grade = {"url": url, "valueCodeableConcept": concept("3")}
    (row,) = mapped("adverse_event", {"id": "v", "extension": [other, grade]})
    assert row == {"adverse_event_id": "v", "grade_system": "s", "grade_code": "3", "suspect_index": 0}


def test_what_a_version_lacks_is_read_from_the_extension_of_hl7(mapped: Any, version: str) -> None:
    url = "http://hl7.org/fhir/{}/StructureDefinition/extension-AdverseEvent.{}"
    severity = {"coding": [{"code": "mild"}]}
    r4 = {"severity": severity, "extension": [{"url": url.format("5.0", "status"), "valueCode": "completed"}]}
    r5 = {"status": "completed"}
    r5["extension"] = [{"url": url.format("4.0", "severity"), "valueCodeableConcept": severity}]
    (row,) = mapped("adverse_event", {"id": "v"} | (r5 if version == "r5" else r4))
    assert row == {
        "adverse_event_id": "v",
        "status": "completed",
        "severity_code": "mild",
        "suspect_index": 0,
    }


def test_encounter(mapped: Any, version: str) -> None:
    klass = {"system": "urn:example:class", "code": "IMP"}
    r4 = {"class": klass, "period": {"start": "2020-03-01"}}
    r5 = {"class": [{"coding": [klass]}], "actualPeriod": r4["period"]}
    (row,) = mapped("encounter", {"id": "e"} | (r5 if version == "r5" else r4))
    assert row == {
        "encounter_id": "e",
        "class_system": "urn:example:class",
        "class_code": "IMP",
        "period_start": "2020-03-01",
    }


def test_components_keep_their_position(mapped: Any) -> None:
    component = [{"code": {"text": t}, "valueQuantity": {"value": v}} for t, v in (("FVC", 3), ("FEV1", 2.5))]
    found = mapped("observation_component", {"id": "o", "status": "final", "component": component})
    assert sorted((row["component_index"], row["text"], row["value_text"]) for row in found) == [
        (0, "FVC", "3"),
        (1, "FEV1", "2.5"),
    ]


def test_a_component_without_a_value_says_why(mapped: Any) -> None:
    component = {"code": concept("fev1"), "dataAbsentReason": concept("not-performed")}
    (row,) = mapped("observation_component", {"id": "o", "component": [component]})
    assert (row["code"], row["data_absent_reason"], row.get("value")) == ("fev1", "not-performed", None)


def test_a_stage_has_its_type(mapped: Any) -> None:
    """The type says of which scale the summary is."""
    stage = [{"type": concept("88859-4"), "summary": concept("mild")}, {"summary": concept("II")}]
    found = mapped("condition", {"id": "c", "stage": stage})
    assert {(row.get("stage_type_code"), row["stage_code"]) for row in found} == {
        ("88859-4", "mild"),
        (None, "II"),
    }


def test_two_codings_are_two_rows_of_one_observation(mapped: Any) -> None:
    coding = [{"system": "http://loinc.org", "code": code} for code in ("2708-6", "59408-5")]
    found = mapped("observation", {"id": "o", "code": {"coding": coding}, "valueQuantity": {"value": 97}})
    assert sorted(row["code"] for row in found) == ["2708-6", "59408-5"]
    assert {row["observation_id"] for row in found} == {"o"}


def test_an_observation_without_anything_has_a_row(mapped: Any) -> None:
    assert mapped("observation", {"id": "o"}) == [{"observation_id": "o"}]


def test_every_coding_of_a_severity_a_stage_and_a_coded_value_has_its_row(mapped: Any) -> None:
    condition = {
        "resourceType": "Condition",
        "id": "c",
        "code": concept("covid"),
        "severity": concept("local-2", "severe"),
        "stage": [{"summary": concept("I", "stage-1")}, {"summary": concept("II")}],
    }
    found = mapped("condition", json.dumps(condition))
    assert {(r["code"], r["severity_code"], r["stage_code"]) for r in found} == {
        ("covid", severity, stage) for severity in ("local-2", "severe") for stage in ("I", "stage-1", "II")
    }
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": concept("graded"),
        "valueCodeableConcept": concept("3", "severe"),
    }
    found = mapped("observation", json.dumps(observation))
    assert [(r["code"], r["value_concept_code"]) for r in found] == [("graded", "3"), ("graded", "severe")]


def test_links_between_patients(mapped: Any) -> None:
    link = [
        {"other": {"reference": "Patient/q"}, "type": "replaced-by"},
        {"other": {"reference": "RelatedPerson/r"}, "type": "seealso"},
        {"other": {"identifier": {"system": "s", "value": "42"}}, "type": "refer"},
    ]
    assert mapped("patient_link", {"id": "p", "link": link}) == [
        {"patient_id": "p", "type": "replaced-by", "other_id": "q", "other_reference": "Patient/q"},
        {"patient_id": "p", "type": "seealso", "other_reference": "RelatedPerson/r"},
        {"patient_id": "p", "type": "refer", "other_identifier_system": "s", "other_identifier": "42"},
    ]
    assert mapped("patient_link", {"id": "p"}) == []
