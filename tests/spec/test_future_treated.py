"""sql/cohort: controls who are treated later, until their own infusion (`future_treated = true`)."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rwe import data
from rwe.stats.matching import Caliper, match
from rwe.steps import cohort as steps
from rwe.steps import compare, events, why

from .conftest import fresh, load, rows
from .test_risk_set import cohort, declare, draw, hospital

TWO = """
    patient_id | anchor     | given
    -----------+------------+-----------
    t          | 2020-03-01 | 2020-03-11
    later      | 2020-03-01 | 2020-05-01"""
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def everything(db, people=TWO, **keys):
    """The whole of sql/cohort, endpoints and visits; days by calendar date."""
    declare(db, **({"future_treated": True, "days": "date"} | keys))
    hospital(db, people)
    db.run("CREATE OR REPLACE TABLE site AS SELECT 'north' AS site_id, '2022-01-01' AS pulled_at")
    for file in data.sql_files("result"):
        db.run_file(file)
    db.run(steps.STEPS)
    for number, file in enumerate(data.sql_files("cohort"), start=1):
        steps._run(db, number, file)
    db.run_file(data.root() / "sql" / "endpoint" / "quantity.sql")
    db.run("CREATE OR REPLACE TABLE endpoint_value AS FROM quantity")
    for file in data.sql_files("visit"):
        db.run_file(file)


def observed(db, days):
    """FEV1 of `later` so many days after 2020-03-11, the time zero as a control."""
    lines = "".join(f"\nlater | {n} | fev1 | final | {day} | {n} | L" for n, day in enumerate(days, start=1))
    head = "patient_id | observation_id | code | status | effective | value | unit_code"
    load(db, "observation", head + lines)


def values(db, arm):
    of = f"endpoint_value WHERE patient_id = 'later' AND arm = '{arm}' AND NOT is_baseline"
    return rows(db, of, "visit, value, missing")


def test_who_is_treated_later_is_a_control_until_then_and_treated_from_then_on(db):
    assert cohort(db, TWO, future_treated=True) == [
        ("later", "control", date(2020, 3, 11)),
        ("later", "treated", date(2020, 5, 1)),
        ("t", "treated", date(2020, 3, 11)),
    ]
    assert rows(db, "cohort", "patient_id, arm, censor_date, n_infusions") == [
        ("later", "control", date(2020, 5, 1), 0),
        ("later", "treated", None, 1),
        ("t", "treated", None, 1),
    ]


def test_without_future_treated_nobody_is_in_two_arms(db):
    assert [(p, arm) for p, arm, _ in cohort(db, TWO, future_treated=False)] == [
        ("later", "treated"),
        ("t", "treated"),
    ]


@pytest.mark.parametrize(
    ("given", "drawn"),
    [("2020-03-10", False), ("2020-03-11", False), ("2020-03-12", True)],
)
def test_a_control_starts_before_the_day_of_the_own_infusion(db, given, drawn):
    people = TWO.replace("2020-05-01", given)
    found = [arm for p, arm, _ in cohort(db, people, future_treated=True) if p == "later"]
    assert found == (["control", "treated"] if drawn else ["treated"])


@pytest.mark.parametrize(("given", "drawn"), [("14:00:00", False), ("14:00:01", True)])
def test_with_times_of_day_a_control_may_be_treated_on_its_first_day(db, given, drawn):
    people = f"""
        patient_id | anchor               | given
        t          | 2020-03-01T08:00:00Z | 2020-03-11T14:00:00Z
        later      | 2020-03-01T08:00:00Z | 2020-03-11T{given}Z"""
    found = cohort(db, people, future_treated=True)
    assert (("later", "control", date(2020, 3, 11)) in found) is drawn


def test_a_first_infusion_too_late_to_be_treated_still_ends_the_time_as_a_control(db):
    found = cohort(db, TWO, future_treated=True, first_dose_from=0, first_dose_to=20)
    assert found == [("later", "control", date(2020, 3, 11)), ("t", "treated", date(2020, 3, 11))]
    assert rows(db, "cohort WHERE patient_id = 'later'", "censor_date") == [date(2020, 5, 1)]


def test_who_may_have_had_the_product_before_is_no_control_for_all_later_infusions(db):
    declare(db, future_treated=True)
    hospital(db, TWO)
    load(
        db,
        "medication_administration",
        """
        patient_id | medication_administration_id | code | effective  | status
        later      | doubt                        | msc  | 2020-03-05 | stopped""",
    )
    db.run(steps.STEPS)
    for number, file in enumerate(data.sql_files("cohort"), start=1):
        if file.name < "4":
            steps._run(db, number, file)
    assert rows(db, "cohort", "patient_id, arm") == [("later", "treated"), ("t", "treated")]


def test_nobody_is_drawn_as_a_control_of_oneself(db):
    people = """
        patient_id | anchor     | given
        t          | 2020-03-01 | 2020-03-11"""
    assert cohort(db, people, future_treated=True, within_days=3) == [("t", "treated", date(2020, 3, 11))]


def test_values_from_the_own_infusion_on_are_of_the_treated_alone(db):
    observed(db, ["2020-04-08", "2020-05-01", "2020-06-10"])
    everything(db)
    assert values(db, "control") == [("d28", 1, None), ("d90", None, "treated_later")]
    assert values(db, "treated") == [("d28", None, "not_measured"), ("d90", None, "not_measured")]
    measured = "measurement WHERE patient_id = 'later'"
    assert rows(db, measured, "arm, observation_id") == [
        ("control", "1"),
        *(("treated", n) for n in "123"),
    ]


def test_a_value_before_the_infusion_counts_though_the_window_ends_after_it(db):
    observed(db, ["2020-04-08"])
    everything(db, TWO.replace("2020-05-01", "2020-04-09"))
    assert values(db, "control")[0] == ("d28", 1, None)


def test_treated_later_goes_before_the_other_reasons(db):
    people = """
        patient_id | anchor     | given      | dead
        t          | 2020-03-01 | 2020-03-11 |
        later      | 2020-03-01 | 2020-05-01 | 2020-05-20"""
    everything(db, people)
    assert [missing for _, _, missing in values(db, "control")] == ["not_measured", "treated_later"]
    counts = rows(db, "visit_count WHERE arm = 'control' AND visit = 'd90'", "n, treated_later, dead, lost")
    assert counts == [(1, 1, 0, 0)]


def test_person_time_of_a_control_ends_with_the_own_infusion(db):
    observed(db, ["2020-12-01"])
    load(db, "adverse_event", EVENTS)
    everything(db)
    assert rows(db, "follow_up WHERE patient_id = 'later'", "arm, days") == [
        ("control", 51),
        ("treated", 360),
    ]


EVENTS = """
    patient_id | adverse_event_id | actuality | occurrence | text
    -----------+------------------+-----------+------------+------
    later      | before           | actual    | 2020-04-30 | cough
    later      | day              | actual    | 2020-05-01 | fever
    later      | after            | actual    | 2020-05-02 | rash"""


def test_an_event_is_of_a_control_before_the_infusion_and_of_the_treated_from_its_day_on(db):
    load(db, "adverse_event", EVENTS)
    everything(db)
    assert rows(db, "event", "arm, adverse_event_id, day") == [
        ("control", "before", 50),
        ("treated", "after", 1),
        ("treated", "day", 0),
    ]


def test_events_of_a_patient_in_both_arms_are_counted_in_each_by_themselves(db, plan):
    load(db, "adverse_event", EVENTS + "\n    alone | c | actual | 2020-04-01 | cough")
    everything(db, TWO + "\n    alone | 2020-03-01 | ", control_ratio=2)
    found = {row.term: row for row in events.adverse_events(db, plan("")) if row.stratum == "all"}
    assert (found["cough"].treated.events, found["cough"].control.events) == (0, 2)
    assert (found["rash"].treated.events, found["rash"].control.events) == (1, 0)


def test_a_recorded_event_before_the_infusion_says_that_controls_were_asked(db):
    load(db, "adverse_event", EVENTS)
    everything(db)
    asked = "follow_up WHERE arm = 'control' AND ascertained"
    assert rows(db, asked, "patient_id") == ["later"]
    db.run("DELETE FROM adverse_event WHERE adverse_event_id = 'before'")
    everything(db, "patient_id | anchor | given")
    assert rows(db, asked, "patient_id") == []


def test_an_infusion_of_the_day_without_a_time_may_have_been_before_the_timed_one(db):
    declare(db, future_treated=True)
    hospital(
        db,
        """
        patient_id | anchor               | given
        t          | 2020-03-01T08:00:00Z | 2020-03-11T12:00:00Z
        later      | 2020-03-01T08:00:00Z | 2020-03-11T16:00:00Z""",
    )
    load(
        db,
        "medication_administration",
        """
        patient_id | medication_administration_id | code | effective  | status
        later      | dated                        | msc  | 2020-03-11 | completed""",
    )
    draw(db)
    assert [arm for p, arm in rows(db, "cohort", "patient_id, arm") if p == "later"] == ["treated"]


def test_a_control_is_at_risk_at_a_visit_until_the_own_infusion(db):
    everything(db)
    alive = "presence WHERE patient_id = 'later' AND arm = 'control'"
    assert rows(db, alive, "visit, alive") == [("d28", True), ("d90", False)]


def test_a_result_of_who_is_in_both_arms_is_one_conversion(db):
    observed(db, ["2020-04-08"])
    db.run("UPDATE observation SET unit_code = 'mL', value = 2000")
    everything(db)
    assert rows(db, "measurement", "arm, observation_id") == [("control", "1"), ("treated", "1")]
    assert [u.n for u in compare._units(db)] == [1]


def test_the_last_step_says_how_many_of_the_treated_are_controls_too(db):
    everything(db, TWO + "\n    c | 2020-03-01 | ", control_ratio=2)
    last = "attrition WHERE step = 'future_treated'"
    assert rows(db, last, "arm, n_in, n_out") == [("control", 1, 2), ("treated", 2, 2)]


def test_whose_own_start_is_left_out_may_be_a_control_and_is_counted_once(db):
    everything(db, TWO, time_zero_to="2020-04-30")
    assert rows(db, "cohort", "patient_id, arm") == [("later", "control"), ("t", "treated")]
    assert rows(db, "attrition WHERE step = 'future_treated'", "arm, n_in, n_out") == [
        ("control", 1, 1),
        ("treated", 1, 1),
    ]


def test_the_check_of_those_treated_later_gives_way_to_that_of_those_in_both_arms(db):
    everything(db)
    for name, n in (("treated_later_not_control", 0), ("treated_also_control", 1)):
        sql = (data.root() / "sql" / "check" / f"{name}.sql").read_text(encoding="utf-8").rstrip().rstrip(";")
        assert len(db.rows(sql)) == n


def test_why_shows_both_ways_of_a_patient_in_both_arms(db):
    observed(db, ["2020-04-08"])
    everything(db)
    way = why._way(db, "north", "later")
    assert {z["arm"]: (z["zero_date"], z["censor_date"]) for z in way.time_zero} == {
        "treated": ("2020-05-01", None),
        "control": ("2020-03-11", "2020-05-01"),
    }
    assert [(v["arm"], v["visit"], v["missing"]) for v in way.values if v["visit"] != "baseline"] == [
        ("treated", "d28", "not_measured"),
        ("treated", "d90", "not_measured"),
        ("control", "d28", None),
        ("control", "d90", "treated_later"),
    ]
    assert all(step["fate"] == "passed" for step in way.steps)


def test_nobody_is_paired_with_oneself():
    import numpy as np

    score, treated = np.array([0.5, 0.5, 0.6]), np.array([True, False, False])
    asked = {"ids": ("p/treated", "p/control", "q/control"), "groups": ("a", "a", "a")}
    wide = Caliper(sds=9)
    assert match(score, treated, **asked, caliper=wide).pairs == ((0, 1),)
    assert match(score, treated, **asked, persons=("p", "p", "q"), caliper=wide).pairs == ((0, 2),)
    alone = {k: v[:2] for k, v in asked.items()}
    assert match(score[:2], treated[:2], **alone, persons=("p", "p"), caliper=wide).pairs == ()


@few
@given(
    given_on=st.lists(st.none() | st.integers(0, 40), min_size=2, max_size=7),
    ratio=st.integers(1, 3),
    replacement=st.booleans(),
)
def test_whoever_is_drawn_the_counts_add_up_and_no_time_as_a_control_outlasts_the_infusion(
    store, given_on, ratio, replacement
):
    lines = "\n".join(
        f"p{n} | 2020-03-01 | {'' if day is None else date.fromordinal(date(2020, 3, 1).toordinal() + day)}"
        for n, day in enumerate(given_on)
    )
    with fresh(store):
        keys = {"control_ratio": ratio, "control_replacement": replacement, "within_days": 1}
        everything(store, f"patient_id | anchor | given\n{lines}", **keys)
        late = "cohort WHERE arm = 'control' AND censor_date <= zero_date"
        assert rows(store, late, "patient_id") == []
        assert rows(store, "cohort GROUP BY ALL HAVING COUNT(*) > 1", "patient_id, arm") == []
        left = store.rows(
            "SELECT arm, SUM(n_out) FROM attrition WHERE step = 'future_treated' GROUP BY ALL ORDER BY ALL"
        )
        assert left == store.rows("SELECT arm, COUNT(*) FROM cohort GROUP BY ALL ORDER BY ALL")
        parts = "measured + treated_later + dead + window_not_reached + lost + in_contact + set_aside"
        assert rows(store, f"visit_count WHERE n != {parts}", "visit, arm") == []
