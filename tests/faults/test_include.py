"""What comes along by _include lands as what is fetched by its id does, and nothing is less for it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rwe.steps.ask import Need
from tests.faults.case import Case, Ended, dump, dump_store
from tests.faults.test_kills import Child
from tests.fhir.manners import EPIC, WSO2, Manners
from tests.fhir.memory import INCLUDE, Memory
from tests.fhir.proxy import Rule
from tests.fhir.server import Reply
from tests.fhir.wire import Asked

NEEDS = [
    Need(kind="Patient"),
    Need(kind="MedicationAdministration"),
    Need(kind="Medication", referred_by="MedicationAdministration"),
]
UNLISTED = Manners(includes=())
GROUP = 'group = "g"\nmethod = "search"'
PAGES = r"/MedicationAdministration\?_include|-MedicationAdministration-"


def medication(n: int, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Medication", "id": f"med{n}", **more}


def given(n: int, reference: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"given{n:02}",
        "status": "completed",
        "medicationReference": {"reference": reference},
        "subject": {"reference": "Patient/p1"},
        **more,
    }


@pytest.fixture(autouse=True)
def _treated(memory: Memory) -> None:
    """A dozen more administrations, over several pages, of four Medications."""
    memory.put(*(medication(n) for n in range(4)))
    memory.put(*(given(n, f"Medication/med{n % 4}") for n in range(12)))
    entity = {"entity": {"reference": "Patient/p1"}}
    memory.put({"resourceType": "Group", "id": "g", "type": "person", "actual": True, "member": [entity]})


@pytest.fixture(autouse=True)
def _needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rwe.steps.pull.needs", lambda *_, **__: NEEDS)


def pulled(case: Case, study: Path) -> str:
    case.memory.requests.clear()
    code, text = case.run(study)
    assert code == 0, text
    return text


def by_id(memory: Memory) -> set[str]:
    """The Medications that were asked for."""
    asked = [r for r in memory.requests if r.path.endswith("/Medication")]
    return {i for r in asked for k, v in r.parameters if k == "_id" for i in v.split(",")}


def including(memory: Memory) -> list[Asked]:
    return [r for r in memory.requests if ("_include", INCLUDE) in r.parameters]


def unincluded(case: Case, monkeypatch: pytest.MonkeyPatch) -> str:
    """The store of a first pull from a server that lists nothing to be included."""
    with monkeypatch.context() as patch:
        patch.setattr(case.memory, "manners", replace(case.memory.manners, includes=()))
        return case.fresh()


def of(study: Path, kind: str) -> pl.DataFrame:
    found = sorted(study.glob(f"data/raw/north/0*/{kind}.*.parquet"))
    return pl.concat([pl.read_parquet(path) for path in found])


@pytest.mark.parametrize("memory", [Manners(), Manners(include="bare"), WSO2], indirect=True)
def test_what_comes_along_lands_as_what_is_fetched_by_id(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, and no row of the administrations, with a search.mode or without."""
    study = case.study(case.memory.base)
    assert "came twice" not in pulled(case, study)
    assert by_id(case.memory) == set()
    assert len(including(case.memory)) == (3 if case.memory.manners == WSO2 else 1)
    assert dump_store(study) == unincluded(case, monkeypatch)
    assert of(study, "Medication").height == 5
    assert dump(study) == dump(case.studies[-1])
    manifest = next(study.glob("data/raw/north/0*/manifest.json"))
    types = json.loads(manifest.read_text())["types"]
    assert {kind: (t["asked"], t["landed"]) for kind, t in types.items()} == {
        "Patient": (12, 12),
        "MedicationAdministration": (13, 13),
        "Medication": (5, 5),
    }


@pytest.mark.parametrize(
    "memory",
    [
        Manners(includes=("MedicationAdministration.medication",)),
        Manners(includes=("MedicationAdministration:*",)),
        Manners(includes=("MedicationAdministration:subject", "*")),
    ],
    indirect=True,
)
def test_a_server_may_list_it_in_several_ways(case: Case) -> None:
    pulled(case, case.study(case.memory.base))
    assert including(case.memory)
    assert by_id(case.memory) == set()


