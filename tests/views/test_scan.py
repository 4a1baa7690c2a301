"""Files read as they lie, against lines read one by one: the same rows, or the file is refused."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.fhir.digits import BLOCK, long_numbers
from rwe.views import compile_view

VALUE = "value.ofType(Quantity).value"
DIGITS = st.text("0123456789", min_size=1, max_size=9)


def view(*paths: str, **column: Any) -> Any:
    columns = [{"name": f"v{n}", "path": path, **column} for n, path in enumerate(paths)]
    return compile_view({"resource": "Observation", "select": [{"column": columns}]}, "4.0.1")


def observation(number: str) -> str:
    return '{"resourceType": "Observation", "id": "a", "valueQuantity": {"value": ' + number + "}}"


def scanned(folder: Path, compiled: Any, *lines: str) -> list[tuple[Any, ...]]:
    (folder / "x.ndjson").write_text("".join(f"{line}\n" for line in lines))
    with duckdb.connect() as db:
        return db.execute(compiled.scan(f"['{folder / 'x.ndjson'}']")).fetchall()


@settings(max_examples=100, deadline=None)
@given(sign=st.sampled_from(["", "-"]), whole=DIGITS, part=DIGITS, power=st.sampled_from(["", "e-3", "E5"]))
def test_a_double_of_15_digits_gives_the_value_of_its_text(tmp_path_factory, sign, whole, part, power):
    number = f"{sign}{int(whole)}.{part}{power}"
    if long_numbers(io.BytesIO(observation(number).encode())):
        return
    compiled = view(VALUE, f"{VALUE} + 1", f"{VALUE} = {int(whole)}.{part}")
    with duckdb.connect() as db:
        exact = db.execute(compiled.query("(SELECT ?::JSON AS json)"), [observation(number)]).fetchall()
    assert scanned(tmp_path_factory.mktemp("scan"), compiled, observation(number)) == exact


@pytest.mark.parametrize(
    "number", ["1234567890123456", "0.12345678901234567", "1" * 21, "1" * 400, "-12.34567890123456789E-5"]
)
def test_a_number_of_more_than_15_digits_is_found(number):
    assert long_numbers(io.BytesIO(observation(number).encode()))
    assert long_numbers(io.BytesIO(b'{"a":[1,' + number.encode() + b"]}"))


@pytest.mark.parametrize(
    "text", ["urn:oid:1.2.840.113883.6.1.22.333", "12345678901234567890", "2020/01/02/03/04/05", "a" * 99]
)
def test_digits_in_a_text_are_no_number(text):
    assert not long_numbers(io.BytesIO(json.dumps({"system": text, "value": 1.5}).encode()))


@pytest.mark.parametrize("at", range(BLOCK - 90, BLOCK + 10, 3))
def test_a_number_is_found_where_two_blocks_meet(at):
    assert long_numbers(io.BytesIO(b" " * at + b'{"v":12345678901234567}' + b" " * 300))
    assert not long_numbers(io.BytesIO(b" " * at + b'{"v":"12345678901234567"}' + b" " * 300))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "1e30", "[1]", '{"a": 1}'])
def test_what_no_decimal_holds_ends_the_scan(tmp_path, number):
    with pytest.raises(duckdb.InvalidInputException):
        scanned(tmp_path, view(VALUE), observation("1"), observation(number))


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        "1",
        '{"id": "a"}',
        '{"resourceType": "Observation"}',
        '{"resourceType": "Observation", "id": "a", "id": "b"}',
        '{"resourceType": "Observation", "id": "a", "valueQuantity": {"value": 1, "value": 2}}',
        '{"resourceType": "Observation", "id": "a", "valueQuantity": [{"value": 1}]}',
        '{"resourceType": "Observation", "id": "a"} {}',
        '\ufeff{"resourceType": "Observation", "id": "a"}',
    ],
)
def test_a_line_that_is_no_such_resource_ends_the_scan(tmp_path, line):
    with pytest.raises(duckdb.InvalidInputException):
        scanned(tmp_path, view(VALUE), observation("1"), line)


def test_other_types_are_passed_over(tmp_path):
    patient = '{"resourceType": "Patient", "id": "p"}'
    assert scanned(tmp_path, view(VALUE), patient, observation("1.5"), patient) == [(Decimal("1.5"),)]


@pytest.mark.parametrize(
    ("path", "column"),
    [
        (VALUE, {"type": "decimal", "tag": [{"name": "ansi/type", "value": "CHARACTER VARYING"}]}),
        (VALUE, {"tag": [{"name": "ansi/type", "value": "DOUBLE"}]}),
        (f"{VALUE}.lowBoundary()", {}),
        ("contained.ofType(Observation).value.ofType(Quantity).value", {"collection": True}),
    ],
)
def test_a_view_that_asks_for_the_digits_sent_is_not_read_by_doubles(path, column):
    assert view(path, **column).fast is None


def test_the_wide_view_of_observations_is(tmp_path):
    paths = [VALUE, "referenceRange.low.value.first()", f"{VALUE}.exists()", "code.coding.code.first()"]
    assert view(*paths).fast is not None
