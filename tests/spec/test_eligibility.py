"""sql/cohort/2*.sql: who is left out, and why."""

from datetime import date

import pytest

from rwe import data
from rwe.steps.cohort import header

from .conftest import load, rows, run_sql, stratified, study

ZERO = """
    patient_id | arm     | zero_at              | zero_date
    p          | treated | 2020-04-01T08:00:00Z | 2020-04-01"""
ZERO_DATE_ONLY = """
    patient_id | arm     | zero_date
    p          | treated | 2020-04-01"""


def left_out(db, step, columns="reason"):
    (file,) = (f for f in data.sql_files("cohort") if f.stem.endswith(step))
    run_sql(db, f"cohort/{file.name}")
    return rows(db, step, columns)


def applies(db, step):
    (file,) = (f for f in data.sql_files("cohort") if f.stem.endswith(step))
    return db.rows(f"SELECT COALESCE({header(file, 'When')}, FALSE) FROM study") == [(True,)]


def test_who_has_no_record_of_the_population_leaves(db):
    load(db, "person", "site_id | patient_id\nnorth | p\nnorth | q\nsouth | p")
    load(db, "anchor", "patient_id\np")
    assert left_out(db, "population", "site_id, patient_id, reason") == [
        ("north", "q", "no record of: COVID-19"),
        ("south", "p", "no record of: COVID-19"),
    ]


def test_who_has_no_arm_leaves_with_the_reason(db):
    load(db, "start", "patient_id | arm | no_arm\np | treated |\nq | | because")
    assert left_out(db, "arm", "patient_id, reason") == [("q", "because")]


@pytest.mark.parametrize(
    ("zero", "reason"),
    [
        ("2020-03-19", ["time zero before 2020-03-20"]),
        ("2020-03-20", []),
        ("2021-06-30", []),
        ("2021-07-01", ["time zero after 2021-06-30"]),
        ("", []),
    ],
)
def test_the_calendar_period_includes_both_ends(db, zero, reason):
    study(db, time_zero_from=date(2020, 3, 20), time_zero_to=date(2021, 6, 30))
    load(db, "start", f"patient_id | zero_date\np | {zero}")
    assert left_out(db, "calendar") == reason


@pytest.mark.parametrize(
    ("ends", "out"), [({"time_zero_from": date(2020, 4, 2)}, 1), ({"time_zero_to": date(2020, 4, 1)}, 0)]
)
def test_a_calendar_period_may_be_open(db, ends, out):
    study(db, **ends)
    load(db, "start", ZERO)
    assert len(left_out(db, "calendar")) == out


def test_the_calendar_period_is_of_local_dates(db):
    study(db, time_zero_from=date(2020, 4, 2))
    load(db, "start", "patient_id | zero_at | zero_date\np | 2020-04-02T00:30:00+08:00 | 2020-04-02")
    assert left_out(db, "calendar") == []


def age(db, first, last, **limits):
    study(db, **limits)
    load(db, "start", ZERO)
    load(db, "person", f"patient_id | birth_from | birth_to\np | {first} | {last}")
    return left_out(db, "age")


@pytest.mark.parametrize(
    ("born", "reason"),
    [
        ("2002-04-01", []),
        ("2002-04-02", ["younger than 18"]),
        ("1939-04-02", []),
        ("1939-04-01", ["older than 80"]),
        ("", ["no birth date"]),
    ],
)
def test_age_is_of_completed_years_on_the_day_of_time_zero(db, born, reason):
    assert age(db, born, born, min_age=18, max_age=80) == reason


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("2002-03-01", "2002-03-31", []),
        ("2002-01-01", "2002-12-31", ["not known to be of age: birth date in part only"]),
        ("2003-01-01", "2003-12-31", ["younger than 18"]),
        ("1940-01-01", "1940-12-31", []),
        ("1939-01-01", "1939-12-31", ["not known to be of age: birth date in part only"]),
        ("1938-01-01", "1938-12-31", ["older than 80"]),
    ],
)
def test_a_birth_date_in_part_must_be_of_age_on_each_of_its_days(db, first, last, reason):
    assert age(db, first, last, min_age=18, max_age=80) == reason


@pytest.mark.parametrize(
    ("born", "limits", "out"),
    [
        ("1900-01-01", {"min_age": 18}, 0),
        ("2015-01-01", {"max_age": 80}, 0),
        ("2015-01-01", {"min_age": 18}, 1),
        ("1900-01-01", {"max_age": 80}, 1),
    ],
)
def test_one_limit_of_age_may_stand_alone(db, born, limits, out):
    assert len(age(db, born, born, **limits)) == out


def test_age_asks_nothing_of_who_has_no_arm(db):
    study(db, min_age=18)
    load(db, "start", "patient_id | no_arm\np | neither")
    load(db, "person", "patient_id\np")
    assert left_out(db, "age") == []


@pytest.mark.parametrize(
    ("zero", "died", "out"),
    [
        (ZERO, "2020-04-01T07:59:59Z", 1),
        (ZERO, "2020-04-01T08:00:00Z", 0),
        (ZERO, "2020-03-31", 1),
        (ZERO, "2020-04-01", 0),
        (ZERO_DATE_ONLY, "2020-04-01T01:00:00Z", 0),
        (ZERO_DATE_ONLY, "2020-03-31T23:00:00Z", 1),
        (ZERO, "", 0),
    ],
)
def test_who_died_before_time_zero_leaves_and_a_death_of_the_same_day_stays_unless_timed(db, zero, died, out):
    load(db, "start", zero)
    at = died if "T" in died else ""
    load(db, "person", f"patient_id | deceased | death_at | death_date\np | true | {at} | {died[:10]}")
    assert len(left_out(db, "alive")) == out


