"""rwe why in a risk set: a candidate has several times zero, and its way is that of one of them."""

from rwe.steps.why import _way

from .conftest import load, run_cohort, stratified
from .test_risk_set import declare, hospital

SEVERAL = """
    patient_id | anchor     | given      | state
    -----------+------------+------------+---------
    soon       | 2020-03-01 | 2020-03-06 | moderate
    late       | 2020-03-01 | 2020-03-15 | severe
    c          | 2020-03-01 |            | moderate
    d          | 2020-03-01 |            | moderate"""

LATER_WORSE = """
    patient_id | condition_id | code  | severity_code | recorded_date
    -----------+--------------+-------+---------------+--------------
    c          | later        | covid | severe        | 2020-03-10"""


def drawn(db, people=SEVERAL, later=LATER_WORSE, **keys):
    stratified(db)
    declare(db, **keys)
    hospital(db, people)
    load(db, "condition", later)
    load(db, "site", "site_id\nnorth")
    run_cohort(db)
    return lambda patient: _way(db, "north", patient)


def fates(way):
    return {s["step"]: s["fate"] for s in way.steps}


def test_a_drawn_control_has_passed_every_step_once_and_has_the_time_zero_it_took(db):
    way = drawn(db, control_ratio=2)("c")
    assert way.in_cohort
    assert len(way.steps) == len(fates(way))
    assert set(fates(way).values()) == {"passed"}
    assert [(z["arm"], z["zero_date"]) for z in way.time_zero] == [("control", "2020-03-06")]
    assert [(s["kind"], s["reference"]) for s in way.starts if s["made_it"]] == [("drawn by", "Patient/soon")]
    assert way.strata == ["moderate"]
    assert [(s["stratum"], s["up_to_time_zero"], s["made_it"]) for s in way.states] == [
        ("moderate", True, True),
        ("severe", False, False),
    ]


def test_a_candidate_who_was_not_drawn_leaves_once_and_where_it_came_farthest(db):
    """At its second time zero the candidate is of another stratum than the treated patient."""
    ways = drawn(db, later="patient_id\n")
    (way,) = [w for w in map(ways, "cd") if not w.in_cohort]
    left = [s for s in way.steps if s["fate"] == "left_out"]
    assert [(s["step"], s["reason"]) for s in left] == [("drawn", "eligible as a control, but not drawn")]
    assert [s["kind"] for s in way.starts if s["made_it"]] == []


def test_who_is_in_no_risk_set_has_no_arm_and_no_time_zero(db):
    way = drawn(db, "patient_id | anchor\nc | 2020-03-01")("c")
    assert [z["arm"] for z in way.time_zero] == [None]
    assert way.time_zero[0]["no_arm"].startswith("in no risk set")
    assert fates(way)["arm"] == "left_out"
    assert way.strata == []


def test_a_treated_patient_of_a_risk_set_is_shown_as_elsewhere(db):
    way = drawn(db)("soon")
    assert set(fates(way).values()) == {"passed"}
    assert [s["kind"] for s in way.starts if s["made_it"]] == ["infusion"]
