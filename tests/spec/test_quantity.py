"""sql/endpoint/quantity.sql: one value at each visit, or why there is none."""

import pytest

from .conftest import load, rows, run_sql

COHORT = """
    patient_id | arm     | stratum | zero_at              | zero_date
    p          | treated | severe  | 2020-04-01T08:00:00Z | 2020-04-01"""
DATE_ONLY = """
    patient_id | arm     | stratum | zero_date
    p          | treated | severe  | 2020-04-01"""


def quantity(db, measurement="", columns="value", *, visit="d28", cohort=COHORT, pulled=""):
    """measurement: day, value and other columns; p's FEV1 if not named."""
    load(db, "cohort", cohort)
    load(db, "site", f"site_id | pulled_at\nnorth | {pulled}")
    if measurement:
        lines = measurement.strip().splitlines()
        load(
            db,
            "measurement",
            "\n".join([f"patient_id | endpoint | {lines[0]}", *(f"p | FEV1 | {line}" for line in lines[1:])]),
        )
    run_sql(db, "endpoint/quantity.sql")
    (row,) = rows(db, f"quantity WHERE visit = '{visit}'", columns)
    return row


def test_every_patient_endpoint_and_visit_has_a_row(db):
    load(db, "cohort", f"{COHORT}\nq | control | severe | | 2020-04-01")
    load(db, "site", "site_id\nnorth")
    load(db, "endpoint", "endpoint | kind\nVC | quantity\nsurvival | death")
    run_sql(db, "endpoint/quantity.sql")
    assert rows(db, "quantity", "patient_id, endpoint, visit") == [
        (p, e, v) for p in "pq" for e in ("FEV1", "VC") for v in ("baseline", "d28", "d90")
    ]


@pytest.mark.parametrize(
    ("day", "value"), [("20.999", None), ("21", 2.5), ("28", 2.5), ("34.999", 2.5), ("35", None)]
)
def test_a_value_on_the_upper_end_of_a_window_is_outside(db, day, value):
    assert quantity(db, f"day | value\n{day} | 2.5") == value


def test_the_value_nearest_the_target_counts(db):
    assert quantity(db, "day | value\n21 | 1\n27 | 2\n29.5 | 3\n34 | 4") == 2


def test_of_two_equally_near_values_the_earlier_counts(db):
    assert quantity(db, "day | value\n29.25 | 2\n26.75 | 1") == 1


def test_equally_near_is_told_also_where_doubles_differ(db):
    assert 28 - 22.7 > 33.3 - 28
    assert quantity(db, "day | value\n33.3 | 2\n22.7 | 1") == 1


def test_true_repeats_of_one_instant_are_averaged(db):
    measurement = """day | measured_at | value | observation_id | measured_date
        28.125 | 2020-04-29T11:00:00Z | 2 | b | 2020-04-29
        28.125 | 2020-04-29T11:00:00Z | 3 | a | 2020-04-29
        28.5   | 2020-04-29T20:00:00Z | 9 | c | 2020-04-29"""
    assert quantity(db, measurement, "value, observation_id") == (2.5, "a")


def test_repeats_of_one_date_without_a_time_of_day_are_averaged(db):
    measurement = """day | measured_date | value
        28 | 2020-04-29 | 2
        28 | 2020-04-29 | 3"""
    assert quantity(db, measurement) == 2.5


def test_where_days_are_of_dates_times_of_one_date_are_still_told_apart(db):
    measurement = """day | measured_at | measured_date | value
        28 | 2020-04-29T16:00:00Z | 2020-04-29 | 5
        28 | 2020-04-29T09:00:00Z | 2020-04-29 | 2
        28 |                      | 2020-04-29 | 1"""
    assert quantity(db, measurement, cohort=DATE_ONLY) == 2


def test_the_mean_of_repeats_does_not_depend_on_their_order(db):
    measurement = """day | measured_date | value
        28 | 2020-04-29 | 0.3
        28 | 2020-04-29 | 0.2
        28 | 2020-04-29 | 0.1"""
    assert (0.1 + 0.2 + 0.3) / 3 != (0.3 + 0.2 + 0.1) / 3
    assert quantity(db, measurement) == (0.1 + 0.2 + 0.3) / 3


def test_a_value_set_aside_is_passed_over(db):
    measurement = """day | value | set_aside
        28 | 99 | implausible
        25 | 2  |"""
    assert quantity(db, measurement, "value, missing") == (2, None)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("5 | <", "7 |", (7, None)),
        ("7 |", "5 | >", (7, None)),
        ("5 | <", "7 | <", (5, "<")),
        ("5 | <=", "7 | <=", (5, "<=")),
        ("5 | >", "7 | >", (7, ">")),
    ],
)
def test_of_one_instant_a_measured_value_goes_before_a_limit_and_the_tighter_limit_counts(
    db, one, other, expected
):
    measurement = (
        f"day | measured_date | value | comparator\n28 | 2020-04-29 | {one}\n28 | 2020-04-29 | {other}"
    )
    assert quantity(db, measurement, "value, comparator") == expected


def test_a_limit_keeps_its_comparator(db):
    assert quantity(db, "day | value | comparator\n28 | 2 | <", "value, comparator") == (2, "<")


