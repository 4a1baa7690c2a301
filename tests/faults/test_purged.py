"""A patient who was purged, at a server that still has them."""

import re

from rwe.landing.purge import Patient
from rwe.steps import purge
from tests.faults.case import Case, dump


def test_a_refresh_leaves_the_purged_out_and_the_rest_whole(case: Case) -> None:
    study = case.study(case.memory.base)
    assert case.run(study)[0] == 0
    done = purge.patient(study, Patient(site="north", id="p1"), say=lambda _: None)
    assert dict(done.removed) == dict.fromkeys(
        ("AdverseEvent", "Condition", "Encounter", "MedicationAdministration", "Patient"), 1
    ) | {"Observation": 5}
    after = dump(study)
    for full in (False, False, True):
        code, text = case.run(study, full=full)
        assert code == 0, text
        assert {k: n[0] for k, n in dump(study)["north"].items()} == {
            k: n[0] for k, n in after["north"].items()
        }
        assert dump(study) == after
    case.memory.put({"resourceType": "Patient", "id": "p-new"})
    assert case.run(study)[0] == 0
    assert dump(study)["north"]["Patient"][0] == after["north"]["Patient"][0] + 1


def test_a_member_of_a_group_who_was_purged_is_not_even_asked_for(case: Case) -> None:
    members = [{"entity": {"reference": f"Patient/p{n}"}} for n in range(12)]
    case.memory.put({"resourceType": "Group", "id": "g", "type": "person", "actual": True, "member": members})
    study = case.study(case.memory.base, 'group = "g"')
    assert case.run(study)[0] == 0
    purge.patient(study, Patient(site="north", id="p1"), say=lambda _: None)
    after, asked = dump(study), len(case.memory.requests)
    code, text = case.run(study)
    assert (code, dump(study)) == (0, after), text
    said = [f"{r.target}&{r.body.decode()}" for r in case.memory.requests]
    named = [bool(re.search(r"(,|%2C|=)p1(,|%2C|&|$)", text)) for text in said]
    assert (any(named[:asked]), any(named[asked:])) == (True, False)
    assert b'"p1"' not in next((study / "data" / "raw" / "north").glob("*/manifest.json")).read_bytes()
