"""How a server is asked: by Group, by codes, by reference, by category; what is dropped of it on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rwe.codes import Code
from rwe.steps import ask
from rwe.steps.ask import Need
from tests.faults.case import Case, dump_store
from tests.fhir.manners import EPIC, GOOD, Manners
from tests.fhir.memory import Memory
from tests.fhir.proxy import Rule

GROUP = 'group = "g"\nmethod = "search"'
SUBJECT = {"subject": {"reference": "Patient/p1"}}


def observation(name: str, code: str = "a", **more: Any) -> dict[str, Any]:
    coding = {"coding": [{"system": "urn:x", "code": code}]}
    return {"resourceType": "Observation", "id": name, "status": "final", "code": coding, **SUBJECT, **more}


def needing(monkeypatch: pytest.MonkeyPatch, *needs: Need) -> None:
    monkeypatch.setattr("rwe.steps.pull.needs", lambda *_, **__: list(needs))


def codes(*names: str) -> tuple[Code, ...]:
    return tuple(Code(system="urn:x", code=name, display="") for name in names)


def members(memory: Memory, *names: str, name: str = "g") -> None:
    entities = [{"entity": {"reference": f"Patient/{n}"}} for n in names]
    memory.put({"resourceType": "Group", "id": name, "type": "person", "actual": True, "member": entities})


def ids(study: Path, kind: str) -> set[str]:
    text = dump_store(study).partition("\n\n")[0].splitlines()
    return {line.split("'")[5] for line in text if line.startswith(f"('north', '{kind}',")}


def urls(memory: Memory) -> Iterator[str]:
    yield from (r.target for r in memory.requests)


@pytest.fixture
def grouped(case: Case) -> Path:
    """A Group of p1 and p2, pulled."""
    for n in range(4):
        subject = {"subject": {"reference": f"Patient/p{n}"}}
        case.memory.put(
            observation(f"of-p{n}", **subject), {"resourceType": "AdverseEvent", "id": f"ae{n}", **subject}
        )
    members(case.memory, "p1", "p2")
    study = case.study(case.memory.base, GROUP)
    code, text = case.run(study)
    assert code == 0, text
    return study


def test_of_a_group_only_its_patients_come(case: Case, grouped: Path) -> None:
    assert ids(grouped, "Patient") == {"p1", "p2"}
    assert {"of-p1", "of-p2"} <= ids(grouped, "Observation")
    assert not {"of-p0", "of-p3"} & ids(grouped, "Observation")
    assert ids(grouped, "AdverseEvent") >= {"ae1", "ae2"}
    assert ids(grouped, "Medication") == {"cells"}


def test_no_url_holds_a_patients_id(case: Case, grouped: Path) -> None:
    case.run(grouped)
    assert [u for u in urls(case.memory) if "p1" in u] == []
    assert sum(r.method == "POST" for r in case.memory.requests) > 5


@pytest.mark.parametrize("memory", [Manners(post_search=False)], indirect=True)
def test_without_post_the_same_comes_by_get_and_is_counted(case: Case, grouped: Path) -> None:
    assert ids(grouped, "Patient") == {"p1", "p2"}
    counted = {u.partition("?")[0] for u in urls(case.memory) if "_summary=count" in u}
    assert {k.rpartition("/")[2] for k in counted} >= {"Patient", "Observation", "Condition"}


def test_who_joins_comes_with_old_records(case: Case, grouped: Path) -> None:
    members(case.memory, "p1", "p2", "p3")
    case.memory.put(observation("new", subject={"reference": "Patient/p1"}))
    code, text = case.run(grouped)
    assert code == 0, text
    assert ids(grouped, "Patient") == {"p1", "p2", "p3"}
    assert {"of-p3", "new"} <= ids(grouped, "Observation")


def test_who_leaves_is_kept_and_said(case: Case, grouped: Path) -> None:
    members(case.memory, "p1")
    case.memory.put({"resourceType": "Patient", "id": "p2", "gender": "other"})
    code, text = case.run(grouped)
    assert (code, ids(grouped, "Patient")) == (0, {"p1", "p2"})
    assert "1 patients are in the Group no more" in text
    assert "'other'" in dump_store(grouped)


def test_another_group_is_another_series(case: Case, grouped: Path) -> None:
    entity = {"entity": {"reference": "Patient/p3"}}
    case.memory.put(
        {"resourceType": "Group", "id": "h", "type": "person", "actual": True, "member": [entity]}
    )
    ended = case.pull(into=grouped, table=GROUP.replace('"g"', '"h"'))
    assert (ended.code, ids(grouped, "Patient")) == (0, {"p3"}), ended.text


@pytest.mark.parametrize("parameter", ["patient", "subject", "_id"])
@pytest.mark.parametrize("memory", [Manners(post_search=False)], indirect=True)
def test_paging_13_a_dropped_patient_makes_no_wider_result(case: Case, parameter: str) -> None:
    members(case.memory, "p1", "p2")
    rule = Rule(
        url=rf"[?&]{parameter}=", fault="without_parameter", times=None, options={"parameter": parameter}
    )
    ended = case.pull(rule, table=GROUP)
    assert ended.code == 3, ended.text
    assert f"the server cannot search by {parameter}: none is kept" in ended.text
    kinds = {"patient": "Observation", "subject": "AdverseEvent", "_id": "Patient"}
    assert ended.landed["north"][kinds[parameter]][0] == 0


@pytest.mark.parametrize(
    "memory",
    [Manners(ignores=frozenset({"patient"}), unknown=u) for u in ("drop", "keep", "refuse")],
    indirect=True,
)
def test_a_server_that_knows_the_subject_alone(case: Case, grouped: Path) -> None:
    assert {"of-p1", "of-p2"} <= ids(grouped, "Observation")


CODED = Need(kind="Observation", codes=codes("a"))
PATIENTS = Need(kind="Patient")


@pytest.fixture
def coded(case: Case, monkeypatch: pytest.MonkeyPatch) -> Path:
    case.memory.put(observation("oa", "a"), observation("ob", "b"))
    needing(monkeypatch, CODED, PATIENTS)
    study = case.study(case.memory.base)
    code, text = case.run(study)
    assert code == 0, text
    return study


def test_only_the_codes_named_come(case: Case, coded: Path) -> None:
    assert ids(coded, "Observation") == {"oa"}


def test_another_code_list_is_another_series(
    case: Case, coded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump_store(coded)
    needing(monkeypatch, Need(kind="Observation", codes=codes("b")), PATIENTS)
    assert case.run(coded)[0] == 0
    assert ids(coded, "Observation") == {"ob"}


def test_another_code_list_that_cannot_be_had_leaves_the_one_before(
    case: Case, coded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needing(monkeypatch, Need(kind="Observation", codes=codes("b")), PATIENTS)
    broken = Rule(url="/Observation", fault="status", times=None, options={"status": 500})
    ended = case.pull(broken, into=coded)
    assert (ended.code, ids(coded, "Observation")) == (3, {"oa"})
    assert case.run(case.study(case.memory.base))[0] == 0


def test_paging_13_a_dropped_code_is_said(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case.memory.put(observation("oa", "a"), observation("ob", "b"))
    needing(monkeypatch, CODED, PATIENTS)
    rule = Rule(
        url=r"[?&]combo-code=", fault="without_parameter", times=None, options={"parameter": "combo-code"}
    )
    ended = case.pull(rule)
    assert ended.code == 0, ended.text
    assert "Observation: the server does not search by code: all of it came" in ended.text
    assert ended.landed["north"]["Observation"][0] == 7


@pytest.mark.parametrize(
    "memory", [Manners(ignores=frozenset({"combo-code"}), unknown="keep")], indirect=True
)
def test_a_server_that_says_it_does_not_know_codes_is_asked_for_all(case: Case, coded: Path) -> None:
    assert ids(coded, "Observation") >= {"oa", "ob"}
    assert "the server cannot search by code" in case.text


REFERRED = Need(kind="Medication", referred_by="MedicationAdministration")
GIVEN = Need(kind="MedicationAdministration")


def given(name: str, reference: str, **more: Any) -> dict[str, Any]:
    medication = {"medicationReference": {"reference": reference}}
    return {
        "resourceType": "MedicationAdministration",
        "id": name,
        "status": "completed",
        **medication,
        **SUBJECT,
        **more,
    }


def test_medications_are_had_by_every_reference_that_leads_to_them(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    needing(monkeypatch, GIVEN, REFERRED, PATIENTS)
    for n in range(6):
        case.memory.put({"resourceType": "Medication", "id": f"med{n}"})
    contained = {"contained": [{"resourceType": "Medication", "id": "med4"}]}
    case.memory.put(
        given("relative", "Medication/med0"),
        given("versioned", "Medication/med1/_history/1"),
        given("own", f"{case.memory.base}/Medication/med2"),
        given("public", "https://public.example/r4/Medication/med5"),
        given("foreign", "https://elsewhere.example/fhir/Medication/med3"),
        given("contained", "#med4", **contained),
        given("missing", "Medication/never"),
    )
    study = case.study(case.memory.base, 'base_urls = ["https://public.example/r4"]')
    code, text = case.run(study)
    assert code == 0, text
    assert ids(study, "Medication") == {"cells", "med0", "med1", "med2", "med5"}
    assert "Medication: 1 of 6 referred to are not there" in text
    assert "Medication: 1 references lead to another server: not followed" in text


def test_a_medication_changes_comes_and_goes_though_no_administration_does(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    needing(monkeypatch, GIVEN, REFERRED, PATIENTS)
    case.memory.put(given("m2", "Medication/other"))
    study = case.study(case.memory.base)
    case.run(study)
    assert ids(study, "Medication") == {"cells"}
    case.memory.put({"resourceType": "Medication", "id": "other", "status": "active"})
    assert case.run(study)[0] == 0
    assert ids(study, "Medication") == {"cells", "other"}
    case.memory.put({"resourceType": "Medication", "id": "other", "status": "inactive"})
    assert case.run(study)[0] == 0
    assert "'inactive'" in dump_store(study) or ids(study, "Medication") == {"cells", "other"}
    case.memory.delete("Medication", "other")
    code, text = case.run(study, removals=True)
    assert code == 0, text
    assert ids(study, "Medication") == {"cells"}


def test_without_any_reference_deletions_are_known_all_the_same(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    needing(monkeypatch, GIVEN, REFERRED, PATIENTS)
    case.memory.delete("MedicationAdministration", "m1")
    study = case.study(case.memory.base)
    assert case.run(study)[0] == 0
    assert '"deletions_known_at": null' not in next(study.glob("data/raw/north/0*/manifest.json")).read_text()


@pytest.mark.parametrize("memory", [EPIC], indirect=True)
def test_observations_are_asked_by_category_where_one_is_required(case: Case) -> None:
    def category(*names: str) -> dict[str, Any]:
        return {"category": [{"coding": [{"code": n}]} for n in names]}

    case.memory.put(
        observation("lab", **category("laboratory")),
        observation("both", **category("laboratory", "vital-signs")),
        observation("own", **category("house-made")),
    )
    study = case.study(case.memory.base)
    for _ in range(2):
        code, text = case.run(study)
        assert code == 3
        assert "north: Observation: the server gives it only by category" in text
        assert ids(study, "Observation") == {"lab", "both"}
        assert ids(study, "Condition") == {"one"}


@pytest.mark.parametrize("memory", [EPIC], indirect=True)
def test_a_category_that_is_refused_is_named(case: Case) -> None:
    case.memory.put(observation("lab", category=[{"coding": [{"code": "laboratory"}]}]))
    rule = Rule(url="category=therapy", fault="status", times=None, options={"status": 400})
    ended = case.pull(rule)
    assert ended.code == 3
    assert "refused: therapy" in ended.text
    assert ended.landed["north"]["Observation"][0] == 1


def test_a_good_server_is_never_asked_by_category(case: Case) -> None:
    case.pull()
    assert case.memory.manners == GOOD
    assert [u for u in urls(case.memory) if "category" in u] == []


def test_what_a_study_needs_names_each_type_once() -> None:
    found = [n.kind for n in ask.needs(None, "4.0.1")]
    assert len(found) == len(set(found))
