"""sql/cohort/13_infusion.sql: whether an administration of the product counts."""

import pytest

from .conftest import load, rows, run_sql, study


def verdicts(db, administration):
    load(db, "administration", administration)
    run_sql(db, "cohort/13_infusion.sql")
    return dict(rows(db, "infusion", "administration_id, verdict"))


def verdict(db, **given):
    cells = {"status": "completed", "given_date": "2020-04-01", "dose_value": "", "dose_unit": ""} | given
    return verdicts(
        db,
        f"""
        administration_id | code | {" | ".join(cells)}
        a                 | msc  | {" | ".join(cells.values())}""",
    )["a"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("completed", "counts"),
        ("stopped", "uncertain"),
        ("in-progress", "uncertain"),
        ("on-hold", "uncertain"),
        ("unknown", "uncertain"),
        ("not-done", "not_given"),
        ("entered-in-error", "not_given"),
    ],
)
def test_only_a_declared_status_counts_and_not_done_is_no_infusion(db, status, expected):
    assert verdict(db, status=status) == expected


def test_another_status_counts_when_declared(db):
    load(db, "counted_status", "status\nstopped")
    assert verdict(db, status="stopped") == "counts"


@pytest.mark.parametrize(
    ("dose", "expected"),
    [
        ("30000000", "counts"),
        ("50000000", "counts"),
        ("29999999.999", "uncertain"),
        ("50000000.001", "uncertain"),
        ("4000000", "uncertain"),
        ("400000000", "uncertain"),
        ("0", "uncertain"),
        ("", "counts"),
    ],
)
def test_a_dose_counts_within_its_tolerance_both_ends_included_or_when_not_stated(db, dose, expected):
    assert verdict(db, dose_value=dose, dose_unit="{cells}") == expected


@pytest.mark.parametrize(
    ("dose", "unit", "expected"),
    [
        ("40", "10*6", "counts"),
        ("51", "10*6", "uncertain"),
        ("40000000", "cells", "uncertain"),
        ("40000000", "", "uncertain"),
        ("1e25", "10*6", "uncertain"),
    ],
)
def test_a_dose_in_a_unit_counts_only_as_converted(db, dose, unit, expected):
    assert verdict(db, dose_value=dose, dose_unit=unit) == expected


def test_without_a_declared_dose_every_dose_counts(db):
    study(db, dose_value=None, dose_unit=None, dose_tolerance=None)
    assert verdict(db, dose_value="1", dose_unit="bag") == "counts"


def test_an_infusion_without_a_day_is_uncertain(db):
    assert verdict(db, given_date="") == "uncertain"


def test_another_product_is_no_infusion_and_two_codes_of_the_product_are_one(db):
    assert verdicts(
        db,
        """
        administration_id | system | code        | status    | given_date
        ------------------+--------+-------------+-----------+-----------
        a                 | s      | msc         | completed | 2020-04-01
        a                 | s      | msc-2       | completed | 2020-04-01
        b                 | s      | other-cells | completed | 2020-04-01
        c                 | other  | msc         | completed | 2020-04-01
        d                 |        |             | completed | 2020-04-01""",
    ) == {"a": "counts"}
    assert rows(db, "infusion", "COUNT(*)") == [1]
