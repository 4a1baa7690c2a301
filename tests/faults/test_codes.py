"""Observations asked for by the codes that a study names: also those that hold one in a component."""

from datetime import timedelta

import pytest

from rwe.codes import Code
from rwe.steps import pull as steps
from rwe.steps.ask import Need
from tests.faults.case import Case
from tests.faults.exporting import Hospital, picture
from tests.fhir.manners import Manners
from tests.fhir.memory import Memory

LAB = Code(system="urn:x", code="lab", display="")
PANEL = {"coding": [{"system": "urn:x", "code": "panel"}]}
OBSERVATIONS = [
    {
        "resourceType": "Observation",
        "id": "in-a-panel",
        "code": PANEL,
        "component": [{"code": {"coding": [{"system": "urn:x", "code": "lab"}]}}],
    },
    {"resourceType": "Observation", "id": "another", "code": PANEL},
]
WANTED = {"in-a-panel", "o0", "o1", "o2", "o3", "o4"}
WITHOUT = Manners(ignores=frozenset({"combo-code"}))


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> None:
    memory.put(*OBSERVATIONS)
    needs = [Need(kind="Patient"), Need(kind="Observation", codes=(LAB,))]
    monkeypatch.setattr(steps, "needs", lambda *_, **__: needs)


def landed(case: Case, table: str) -> set[str]:
    study = case.study(case.memory.base, table)
    code, text = case.run(study)
    assert code == 0, text
    return {*picture(study)["Observation"]}


def test_a_search_finds_a_panel_by_what_is_measured_in_it(case: Case) -> None:
    assert landed(case, 'method = "search"') == WANTED


@pytest.mark.parametrize("memory", [WITHOUT], indirect=True)
def test_where_components_cannot_be_searched_all_is_asked_for(case: Case) -> None:
    assert landed(case, 'method = "search"') == WANTED | {"another"}


def test_an_export_that_obeys_no_filter_brings_all(case: Case) -> None:
    case.memory.now += timedelta(hours=1)
    exports = Hospital(case.memory)
    assert landed(case, 'method = "bulk"') == WANTED | {"another"}
    assert exports.asked[0]["_typeFilter"] == ["Observation?combo-code=urn:x|lab"]
