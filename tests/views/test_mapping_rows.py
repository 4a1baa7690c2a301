"""The same fact written in R4 and in R5 gives the same row."""

import json
from pathlib import Path
from typing import Any

import pytest

MAPPINGS = Path(__file__).parents[2] / "mappings"
VERSIONS = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}
MSC = {"system": "urn:example:product", "code": "MSC", "display": "UC-MSC"}
DOSE = '{"dose": {"value": 4.0E7, "unit": "cells", "system": "urn:example:unit", "code": "{cells}"}}'


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
    cause = {"coding": [{"code": "possible"}]}
    r4 = {"event": coding, "date": "2020-03-02", "outcome": {"coding": [{"code": "resolved"}]}}
    r4 |= {"suspectEntity": [{"instance": suspect, "causality": [{"assessment": cause}]}]}
    r5 = {"code": coding, "occurrenceDateTime": "2020-03-02", "outcome": [r4["outcome"]]}
    r5 |= {"suspectEntity": [{"instanceReference": suspect, "causality": {"entityRelatedness": cause}}]}
    common = {"id": "v", "actuality": "actual", "subject": {"identifier": {"value": "42"}}}
    (row,) = mapped("adverse_event", common | (r5 if version == "r5" else r4))
    assert row == {
        "adverse_event_id": "v",
        "subject_identifier": "42",
        "actuality": "actual",
        "occurrence": "2020-03-02",
        "outcome_code": "resolved",
        "suspect_reference": "MedicationAdministration/a",
        "suspect_id": "a",
        "causality_code": "possible",
        "system": "https://www.meddra.org",
        "code": "10037660",
        "text": "fever",
    }


def test_what_a_version_lacks_is_read_from_the_extension_of_hl7(mapped: Any, version: str) -> None:
    url = "http://hl7.org/fhir/{}/StructureDefinition/extension-AdverseEvent.{}"
    severity = {"coding": [{"code": "mild"}]}
    r4 = {"severity": severity, "extension": [{"url": url.format("5.0", "status"), "valueCode": "completed"}]}
    r5 = {"status": "completed"}
    r5["extension"] = [{"url": url.format("4.0", "severity"), "valueCodeableConcept": severity}]
    (row,) = mapped("adverse_event", {"id": "v"} | (r5 if version == "r5" else r4))
    assert row == {"adverse_event_id": "v", "status": "completed", "severity_code": "mild"}


def test_encounter(mapped: Any, version: str) -> None:
    klass = {"system": "urn:example:class", "code": "IMP"}
    r4 = {"class": klass, "period": {"start": "2020-03-01"}}
    r5 = {"class": [{"coding": [klass]}], "actualPeriod": r4["period"]}
    (row,) = mapped("encounter", {"id": "e"} | (r5 if version == "r5" else r4))
    assert row == {"encounter_id": "e", "class_code": "IMP", "period_start": "2020-03-01"}


def test_components_keep_their_position(mapped: Any) -> None:
    component = [{"code": {"text": t}, "valueQuantity": {"value": v}} for t, v in (("FVC", 3), ("FEV1", 2.5))]
    found = mapped("observation_component", {"id": "o", "status": "final", "component": component})
    assert sorted((row["component_index"], row["text"], row["value_text"]) for row in found) == [
        (0, "FVC", "3"),
        (1, "FEV1", "2.5"),
    ]


def test_two_codings_are_two_rows_of_one_observation(mapped: Any) -> None:
    coding = [{"system": "http://loinc.org", "code": code} for code in ("2708-6", "59408-5")]
    found = mapped("observation", {"id": "o", "code": {"coding": coding}, "valueQuantity": {"value": 97}})
    assert sorted(row["code"] for row in found) == ["2708-6", "59408-5"]
    assert {row["observation_id"] for row in found} == {"o"}


def test_an_observation_without_anything_has_a_row(mapped: Any) -> None:
    assert mapped("observation", {"id": "o"}) == [{"observation_id": "o"}]
