"""sql/cohort/32_history.sql: a covariate is what was recorded up to time zero, and nothing later."""

import pytest

from .conftest import load, rows, run_sql

CLOT = "code_list | code\nclot | dvt\nclot | pe"
TIMED = "p | treated | 2020-04-01T08:00:00Z | 2020-04-01"


def declared(db, lookback=""):
    load(db, "code_list", CLOT)
    load(
        db,
        "covariate",
        f"number | covariate | source | code_list | lookback_days\n1 | clot | condition | clot | {lookback}",
    )


def history(db, conditions, who=TIMED, lookback=""):
    declared(db, lookback)
    load(db, "cohort", f"patient_id | arm | zero_at | zero_date\n{who}")
    load(db, "condition", conditions)
    run_sql(db, "cohort/11_administration.sql", "cohort/12_coded_event.sql", "cohort/32_history.sql")
    return rows(db, "history", "is_recorded")


@pytest.mark.parametrize(
    ("onset", "recorded"),
    [
        ("2020-04-01T07:59:59Z", True),
        ("2020-04-01T08:00:00Z", True),
        ("2020-04-01T10:00:00+02:00", True),
        ("2020-04-01T08:00:01Z", False),
        ("2020-03-31", True),
        ("2020-04-01", True),
        ("2020-04-02", False),
        ("2020-03", True),
        ("2020-04", False),
        ("2020", False),
        ("", False),
    ],
)
def test_what_was_recorded_up_to_time_zero_counts_and_nothing_later(db, onset, recorded):
    assert history(db, f"patient_id | condition_id | code | onset\np | 1 | dvt | {onset}") == [recorded]


@pytest.mark.parametrize(
    ("onset", "recorded"), [("2020-03-02", True), ("2020-03-01", False), ("2019-12", False)]
)
def test_what_lies_before_the_look_back_does_not_count(db, onset, recorded):
    found = history(db, f"patient_id | condition_id | code | onset\np | 1 | dvt | {onset}", lookback="30")
    assert found == [recorded]


@pytest.mark.parametrize(
    ("keys", "cells"),
    [("code | verification_status", "dvt | refuted"), ("severity_code", "dvt"), ("code", "other")],
)
def test_what_is_no_record_of_the_code_does_not_count(db, keys, cells):
    conditions = f"patient_id | condition_id | onset | {keys}\np | 1 | 2020-03-01 | {cells}"
    assert history(db, conditions) == [False]


def test_each_patient_has_a_row_whatever_is_recorded_and_however_often(db):
    declared(db)
    load(
        db,
        "cohort",
        """
        site_id | patient_id | arm     | zero_date
        north   | p          | treated | 2020-04-01
        north   | q          | control | 2020-04-01
        south   | p          | control | 2020-04-01""",
    )
    load(
        db,
        "condition",
        """
        patient_id | condition_id | code | onset
        p          | 1            | dvt  | 2020-03-01
        p          | 2            | pe   | 2020-03-02""",
    )
    run_sql(db, "cohort/11_administration.sql", "cohort/12_coded_event.sql", "cohort/32_history.sql")
    assert rows(db, "history", "site_id, patient_id, is_recorded") == [
        ("north", "p", True),
        ("north", "q", False),
        ("south", "p", False),
    ]


def test_without_a_covariate_there_is_no_row(db):
    load(db, "cohort", f"patient_id | arm | zero_at | zero_date\n{TIMED}")
    run_sql(db, "cohort/32_history.sql")
    assert rows(db, "history") == []
