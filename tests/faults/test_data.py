"""What resources may be like: cases data-01 to -09 and refresh-07, from files and from a server, into tables.

A bad one costs itself alone, is set aside and is counted; texts and numbers stay as they came.
"""

import json
import re
from pathlib import Path

import pytest

from rwe.landing import current, lines
from rwe.store import Store
from tests.faults.case import Case, dump_store
from tests.fhir.memory import Memory
from tests.fhir.server import Reply
from tests.fhir.wire import Asked

Texts = dict[str, list[str]]
GOOD = '{"resourceType": "Patient", "id": "good", "gender": "female"}'
LAST = '{"resourceType": "Patient", "id": "last", "gender": "male"}'


class Source:
    """A study of one site that gives these texts, in files or over HTTP."""

    def __init__(self, case: Case, way: str) -> None:
        self.case, self.way = case, way
        self.code, self.text = 0, ""

    def pulled(self, texts: list[str | bytes], kind: str = "Patient") -> Path:
        raw = [t.encode() if isinstance(t, str) else t for t in texts]
        if self.way == "files":
            study = self._files(raw, kind)
        else:
            serve(self.case.memory, raw, kind)
            study = self.case.study(self.case.memory.base)
        self.code, self.text = self.case.run(study)
        dump_store(study)
        return study

    def _files(self, raw: list[bytes], kind: str) -> Path:
        study = self.case.study("")
        folder = study / "fhir"
        folder.mkdir()
        (folder / f"{kind}.ndjson").write_bytes(b"\n".join(raw) + b"\n")
        (study / "sites.toml").write_text('[north]\nfiles = "fhir"\nfhir_version = "4.0.1"\n')
        return study


def serve(memory: Memory, raw: list[bytes], kind: str) -> None:
    """In place of the type's own: two a page, each as the bytes it is."""
    answer = memory.reply

    def reply(asked: Asked) -> Reply:
        if asked.path != f"/fhir/{kind}":
            return answer(asked)
        query = dict(asked.parameters)
        at = int(query.get("at", 0))
        bundle = f'{{"resourceType": "Bundle", "type": "searchset", "total": {len(raw)}'.encode()
        if query.get("_summary") == "count":
            return Reply(body=bundle + b"}")
        further = f"{memory.base}/{kind}?at={at + 2}"
        link = f', "link": [{{"relation": "next", "url": "{further}"}}]' if at + 2 < len(raw) else ""
        entries = b", ".join(b'{"resource": ' + r + b"}" for r in raw[at : at + 2])
        return Reply(body=bundle + link.encode() + b', "entry": [' + entries + b"]}")

    memory.reply = reply  # type: ignore[method-assign]


@pytest.fixture(params=["files", "server"])
def source(case: Case, request: pytest.FixtureRequest) -> Source:
    return Source(case, request.param)


def rows(study: Path, sql: str) -> list[tuple[object, ...]]:
    with Store.open(study / "data") as store:
        return sorted(store.rows(sql))


def fates(study: Path, kind: str = "Patient") -> dict[str, int]:
    """A file's row that is no JSON is of no known type."""
    own = f"resource_type IN ('{kind}', 'unknown')"
    found = rows(study, f"SELECT fate, count(*) FROM resource WHERE {own} GROUP BY ALL")
    return {str(fate): int(str(n)) for fate, n in found}


def landed(study: Path, kind: str = "Patient") -> list[bytes]:
    folder = study / "data" / "raw" / "north"
    manifest = current(folder)
    assert manifest
    return [line for s in manifest.types[kind].shards for line in lines(folder / s.file)]


def one_aside(source: Source, bad: str | bytes, reason: str) -> None:
    study = source.pulled([GOOD, bad, LAST])
    assert fates(study) == {"mapped": 2, reason: 1}
    assert rows(study, "SELECT patient_id FROM patient") == [("good",), ("last",)]
    assert source.code == 3  # one of three is above the limit
    assert re.search("north: (Patient: 1 of 3|unknown: 1 of 1) set aside", source.text)


@pytest.mark.parametrize("times", [1, 3])
def test_data_01_a_resource_without_an_id(source: Source, times: int) -> None:
    """Several, on pages of their own, are several."""
    bad = [f'{{"resourceType": "Patient", "gender": "{g}"}}' for g in ("male", "female", "other")][:times]
    texts = [GOOD, *(t for b in bad for t in (b, LAST.replace("last", f"after-{len(b)}")))]
    study = source.pulled(texts)
    assert fates(study)["no_id"] == times
    assert ("good",) in rows(study, "SELECT patient_id FROM patient")


def test_data_02_a_nan(source: Source) -> None:
    bad = '{"resourceType": "Patient", "id": "bad", "extension": [{"url": "u", "valueDecimal": NaN}]}'
    one_aside(source, bad, "not_json")


@pytest.mark.parametrize("depth", [101, 5_000])
def test_data_03_nested_too_deep(source: Source, depth: int) -> None:
    one_aside(
        source, f'{{"resourceType": "Patient", "id": "bad", "x": {"[" * depth}{"]" * depth}}}', "too_deep"
    )


def test_data_04_a_resource_of_6_mb(source: Source) -> None:
    large = f'{{"resourceType": "Patient", "id": "large", "photo": [{{"data": "{"abcd" * 1_500_000}"}}]}}'
    study = source.pulled([GOOD, large, LAST])
    assert max(map(len, landed(study))) == len(large)
    assert ("large",) in rows(study, "SELECT patient_id FROM patient")


