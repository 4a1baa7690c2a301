"""A pull by bulk export: what a search would land, what is new only, and what an export may leave out."""

import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rwe.steps import by_bulk
from rwe.steps.pull import cancel
from rwe.steps.wishes import Wishes
from rwe.steps.world import World
from tests.faults.case import SECRET, Case, dump, site
from tests.faults.exporting import BULK, Hospital, fetched, group, manifest, picture
from tests.fhir.exports import outcome
from tests.fhir.memory import Memory
from tests.fhir.proxy import Proxy, Rule
from tests.fhir.server import Reply

GROUP = f'{BULK}\ngroup = "g"'


@pytest.fixture
def exports(memory: Memory) -> Hospital:
    made = Hospital(memory)
    memory.now += timedelta(hours=1)
    return made


@pytest.fixture
def pulled(case: Case, exports: Hospital) -> Path:
    """A study that holds all, an hour ago."""
    study = case.study(case.memory.base, BULK)
    whole(case, study)
    case.memory.now += timedelta(hours=1)
    exports.log.clear()
    return study


def whole(case: Case, study: Path, **wishes: bool) -> str:
    code, text = case.run(study, **wishes)
    assert code == 0, text
    return text


def partial(case: Case, study: Path) -> str:
    code, text = case.run(study)
    assert code == 3, text
    return text


def by_search(case: Case) -> Path:
    """A new study, of what is there now."""
    study = case.study(case.memory.base, 'method = "search"')
    whole(case, study)
    return study


def at_once(case: Case) -> dict[str, dict[str, Any]]:
    return picture(by_search(case))


def marks(study: Path) -> dict[str, str | None]:
    return {kind: s.watermark for kind, s in manifest(study).types.items()}


def change(memory: Memory) -> None:
    """One changed, one new, one gone."""
    (version,) = [v for v in memory.current("Patient") if v.id == "p3"]
    memory.put({**(version.body or {}), "active": False}, {"resourceType": "Patient", "id": "p12"})
    memory.delete("Observation", "o4")


def test_an_export_lands_what_a_search_lands(case: Case, exports: Hospital) -> None:
    study = case.study(case.memory.base, BULK)
    whole(case, study)
    assert dump(study) == dump(by_search(case))
    assert exports.log[0] == "kick-off"
    assert exports.log[-1] == "delete"


def test_an_export_again_changes_no_byte(case: Case, pulled: Path) -> None:
    before = {p: p.read_bytes() for p in sorted((pulled / "data").rglob("*")) if p.is_file()}
    whole(case, pulled)
    assert {p: p.read_bytes() for p in sorted((pulled / "data").rglob("*")) if p.is_file()} == before


def test_only_what_is_new_comes_and_what_was_deleted_goes(
    case: Case, exports: Hospital, pulled: Path
) -> None:
    mark = marks(pulled)["Patient"]
    assert mark is not None
    change(case.memory)
    whole(case, pulled)
    (asked,) = exports.asked[1:]
    since = datetime.fromisoformat(mark) - timedelta(minutes=5)
    assert [datetime.fromisoformat(t) for t in asked["_since"]] == [since]
    assert fetched(exports) == ["Patient 1", "deleted 1"]
    assert exports.jobs[1].files["Patient 1"].count(b"\n") == 2
    assert picture(pulled) == at_once(case)
    assert "o4" not in picture(pulled)["Observation"]


def test_refresh_05_a_source_that_was_restored_from_a_backup_is_not_taken_for_quiet(
    case: Case, exports: Hospital, pulled: Path
) -> None:
    change(case.memory)
    whole(case, pulled)
    before = picture(pulled)
    case.memory.now += timedelta(hours=1)
    case.memory._versions["Patient", "p3"].pop()
    del case.memory._versions["Patient", "p12"]
    said = partial(case, pulled)
    assert f"Patient: {by_bulk.WENT_BACK}" in said
    assert "1 are older than what was landed: was the source restored from a backup?" in said
    assert picture(pulled) == before
    whole(case, pulled, full=True, removals=True)
    assert picture(pulled) == at_once(case)


