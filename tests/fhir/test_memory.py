"""Our own server does what a FHIR server does: what is tested against it rests on that."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.fhir.manners import EPIC, GOOD, GOOGLE, WSO2, Manners
from tests.fhir.memory import ESTIMATED_TOO_MANY, Memory
from tests.fhir.server import Reply

SUBJECT = {"reference": "Patient/p1"}


def patient(n: int, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": f"p{n}", **more}


def observation(n: int, code: str = "a") -> dict[str, Any]:
    coded = {"coding": [{"system": "urn:x", "code": code}]}
    return {
        "resourceType": "Observation",
        "id": f"o{n}",
        "subject": SUBJECT,
        "code": coded,
        "category": [coded],
    }


@pytest.fixture
def memory(request: pytest.FixtureRequest):
    with Memory(getattr(request, "param", GOOD)) as m:
        yield m


def get(m: Memory, url: str, **headers: str) -> requests.Response:
    with requests.Session() as http:
        http.trust_env = False
        return http.get(url if "://" in url else f"{m.base}/{url}", headers=headers, timeout=10)


def walk(m: Memory, url: str | None, between: Any = lambda: None) -> list[dict[str, Any]]:
    entries = []
    while url:
        page = get(m, url).json()
        entries += page.get("entry", [])
        url = next((k["url"] for k in page["link"] if k["relation"] == "next"), None)
        between()
    return entries


def ids(entries: list[dict[str, Any]]) -> list[str]:
    return [e["resource"]["id"] for e in entries]


def test_a_search_is_walked_over_what_was_there_at_its_first_page(memory):
    memory.put(*(patient(n) for n in range(7)))
    found = walk(memory, "Patient?_count=3", lambda: memory.put(patient(6, active=True), patient(9)))
    assert ids(found) == [f"p{n}" for n in range(7)]
    assert found[6]["resource"]["meta"]["versionId"] == "1"


@pytest.mark.parametrize("memory", [WSO2], indirect=True)
def test_offset_paging_skips_a_row_and_repeats_another_when_one_is_updated(memory):
    memory.put(*(patient(n) for n in range(7)))
    found = ids(walk(memory, "Patient?_count=3", lambda: memory.put(patient(0, active=True))))
    assert len(found) == 7
    assert len(set(found)) == 6


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Observation?code=urn:x|a", ["o1", "o3"]),
        ("Observation?code=urn:x|a,b", ["o1", "o2", "o3"]),
        ("Observation?code=b&category=urn:x|b", ["o2"]),
        ("Observation?code=urn:y|a", []),
        ("Observation?patient=p1", ["o1", "o2", "o3"]),
        ("Observation?subject=Patient/p2", []),
        ("Observation?_id=o3,o1", ["o1", "o3"]),
        ("Observation?_sort=-_lastUpdated", ["o3", "o2", "o1"]),
        ("Observation?_lastUpdated=ge2026-01-01T00:00:01Z", ["o2", "o3"]),
        ("Observation?_lastUpdated=gt2026-01-01T00:00:01Z", ["o3"]),
        ("Observation?_lastUpdated=eq2026-01-01T00:00:01.000Z", ["o2"]),
        ("Observation?_lastUpdated=le2026-01-01T08:00:01%2B08:00", ["o1", "o2"]),
        ("Observation?_lastUpdated=lt2026-01-01", []),
    ],
)
def test_a_search_finds(memory, query, expected):
    memory.put(observation(1), observation(2, "b"), observation(3))
    assert ids(walk(memory, query)) == expected


def test_a_time_with_a_bare_plus_is_no_time(memory):
    assert get(memory, "Patient?_lastUpdated=ge2026-01-01T00:00:00+08:00").status_code == 400


def test_a_search_is_also_posted(memory):
    memory.put(observation(1), observation(2, "b"))
    with requests.Session() as http:
        http.trust_env = False
        body = http.post(f"{memory.base}/Observation/_search", data={"code": "b"}, timeout=10).json()
    assert ids(body["entry"]) == ["o2"]


def test_history_tells_every_version_and_deletion_the_newest_first(memory):
    memory.put(patient(1), patient(2))
    since = memory.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    memory.delete("Patient", "p1")
    memory.put(patient(1, active=True))
    told = walk(memory, f"Patient/_history?_since={since}&_count=1")
    assert [e["request"]["method"] for e in told] == ["PUT", "DELETE"]
    assert told[0]["resource"]["meta"]["versionId"] == "3"
    assert len(walk(memory, "Patient/_history")) == 4


def test_a_deleted_resource_is_gone_and_comes_again(memory):
    memory.put(patient(1))
    memory.delete("Patient", "p1")
    assert (get(memory, "Patient/p1").status_code, get(memory, "Patient/p2").status_code) == (410, 404)
    assert walk(memory, "Patient") == []
    memory.put(patient(1))
    assert get(memory, "Patient/p1").json()["meta"]["versionId"] == "3"


def test_the_clock_is_the_servers_and_settable(memory):
    memory.now = datetime(2030, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    memory.put(patient(1))
    memory.now += timedelta(days=1)
    answer = get(memory, "Patient/p1")
    assert answer.json()["meta"]["lastUpdated"] == "2030-05-01T12:00:00.250Z"
    assert answer.headers["Date"] == "Thu, 02 May 2030 12:00:01 GMT"


def test_elements_are_marked_as_no_whole_resource(memory):
    memory.put(patient(1, gender="female"))
    (entry,) = walk(memory, "Patient?_elements=id")
    assert set(entry["resource"]) == {"resourceType", "id", "meta"}
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"


def test_medication_comes_with_its_administration_when_asked(memory):
    given = {"resourceType": "MedicationAdministration", "id": "m1", "subject": SUBJECT}
    memory.put({"resourceType": "Medication", "id": "c"}, {"resourceType": "Medication", "id": "d"})
    memory.put({**given, "medicationReference": {"reference": "Medication/c"}})
    found = walk(memory, "MedicationAdministration?_include=MedicationAdministration:medication")
    assert [(e["resource"]["id"], e["search"]["mode"]) for e in found] == [("m1", "match"), ("c", "include")]
    assert ids(walk(memory, "MedicationAdministration")) == ["m1"]


@pytest.mark.parametrize(
    ("memory", "found", "in_self"),
    [(GOOD, 1, False), (WSO2, 0, True), (EPIC, 1, False)],
    indirect=["memory"],
)
def test_an_unknown_parameter_is_dropped_or_finds_nothing(memory, found, in_self):
    memory.put(patient(1))
    page = get(memory, "Patient?bogus=1").json()
    assert len(page.get("entry", [])) == found
    assert ("bogus" in page["link"][0]["url"]) == in_self
    assert get(memory, "Patient?bogus=1", Prefer="handling=strict").status_code == 400


@pytest.mark.parametrize("memory", [WSO2], indirect=True)
def test_a_server_like_wso2(memory):
    coded = {"coding": [{"system": "urn:x", "code": "cells"}]}
    memory.now += timedelta(milliseconds=250)
    given = {"resourceType": "MedicationAdministration", "id": "m", "status": "completed", "subject": SUBJECT}
    memory.put({**given, "medicationCodeableConcept": coded})
    told = get(memory, "MedicationAdministration/m").json()["meta"]["lastUpdated"]
    assert told == "2026-01-01T00:00:00Z"
    found = {
        query: len(walk(memory, f"MedicationAdministration?{query}"))
        for query in (
            "code=cells",
            "status=completed",
            *(f"_lastUpdated={p}{told}" for p in ("ge", "gt", "eq")),
        )
    }
    assert list(found.values()) == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("memory", [EPIC], indirect=True)
def test_a_server_like_epic(memory):
    memory.put(observation(1), patient(1))
    refused = get(memory, "Observation")
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (400, "required")
    assert ids(walk(memory, "Observation?category=urn:x|a")) == ["o1"]
    assert len(walk(memory, "Patient?_lastUpdated=gt2099-01-01")) == 1
    assert get(memory, "Patient/_history").status_code == 404
    assert "meta" not in get(memory, "Patient/p1").json()
    (patients,) = [r for r in get(memory, "metadata").json()["rest"][0]["resource"] if r["type"] == "Patient"]
    assert "_lastUpdated" not in [p["name"] for p in patients["searchParam"]]


@pytest.mark.parametrize(
    ("memory", "totals"),
    [(GOOD, [3, 3]), (WSO2, [None, None]), (GOOGLE, [3 + ESTIMATED_TOO_MANY, 3])],
    indirect=["memory"],
)
def test_a_total_is_exact_or_none_or_an_estimate_until_the_last_page(memory, totals):
    memory.put(*(patient(n) for n in range(3)))
    first = get(memory, "Patient?_count=2").json()
    second = get(memory, first["link"][1]["url"]).json()
    assert [first.get("total"), second.get("total")] == totals
    assert get(memory, "Patient?_summary=count").json()["total"] == 3


@pytest.mark.parametrize("memory", [Manners(most=2)], indirect=True)
def test_a_page_may_be_smaller_than_asked(memory):
    memory.put(*(patient(n) for n in range(5)))
    assert len(get(memory, "Patient?_count=100").json()["entry"]) == 2
    assert len(walk(memory, "Patient?_count=100")) == 5


@pytest.mark.parametrize(
    ("version", "name", "other"), [("4.0.1", "event", "code"), ("5.0.0", "code", "event")]
)
def test_adverse_events_are_asked_for_as_their_fhir_version_says(version, name, other):
    coded = {"coding": [{"system": "urn:x", "code": "rash"}]}
    with Memory(Manners(unknown="refuse"), version=version) as m:
        m.put({"resourceType": "AdverseEvent", "id": "a", name: coded, "subject": SUBJECT})
        assert ids(walk(m, f"AdverseEvent?{name}=urn:x|rash")) == ["a"]
        assert walk(m, f"AdverseEvent?{name}=urn:x|other") == []
        assert get(m, f"AdverseEvent?{other}=urn:x|rash").status_code == 400


def test_the_login_is_asked_of_every_request():
    with Memory(token="t") as m:
        assert get(m, "metadata").status_code == 401
        assert get(m, "metadata", Authorization="Bearer t").status_code == 200


def test_nothing_can_be_written(memory):
    with requests.Session() as http:
        http.trust_env = False
        for method in ("PUT", "POST", "PATCH", "DELETE"):
            assert http.request(method, f"{memory.base}/Patient/p1", json={}, timeout=10).status_code == 405


def test_a_mounted_handler_is_asked_first_and_declared(memory):
    came = []

    def export(*asked: Any) -> Reply | None:
        came.append(asked)
        return Reply(status=202) if asked[1].endswith("$export") else None

    memory.put(patient(1))
    memory.mounts.append(export)
    assert get(memory, "Patient/$export?_type=A,B&_type=C").status_code == 202
    assert came[0][:3] == ("GET", "/fhir/Patient/$export", {"_type": ["A,B", "C"]})
    assert len(walk(memory, "Patient")) == 1
    assert get(memory, "metadata").json()["rest"][0]["operation"][0]["name"] == "export"
    assert memory.resources()["Patient"] == [get(memory, "Patient/p1").json()]
    assert [r.method for r in memory.requests] == ["GET"] * 4


def test_a_mounted_handler_stands_behind_the_login_but_for_what_is_open():
    with Memory(token="t") as m:
        m.mounts.append(lambda *_: Reply(status=202))
        m.open = "/file/"
        assert [get(m, path).status_code for path in ("$export", "job/1", "file/1")] == [401, 401, 202]
        assert get(m, "job/1", Authorization="Bearer t").status_code == 202


def test_what_is_put_is_kept_as_it_was(memory):
    p = patient(1, name=[{"family": "O'Brien-Nuñez"}])
    memory.put(p)
    p["name"].clear()
    assert "Nuñez".encode() in get(memory, "Patient").content
    assert json.loads(get(memory, f"Patient?_id={quote('p1')}").content)["total"] == 1
