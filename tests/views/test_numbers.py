"""Numbers come out as they went in: the digits, not a binary neighbour of them.

The first two tests pin what DuckDB's from_json does with a DECIMAL leaf.  No documentation of it was
found: when a release changes it, they fail before a measured value does.
"""

from decimal import Decimal
from typing import Any

import duckdb
import pytest

from rwe.views.values import EXACT, structure_text

DIGITS_30 = "123456789012345678901234567890"
SENT = ["1.10", "5E-3", "-0.0", DIGITS_30, f"0.{DIGITS_30}", "1e5", "12", "0.1"]
TAG = [{"name": "ansi/type", "value": "CHARACTER VARYING"}]
PATH = "value.ofType(Quantity).value"


def observation(number: str) -> str:
    return '{"resourceType": "Observation", "valueQuantity": {"value": ' + number + "}}"


@pytest.mark.parametrize("number", SENT)
def test_from_json_keeps_number_text_beside_a_decimal_leaf(
    db: duckdb.DuckDBPyConnection, number: str
) -> None:
    structure = structure_text({"a": [{"b": "VARCHAR"}], "c": "JSON"}, "")
    line = f'{{"a": [{{"b": {number}}}], "c": {number}}}'
    (found,) = db.execute(f"SELECT from_json(?::JSON, {structure})", [line]).fetchall()
    assert (found[0]["a"][0]["b"], found[0]["c"]) == (number, number)


def test_without_that_leaf_it_does_not(db: duckdb.DuckDBPyConnection) -> None:
    """When this fails, EXACT is no longer needed."""
    assert EXACT
    (found,) = db.execute("""SELECT from_json('{"b": 1.10}'::JSON, '{"b": "VARCHAR"}')""").fetchall()
    assert found[0]["b"] == "1.1"


@pytest.mark.parametrize("number", SENT)
def test_text_is_as_sent(value: Any, number: str) -> None:
    assert value("Observation", PATH, observation(number), type="decimal", tag=TAG) == number


@pytest.mark.parametrize("number", [n for n in SENT if n != DIGITS_30 and len(n) < 20])
def test_value_is_exact(value: Any, number: str) -> None:
    found = value("Observation", PATH, observation(number), type="decimal")
    assert found == Decimal(number)
    assert type(found) is Decimal


def test_a_number_too_large_has_its_text_and_no_value(value: Any) -> None:
    assert value("Observation", PATH, observation(DIGITS_30)) is None
    assert value("Observation", PATH, observation(DIGITS_30), tag=TAG) == DIGITS_30


def test_decimals_beyond_the_twelfth_are_rounded_in_the_value_only(value: Any) -> None:
    assert value("Observation", PATH, observation("0.1234567890126")) == Decimal("0.123456789013")
    assert value("Observation", PATH, observation("0.1234567890126"), tag=TAG) == "0.1234567890126"


@pytest.mark.parametrize(
    ("ansi", "expected"),
    [
        ("DOUBLE PRECISION", 1.1),
        ("DECIMAL(5,1)", Decimal("1.1")),
        ("decimal", Decimal("1.10")),
        ("VARCHAR(20)", "1.10"),
    ],
)
def test_ansi_types(value: Any, ansi: str, expected: object) -> None:
    found = value("Observation", PATH, observation("1.10"), tag=[{"name": "ansi/type", "value": ansi}])
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("number", "low", "high"),
    [
        ("1", "0.5", "1.5"),
        ("1.0", "0.95", "1.05"),
        ("1.00", "0.995", "1.005"),
        ("-1.0", "-1.05", "-0.95"),
        ("5E-3", "0.0045", "0.0055"),
        ("1.5e2", "145", "155"),
    ],
)
def test_boundaries_follow_the_digits_sent(value: Any, number: str, low: str, high: str) -> None:
    line = observation(number)
    assert value("Observation", f"{PATH}.lowBoundary()", line) == Decimal(low)
    assert value("Observation", f"{PATH}.highBoundary()", line) == Decimal(high)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{PATH} + 0.2", Decimal("0.3")),
        (f"{PATH} * 3", Decimal("0.3")),
        (f"{PATH} / 0", None),
        (f"-{PATH}", Decimal("-0.1")),
        (f"{PATH} + 0.2 = 0.3", True),
        ("2 * 3 + 1", 7),
        ("value.ofType(integer) + 1", None),
    ],
)
def test_arithmetic_is_decimal(value: Any, path: str, expected: object) -> None:
    assert value("Observation", path, observation("0.1")) == expected
