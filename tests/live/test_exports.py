"""What the real servers do with $export and _history: what our client and our own servers are built on."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.live import google, hapi
from tests.live.conftest import GROUP, resources
from tests.live.process import Running, session

pytestmark = pytest.mark.live

TYPES = ["AdverseEvent", "Condition", "Encounter", "MedicationAdministration", "Observation", "Patient"]
HELD = Counter(r["resourceType"] for r in resources("north"))


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with session() as s:
        yield s


@pytest.fixture
def played(http: requests.Session, player: Running) -> requests.Session:
    login = http.post(f"{player.base_url}/token", auth=(google.CLIENT, google.SECRET), timeout=10)
    http.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
    return http


def kick_off(http: requests.Session, url: str, **parameters: str) -> requests.Response:
    return http.get(url, params=parameters, headers={"Prefer": "respond-async"}, timeout=60)


def manifest(http: requests.Session, started: requests.Response) -> dict[str, Any]:
    assert started.status_code == 202
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        status = http.get(
            started.headers["Content-Location"], headers={"Accept": "application/json"}, timeout=60
        )
        if status.status_code != 202:
            assert status.status_code == 200
            found: dict[str, Any] = status.json()
            return found
        time.sleep(0.5)  # HAPI would have us wait 120 s
    raise AssertionError("the export did not end in 120 s")


def rows(http: requests.Session, output: list[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for item in output:
        body = http.get(item["url"], headers={"Accept": "application/fhir+ndjson"}, timeout=60)
        assert body.status_code == 200
        found[item["type"]] += len(body.text.splitlines())
    return found


@pytest.mark.parametrize("level", ["", "Patient/", f"Group/{GROUP}/"])
def test_hapi_exports_what_it_holds(servers: dict[str, str], http: requests.Session, level: str) -> None:
    started = kick_off(http, f"{servers['north']}/{level}$export", _type=",".join(TYPES))
    made = manifest(http, started)
    assert rows(http, made["output"]) == HELD
    assert made["requiresAccessToken"] is True
    assert not {"deleted", "count"} & {*made, *made["output"][0]}
    # The job is done: nothing is left to cancel.
    assert http.delete(started.headers["Content-Location"], timeout=60).status_code == 404


def test_hapi_refuses_a_type_that_no_patient_has(servers: dict[str, str], http: requests.Session) -> None:
    started = kick_off(http, f"{servers['north']}/Patient/$export", _type="Patient,Medication")
    assert started.status_code == 400


def test_hapi_tells_deletions_in_history(servers: dict[str, str], http: requests.Session) -> None:
    base = servers["north"]
    hapi.load(base, [{"resourceType": "Location", "id": "gone"}])
    assert http.delete(f"{base}/Location/gone", timeout=60).ok
    assert http.get(f"{base}/Location/gone", timeout=60).status_code == 410
    since = {"_since": "2020-01-01T00:00:00Z"}
    entries = http.get(f"{base}/Location/_history", params=since, timeout=60).json()["entry"]
    assert [e["request"]["method"] for e in entries] == ["DELETE", "POST"]


def test_the_player_gives_its_group(played: requests.Session, player: Running) -> None:
    # `_type` is not obeyed: what was not asked for comes too.
    made = manifest(played, kick_off(played, f"{player.base_url}/Group/{GROUP}/$export", _type="Patient"))
    assert rows(played, made["output"]) == HELD
    assert made["transactionTime"].startswith("2024-01-01T00:00:00")
    assert made["request"].startswith("/Group/")


def test_the_player_lies_about_the_token(played: requests.Session, player: Running) -> None:
    made = manifest(played, kick_off(played, f"{player.base_url}/Group/{GROUP}/$export"))
    assert made["requiresAccessToken"] is False
    del played.headers["Authorization"]
    assert played.get(made["output"][0]["url"], timeout=10).status_code == 401


def test_the_player_gives_what_changed_since_and_404_for_nothing(
    played: requests.Session, player: Running
) -> None:
    export = f"{player.base_url}/Group/{GROUP}/$export"
    first = manifest(played, kick_off(played, export))["transactionTime"]
    made = manifest(played, kick_off(played, export, _since=first))
    assert rows(played, made["output"]) == {"Patient": 1}
    assert kick_off(played, export, _since=made["transactionTime"]).status_code == 404


def test_the_player_has_no_capability_statement_and_no_delete(
    played: requests.Session, player: Running
) -> None:
    started = kick_off(played, f"{player.base_url}/Group/{GROUP}/$export")
    assert played.get(f"{player.base_url}/metadata", timeout=10).status_code == 404
    assert played.delete(started.headers["Content-Location"], timeout=10).status_code == 405
