"""sql/cohort/48_contact.sql, 53_presence.sql, sql/visit: who was there at each visit, who was measured."""

import pytest

from .conftest import load, rows, run_sql, study, visited

COHORT = """
    patient_id | arm     | stratum | zero_at              | zero_date  | death_date
    -----------+---------+---------+----------------------+------------+-----------
    p          | treated | severe  | 2020-04-01T08:00:00Z | 2020-04-01 | {died}"""


def contacts(db, table, text, columns="day", died=""):
    load(db, "cohort", COHORT.format(died=died))
    load(db, table, text)
    run_sql(db, "cohort/48_contact.sql")
    return rows(db, "contact", columns)


@pytest.mark.parametrize(
    ("effective", "day"),
    [
        ("2020-04-29T20:00:00Z", [28.5]),
        ("2020-04-29", [28]),
        ("2020-04", []),
        ("", []),
    ],
)
def test_a_contact_has_its_day_by_instant_where_both_times_are_known(db, effective, day):
    assert contacts(db, "observation", f"patient_id | status | effective\np | final | {effective}") == day


def test_a_contact_has_its_day_by_date_where_the_study_says_so(db):
    study(db, days="date")
    text = "patient_id | status | effective\np | final | 2020-04-29T20:00:00Z"
    assert contacts(db, "observation", text) == [28]


def test_a_contact_after_death_is_told(db):
    found = contacts(
        db,
        "observation",
        """
        patient_id | status | effective
        -----------+--------+-----------
        p          | final  | 2020-04-10
        p          | final  | 2020-04-11""",
        "day, after_death",
        "2020-04-10",
    )
    assert found == [(9, False), (10, True)]


def test_only_the_cohort_is_met(db):
    text = "site_id | patient_id | status | effective\nsouth | p | final | 2020-04-10"
    assert contacts(db, "observation", text) == []


def present(db, day, died="", visit="d28"):
    load(db, "cohort", COHORT.format(died=died))
    if day:
        load(db, "contact", f"patient_id | day | after_death\np | {day} | false")
    run_sql(db, "cohort/53_presence.sql")
    (row,) = rows(db, f"presence WHERE visit = '{visit}'", "seen, alive, lost")
    return row


@pytest.mark.parametrize(
    ("day", "seen", "lost"),
    [
        ("", False, True),
        ("20.999", False, True),
        ("21", True, False),
        ("34.999", True, False),
        ("35", False, False),
    ],
)
def test_seen_is_a_contact_in_the_window_and_lost_is_none_from_then_on(db, day, seen, lost):
    assert present(db, day) == (seen, True, lost)


def test_who_was_seen_at_one_visit_may_be_lost_to_the_next(db):
    assert present(db, "28", visit="d90") == (False, True, True)


@pytest.mark.parametrize(("died", "alive"), [("2020-04-21", False), ("2020-04-22", True), ("", True)])
def test_alive_is_when_the_window_opens(db, died, alive):
    assert present(db, "", died)[1] == alive


def test_who_was_seen_in_the_window_was_alive_whatever_the_date_of_death_says(db):
    assert present(db, "21", "2020-04-21")[:2] == (True, True)


def test_nobody_is_seen_after_death(db):
    load(db, "cohort", COHORT.format(died="2020-04-05"))
    load(db, "contact", "patient_id | day | after_death\np | 28 | true")
    run_sql(db, "cohort/53_presence.sql")
    assert rows(db, "presence WHERE visit = 'd28'", "seen, alive, lost") == [(False, False, True)]


def test_nobody_is_lost_at_a_visit_that_begins_with_time_zero(db):
    load(db, "visit", "number | visit | start_day | end_day | is_baseline\n9 | d0 | 0 | 7 | false")
    assert present(db, "", visit="d0") == (False, True, False)


COUNTS = "n, alive, seen, measured, dead, window_not_reached, lost, in_contact, set_aside"