def test_a_value_of_another_endpoint_patient_or_site_is_not_this_ones(db):
    load(
        db,
        "measurement",
        """
        site_id | patient_id | endpoint | day | value
        north   | p          | VC       | 28  | 1
        north   | q          | FEV1     | 28  | 1
        south   | p          | FEV1     | 28  | 1""",
    )
    assert quantity(db) is None


def baseline(db, measurement, columns="value", cohort=COHORT):
    head, *lines = ["day | measured_at | measured_date | value", *measurement.strip().splitlines()]
    return quantity(db, "\n".join([head, *lines]), columns, visit="baseline", cohort=cohort)


@pytest.mark.parametrize(
    ("day", "at", "value"),
    [
        ("-7.0001", "2020-03-25T07:59:51Z", None),
        ("-7", "2020-03-25T08:00:00Z", 2),
        ("0", "2020-04-01T08:00:00Z", 2),
        ("0.0001", "2020-04-01T08:00:09Z", None),
    ],
)
def test_the_baseline_window_includes_both_ends_but_nothing_after_time_zero(db, day, at, value):
    assert baseline(db, f"{day} | {at} | {at[:10]} | 2") == value


def test_the_last_value_is_the_baseline(db):
    measurement = """
        -5    |                      | 2020-03-27 | 1
        -0.25 | 2020-04-01T02:00:00Z | 2020-04-01 | 3
        -0.5  | 2020-03-31T20:00:00Z | 2020-03-31 | 2"""
    assert baseline(db, measurement) == 3


def test_where_days_are_of_dates_the_last_time_of_a_date_is_the_baseline(db):
    measurement = """
        -1 | 2020-03-31T09:00:00Z | 2020-03-31 | 1
        -1 | 2020-03-31T16:00:00Z | 2020-03-31 | 2"""
    assert baseline(db, measurement, cohort=DATE_ONLY) == 2


@pytest.mark.parametrize(
    ("cohort", "at", "same_day", "value"),
    [
        (COHORT, "", False, None),
        (COHORT, "", True, 2),
        (DATE_ONLY, "2020-04-01T02:00:00Z", False, None),
        (DATE_ONLY, "2020-04-01T02:00:00Z", True, 2),
    ],
)
def test_a_value_of_the_day_whose_order_is_not_known_is_baseline_only_if_declared(
    db, cohort, at, same_day, value
):
    db.run("UPDATE visit SET same_day = ? WHERE is_baseline", [same_day])
    assert baseline(db, f"0 | {at} | 2020-04-01 | 2", cohort=cohort) == value


def test_where_days_are_of_dates_a_value_after_time_zero_on_its_day_is_no_baseline(db):
    assert baseline(db, "0 | 2020-04-01T08:00:01Z | 2020-04-01 | 2") is None


def died(day):
    return f"""
        patient_id | arm     | stratum | zero_date  | death_date
        p          | treated | severe  | 2020-04-01 | {day}"""


@pytest.mark.parametrize(
    ("day", "missing"),
    [
        ("2020-04-10", "dead"),
        ("2020-05-05", "dead"),
        ("2020-05-06", "not_measured"),
        ("", "not_measured"),
    ],
)
def test_who_died_before_the_end_of_the_window_is_dead(db, day, missing):
    assert quantity(db, columns="missing", cohort=died(day)) == missing


@pytest.mark.parametrize(
    ("pulled", "missing"),
    [
        ("2020-05-05T09:00:00Z", "window_not_reached"),
        ("2020-05-06T09:00:00Z", "not_measured"),
        ("", "not_measured"),
    ],
)
def test_a_window_that_was_still_open_when_the_data_were_pulled_is_not_reached(db, pulled, missing):
    assert quantity(db, columns="missing", pulled=pulled) == missing


@pytest.mark.parametrize(
    ("end", "pulled", "missing"),
    [
        (34.5, "2020-05-05T00:00:00Z", "window_not_reached"),
        (34.5, "2020-05-06T00:00:00Z", "not_measured"),
        (34.25, "2020-05-05T00:00:00Z", "window_not_reached"),
    ],
)
def test_a_window_that_ends_within_a_day_is_reached_after_that_day(db, end, pulled, missing):
    db.run("UPDATE visit SET end_day = ? WHERE visit = 'd28'", [end])
    assert quantity(db, columns="missing", pulled=pulled) == missing


def test_a_death_without_a_day_is_not_counted_as_dead(db):
    cohort = """
        patient_id | arm     | stratum | zero_date  | deceased
        p          | treated | severe  | 2020-04-01 | true"""
    assert quantity(db, columns="missing", cohort=cohort) == "not_measured"


@pytest.mark.parametrize(
    ("death", "pulled", "measurement", "missing"),
    [
        ("2020-04-10", "2020-04-20", "day | value | set_aside\n22 | 9 | implausible", "dead"),
        ("", "2020-04-20", "day | value | set_aside\n22 | 9 | implausible", "set_aside"),
        ("", "2021-04-20", "day | value | set_aside\n22 | 9 | implausible", "set_aside"),
        ("", "2021-04-20", "day | value | set_aside\n36 | 9 | implausible", "not_measured"),
        ("", "2021-04-20", "day | value | set_aside\n | 9 | no_day", "not_measured"),
        ("2020-04-30", "2020-04-20", "day | value | set_aside\n22 | 2 |", None),
    ],
)
def test_the_first_reason_of_a_missing_value_is_given(db, death, pulled, measurement, missing):
    assert quantity(db, measurement, "missing", cohort=died(death), pulled=pulled) == missing