@pytest.mark.parametrize(
    "memory", [EPIC, UNLISTED, Manners(includes=("MedicationAdministration:subject",))], indirect=True
)
def test_a_server_that_does_not_list_it_is_not_asked_to_include(case: Case) -> None:
    study = case.study(case.memory.base)
    pulled(case, study)
    assert not [r for r in case.memory.requests if "_include" in r.target]
    assert by_id(case.memory) == {"cells", *(f"med{n}" for n in range(4))}
    assert of(study, "Medication").height == 5


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        (Manners(include="hollow"), ""),
        (Manners(include="drop"), "the server does not say that it heeded _include"),
        (Manners(include="refuse"), "the server refuses _include, which it lists: asked without"),
    ],
    indirect=["memory"],
)
def test_a_server_that_lists_it_and_does_not_give_it_is_asked_by_id(
    case: Case, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    study = case.study(case.memory.base)
    text = pulled(case, study)
    assert said in text
    assert ("_include" in text) == bool(said)
    assert by_id(case.memory) == {"cells", *(f"med{n}" for n in range(4))}
    assert dump_store(study) == unincluded(case, monkeypatch)


def test_only_what_did_not_come_along_is_asked_by_id(case: Case) -> None:
    """The server includes relative references alone."""
    case.memory.put(medication(4), medication(5), given(12, f"{case.memory.base}/Medication/med4"))
    case.memory.put(given(13, "Medication/med5/_history/1"), given(14, "Medication/never"))
    study = case.study(case.memory.base)
    text = pulled(case, study)
    assert by_id(case.memory) == {"med4", "med5", "never"}
    assert "Medication: 1 of 8 referred to are not there" in text
    assert set(of(study, "Medication")["id"]) == {"cells", *(f"med{n}" for n in range(6))}


def every(fault: str, **options: object) -> Rule:
    return Rule(url=PAGES, fault=fault, times=None, options=options)


def spoil(memory: Memory, where: str) -> None:
    """The id of one Medication."""
    answer = memory.reply

    def reply(asked: Asked) -> Reply:
        found = answer(asked)
        body = found.body.replace(b'"Medication", "id": "med1"', b'"Medication", "id": "med 1"')
        return replace(found, body=body) if where in asked.target else found

    memory.reply = reply  # type: ignore[method-assign]


def set_aside(ended: Ended) -> dict[str, int]:
    return {kind: n for kind, (_, n, _) in ended.landed["north"].items() if n}


@pytest.mark.parametrize(
    "resource", [{"resourceType": "Medication"}, {"resourceType": "Medicine", "id": "a"}, {"id": "a"}]
)
def test_what_is_included_and_no_resource_is_set_aside_once_under_its_type(
    case: Case, resource: dict[str, Any]
) -> None:
    ended = case.pull(every("with_include", resource=resource))
    assert (ended.code, set_aside(ended)) == (3, {"Medication": 1}), ended.text
    assert (
        ended.landed["north"]["MedicationAdministration"]
        == case.unfaulted()["north"]["MedicationAdministration"]
    )


def test_an_included_resource_that_is_none_is_no_row_though_the_page_is_read_slowly(case: Case) -> None:
    ended = case.pull(every("with_include", resource=[1]))
    assert (ended.code, set_aside(ended)) == (3, {"Medication": 1}), ended.text


@pytest.mark.parametrize(("where", "landed"), [("Administration", 6), ("", 5)])
def test_what_came_unusable_is_asked_by_id_and_set_aside_once(case: Case, where: str, landed: int) -> None:
    """By its id it is whole, or unusable again."""
    spoil(case.memory, where)
    study = case.study(case.memory.base)
    assert case.run(study)[0] == 3
    assert by_id(case.memory) == {"med1"}
    assert dump(study)["north"]["Medication"][:2] == (landed, 1)


def test_an_outcome_among_what_is_included_is_shown_and_no_resource(case: Case) -> None:
    ended = case.pull(every("with_outcome", severity="warning", code="incomplete"))
    assert (ended.code, ended.landed) == (0, case.unfaulted()), ended.text
    assert "MedicationAdministration: the server remarks: incomplete" in ended.text


def test_other_types_that_come_along_are_passed_over(case: Case) -> None:
    ended = case.pull(every("with_include"))
    assert (ended.code, ended.landed) == (0, case.unfaulted()), ended.text


@pytest.mark.parametrize("memory", [Manners(), Manners(include="refuse")], indirect=True)
def test_of_a_group_it_is_asked_by_post_also_where_it_is_refused(case: Case) -> None:
    study = case.study(case.memory.base, GROUP)
    pulled(case, study)
    assert {r.method for r in including(case.memory)} == {"POST"}
    assert not [r for r in case.memory.requests if "p1" in r.target]
    assert of(study, "Medication").height == 5


# later pulls


def test_a_later_pull_includes_for_what_changed_alone(case: Case) -> None:
    """The newest administration, of med3, is always asked for."""
    case.memory.now += timedelta(hours=1)
    study = case.study(case.memory.base)
    pulled(case, study)
    case.memory.now += timedelta(hours=1)
    case.memory.put(medication(4), medication(1, status="active"), given(3, "Medication/med4"))
    pulled(case, study)
    (asked,) = including(case.memory)
    assert "_lastUpdated" in dict(asked.parameters)
    assert by_id(case.memory) == {"cells", *(f"med{n}" for n in range(3))}
    assert dump_store(study) == case.fresh()


def test_a_later_pull_that_brings_nothing_new_changes_no_byte(case: Case) -> None:
    study = case.study(case.memory.base)

    def contents() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted((study / "data").rglob("*")) if p.is_file()}

    pulled(case, study)
    before = contents()
    for _ in range(2):
        pulled(case, study)
        assert contents() == before
        case.memory.now += timedelta(hours=1)


