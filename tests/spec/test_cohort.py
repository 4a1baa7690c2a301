"""sql/cohort/30_cohort.sql and 31_attrition.sql: who is analysed, and how everybody else left."""

from datetime import date

import pytest

from .conftest import load, rows, run_cohort, run_sql, stratified, study


def test_the_cohort_is_who_no_step_left_out(db):
    load(db, "person", "patient_id\na\nb\nc\nd")
    load(db, "start", "patient_id | arm\na | treated\nb | control\nc |")
    load(db, "severity", "patient_id | stratum\na | all\nb | all")
    load(db, "dropped", "step_number | patient_id\n9 | b")
    run_sql(db, "cohort/30_cohort.sql")
    assert rows(db, "cohort", "patient_id, arm, stratum") == [("a", "treated", "all")]


def one(db, columns, *, zero="", anchor="", birth=("", ""), days="instant"):
    study(db, days=days)
    load(db, "person", f"patient_id | birth_from | birth_to\np | {birth[0]} | {birth[1]}")
    at = [day if "T" in day else "" for day in (zero, anchor)]
    load(
        db,
        "start",
        f"""
        patient_id | arm     | zero_at | zero_date   | anchor_at | anchor_date
        p          | treated | {at[0]} | {zero[:10]} | {at[1]}   | {anchor[:10]}""",
    )
    load(db, "severity", "patient_id | stratum\np | all")
    load(db, "infusion", "patient_id | verdict\np | counts\np | counts\np | uncertain\np | not_given")
    run_sql(db, "cohort/30_cohort.sql")
    (row,) = rows(db, "cohort", columns)
    return row


def test_only_infusions_that_count_are_counted(db):
    assert one(db, "n_infusions", zero="2020-04-01") == 2


@pytest.mark.parametrize(
    ("birth", "age"),
    [
        (("1960-04-01", "1960-04-01"), 21915 / 365.25),
        (("1960-01-01", "1960-12-31"), (22006 + 21641) / 2 / 365.25),
        (("", ""), None),
    ],
)
def test_age_takes_the_middle_of_a_birth_date_in_part(db, birth, age):
    assert one(db, "age_years", zero="2020-04-01", birth=birth) == age


@pytest.mark.parametrize(
    ("zero", "anchor", "days", "expected"),
    [
        ("2020-04-02T20:00:00Z", "2020-04-01T08:00:00Z", "instant", 1.5),
        ("2020-04-02T20:00:00Z", "2020-04-01T08:00:00Z", "date", 1),
        ("2020-04-02T20:00:00Z", "2020-04-01", "instant", 1),
        ("2020-04-02", "2020-04-01T08:00:00Z", "instant", 1),
    ],
)
def test_days_from_the_anchor_are_instants_where_both_are_known(db, zero, anchor, days, expected):
    assert one(db, "days_from_anchor", zero=zero, anchor=anchor, days=days) == expected


@pytest.fixture
def whole(db):
    """Eight patients at two sites: three stay, and one leaves at each of five steps."""
    study(db, min_age=18)
    stratified(db)
    load(db, "exclusion", "number | label | source | code_list\n1 | active cancer | condition | cancer")
    load(
        db,
        "patient",
        """
        site_id | patient_id | birth_date
        --------+------------+-----------
        north   | treated    | 1960-01-01
        north   | control    | 1960-01-01
        south   | control    | 1960-01-01
        north   | healthy    | 1960-01-01
        north   | waiting    | 1960-01-01
        north   | child      | 2010-01-01
        south   | ungraded   | 1960-01-01
        south   | cancer     | 1960-01-01""",
    )
    load(
        db,
        "condition",
        """
        site_id | patient_id | condition_id | code   | severity_code | onset      | recorded_date
        --------+------------+--------------+--------+---------------+------------+--------------
        north   | treated    | 1            | covid  | moderate      | 2020-03-01 | 2020-03-01
        north   | control    | 2            | covid  | severe        | 2020-03-01 | 2020-03-01
        south   | control    | 3            | covid  | moderate      | 2020-03-01 | 2020-03-01
        north   | waiting    | 4            | covid  | moderate      | 2020-03-01 | 2020-03-01
        north   | child      | 5            | covid  | moderate      | 2020-03-01 | 2020-03-01
        south   | ungraded   | 6            | covid  |               | 2020-03-01 | 2020-03-01
        south   | cancer     | 7            | covid  | severe        | 2020-03-01 | 2020-03-01
        south   | cancer     | 8            | cancer |               | 2019       | 2020-03-01""",
    )
    load(
        db,
        "medication_administration",
        """
        site_id | patient_id | medication_administration_id | code | status    | effective
        --------+------------+------------------------------+------+-----------+-----------
        north   | treated    | 1                            | msc  | completed | 2020-04-01
        south   | cancer     | 2                            | msc  | completed | 2020-04-01""",
    )
    load(
        db,
        "encounter",
        """
        site_id | patient_id | encounter_id | code    | status   | period_start
        --------+------------+--------------+---------+----------+-------------
        north   | control    | 1            | control | finished | 2020-04-01
        south   | control    | 2            | control | finished | 2020-04-01
        north   | child      | 3            | control | finished | 2020-04-01
        south   | ungraded   | 4            | control | finished | 2020-04-01""",
    )
    run_cohort(db)
    return db


