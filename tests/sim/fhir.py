"""The same rows as FHIR R4 resources: what a hospital exports, a file of each type for each replicate."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

Row = dict[str, Any]
UNIT = {"unit": "unit", "system": "unit_system", "code": "unit_code"}


def write(found: dict[str, pl.DataFrame], folder: Path) -> None:
    for table, rows in found.items():
        kind, body = RESOURCES[table]
        for (site,), here in rows.group_by("site_id", maintain_order=True):
            (folder / site).mkdir(parents=True, exist_ok=True)
            lines = [json.dumps(_filled(resource(kind, table, body, r))) for r in here.iter_rows(named=True)]
            (folder / site / f"{kind}.ndjson").write_text("\n".join(lines) + "\n")


def resource(kind: str, table: str, body: Callable[[Row], Row], row: Row) -> Row:
    subject = {"subject": {"reference": row["subject_reference"]}} if kind != "Patient" else {}
    return {"resourceType": kind, "id": row[f"{table}_id"], **subject, **body(row)}


def _patient(row: Row) -> Row:
    return {
        "birthDate": row["birth_date"],
        "gender": row["gender"],
        "deceasedDateTime": row["deceased_datetime"],
    }


def _encounter(row: Row) -> Row:
    return {
        "status": row["status"],
        "class": {"system": row["class_system"], "code": row["class_code"]},
        "period": {"start": row["period_start"], "end": row["period_end"]},
    }


def _condition(row: Row) -> Row:
    status = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    return {
        "verificationStatus": _concept(status, row["verification_status"]),
        "code": _concept(row["system"], row["code"]),
        "severity": _concept(row["severity_system"], row["severity_code"]),
        "onsetDateTime": row["onset"],
        "recordedDate": row["recorded_date"],
    }


def _administration(row: Row) -> Row:
    return {
        "status": row["status"],
        "medicationCodeableConcept": _concept(row["system"], row["code"]),
        "effectiveDateTime": row["effective"],
        "effectivePeriod": _filled({"start": row["effective_start"], "end": row["effective_end"]}),
        "dosage": {"dose": _quantity(row, "dose_")},
    }


def _observation(row: Row) -> Row:
    return {
        "status": row["status"],
        "code": _concept(row["system"], row["code"]),
        "effectiveDateTime": row["effective"],
        "valueQuantity": _quantity(row, ""),
    }


RESOURCES = {
    "patient": ("Patient", _patient),
    "encounter": ("Encounter", _encounter),
    "condition": ("Condition", _condition),
    "medication_administration": ("MedicationAdministration", _administration),
    "observation": ("Observation", _observation),
}


def _concept(system: str, code: str) -> Row:
    return {"coding": [{"system": system, "code": code}]}


def _quantity(row: Row, prefix: str) -> Row:
    """A number is written as it stands in the table, digit by digit."""
    unit = {key: row[f"{prefix}{name}"] for key, name in UNIT.items()}
    return {"value": json.loads(row[f"{prefix}value"]), **_filled(unit)}


def _filled(element: Row) -> Row:
    """FHIR has no null and no empty element."""
    return {key: value for key, value in element.items() if value not in (None, {})}