def test_a_medication_that_goes_is_gone_though_another_came_along(case: Case) -> None:
    study = case.study(case.memory.base)
    pulled(case, study)
    case.memory.now += timedelta(hours=1)
    case.memory.delete("Medication", "med2")
    case.memory.put(given(3, "Medication/med3", status="stopped"))
    assert case.run(study, removals=True)[0] == 0
    assert dump_store(study) == case.fresh()


@pytest.mark.parametrize("memory", [Manners(history=False)], indirect=True)
def test_counts_and_walks_over_ids_include_nothing(case: Case) -> None:
    study = case.study(case.memory.base)
    pulled(case, study)
    case.memory.now += timedelta(hours=1)
    case.memory.delete("MedicationAdministration", "given03")
    case.memory.requests.clear()
    code, text = case.run(study, removals=True)
    assert code == 0, text
    assert "all ids compared" in text
    assert [r for r in case.memory.requests if "_elements" in r.target]
    assert not [r for r in including(case.memory) if "_elements" in r.target or "_summary" in r.target]
    assert dump_store(study) == case.fresh()


def between_pages(memory: Memory, change: Callable[[], None]) -> None:
    """Made once, after the first page of the administrations."""
    answer, changes = memory.reply, [change]

    def reply(asked: Asked) -> Reply:
        found = answer(asked)
        if ("_include", INCLUDE) in asked.parameters and changes:
            changes.pop()()
        return found

    memory.reply = reply  # type: ignore[method-assign]


def test_of_two_versions_that_came_along_the_later_wins(case: Case) -> None:
    study = case.study(case.memory.base)
    between_pages(case.memory, lambda: case.memory.put(medication(1, status="inactive")))
    pulled(case, study)
    assert of(study, "Medication").filter(id="med1")["version"].to_list() == ["1", "2"]
    assert dump_store(study) == case.fresh()
    assert "'inactive'" in dump_store(study)


def test_of_two_versions_that_came_along_the_later_wins_though_it_came_first(case: Case) -> None:
    old = next(v for v in case.memory.current("Medication") if v.id == "med1").resource(case.memory.manners)
    case.memory.put(medication(1, status="inactive"))
    last = Rule(url="-MedicationAdministration-10", fault="with_include", options={"resource": old})
    study = case.study(case.memory.base)
    ended = case.pull(last, into=study)
    assert ended.code == 0, ended.text
    assert of(study, "Medication").filter(id="med1")["version"].to_list() == ["2", "1"]
    assert dump_store(study) == case.fresh()


# pulls that are stopped


class AtPage(Child):
    """Killed as a page of the administrations is asked for."""

    def __init__(self, memory: Memory, page: str) -> None:
        super().__init__(memory, nth=0)
        self.page = page

    def due(self, asked: Asked) -> bool:
        return asked.target.endswith(self.page)


@pytest.mark.parametrize("page", ["-MedicationAdministration-5", "-MedicationAdministration-10"])
def test_a_pull_that_is_killed_between_pages_loses_nothing_that_came_along(case: Case, page: str) -> None:
    study = case.study(case.memory.base, GROUP)
    child = AtPage(case.memory, page)
    child.run(study)
    assert child.killed
    pulled(case, study)
    assert including(case.memory) == []
    assert by_id(case.memory) == set()
    again = case.study(case.memory.base, GROUP)
    pulled(case, again)
    assert dump(study) == dump(again)
    assert dump_store(study) == dump_store(again)
