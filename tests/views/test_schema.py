"""The schema is read from the source of fhir.resources; here it is held against the imported models."""

import subprocess
import sys
import types
import typing

import pytest
from fhir.resources import get_fhir_model_class as r5_model
from fhir.resources.R4B import get_fhir_model_class as r4b_model

from rwe.errors import MappingError
from rwe.views.schema import PRIMITIVES, Schema

MAPPED = ["Patient", "Encounter", "Condition", "Observation", "Medication", "MedicationAdministration"]
BELOW = ["AdverseEvent", "AdverseEventSuspectEntity", "AdverseEventSuspectEntityCausality", "Identifier"]
BELOW += ["ObservationComponent", "ObservationReferenceRange", "MedicationAdministrationDosage", "Meta"]
BELOW += [
    "CodeableConcept",
    "Coding",
    "Quantity",
    "Age",
    "Period",
    "Range",
    "Ratio",
    "Reference",
    "Extension",
]
BELOW += ["Dosage", "Timing", "TimingRepeat", "HumanName", "Attachment", "ElementDefinitionType"]
BELOW += ["Questionnaire", "QuestionnaireItem", "QuestionnaireResponseItemAnswer", "Bundle", "BundleEntry"]
MODELS = {"4.0.1": r4b_model, "4.3.0": r4b_model, "5.0.0": r5_model}


def is_list(annotation: object) -> bool:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(map(is_list, typing.get_args(annotation)))
    return typing.get_origin(annotation) is list


def complex_types(annotation: object) -> list[str]:
    """fhir.resources names the class of a complex element `abc.PeriodType`."""
    inner = [name for part in typing.get_args(annotation) for name in complex_types(part)]
    own = getattr(annotation, "__name__", "")
    return [*inner, own.removesuffix("Type")] if hasattr(annotation, "get_model_klass") else inner


@pytest.mark.parametrize("fhir_version", MODELS)
@pytest.mark.parametrize("name", [*MAPPED, *BELOW])
def test_equals_the_model(name: str, fhir_version: str) -> None:
    model = MODELS[fhir_version](name)
    fields = {
        field.alias or key: field
        for key, field in model.model_fields.items()
        if not key.endswith("__ext") and key != "fhir_comments"
    }
    elements = Schema(fhir_version=fhir_version).elements(name)
    assert elements.keys() == fields.keys() - {"resourceType", "resource_type"}
    for element in elements.values():
        field = fields[element.name]
        extra = field.json_schema_extra or {}
        assert element.many == is_list(field.annotation), element
        assert element.choice == extra.get("one_of_many", ""), element
        found = complex_types(field.annotation)
        assert found == ([] if element.type in PRIMITIVES else [element.type]), element


def test_tells_an_instant_from_a_date_time() -> None:
    effective = {e.name: e.type for e in Schema(fhir_version="4.0.1").choices("Observation", "effective")}
    assert effective == {
        "effectiveDateTime": "dateTime",
        "effectiveInstant": "instant",
        "effectivePeriod": "Period",
        "effectiveTiming": "Timing",
    }


@pytest.mark.parametrize(
    ("fhir_version", "type_name", "element", "many"),
    [
        ("4.0.1", "Encounter", "class", False),
        ("5.0.0", "Encounter", "class", True),
        ("4.0.1", "AdverseEvent", "outcome", False),
        ("5.0.0", "AdverseEvent", "outcome", True),
    ],
)
def test_versions_differ(fhir_version: str, type_name: str, element: str, many: bool) -> None:
    assert Schema(fhir_version=fhir_version).elements(type_name)[element].many is many


def test_r5_spells_occurence_with_one_r() -> None:
    assert Schema(fhir_version="5.0.0").choices("MedicationAdministration", "occurence")
    assert not Schema(fhir_version="5.0.0").choices("MedicationAdministration", "occurrence")


def test_what_is_a_resource() -> None:
    schema = Schema(fhir_version="5.0.0")
    assert schema.is_resource("Patient")
    assert not any(map(schema.is_resource, ["Coding", "ObservationComponent", "Nonsense", "", "patient"]))


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(MappingError, match=r"3\.0\.2") as caught:
        Schema(fhir_version="3.0.2")
    assert "5.0.0" in caught.value.hint


def test_no_model_is_imported() -> None:
    """One model costs 210 ms of CPU: the price of the whole demo is 3 s."""
    code = (
        "import sys; from rwe.views import compile_view;"
        "select = [{'column': [{'name': 'id', 'path': 'id'}]}];"
        "compile_view({'resource': 'Patient', 'select': select}, '4.0.1');"
        "sys.exit(any(m.startswith(('pydantic', 'fhir_core', 'duckdb')) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
