"""sql/cohort/15_time_zero.sql: arm and time zero of each candidate."""

from datetime import date

import pytest

from .conftest import load, rows, run_sql, study

DAY = date(2020, 4, 1)
UNCERTAIN = "the product may have been given, but not so that it counts"
OUTSIDE = "first dose outside of the declared days from the anchor"
NEITHER = "neither treated nor enrolled as control"


def time_zero(db, columns="arm, zero_at::VARCHAR, zero_date, no_arm", *, infusion="", enrolled="", anchor=""):
    load(db, "anchor", anchor or "patient_id | anchor_date\np | 2020-03-01")
    if infusion:
        load(db, "infusion", infusion)
    if enrolled:
        load(db, "coded_event", f"source | element | code_list | patient_id | {enrolled.strip()}")
    run_sql(db, "cohort/15_time_zero.sql")
    return rows(db, "time_zero", columns)


def test_time_zero_of_the_treated_is_the_first_infusion_that_counts(db):
    infusion = """
        patient_id | verdict   | given_at             | given_date
        -----------+-----------+----------------------+-----------
        p          | counts    | 2020-04-04T08:00:00Z | 2020-04-04
        p          | counts    | 2020-04-01T08:00:00Z | 2020-04-01
        p          | not_given | 2020-03-30T08:00:00Z | 2020-03-30"""
    assert time_zero(db, infusion=infusion) == [("treated", "2020-04-01 08:00:00+00", DAY, None)]


def test_a_first_infusion_with_a_date_only_borrows_no_time_of_a_later_one(db):
    infusion = """
        patient_id | verdict | given_at             | given_date
        -----------+---------+----------------------+-----------
        p          | counts  |                      | 2020-04-01
        p          | counts  | 2020-04-04T08:00:00Z | 2020-04-04"""
    assert time_zero(db, infusion=infusion) == [("treated", None, DAY, None)]


def test_across_offsets_the_first_infusion_is_the_earlier_instant(db):
    infusion = """
        patient_id | verdict | given_at                  | given_date
        -----------+---------+---------------------------+-----------
        p          | counts  | 2020-03-31T20:00:00+00:00 | 2020-03-31
        p          | counts  | 2020-04-01T00:30:00+08:00 | 2020-04-01"""
    assert time_zero(db, infusion=infusion) == [("treated", "2020-03-31 16:30:00+00", DAY, None)]


def test_a_stopped_first_infusion_makes_neither_treated_nor_control(db):
    infusion = """
        patient_id | verdict   | given_date
        p          | uncertain | 2020-04-01"""
    enrolled = """happened_date
        encounter  | code | enrolled | p | 2020-03-20"""
    assert time_zero(db, infusion=infusion, enrolled=enrolled) == [(None, None, None, UNCERTAIN)]


def test_an_uncertain_infusion_does_not_undo_one_that_counts(db):
    infusion = """
        patient_id | verdict   | given_date
        -----------+-----------+-----------
        p          | uncertain | 2020-03-29
        p          | counts    | 2020-04-01
        p          | uncertain | 2020-04-04"""
    assert time_zero(db, infusion=infusion) == [("treated", None, DAY, None)]


def test_an_infusion_that_was_not_given_leaves_a_control(db):
    infusion = """
        patient_id | verdict   | given_date
        p          | not_given | 2020-03-15"""
    enrolled = """happened_date
        encounter  | code | enrolled | p | 2020-04-01"""
    assert time_zero(db, infusion=infusion, enrolled=enrolled) == [("control", None, DAY, None)]


def test_time_zero_of_a_control_is_the_first_enrolment(db):
    enrolled = """happened_at | happened_date
        encounter | code | enrolled | p | 2020-04-09T08:00:00Z | 2020-04-09
        encounter | code | enrolled | p | 2020-04-01T08:00:00Z | 2020-04-01
        condition | code | enrolled | p | 2020-03-02T08:00:00Z | 2020-03-02
        encounter | code | covid    | p | 2020-03-02T08:00:00Z | 2020-03-02
        encounter | code | enrolled | p |                      | """
    assert time_zero(db, enrolled=enrolled) == [("control", "2020-04-01 08:00:00+00", DAY, None)]