def test_the_attrition_is_a_line_for_each_step_reason_site_arm_and_stratum(whole):
    assert rows(whole, "attrition", "number, step, site_id, arm, stratum, n_in, n_out") == [
        (1, "population", "north", None, None, 5, 4),
        (1, "population", "south", None, None, 3, 3),
        (2, "arm", "north", "control", None, 2, 2),
        (2, "arm", "north", "treated", None, 1, 1),
        (2, "arm", "north", None, None, 1, 0),
        (2, "arm", "south", "control", None, 2, 2),
        (2, "arm", "south", "treated", None, 1, 1),
        (3, "age", "north", "control", None, 2, 1),
        (3, "age", "north", "treated", None, 1, 1),
        (3, "age", "south", "control", None, 2, 2),
        (3, "age", "south", "treated", None, 1, 1),
        (4, "stratified", "north", "control", "severe", 1, 1),
        (4, "stratified", "north", "treated", "moderate", 1, 1),
        (4, "stratified", "south", "control", "moderate", 1, 1),
        (4, "stratified", "south", "control", None, 1, 0),
        (4, "stratified", "south", "treated", "severe", 1, 1),
        (5, "excluded", "north", "control", "severe", 1, 1),
        (5, "excluded", "north", "treated", "moderate", 1, 1),
        (5, "excluded", "south", "control", "moderate", 1, 1),
        (5, "excluded", "south", "treated", "severe", 1, 0),
    ]


def test_a_line_is_described_by_its_reason_else_by_its_step(whole):
    assert rows(whole, "attrition", "DISTINCT number, description") == [
        (1, "no record of: COVID-19"),
        (2, "neither treated nor enrolled as control"),
        (3, "younger than 18"),
        (4, "no severity recorded up to time zero"),
        (5, "active cancer"),
    ]


def test_the_attrition_ends_with_the_cohort(whole):
    assert rows(whole, "cohort", "site_id, patient_id, arm, stratum, zero_date") == [
        ("north", "control", "control", "severe", date(2020, 4, 1)),
        ("north", "treated", "treated", "moderate", date(2020, 4, 1)),
        ("south", "control", "control", "moderate", date(2020, 4, 1)),
    ]


def attrition(db, dropped):
    load(
        db,
        "step",
        """
        step_number | step       | description
        ------------+------------+------------
        3           | population | seen
        4           | arm        | placed
        7           | age        | of age""",
    )
    load(db, "person", "patient_id\na\nb\nc\nd")
    load(db, "start", "patient_id | arm\na | treated\nb | treated\nc | control\nd | control")
    load(db, "severity", "patient_id | stratum\na | all\nb | all\nc | all\nd | all")
    load(db, "dropped", dropped)
    run_sql(db, "cohort/31_attrition.sql")
    return rows(db, "attrition", "number, description, arm, stratum, n_in, n_out")


def test_a_step_that_left_nobody_out_stays_with_all(db):
    assert attrition(db, "step_number | patient_id | reason\n7 | d | young")[:1] == [
        (1, "seen", None, None, 4, 4)
    ]


def test_without_strata_the_stratum_is_all_once_there_are_arms(db):
    found = attrition(db, "step_number | patient_id | reason\n7 | d | young")
    assert {(number, stratum) for number, _, _, stratum, _, _ in found} == {(1, None), (2, "all"), (3, "all")}


def test_a_patient_leaves_once_at_the_first_step_that_applies(db):
    dropped = """
        step_number | patient_id | reason
        ------------+------------+-------
        7           | a          | young
        3           | a          |
        7           | d          | young"""
    assert attrition(db, dropped) == [
        (1, "seen", None, None, 4, 3),
        (2, "placed", "control", "all", 2, 2),
        (2, "placed", "treated", "all", 1, 1),
        (3, "young", "control", "all", 2, 1),
        (3, "young", "treated", "all", 1, 1),
    ]


def test_reasons_of_one_step_follow_each_other_by_name(db):
    dropped = """
        step_number | patient_id | reason
        ------------+------------+-------
        7           | a          | young
        7           | b          | no date
        7           | c          | young"""
    assert attrition(db, dropped)[3:] == [
        (3, "no date", "control", "all", 2, 2),
        (3, "no date", "treated", "all", 2, 1),
        (4, "young", "control", "all", 2, 1),
        (4, "young", "treated", "all", 1, 0),
    ]


def test_who_has_not_landed_adds_no_reason(db):
    dropped = """
        step_number | patient_id | reason
        ------------+------------+-------
        4           | stranger   | neither
        7           | a          | young"""
    assert [line[1] for line in attrition(db, dropped)] == ["seen", "placed", "placed", "young", "young"]
