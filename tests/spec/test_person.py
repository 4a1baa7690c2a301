"""sql/cohort/10_person.sql: who is landed at all."""

from datetime import date

import pytest

from .conftest import load, rows, run_sql


def person(db, patient, columns):
    load(db, "patient", patient)
    run_sql(db, "cohort/10_person.sql")
    return rows(db, "person", columns)


def test_every_patient_stays_also_without_birth_date_or_sex(db):
    patients = """
        site_id | patient_id | gender | birth_date
        --------+------------+--------+-----------
        north   | a          | female | 1960-05-04
        north   | b          |        |
        south   | a          | male   | """
    assert person(db, patients, "site_id, patient_id, sex, birth_from IS NULL") == [
        ("north", "a", "female", False),
        ("north", "b", "unknown", True),
        ("south", "a", "male", True),
    ]


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("1960-05-04", date(1960, 5, 4), date(1960, 5, 4)),
        ("1960-02", date(1960, 2, 1), date(1960, 2, 29)),
        ("1960-12", date(1960, 12, 1), date(1960, 12, 31)),
        ("1960", date(1960, 1, 1), date(1960, 12, 31)),
        ("", None, None),
    ],
)
def test_a_birth_date_in_part_is_a_range(db, written, first, last):
    patients = f"""
        patient_id | birth_date
        a          | {written}"""
    assert person(db, patients, "birth_from, birth_to") == [(first, last)]


@pytest.mark.parametrize(
    ("deceased", "when", "expected"),
    [
        ("", "", (False, None, None)),
        ("false", "", (False, None, None)),
        ("true", "", (True, None, None)),
        ("", "2020-06", (True, None, None)),
        ("", "2020-06-01", (True, None, date(2020, 6, 1))),
        ("", "2020-06-01T01:00:00+08:00", (True, "2020-05-31 17:00:00+00", date(2020, 6, 1))),
    ],
)
def test_a_death_has_a_day_and_an_instant_only_where_they_are_known(db, deceased, when, expected):
    patients = f"""
        patient_id | deceased   | deceased_datetime
        a          | {deceased} | {when}"""
    assert person(db, patients, "deceased, death_at::VARCHAR, death_date") == [expected]
