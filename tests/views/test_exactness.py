"""The shipped views keep what was sent: digits, dates of any precision, zones.

What a date in part means is decided later and once, in sql/cohort/01_moment.sql (tests/spec/test_moment.py).
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

MAPPINGS = Path(__file__).parents[2] / "mappings"
VERSIONS = {"r4": "4.0.1", "r4b": "4.3.0", "r5": "5.0.0"}
DIGITS_21 = "123456789012345678901"
QUANTITY = {
    "observation": ("value", '{{"id": "x", "valueQuantity": {{"value": {n}}}}}'),
    "observation_component": ("value", '{{"id": "x", "component": [{{"valueQuantity": {{"value": {n}}}}}]}}'),
    "medication_administration": ("dose_value", '{{"id": "x", "dosage": {{"dose": {{"value": {n}}}}}}}'),
}


@pytest.fixture(params=VERSIONS)
def row(rows: Any, request: pytest.FixtureRequest) -> Any:
    """The only row of a resource in a shipped view, in each version."""

    def run(name: str, resource: Any) -> dict[str, Any]:
        view = json.loads((MAPPINGS / request.param / f"{name}.json").read_text())
        (found,) = rows(view, resource, fhir_version=VERSIONS[request.param])
        return found

    return run


@pytest.mark.parametrize("name", QUANTITY)
def test_1_10_stays_1_10(row: Any, name: str) -> None:
    column, resource = QUANTITY[name]
    found = row(name, resource.format(n="1.10"))
    assert (found[f"{column}_text"], found[column]) == ("1.10", Decimal("1.10"))
    assert row(name, resource.format(n="1.1"))[f"{column}_text"] == "1.1"


@pytest.mark.parametrize("name", QUANTITY)
@pytest.mark.parametrize("number", [DIGITS_21, f"-{DIGITS_21}", "12345678901.2345678901"])
def test_a_decimal_of_21_digits_survives(row: Any, name: str, number: str) -> None:
    column, resource = QUANTITY[name]
    found = row(name, resource.format(n=number))
    assert (found[f"{column}_text"], found[column]) == (number, Decimal(number))


@pytest.mark.parametrize("sent", ["2020", "2020-02", "2020-02-29", "2020-02-29T23:30:00+01:00"])
def test_a_date_comes_out_as_it_was_recorded(row: Any, sent: str) -> None:
    """2020-02 is no first of February: nothing is filled up, and no column is a DATE."""
    assert row("observation", {"id": "x", "effectiveDateTime": sent})["effective"] == sent
    assert row("condition", {"id": "x", "onsetDateTime": sent})["onset"] == sent
    assert row("patient", {"id": "x", "birthDate": sent})["birth_date"] == sent


@pytest.mark.parametrize("zone", ["Z", "+01:00", "+02:00", "-05:30"])
def test_a_zone_is_not_lost(row: Any, zone: str) -> None:
    sent = f"2020-03-29T03:00:00{zone}"
    assert row("observation", {"id": "x", "effectiveInstant": sent})["effective_instant"] == sent
    assert row("observation", {"id": "x", "effectivePeriod": {"start": sent}})["effective_start"] == sent