def test_time_zero_of_a_control_is_the_anchor_when_declared(db):
    study(db, control_time_zero="anchor", control_source=None, control_codes=None)
    anchor = """
        patient_id | anchor_at            | anchor_date
        p          | 2020-04-01T09:00:00Z | 2020-04-01"""
    assert time_zero(db, anchor=anchor) == [("control", "2020-04-01 09:00:00+00", DAY, None)]


@pytest.mark.parametrize("given", ["2020-03-10", "2020-04-01"])
def test_who_is_enrolled_as_control_and_treated_before_or_after_is_treated(db, given):
    infusion = f"""
        patient_id | verdict | given_date
        p          | counts  | {given}"""
    enrolled = """happened_date
        encounter  | code | enrolled | p | 2020-03-20"""
    assert time_zero(db, "arm, zero_date", infusion=infusion, enrolled=enrolled) == [
        ("treated", date.fromisoformat(given))
    ]


def test_who_is_neither_treated_nor_enrolled_has_no_arm(db):
    assert time_zero(db) == [(None, None, None, NEITHER)]


def test_who_has_no_anchor_is_no_candidate(db):
    infusion = """
        patient_id | verdict | given_date
        stranger   | counts  | 2020-04-01"""
    assert time_zero(db, "patient_id", infusion=infusion) == ["p"]


def test_an_infusion_at_another_site_is_another_patients(db):
    infusion = """
        site_id | patient_id | verdict   | given_date
        south   | p          | counts    | 2020-04-01
        south   | p          | uncertain | 2020-04-04"""
    assert time_zero(db, "no_arm", infusion=infusion) == [NEITHER]


@pytest.mark.parametrize(
    ("given", "no_arm"),
    [
        ("2020-02-29", OUTSIDE),
        ("2020-03-01", None),
        ("2020-03-31", None),
        ("2020-04-01", OUTSIDE),
    ],
)
def test_the_declared_days_of_the_first_dose_include_both_ends(db, given, no_arm):
    study(db, first_dose_from=0, first_dose_to=30)
    infusion = f"""
        patient_id | verdict | given_date
        p          | counts  | {given}"""
    enrolled = """happened_date
        encounter  | code | enrolled | p | 2020-03-20"""
    assert time_zero(db, "no_arm", infusion=infusion, enrolled=enrolled) == [no_arm]


@pytest.mark.parametrize(
    ("given", "no_arm"), [("2020-03-31T08:00:00Z", None), ("2020-03-31T08:00:01Z", OUTSIDE)]
)
def test_days_to_the_first_dose_are_of_86400_seconds_where_both_times_are_known(db, given, no_arm):
    study(db, first_dose_to=30)
    anchor = """
        patient_id | anchor_at            | anchor_date
        p          | 2020-03-01T08:00:00Z | 2020-03-01"""
    infusion = f"""
        patient_id | verdict | given_at | given_date
        p          | counts  | {given}  | {given[:10]}"""
    assert time_zero(db, "no_arm", anchor=anchor, infusion=infusion) == [no_arm]


def test_days_to_the_first_dose_are_of_dates_when_declared(db):
    study(db, first_dose_to=30, days="date")
    anchor = """
        patient_id | anchor_at            | anchor_date
        p          | 2020-03-01T08:00:00Z | 2020-03-01"""
    infusion = """
        patient_id | verdict | given_at             | given_date
        p          | counts  | 2020-03-31T23:00:00Z | 2020-03-31"""
    assert time_zero(db, "no_arm", anchor=anchor, infusion=infusion) == [None]


def test_without_declared_days_a_first_dose_may_come_before_the_anchor(db):
    infusion = """
        patient_id | verdict | given_date
        p          | counts  | 2020-02-20"""
    assert time_zero(db, "arm", infusion=infusion) == ["treated"]