ODD = [
    "<script>alert(1)</script>",
    '=HYPERLINK("x")',
    "'\"`",
    "\u202eright to left",
    "line\nbreak",
    "a\u2028b",
]


@pytest.mark.parametrize("odd", ODD)
def test_data_05_odd_names_stay_as_they_are(source: Source, odd: str) -> None:
    named = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"text": "c"},
        "valueString": odd,
    }
    study = source.pulled([json.dumps(named, ensure_ascii=False)], "Observation")
    assert [json.loads(b)["valueString"] for b in landed(study, "Observation")] == [odd]
    assert odd not in source.text
    assert odd in {v for row in rows(study, "FROM observation") for v in row}


def test_data_06_numbers_stay_texts(source: Source) -> None:
    def observation(name: str, value: str) -> str:
        head = f'{{"resourceType": "Observation", "id": "{name}", "status": "final", "code": {{"text": "c"}}'
        return f'{head}, "valueQuantity": {{"value": {value}}}}}'

    texts = [observation("short", "1.10"), observation("long", "9" * 5_000), observation("e", "1.0e-2")]
    study = source.pulled(texts, "Observation")
    assert sorted(landed(study, "Observation")) == sorted(t.encode() for t in texts)
    assert sum(fates(study, "Observation").values()) == 3
    assert ("short",) in rows(study, "SELECT observation_id FROM observation")


def test_data_07_the_same_id_at_two_sites(case: Case) -> None:
    study = case.study(case.memory.base)
    sites = (study / "sites.toml").read_text()
    (study / "sites.toml").write_text(sites + sites.replace("[north]", "[south]"))
    assert case.run(study)[0] == 0
    dump_store(study)
    found = rows(study, "SELECT site_id, patient_id FROM patient WHERE patient_id = 'p1'")
    assert found == [("north", "p1"), ("south", "p1")]


REFERENCES = {
    "relative": "Patient/good",
    "versioned": "Patient/good/_history/1",
    "foreign": "https://elsewhere.example/fhir/Patient/good",
    "urn": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
    "contained": "#good",
    "missing": "Patient/never",
}


def test_data_08_references_of_all_kinds(source: Source) -> None:
    """All are there; resolved and not make all."""
    head = '"status": "final", "code": {"text": "c"}'
    texts = [
        f'{{"resourceType": "Observation", "id": "{n}", {head}, "subject": {{"reference": "{r}"}}}}'
        for n, r in REFERENCES.items()
    ]
    study = source.pulled(texts, "Observation")
    found = dict(rows(study, "SELECT observation_id, patient_id FROM observation"))
    assert set(found) == set(REFERENCES)
    assert {n for n, patient in found.items() if patient == "good"} >= {"relative", "versioned"}
    assert {n for n, patient in found.items() if patient != "good"} >= {"urn", "contained", "missing"}


def observation_of(reference: str) -> str:
    head = '"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "c"}'
    return f'{{{head}, "subject": {{"reference": "{reference}"}}}}'


def test_data_08_a_reference_to_another_server_is_no_patient_here(source: Source) -> None:
    study = source.pulled([observation_of(REFERENCES["foreign"])], "Observation")
    found = rows(study, "SELECT patient_id, subject_reference FROM observation")
    assert found == [(None, REFERENCES["foreign"])]


def test_data_08_a_reference_by_the_site_s_own_address_is_its_patient(source: Source) -> None:
    """A server's is its url; of a folder it has to be named."""
    base = source.case.memory.base
    own = observation_of(f"{base}/Patient/good")
    study = source.pulled([own], "Observation")
    found = rows(study, "SELECT patient_id FROM observation")
    assert found == [("good",) if source.way == "server" else (None,)]
    with (study / "sites.toml").open("a") as sites:
        sites.write(f'base_urls = ["{base}/"]\n')
    dump_store(study)
    assert rows(study, "SELECT patient_id FROM observation") == [("good",)]


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800", "\\udc00\\ud800"])
def test_data_09_null_characters_and_lone_surrogates(source: Source, text: str) -> None:
    bad = f'{{"resourceType": "Patient", "id": "odd", "gender": "other", "name": [{{"family": "{text}"}}]}}'
    study = source.pulled([GOOD, bad, LAST])
    assert sum(fates(study).values()) == 3
    assert {("good",), ("last",)} <= {*rows(study, "SELECT patient_id FROM patient")}


@pytest.mark.parametrize("bad", [b'{"resourceType": "Patient", "id": "b", "x": "\xff"}', b'{"id": 1 2}'])
def test_bytes_that_are_no_json_cost_themselves(source: Source, bad: bytes) -> None:
    study = source.pulled([GOOD, bad, LAST])
    assert rows(study, "SELECT patient_id FROM patient") == [("good",), ("last",)]
    assert sum(fates(study).values()) == 3


TIMES = {
    "offset": "2020-05-01T10:00:00+05:30",
    "date": "2020-05-01",
    "leap": "2016-12-31T23:59:60Z",
    "year": "2020",
    "month": "2020-05",
    "fraction": "2020-05-01T10:00:00.123456Z",
}


def test_refresh_07_times_keep_their_precision(source: Source) -> None:
    head = '"status": "final", "code": {"text": "c"}'
    texts = [
        f'{{"resourceType": "Observation", "id": "{n}", {head}, "effectiveDateTime": "{t}"}}'
        for n, t in TIMES.items()
    ]
    study = source.pulled(texts, "Observation")
    assert {json.loads(b)["effectiveDateTime"] for b in landed(study, "Observation")} == {*TIMES.values()}
    there = {v for row in rows(study, "FROM observation") for v in row}
    assert {*TIMES.values()} - there == set()
