"""What a source may do between two pulls: cases refresh-01 to -06, and what is near to them.

The judge is a study that sees the server for the first time: the stores are the same.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rwe import landing
from rwe.steps import by_search
from tests.faults.case import Case, dump, dump_store
from tests.fhir.manners import GOOD, Manners
from tests.fhir.memory import Memory
from tests.fhir.proxy import Rule
from tests.fhir.server import Reply
from tests.fhir.wire import Asked

HOUR = timedelta(hours=1)
NO_HISTORY = Manners(history=False)
NO_NEWS = frozenset({"_lastUpdated"})
NO_COUNT = Rule(url=r"_summary=count", fault="status", times=None, options={"status": 400})


def patient(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, **more}


@pytest.fixture
def pulled(case: Case) -> Path:
    """A study that has seen the hospital, 30 patients larger, an hour ago."""
    case.memory.put(*(patient(f"q{n}", gender="male") for n in range(30)))
    study = case.study(case.memory.base)
    code, text = case.run(study)
    assert code == 0, text
    dump_store(study)
    case.memory.now += HOUR
    return study


def refreshed(case: Case, study: Path, *rules: Rule, **more: Any) -> str:
    """Pulled again: whole, and in the store what a first look would bring."""
    ended = case.pull(*rules, into=study, **more)
    assert ended.code == 0, ended.text
    assert dump_store(study) == case.fresh()
    return ended.text


def asked(memory: Memory, kind: str) -> list[str]:
    return [r.target for r in memory.requests if f"/{kind}?" in r.target and "_summary" not in r.target]


def stale(study: Path) -> list[str]:
    """The types whose picture is older than the last pull."""
    manifest = landing.current(study / "data" / "raw" / "north")
    assert manifest
    return [kind for kind, series in manifest.types.items() if series.stale]


def drop_date(memory: Memory) -> None:
    answer = memory.reply

    def undated(request: Asked) -> Reply:
        reply = answer(request)
        reply.headers["Date"] = "yesterday"
        return reply

    memory.reply = undated  # type: ignore[method-assign]


def test_refresh_01_updated_at_the_very_watermark(
    case: Case, pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_search, "OVERLAP", timedelta(0))
    case.memory.put(patient("q1", gender="other"))  # so that the watermark moves
    assert case.run(pulled)[0] == 0
    case.memory.put(patient("q2", gender="female"))
    assert "all is fetched" not in refreshed(case, pulled)


def test_only_what_is_new_is_asked_for(case: Case, pulled: Path) -> None:
    case.memory.put(patient("q1", gender="other"), patient("new"))
    case.memory.requests.clear()
    refreshed(case, pulled)
    first = asked(case.memory, "Patient")[0]
    assert "_lastUpdated=ge2025-12-31T23%3A5" in first


@pytest.mark.parametrize("memory", [GOOD, NO_HISTORY], indirect=True)
def test_refresh_02_deleted_and_made_again(case: Case, pulled: Path) -> None:
    case.memory.delete("Patient", "q1")
    refreshed(case, pulled)
    assert "'q1'" not in dump_store(pulled)
    case.memory.now += HOUR
    case.memory.put(patient("q1", gender="female"))
    refreshed(case, pulled)
    assert "'q1'" in dump_store(pulled)


@pytest.mark.parametrize("memory", [GOOD, NO_HISTORY], indirect=True)
def test_refresh_02_deleted_and_made_again_between_two_pulls(case: Case, pulled: Path) -> None:
    case.memory.delete("Patient", "q1")
    case.memory.put(patient("q1", gender="female"))
    refreshed(case, pulled)


def restart(memory: Memory, kind: str, name: str) -> None:
    """As on a server whose versions begin anew when what was deleted is made again."""
    held = memory._versions[kind, name]
    memory._versions[kind, name] = [*held[:-1], type(held[-1])(**{**vars(held[-1]), "number": 1})]


def test_refresh_02_made_again_with_a_lower_version(case: Case, pulled: Path) -> None:
    for gender in ("female", "other"):
        case.memory.put(patient("q1", gender=gender))
    assert case.run(pulled)[0] == 0
    case.memory.now += HOUR
    case.memory.delete("Patient", "q1")
    case.memory.put(patient("q1", gender="unknown"))
    restart(case.memory, "Patient", "q1")
    refreshed(case, pulled)
    refreshed(case, pulled)
    case.memory.now += HOUR
    case.memory.delete("Patient", "q1")
    refreshed(case, pulled)


def test_refresh_03_failed_types_are_asked_from_their_old_watermark(case: Case, pulled: Path) -> None:
    kinds = ("Patient", "Observation", "Condition", "Encounter")
    for kind in kinds:
        case.memory.put({"resourceType": kind, "id": "late", "subject": {"reference": "Patient/p1"}})
    broken = r"/(Condition|Encounter)\?(_count|_lastUpdated)"
    failing = Rule(url=broken, fault="status", times=None, options={"status": 500})
    before = dump(pulled)["north"]
    ended = case.pull(failing, into=pulled)
    assert ended.code == 3
    assert [k for k in kinds if ended.landed["north"][k] == before[k]] == ["Condition", "Encounter"]
    assert stale(pulled) == ["Condition", "Encounter"]
    case.memory.now += HOUR
    refreshed(case, pulled)
    assert stale(pulled) == []


def test_refresh_04_nothing_changed(case: Case, pulled: Path) -> None:
    def contents() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted((pulled / "data" / "raw").rglob("*")) if p.is_file()}

    before, rows = contents(), dump_store(pulled)
    assert case.run(pulled)[0] == 0
    assert (contents(), dump_store(pulled)) == (before, rows)


def go_back(memory: Memory, kind: str, name: str) -> None:
    """As a backup that is put back: the last version never was."""
    memory._versions[kind, name].pop()


def test_refresh_05_a_restored_backup(case: Case, pulled: Path) -> None:
    case.memory.put(patient("q1", gender="other"))
    assert case.run(pulled)[0] == 0
    before = dump_store(pulled)
    go_back(case.memory, "Patient", "q1")
    case.memory.now = case.memory.current("Patient")[-1].at + timedelta(seconds=1)
    code, text = case.run(pulled, full=False)
    assert code == 3
    assert "restored from a backup" in text
    assert "--full" in text
    assert dump_store(pulled) == before
    refreshed(case, pulled, full=True)


@pytest.mark.parametrize("memory", [Manners(ignores=NO_NEWS)], indirect=True)
def test_refresh_05_a_restored_backup_in_a_full_comparison(case: Case, pulled: Path) -> None:
    case.memory.put(patient("q1", gender="other"))
    assert case.run(pulled)[0] == 0
    go_back(case.memory, "Patient", "q1")
    code, text = case.run(pulled)
    assert code == 3
    assert "north: Patient: 1 are older than what was landed" in text
    refreshed(case, pulled, full=True)


@pytest.mark.parametrize(
    "memory",
    [
        Manners(ignores=NO_NEWS),
        Manners(ignores=NO_NEWS, unknown="keep"),
        Manners(ignores=NO_NEWS, unknown="refuse"),
        Manners(ignores=NO_NEWS, meta=False),
        Manners(ignores=NO_NEWS, meta=False, history=False, post_search=False),
    ],
    indirect=True,
)
def test_refresh_06_a_server_that_cannot_tell_what_is_new(case: Case, pulled: Path) -> None:
    case.memory.put(patient("q1", gender="other"), patient("new"))
    case.memory.delete("Patient", "q2")
    text = refreshed(case, pulled)
    assert re.search(
        r"Patient: the server (cannot tell what is new|does not search by _lastUpdated): all", text
    )


def test_refresh_06_the_parameter_is_dropped_on_the_way(case: Case, pulled: Path) -> None:
    case.memory.put(patient("q1", gender="other"), patient("new"))
    rule = Rule(
        url=r"_lastUpdated=", fault="without_parameter", times=None, options={"parameter": "_lastUpdated"}
    )
    text = refreshed(case, pulled, rule)
    assert "Patient: the server does not search by _lastUpdated: all is fetched and compared" in text


@pytest.mark.parametrize("memory", [Manners(ignores=NO_NEWS, meta=False), GOOD], indirect=True)
def test_a_value_that_goes_and_comes_back(case: Case, pulled: Path) -> None:
    for gender in ("female", "male", "female", "male"):
        case.memory.put(patient("q1", gender=gender))
        refreshed(case, pulled)
        case.memory.now += HOUR


def test_a_server_without_the_time(case: Case) -> None:
    drop_date(case.memory)
    case.memory.put(*(patient(f"q{n}") for n in range(30)))
    study = case.study(case.memory.base)
    case.run(study)
    case.memory.put(patient("q1", gender="other"))
    case.memory.delete("Patient", "q2")
    text = refreshed(case, study)
    assert "cannot tell what is new" in text


def test_a_pull_without_the_time_keeps_the_watermark_that_was(case: Case, pulled: Path) -> None:
    answer = case.memory.reply
    drop_date(case.memory)
    case.memory.put(patient("q1", gender="other"))
    case.memory.delete("Patient", "q2")
    refreshed(case, pulled)
    case.memory.reply = answer  # type: ignore[method-assign]
    case.memory.now += HOUR
    case.memory.put(patient("q3", gender="other"))
    assert "cannot tell" not in refreshed(case, pulled)


@pytest.mark.parametrize("memory", [GOOD, NO_HISTORY], indirect=True)
def test_a_deletion_is_found(case: Case, pulled: Path) -> None:
    case.memory.delete("Patient", "q1")
    text = refreshed(case, pulled)
    assert ("all ids compared" in text) == (not case.memory.manners.history)


@pytest.mark.parametrize("memory", [Manners(history=False, total="none")], indirect=True)
def test_a_deletion_that_nothing_tells_is_confessed_and_found_within_days(case: Case, pulled: Path) -> None:
    case.memory.put(patient("later"))  # so that q1 is none of the newest
    assert case.run(pulled)[0] == 0
    case.memory.now += HOUR
    case.memory.delete("Patient", "q1")
    ended = case.pull(NO_COUNT, into=pulled)
    assert ended.code == 0
    assert "Patient: deletions are not known since 2026-01-01" in ended.text
    assert known(pulled) < case.memory.now.isoformat()
    case.memory.now += timedelta(days=8)
    assert "all ids compared" in refreshed(case, pulled, NO_COUNT)
    assert known(pulled) >= (case.memory.now - HOUR).isoformat()


def known(study: Path) -> str:
    manifest = max((study / "data" / "raw" / "north").glob("0*/manifest.json"))
    return str(json.loads(manifest.read_bytes())["types"]["Patient"]["deletions_known_at"])


@pytest.mark.parametrize("memory", [NO_HISTORY], indirect=True)
def test_an_id_walk_that_loses_rows_deletes_none(case: Case, pulled: Path) -> None:
    """No count says that the walk was not whole: each that did not come is asked for by its id."""
    case.memory.manners = Manners(history=False, total="none")
    case.memory.now += timedelta(days=8)
    lost = Rule(url=r"/Patient\?_elements", fault="no_match", times=None)
    ended = case.pull(NO_COUNT, lost, into=pulled)
    assert (ended.code, ended.proxy.made() > 1) == (0, True), ended.text
    assert dump_store(pulled) == case.fresh()


def lose(memory: Memory, n: int) -> None:
    """As a login that no longer sees them: no history tells."""
    for at in range(n):
        del memory._versions["Patient", f"q{at}"]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("memory", [GOOD, NO_HISTORY, Manners(ignores=NO_NEWS)], indirect=True)
def test_many_removals_are_asked_about(case: Case, pulled: Path, full: bool) -> None:
    before = dump_store(pulled)
    lose(case.memory, 10)
    code, text = case.run(pulled, full=full)
    assert code == 3
    assert "north: Patient: 10 are no longer there" in text
    assert "--accept-removals" in text
    assert dump_store(pulled) == before
    refreshed(case, pulled, full=full, removals=True)


def test_few_removals_are_taken(case: Case, pulled: Path) -> None:
    lose(case.memory, 2)
    refreshed(case, pulled)


def test_many_deletions_that_the_history_tells_need_no_yes(case: Case, pulled: Path) -> None:
    for n in range(10):
        case.memory.delete("Patient", f"q{n}")
    refreshed(case, pulled)


def test_full_replaces_what_was_landed(case: Case, pulled: Path) -> None:
    case.memory.put(patient("q1", gender="other"))
    refreshed(case, pulled, full=True)
    (manifest,) = (pulled / "data" / "raw" / "north").glob("0*/manifest.json")
    assert [s["rows"] for s in json.loads(manifest.read_bytes())["types"]["Patient"]["shards"]] == [42]


def test_a_history_that_cannot_be_read_is_said_and_made_good(case: Case, pulled: Path) -> None:
    case.memory.manners = NO_HISTORY  # after the statement that promised one
    statement = case.memory._statement
    case.memory._statement = lambda: {  # type: ignore[method-assign]
        **statement(),
        "rest": [_promising(statement()["rest"][0])],
    }
    case.memory.delete("Patient", "q1")
    assert "its history cannot be read" in refreshed(case, pulled)


def _promising(rest: dict[str, Any]) -> dict[str, Any]:
    resource = [{**r, "interaction": [*r["interaction"], {"code": "history-type"}]} for r in rest["resource"]]
    return {**rest, "resource": resource}


@pytest.mark.parametrize("memory", [GOOD, NO_HISTORY, Manners(ignores=NO_NEWS, meta=False)], indirect=True)
def test_many_rounds(case: Case, pulled: Path) -> None:
    steps: list[Callable[[], None]] = [
        lambda: case.memory.put(patient("q1", gender="other")),
        lambda: case.memory.delete("Patient", "q1"),
        lambda: None,
        lambda: case.memory.put(patient("q1", gender="other")),
        lambda: case.memory.put({"resourceType": "Observation", "id": "o1", "status": "amended"}),
    ]
    for step in steps:
        step()
        refreshed(case, pulled)
        case.memory.now += HOUR
