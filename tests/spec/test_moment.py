"""sql/cohort/01_moment.sql: what a date or time as recorded says, and what it leaves open."""

from datetime import date

import pytest

from .conftest import load, rows, run_sql

EFFECTIVE = "observation_id | effective\no | {}"


def moment(db, columns, *texts):
    for text in texts:
        load(db, "observation", EFFECTIVE.format(text))
    run_sql(db, "cohort/01_moment.sql")
    return rows(db, "moment", columns)


@pytest.mark.parametrize(
    ("recorded", "precision", "first", "last"),
    [
        ("2020", "year", date(2020, 1, 1), date(2020, 12, 31)),
        ("2020-02", "month", date(2020, 2, 1), date(2020, 2, 29)),
        ("2021-02", "month", date(2021, 2, 1), date(2021, 2, 28)),
        ("2020-02-01", "day", date(2020, 2, 1), date(2020, 2, 1)),
        ("2020-02-01T10:00:00Z", "time", date(2020, 2, 1), date(2020, 2, 1)),
    ],
)
def test_a_date_has_bounds_and_a_precision(db, recorded, precision, first, last):
    assert moment(db, "precision, from_date, to_date", recorded) == [(precision, first, last)]


@pytest.mark.parametrize("recorded", ["2020", "2020-02"])
def test_2020_02_is_not_the_first_of_february(db, recorded):
    """Neither a day nor an instant: no rule about days sees it."""
    assert moment(db, "local_date, instant", recorded) == [(None, None)]


def test_a_day_has_no_midnight(db):
    assert moment(db, "local_date, instant", "2020-02-01") == [(date(2020, 2, 1), None)]


def test_one_series_is_in_the_order_of_its_instants_across_a_change_of_offset(db):
    """The night when summer time begins: from 01:30+01:00 to 03:10+02:00 are 40 minutes."""
    series = ["2020-03-29T03:10:00+02:00", "2020-03-29T01:30:00+01:00", "2020-03-29T01:59:00+01:00"]
    moment(db, "recorded", *series)
    assert rows(db, "moment", "string_agg(recorded[12:16], ' ' ORDER BY instant)") == ["01:30 01:59 03:10"]
    assert rows(db, "moment", "epoch(max(instant) - min(instant)) / 60") == [40]


def test_a_later_clock_may_be_an_earlier_instant(db):
    moment(db, "recorded", "2020-03-29T23:30:00+02:00", "2020-03-29T22:45:00+01:00")
    assert rows(db, "moment", "arg_min(recorded, instant)") == ["2020-03-29T23:30:00+02:00"]


def test_the_local_date_is_the_one_written(db):
    """By the instant it is still February in UTC."""
    found = moment(db, "local_date, instant::VARCHAR", "2020-03-01T00:30:00+08:00")
    assert found == [(date(2020, 3, 1), "2020-02-29 16:30:00+00")]


@pytest.mark.parametrize("recorded", ["", "2020-02-30", "2020-13", "soon"])
def test_what_is_no_date_has_no_moment(db, recorded):
    assert moment(db, "recorded", recorded) == []


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("patient", ["birth_date", "deceased_datetime"]),
        ("encounter", ["period_start", "period_end"]),
        ("condition", ["onset", "onset_start", "recorded_date"]),
        ("observation", ["effective", "effective_instant", "effective_start"]),
        ("medication_administration", ["effective", "effective_start"]),
        ("adverse_event", ["occurrence", "occurrence_start", "detected", "recorded_date"]),
    ],
)
def test_every_recorded_date_that_a_rule_reads_is_there(db, table, columns):
    for n, column in enumerate(columns, start=1):
        load(db, table, f"{column}\n2020-01-0{n}")
    run_sql(db, "cohort/01_moment.sql")
    assert rows(db, "moment", "recorded") == [f"2020-01-0{n}" for n in range(1, len(columns) + 1)]


def test_a_year_of_birth_gives_a_range_of_ages(db):
    """On 15 June 2020 someone born in 1960 is 59 or 60."""
    load(db, "patient", "patient_id | birth_date\np | 1960")
    run_sql(db, "cohort/10_person.sql")
    ages = "DATE_SUB('year', birth_to, DATE '2020-06-15'), DATE_SUB('year', birth_from, DATE '2020-06-15')"
    assert rows(db, "person", ages) == [(59, 60)]
