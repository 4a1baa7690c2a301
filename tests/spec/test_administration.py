"""sql/cohort/11_administration.sql: which product was given, by whichever way the record names it."""

from datetime import date
from decimal import Decimal

import pytest

from .conftest import load, rows, run_sql


def administration(db, given, columns, medication=""):
    load(db, "medication_administration", given)
    if medication:
        load(db, "medication", medication)
    run_sql(db, "cohort/11_administration.sql")
    return rows(db, "administration", columns)


def test_a_product_is_named_inline_contained_or_by_reference(db):
    given = """
        medication_administration_id | code | contained_id | contained_code | medication_reference
        -----------------------------+------+--------------+----------------+---------------------
        inline                       | msc  |              |                |
        contained                    |      | m            | msc            | #m"""
    load(
        db,
        "medication_administration",
        """
        medication_administration_id | medication_id | medication_reference
        reference                    | med           | Medication/med""",
    )
    medication = """
        medication_id | code
        med           | msc"""
    assert administration(db, given, "administration_id, code", medication) == [
        ("contained", "msc"),
        ("inline", "msc"),
        ("reference", "msc"),
    ]


def test_a_contained_medication_that_is_not_referred_to_is_not_the_product(db):
    given = """
        medication_administration_id | contained_id | contained_code | medication_reference
        a                            | other        | msc            | #m"""
    assert administration(db, given, "administration_id, code") == [("a", None)]


def test_a_medication_of_another_site_is_not_the_product(db):
    given = """
        medication_administration_id | medication_id
        a                            | med"""
    medication = """
        site_id | medication_id | code
        south   | med           | msc"""
    assert administration(db, given, "administration_id, code", medication) == [("a", None)]


def test_two_codings_of_one_product_are_two_rows(db):
    given = """
        medication_administration_id | code
        a                            | msc
        a                            | local"""
    assert administration(db, given, "administration_id, code") == [("a", "local"), ("a", "msc")]


def test_a_product_named_twice_by_one_code_is_one_row(db):
    given = """
        medication_administration_id | code | contained_id | contained_code | medication_reference
        -----------------------------+------+--------------+----------------+---------------------
        a                            |      | m            | msc            | #m
        a                            |      | m            | msc            | #m
        b                            | msc  | m            | saline         |
        b                            | msc  | n            | glucose        |"""
    assert administration(db, given, "administration_id, code") == [("a", "msc"), ("b", "msc")]


def test_one_id_at_two_sites_is_two_administrations(db):
    given = """
        site_id | medication_administration_id | code
        --------+------------------------------+------
        north   | a                            | msc
        south   | a                            | local"""
    assert administration(db, given, "site_id, code") == [("north", "msc"), ("south", "local")]


@pytest.mark.parametrize("product", ["  |     | umbilical cells", "  | msc | ", "s |     | "])
def test_a_product_without_system_or_code_has_one_row_without_a_code(db, product):
    given = f"""
        medication_administration_id | system | code | text
        a                            | {product}"""
    assert administration(db, given, "administration_id, system, code") == [("a", None, None)]


def test_a_code_without_system_is_dropped_beside_a_whole_one(db):
    given = """
        medication_administration_id | system | code
        a                            | s      | msc
        a                            |        | local"""
    assert administration(db, given, "code") == ["msc"]


def test_every_status_stays(db):
    given = """
        medication_administration_id | status    | code
        a                            | completed | msc
        b                            | not-done  | msc"""
    assert administration(db, given, "status") == ["completed", "not-done"]


@pytest.mark.parametrize(
    ("effective", "start", "expected"),
    [
        ("2020-04-01T01:00:00+08:00", "", ("2020-03-31 17:00:00+00", date(2020, 4, 1))),
        ("", "2020-04-01T01:00:00Z", ("2020-04-01 01:00:00+00", date(2020, 4, 1))),
        ("2020-04-01", "", (None, date(2020, 4, 1))),
        ("2020-04", "", (None, None)),
        ("", "", (None, None)),
    ],
)
def test_it_was_given_at_its_start_on_the_local_date_as_written(db, effective, start, expected):
    given = f"""
        medication_administration_id | effective   | effective_start
        a                            | {effective} | {start}"""
    assert administration(db, given, "given_at::VARCHAR, given_date") == [expected]


@pytest.mark.parametrize(("code", "text", "unit"), [("10*6", "million", "10*6"), ("", "million", "million")])
def test_the_unit_of_the_dose_is_its_code_else_its_text(db, code, text, unit):
    given = f"""
        medication_administration_id | dose_value | dose_unit_code | dose_unit
        a                            | 40         | {code}         | {text}"""
    assert administration(db, given, "dose_value, dose_unit") == [(Decimal(40), unit)]
