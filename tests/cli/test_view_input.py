"""`rwe view` over files with something wrong in them: each costs only its own resource."""

import json

import pytest

from tests.run import rwe

VIEW = {
    "resource": "Observation",
    "name": "value",
    "select": [
        {"column": [{"name": "id", "path": "id"}, {"name": "v", "path": "value.ofType(Quantity).value"}]}
    ],
}


def observation(name: str, more: str = '"valueQuantity": {"value": 1.10}') -> bytes:
    return f'{{"resourceType": "Observation", "id": "{name}", {more}}}'.encode()


GOOD = observation("good")
LOST = {
    "a key twice": (observation("x", '"valueQuantity": {"value": 1, "value": 2}'), "twice"),
    "not UTF-8": (observation("x", '"status": "?"').replace(b"?", b"\xff\xfe"), "not UTF-8"),
    "no number": (observation("x", '"valueQuantity": {"value": NaN}'), "not valid JSON"),
    "a cut line": (GOOD[:40], "not valid JSON"),
    "a list for an object": (
        observation("x", '"valueQuantity": [{"value": 1}]'),
        "Observation.valueQuantity",
    ),
    "an object for a number": (observation("x", '"valueQuantity": {"value": {}}'), "valueQuantity.value"),
    "too deep": (observation("x", f'"extension": {"[" * 5000}{"]" * 5000}, "id": "y"'), "nested deeper"),
    "no id": (b'{"resourceType": "Observation"}', "no id"),
    "no type": (b'{"id": "x"}', "without a usable resourceType"),
    "two in a line": (GOOD + GOOD, "not valid JSON"),
}


def viewed(folder, *lines: bytes, expect: int = 0, end: bytes = b"\n"):
    (folder / "view.json").write_text(json.dumps(VIEW))
    (folder / "o.ndjson").write_bytes(end.join(lines))
    done = rwe("view", folder / "view.json", folder / "o.ndjson", expect=expect)
    return [json.loads(line)["id"] for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("kind", LOST)
def test_a_resource_that_cannot_be_read_is_named_and_costs_only_itself(tmp_path, kind):
    line, reason = LOST[kind]
    rows, said = viewed(tmp_path, GOOD, line, observation("next"), expect=3)
    assert rows == ["good", "next"]
    assert "o.ndjson:2: " in said
    assert reason in said


def test_a_line_of_200_mb_costs_only_itself(tmp_path):
    long = observation("x", f'"text": {{"div": "{"x" * 200_000_000}"}}')
    rows, said = viewed(tmp_path, GOOD, long, observation("next"), expect=3)
    assert rows == ["good", "next"]
    assert "o.ndjson:2: it is longer" in said


@pytest.mark.parametrize(
    ("lines", "end"),
    [
        ((b"\xef\xbb\xbf" + GOOD, observation("next")), b"\n"),
        ((GOOD, observation("next"), b""), b"\r\n"),
        ((b"", GOOD, b"  ", b"", observation("next"), b""), b"\n"),
        ((GOOD, b'{"resourceType": "Patient", "id": "p"}', observation("next")), b"\n"),
        ((GOOD, observation("next", f'"text": {{"div": "{"x" * 40_000_000}"}}')), b"\n"),
    ],
    ids=["byte order mark", "CRLF", "blank lines", "another type", "40 MB"],
)
def test_what_is_harmless_is_read(tmp_path, lines, end):
    assert viewed(tmp_path, *lines, end=end)[0] == ["good", "next"]


def test_a_number_of_21_digits_keeps_them(tmp_path):
    viewed(tmp_path, observation("x", '"valueQuantity": {"value": 123456789012345678.901}'))
    done = rwe("view", tmp_path / "view.json", tmp_path / "o.ndjson", "--format", "csv")
    assert done.stdout == "id,v\nx,123456789012345678.901\n"


def test_decimals_in_csv_carry_no_zeros_of_ours(tmp_path):
    viewed(tmp_path, observation("x", '"valueQuantity": {"value": 100}'), GOOD)
    done = rwe("view", tmp_path / "view.json", tmp_path / "o.ndjson", "--format", "csv")
    assert done.stdout == "id,v\nx,100\ngood,1.1\n"


@pytest.mark.parametrize("memory", ["", "much", "512", "512MB; DROP TABLE x"])
def test_a_size_of_memory_that_is_none_is_a_usage_error(tmp_path, memory):
    viewed(tmp_path, GOOD)
    done = rwe("view", tmp_path / "view.json", tmp_path / "o.ndjson", "--memory", memory, expect=2)
    assert "such as 512MB" in done.stderr


def test_a_size_of_memory_is_kept_to(tmp_path):
    viewed(tmp_path, GOOD)
    rwe("view", tmp_path / "view.json", tmp_path / "o.ndjson", "--memory", "512MB")