def test_what_is_made_again_after_its_deletion_is_there(case: Case, exports: Hospital, pulled: Path) -> None:
    case.memory.delete("Patient", "p3")
    whole(case, pulled)
    assert "p3" not in picture(pulled)["Patient"]
    case.memory.now += timedelta(hours=1)
    case.memory.put({"resourceType": "Patient", "id": "p3"})
    whole(case, pulled)
    assert picture(pulled) == at_once(case)


def test_a_deletion_that_an_export_leaves_out_is_found_by_the_count(
    case: Case, exports: Hospital, pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.memory.put(*({"resourceType": "Patient", "id": f"more-{n}"} for n in range(20)))
    whole(case, pulled)
    monkeypatch.setattr(case.memory, "gone", list)
    case.memory.delete("Patient", "more-3")
    case.memory.now += timedelta(hours=1)
    whole(case, pulled)
    asked = [(a["_type"], "_since" in a) for a in exports.asked[2:]]
    assert asked[0][1]
    assert asked[1:] == [(["Patient"], False)]
    assert picture(pulled) == at_once(case)


def test_of_a_type_that_is_left_out_without_a_word_the_search_has_the_last_word(
    case: Case, exports: Hospital
) -> None:
    exports.left_out = {"Condition"}
    study = case.study(case.memory.base, BULK)
    whole(case, study)
    assert dump(study) == dump(by_search(case))
    assert {k: s.method for k, s in manifest(study).types.items()}["Condition"] == "search"


def test_what_is_new_of_a_type_that_is_left_out_comes_too(case: Case, exports: Hospital) -> None:
    exports.left_out = {"Condition"}
    study = case.study(case.memory.base, BULK)
    whole(case, study)
    case.memory.now += timedelta(hours=1)
    case.memory.put({"resourceType": "Condition", "id": "two", "subject": {"reference": "Patient/p1"}})
    whole(case, study)
    assert picture(study) == at_once(case)


def test_an_export_of_errors_is_loaded_and_is_not_whole(case: Case, exports: Hospital, pulled: Path) -> None:
    mark = marks(pulled)
    change(case.memory)
    exports.outcomes = [outcome("incomplete", diagnostics="Qxvortzhul")]
    said = partial(case, pulled)
    assert "north: the export's outcome files: it reports incomplete" in said
    assert "p12" in picture(pulled)["Patient"]
    assert marks(pulled) == mark


def test_a_first_export_of_errors_leaves_no_watermark(case: Case, exports: Hospital) -> None:
    exports.outcomes = [outcome("incomplete")]
    study = case.study(case.memory.base, BULK)
    partial(case, study)
    assert dump(study) == dump(by_search(case))
    assert {*marks(study).values()} == {None}
    exports.outcomes = []
    whole(case, study)
    assert "_since" not in exports.asked[-1]


def test_remarks_are_only_told(case: Case, exports: Hospital) -> None:
    exports.outcomes = [outcome("informational", "information")]
    assert "the server remarks informational" in whole(case, case.study(case.memory.base, BULK))


@pytest.mark.parametrize("time", [None, "yesterday"])
def test_bulk_13_without_a_transaction_time_nothing_whole_is_replaced(
    case: Case, exports: Hospital, pulled: Path, time: str | None
) -> None:
    before, mark = picture(pulled), marks(pulled)
    change(case.memory)
    exports.change = lambda m: m.update(transactionTime=time) if time else m.pop("transactionTime")
    assert "north: Patient: the manifest names no time" in partial(case, pulled)
    assert (picture(pulled), marks(pulled)) == (before, mark)
    exports.change = lambda m: None
    whole(case, pulled)
    assert picture(pulled) == at_once(case)


def test_a_kick_off_that_is_refused_gives_way_to_the_search_and_says_so(
    case: Case, exports: Hospital
) -> None:
    exports.always["kick-off"] = Reply(status=403, body=json.dumps(outcome("forbidden")).encode())
    study = case.study(case.memory.base)
    said = whole(case, study)
    assert re.search("no export .*403.*: by search", said)
    assert {s.method for s in manifest(study).types.values()} == {"search"}


def test_a_kick_off_that_is_refused_ends_a_pull_by_bulk(case: Case, exports: Hospital) -> None:
    exports.always["kick-off"] = Reply(status=403, body=json.dumps(outcome("forbidden")).encode())
    code, said = case.run(case.study(case.memory.base, BULK))
    assert code == 12
    assert "forbidden" in said
    assert not re.search(r"GET /fhir/(?!metadata|\$export)", "\n".join(_asked(case.memory)))


def test_a_server_of_another_fhir_version_is_not_exported_from(case: Case, exports: Hospital) -> None:
    study = case.study(case.memory.base, BULK)
    sites = study / "sites.toml"
    sites.write_text(sites.read_text().replace("4.0.1", "5.0.0"))
    code, said = case.run(study)
    assert code == 12
    assert "the server speaks FHIR 4.0.1, not 5.0.0" in said
    assert "kick-off" not in exports.log


def _asked(memory: Memory) -> list[str]:
    return [f"{r.method} {r.target}" for r in memory.requests]


def test_of_a_file_that_fails_the_old_picture_is_kept_and_only_it_is_asked_for_again(
    case: Case, exports: Hospital, pulled: Path
) -> None:
    old = picture(pulled)
    case.memory.put({"resourceType": "Condition", "id": "two", "subject": {"reference": "Patient/p1"}})
    case.memory.put({"resourceType": "Patient", "id": "p12"})
    exports.always["Patient 1"] = Reply(status=500)
    assert re.search("north: Patient: .*500", partial(case, pulled))
    assert picture(pulled) == {**old, "Condition": picture(pulled)["Condition"]}
    assert {*picture(pulled)["Condition"]} == {"one", "two"}
    exports.always.clear()
    exports.log.clear()
    whole(case, pulled)
    assert fetched(exports) == ["Patient 1"]
    assert "kick-off" not in exports.log
    assert picture(pulled) == at_once(case)


def test_after_a_stop_between_commit_and_finish_no_old_file_is_taken_for_fresh(
    case: Case, exports: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = case.study(case.memory.base, BULK)
    with monkeypatch.context() as patch:
        patch.setattr(by_bulk.Exporter, "finish", _stop)
        with pytest.raises(KeyboardInterrupt):
            case.run(study)
    assert dump(study) == dump(by_search(case))
    case.memory.now += timedelta(hours=1)
    change(case.memory)
    whole(case, study, full=True, removals=True)
    assert picture(study) == at_once(case)
    assert [job.deleted for job in exports.jobs] == [True, True]


def _stop(_: object) -> list[str]:
    raise KeyboardInterrupt


def test_a_group_that_has_grown_is_exported_whole(case: Case, exports: Hospital) -> None:
    case.memory.put(group("g", ["p0", "p1"]))
    study = case.study(case.memory.base, GROUP)
    whole(case, study)
    assert {*picture(study)["Patient"]} == {"p0", "p1"}
    case.memory.now += timedelta(hours=1)
    whole(case, study)
    assert "_since" in exports.asked[-1]
    case.memory.put(group("g", ["p0", "p1", "p2"]))
    case.memory.now += timedelta(hours=1)
    whole(case, study)
    assert "_since" not in exports.asked[-1]
    assert {*picture(study)["Patient"]} == {"p0", "p1", "p2"}


def test_types_that_a_vendor_does_not_export_come_by_search(
    case: Case, exports: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = dump(by_search(case))
    statement = {**case.memory._statement(), "software": {"name": "Oracle Health Millennium"}}
    monkeypatch.setattr(case.memory, "_statement", lambda: statement)
    exports.left_out = {"MedicationAdministration", "AdverseEvent"}
    study = case.study(case.memory.base)
    whole(case, study)
    assert not exports.left_out & {*exports.asked[0]["_type"]}
    assert dump(study) == right
    assert {k for k, s in manifest(study).types.items() if s.method == "search"} == exports.left_out


def test_a_file_of_fewer_rows_than_the_manifest_counts_is_a_failure(case: Case, exports: Hospital) -> None:
    exports.change = lambda m: _count(m, 13)
    said = partial(case, case.study(case.memory.base, BULK))
    assert "north: Patient: a file holds fewer rows than the manifest counts" in said


def test_a_file_of_more_rows_than_the_manifest_counts_is_told(case: Case, exports: Hospital) -> None:
    exports.change = lambda m: _count(m, 11)
    study = case.study(case.memory.base, BULK)
    assert "Patient, file 1: a file holds more rows than the manifest counts" in whole(case, study)
    assert dump(study) == dump(by_search(case))


def _count(told: dict[str, Any], n: int) -> None:
    next(i for i in told["output"] if i["type"] == "Patient")["count"] = n


@pytest.mark.parametrize("rows", [11, 13])
def test_other_rows_than_the_server_counts_are_a_failure(case: Case, exports: Hospital, rows: int) -> None:
    def other(right: Reply) -> Reply:
        lines = b"".join(right.pieces).splitlines(keepends=True)
        made = [json.dumps({"resourceType": "Patient", "id": "more"}).encode() + b"\n"]
        return replace(right, pieces=[b"".join((lines + made)[:rows])])

    exports.counts = False
    exports.always["Patient 1"] = other
    study = case.study(case.memory.base, BULK)
    assert f"north: Patient: the server counts 12, the export brought {rows}" in partial(case, study)
    exports.always.clear()
    whole(case, study)  # by another export: this one would say the same for ever
    assert picture(study) == at_once(case)


def test_a_count_that_fails_costs_its_type_alone(case: Case, exports: Hospital, pulled: Path) -> None:
    old = picture(pulled)
    change(case.memory)
    fails = [Rule(url="/Patient.*_summary", fault="status", times=None, options={"status": 403})]
    with Proxy(case.memory.base, fails, sleep=case.time.sleep) as proxy:
        (pulled / "sites.toml").write_text(site(proxy.base, BULK))
        assert re.search("north: Patient: .*403", partial(case, pulled))
    assert picture(pulled)["Patient"] == old["Patient"]
    assert "o4" not in picture(pulled)["Observation"]


def test_an_export_of_which_no_file_comes_gave_nothing(case: Case, exports: Hospital) -> None:
    for kind in case.memory.resources():
        exports.always[f"{kind} 1"] = Reply(status=403)
    code, said = case.run(case.study(case.memory.base, BULK))
    assert code == 12
    assert re.search("no file of the export came: .*403", said)


def test_an_export_that_waits_is_cancelled_at_the_server(case: Case, exports: Hospital, pulled: Path) -> None:
    case.memory.put({"resourceType": "Patient", "id": "p12"})
    exports.always["Patient 1"] = Reply(status=500)
    partial(case, pulled)
    exports.always.clear()
    exports.log.clear()
    said: list[str] = []
    clock = case.time.clock()
    world = World(environment={"RWE_TOKEN": SECRET}, clock=clock, say=said.append, progress=_none)
    assert cancel(pulled, world, Wishes()) == ["north: the export (since) is cancelled"]
    assert exports.log == ["delete"]
    assert cancel(pulled, world, Wishes()) == ["north: no export waits"]
    whole(case, pulled)
    assert exports.log[1] == "kick-off"
    assert picture(pulled) == at_once(case)


def _none(_label: str, _total: int | None) -> Any:
    raise AssertionError("nothing is walked")


BULK_LOGIN = """
[north.bulk_auth]
scheme = "client_secret"
client_id = "exporter"
client_secret = "env:RWE_TOKEN"
token_url = "{base}/token"
"""


def test_an_export_has_its_own_login_and_searches_have_theirs(case: Case, exports: Hospital) -> None:
    memory, given = case.memory, []
    memory.token = None

    def tokens(method: str, path: str, *_: object) -> Reply | None:
        if not path.endswith("/token"):
            return None
        given.append(method)
        token = {"access_token": "of-exports", "token_type": "bearer", "expires_in": 3600}
        return Reply(kind="application/json", body=json.dumps(token).encode())

    memory.mounts.append(tokens)
    exports.left_out = {"Condition"}
    study = case.study(memory.base, BULK + BULK_LOGIN.format(base=memory.base))
    whole(case, study)
    assert given == ["POST"]
    logins: dict[bool, set[str]] = {True: set(), False: set()}
    for r in memory.requests:
        if not r.path.endswith(("/token", "/smart-configuration")):
            logins["export" in r.path].add(r.headers.get("authorization", f"{r.method} {r.path}"))
    assert logins == {True: {"Bearer of-exports"}, False: {f"Bearer {SECRET}"}}
    assert "GET /fhir/Condition" in "\n".join(_asked(memory))