def test_who_has_no_stratum_leaves(db):
    load(db, "severity", "patient_id | stratum\np | severe\nq |")
    assert left_out(db, "stratified", "patient_id, reason") == [("q", "no severity recorded up to time zero")]


EXCLUSIONS = """
    number | exclusion | label         | source                    | code_list | lookback_days
    -------+-----------+---------------+---------------------------+-----------+--------------
    1      | cells     | cells before  | condition                 | cells     |
    1      | cells     | cells before  | medication_administration | cells     |
    2      | cancer    | active cancer | condition                 | cancer    | 365"""


def excluded(db, event, zero=ZERO):
    """event: source, element, code list, and when: an instant, a day, or a range with a slash."""
    load(db, "exclusion", EXCLUSIONS)
    load(db, "start", zero)
    source, element, codes, when = (cell.strip() for cell in event.split("|"))
    at = when if "T" in when else ""
    first, last = when.split("/") if "/" in when else (when, when)
    load(
        db,
        "coded_event",
        f"""
        patient_id | source   | element   | code_list | happened_at | happened_from | happened_to
        p          | {source} | {element} | {codes}   | {at}        | {first[:10]}  | {last[:10]}""",
    )
    return left_out(db, "excluded")


@pytest.mark.parametrize("source", ["condition", "medication_administration"])
def test_a_record_before_time_zero_excludes_in_each_declared_source(db, source):
    assert excluded(db, f"{source} | code | cells | 1999-01-01") == ["cells before"]


@pytest.mark.parametrize(
    "event",
    [
        "observation | code | cells | 2020-03-01",
        "condition | severity | cells | 2020-03-01",
        "condition | code | covid | 2020-03-01",
        "condition | code | cells | ",
    ],
)
def test_another_source_element_list_or_no_day_excludes_nobody(db, event):
    assert excluded(db, event) == []


@pytest.mark.parametrize(
    ("zero", "when", "reason"),
    [
        (ZERO, "2020-04-01T07:59:59Z", ["cells before"]),
        (ZERO, "2020-04-01T08:00:00Z", []),
        (ZERO, "2020-04-01", []),
        (ZERO, "2020-03-31", ["cells before"]),
        (ZERO, "2020-04-02", []),
        (ZERO_DATE_ONLY, "2020-04-01T01:00:00Z", []),
        (ZERO_DATE_ONLY, "2020-03-31T23:00:00Z", ["cells before"]),
    ],
)
def test_a_record_of_the_day_of_time_zero_excludes_only_if_known_to_be_before(db, zero, when, reason):
    assert excluded(db, f"condition | code | cells | {when}", zero) == reason


@pytest.mark.parametrize(
    ("when", "reason"), [("2019-04-02", ["active cancer"]), ("2019-04-01", []), ("2019-04-01T23:00:00Z", [])]
)
def test_a_record_before_the_look_back_excludes_nobody(db, when, reason):
    assert excluded(db, f"condition | code | cancer | {when}") == reason


@pytest.mark.parametrize(
    ("codes", "range_", "reason"),
    [
        ("cells", "2015-01-01/2015-12-31", ["cells before"]),
        ("cells", "2020-03-01/2020-03-31", ["cells before"]),
        ("cells", "2020-01-01/2020-12-31", []),
        ("cancer", "2019-05-01/2019-05-31", ["active cancer"]),
        ("cancer", "2019-01-01/2019-12-31", []),
    ],
)
def test_a_year_or_month_excludes_when_all_of_it_lies_before_and_within_the_look_back(
    db, codes, range_, reason
):
    assert excluded(db, f"condition | code | {codes} | {range_}") == reason


def test_the_first_exclusion_declared_is_the_reason_once(db):
    load(
        db,
        "coded_event",
        """
        patient_id | source                    | element | code_list | happened_from | happened_to
        -----------+---------------------------+---------+-----------+---------------+------------
        p          | condition                 | code    | cancer    | 2020-03-01    | 2020-03-01
        p          | medication_administration | code    | cells     | 2020-03-05    | 2020-03-05""",
    )
    assert excluded(db, "condition | code | cells | 2020-03-09") == ["cells before"]


def test_a_death_or_a_record_at_another_site_is_another_patients(db):
    load(db, "exclusion", EXCLUSIONS)
    load(db, "start", ZERO)
    load(db, "person", "site_id | patient_id | death_date\nnorth | p |\nsouth | p | 2020-03-01")
    load(
        db,
        "coded_event",
        """
        site_id | patient_id | source    | element | code_list | happened_from | happened_to
        south   | p          | condition | code    | cells     | 2020-03-01    | 2020-03-01""",
    )
    assert left_out(db, "alive") == []
    assert left_out(db, "excluded") == []


@pytest.mark.parametrize(
    ("step", "changes", "expected"),
    [
        ("calendar", {}, False),
        ("calendar", {"time_zero_from": date(2020, 1, 1)}, True),
        ("calendar", {"time_zero_to": date(2020, 1, 1)}, True),
        ("age", {}, False),
        ("age", {"min_age": 18}, True),
        ("age", {"max_age": 80}, True),
        ("alive", {}, False),
        ("alive", {"alive_at_time_zero": None}, False),
        ("alive", {"alive_at_time_zero": True}, True),
        ("stratified", {}, False),
        ("excluded", {}, False),
    ],
)
def test_a_step_runs_only_when_the_study_declares_its_rule(db, step, changes, expected):
    study(db, **changes)
    assert applies(db, step) == expected


def test_the_steps_of_strata_and_exclusions_run_when_there_are_any(db):
    stratified(db)
    load(db, "exclusion", EXCLUSIONS)
    assert applies(db, "stratified")
    assert applies(db, "excluded")
