"""What leaves of a patient, an event and an infusion (sql/export), before the id becomes a pseudonym."""

import pytest

from .conftest import load, rows, run_sql

COHORT = """
    site_id | patient_id | arm     | stratum | zero_date  | age_years | days_from_anchor | death_date
    --------+------------+---------+---------+------------+-----------+------------------+-----------
    north   | {patient}  | treated | severe  | 2020-05-01 | {age}     | {anchor}         | {death}"""
FOLLOW_UP = """
    site_id | patient_id | arm     | days
    --------+------------+---------+-----
    north   | p          | treated | 360"""
EVENT = """
    site_id | patient_id | adverse_event_id | arm     | stratum | day | seriousness_code | severity
    --------+------------+------------------+---------+---------+-----+------------------+---------
    north   | p          | e                | treated | severe  | 3   | {serious}        | mild"""


def cohort(db, *, age="50", anchor="", death=""):
    text = COHORT.replace("{patient}", "p").replace("{age}", age).replace("{anchor}", anchor)
    load(db, "cohort", text.replace("{death}", death))
    load(db, "follow_up", FOLLOW_UP)


@pytest.mark.parametrize(
    ("age", "years", "band"),
    [
        ("18.99", 18, "10 to 19"),
        ("89.99", 89, "80 to 89"),
        ("90.0", 90, "90 or more"),
        ("104.2", 90, "90 or more"),
        ("9.5", 9, "0 to 9"),
        ("0", 0, "0 to 9"),
        ("-3", None, None),
        ("", None, None),
    ],
)
def test_ages_above_89_are_one_class_and_a_birth_after_time_zero_has_none(db, age, years, band):
    cohort(db, age=age)
    run_sql(db, "export/10_patient_row.sql")
    assert rows(db, "patient_row", "age, age_band") == [(years, band)]


def test_days_are_whole_and_from_time_zero(db):
    cohort(db, anchor="31.6", death="2020-06-10")
    run_sql(db, "export/10_patient_row.sql")
    assert rows(db, "patient_row", "days_from_anchor, death_day") == [(32, 40)]


def test_who_is_a_control_until_the_own_infusion_has_a_row_in_each_arm(db):
    load(
        db,
        "cohort",
        """
    patient_id | arm     | stratum | zero_date  | censor_date | age_years
    -----------+---------+---------+------------+-------------+----------
    p          | control | severe  | 2020-05-01 | 2020-05-11  | 60
    p          | treated | severe  | 2020-05-11 |             | 60""",
    )
    load(db, "follow_up", "patient_id | arm | days\np | control | 10\np | treated | 360")
    load(
        db,
        "infusion",
        """
    patient_id | administration_id | given_date | verdict
    -----------+-------------------+------------+--------
    p          | 1                 | 2020-05-11 | counts
    p          | 2                 | 2020-05-14 | counts""",
    )
    load(
        db,
        "endpoint_value",
        """
    patient_id | arm     | endpoint | visit | measured_date
    -----------+---------+----------+-------+--------------
    p          | control | FEV1     | d28   |
    p          | treated | FEV1     | d28   | 2020-06-08""",
    )
    for file in ("10_patient_row", "20_value_row", "40_infusion_row"):
        run_sql(db, f"export/{file}.sql")
    assert rows(db, "patient_row", "arm, treated_day, follow_up_days") == [
        ("control", 10, 10),
        ("treated", None, 360),
    ]
    assert rows(db, "value_row", "arm, day") == [("control", None), ("treated", 28)]
    assert rows(db, "infusion_row", "arm, day") == [("treated", 0), ("treated", 3)]


def test_of_an_event_in_both_arms_the_infusion_is_that_of_the_treated(db):
    load(db, "event", EVENT.replace("treated", "control").replace("{serious}", ""))
    load(db, "event", EVENT.replace("{serious}", ""))
    load(db, "infusion_event", "patient_id | adverse_event_id | suspected\np | e | true")
    run_sql(db, "export/30_event_row.sql")
    assert rows(db, "event_row", "arm, suspected") == [("control", None), ("treated", True)]


def test_infusions_of_a_control_whose_own_start_was_left_out_leave_too(db):
    load(
        db,
        "cohort",
        "patient_id | arm | zero_date | censor_date\nq | control | 2020-03-11 | 2020-05-01",
    )
    load(db, "infusion", "patient_id | administration_id | verdict | given_date\nq | i | counts | 2020-05-01")
    run_sql(db, "export/40_infusion_row.sql")
    assert rows(db, "infusion_row WHERE patient_id = 'q'", "arm, day") == [("control", 51)]


def test_no_date_or_time_leaves(db):
    for file in ("10_patient_row", "20_value_row", "30_event_row", "40_infusion_row"):
        run_sql(db, f"export/{file}.sql")
        types = {kind for _, kind, *_ in db.rows(f"DESCRIBE {file[3:]}")}
        assert types <= {"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN"}, file


def event(db, *codings, serious="serious"):
    load(db, "event", EVENT.replace("{serious}", serious))
    for system, code, display in codings:
        db.run(
            "INSERT INTO adverse_event (site_id, patient_id, adverse_event_id, system, code, display, text) "
            "VALUES ('north', 'p', 'e', ?, ?, ?, ?)",
            [system, code, display, display],
        )
    run_sql(db, "export/30_event_row.sql")
    return rows(db, "event_row", "system, code")


def test_of_several_codings_the_first_by_system_and_code(db):
    found = [("urn:b", "1", "x"), ("urn:a", "2", "x"), ("urn:a", "1", "x")]
    assert event(db, *found) == [("urn:a", "1")]


@pytest.mark.parametrize(
    "code", ["fell in room 4", "=cmd()", "<script>", "x" * 41, "", "a\nb", "Ж", "a|b", None, "'1"]
)
def test_a_code_that_is_none_by_its_signs_does_not_leave_and_its_event_does(db, code):
    assert event(db, ("https://www.meddra.org", code, "Rash")) == [(None, None)]


@pytest.mark.parametrize(
    "system", [None, "", "meddra", "John Smith", "urn:a b", "=urn:a", "urn:" + "x" * 201]
)
def test_a_code_without_a_usable_system_does_not_leave(db, system):
    assert event(db, (system, "1", "Rash")) == [(None, None)]


def test_no_term_leaves(db):
    event(db, ("urn:a", "1", "Rash of John Smith"))
    assert "Rash" not in str(db.rows("FROM event_row"))


def test_another_seriousness_than_the_two_is_not_stated(db):
    event(db, serious="p-4711")
    assert rows(db, "event_row", "seriousness") == [None]


def test_infusions_of_others_than_the_cohort_do_not_leave(db):
    cohort(db)
    load(
        db,
        "infusion",
        """
    site_id | patient_id | administration_id | given_date | verdict | dose_ratio
    --------+------------+-------------------+------------+---------+-----------
    north   | p          | 1                 | 2020-05-01 | counts  | 1.0
    north   | p          | 2                 |            | counts  | 1.0
    north   | q          | 3                 | 2020-05-04 | counts  | 1.0
    south   | p          | 4                 | 2020-05-04 | counts  | 1.0""",
    )
    run_sql(db, "export/40_infusion_row.sql")
    assert rows(db, "infusion_row", "site_id, patient_id, arm, day") == [
        ("north", "p", "treated", 0),
        ("north", "p", "treated", None),
    ]