def test_every_patient_of_a_visit_is_counted_once_and_for_a_reason(db):
    load(
        db,
        "cohort",
        """
        patient_id | arm     | stratum | zero_date  | death_date
        -----------+---------+---------+------------+-----------
        measured   | treated | severe  | 2020-04-01 |
        measured 2 | treated | severe  | 2020-04-01 | 2020-05-01
        died       | treated | severe  | 2020-04-01 | 2020-04-05
        died late  | treated | severe  | 2020-04-01 | 2020-04-25
        silent     | treated | severe  | 2020-04-01 |
        later      | treated | severe  | 2020-04-01 |
        aside      | treated | severe  | 2020-04-01 |
        recent     | treated | severe  | 2021-03-30 |""",
    )
    load(
        db,
        "observation",
        """
        patient_id | status | effective  | code  | value | unit_code | observation_id
        -----------+--------+------------+-------+-------+-----------+---------------
        measured   | final  | 2020-04-29 | fev1  | 2.5   | L         | 1
        measured 2 | final  | 2020-04-29 | fev1  | 2.5   | L         | 2
        died late  | final  | 2020-04-23 | other | 1     | L         | 3
        silent     | final  | 2020-04-11 | fev1  | 2.5   | L         | 4
        later      | final  | 2020-06-30 | fev1  | 2.5   | L         | 5
        aside      | final  | 2020-04-29 | fev1  | 25    | L         | 6
        aside      | final  | 2020-04-30 | fev1  | 2.5   |           | 7""",
    )
    load(db, "site", "site_id | pulled_at\nnorth | 2021-04-01T00:00:00Z")
    run_sql(db, "result/10_coding.sql", "result/20_contradiction.sql", "result/30_result.sql")
    files = ("40_measurement", "48_contact", "53_presence")
    run_sql(db, *(f"cohort/{name}.sql" for name in files), "endpoint/quantity.sql")
    visited(db)
    assert rows(db, "visit_count WHERE visit = 'd28'", COUNTS) == [(8, 7, 4, 2, 2, 1, 1, 1, 1)]
    assert rows(db, "visit_count WHERE visit = 'd28'", "set_aside_reason") == [{"implausible": 1}]


def test_counts_are_by_endpoint_visit_stratum_arm_and_site(db):
    load(
        db,
        "cohort",
        """
        site_id | patient_id | arm     | stratum  | zero_date
        --------+------------+---------+----------+-----------
        north   | a          | treated | severe   | 2020-04-01
        north   | b          | treated | severe   | 2020-04-01
        north   | c          | treated | moderate | 2020-04-01
        north   | d          | control | severe   | 2020-04-01
        south   | e          | treated | severe   | 2020-04-01""",
    )
    load(db, "site", "site_id\nnorth\nsouth")
    run_sql(db, "cohort/53_presence.sql", "endpoint/quantity.sql")
    visited(db)
    assert rows(db, "visit_count", "visit, stratum, arm, site_id, n") == [
        (visit, *cell)
        for visit in ("d28", "d90")
        for cell in (
            ("moderate", "treated", "north", 1),
            ("severe", "control", "north", 1),
            ("severe", "treated", "north", 2),
            ("severe", "treated", "south", 1),
        )
    ]


@pytest.mark.parametrize(
    ("measurement", "reason"),
    [
        ("27 | 9 | implausible\np | FEV1 | 22 | 9 | no_unit", "implausible"),
        ("27 | 9 | no_unit\np | FEV1 | 29 | 9 | implausible", "implausible"),
        ("28 | 9 | implausible\np | FEV1 | 22 | 2 |", None),
        ("40 | 9 | implausible", None),
    ],
)
def test_of_several_values_set_aside_the_reason_of_the_nearest_is_given(db, measurement, reason):
    load(db, "cohort", COHORT.format(died=""))
    load(db, "site", "site_id\nnorth")
    load(db, "measurement", f"patient_id | endpoint | day | value | set_aside\np | FEV1 | {measurement}")
    run_sql(db, "endpoint/quantity.sql")
    assert rows(db, "quantity WHERE visit = 'd28'", "set_aside") == [reason]
