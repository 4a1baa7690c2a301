"""sql/cohort/14_anchor.sql: the earliest record of the population's codes."""

from datetime import date

from .conftest import load, rows, run_sql, study

COLUMNS = "anchor_at::VARCHAR, anchor_date"


def anchors(db, coded_event, columns=COLUMNS):
    load(db, "coded_event", coded_event)
    run_sql(db, "cohort/14_anchor.sql")
    return rows(db, "anchor", columns)


def test_the_earliest_record_is_the_anchor_one_a_patient_and_site(db):
    coded_event = """
        site_id | patient_id | source    | element | code_list | happened_date
        --------+------------+-----------+---------+-----------+--------------
        north   | p          | condition | code    | covid     | 2020-03-05
        north   | p          | condition | code    | covid     | 2020-03-02
        south   | p          | condition | code    | covid     | 2020-03-09"""
    assert anchors(db, coded_event, "site_id, anchor_date") == [
        ("north", date(2020, 3, 2)),
        ("south", date(2020, 3, 9)),
    ]


def test_only_codes_of_the_population_in_its_source_count(db):
    coded_event = """
        patient_id | source      | element  | code_list | happened_date
        -----------+-------------+----------+-----------+--------------
        p          | observation | code     | covid     | 2020-03-02
        p          | condition   | severity | covid     | 2020-03-02
        p          | condition   | code     | cancer    | 2020-03-02"""
    assert anchors(db, coded_event) == []


def test_a_record_without_a_day_is_no_anchor(db):
    coded_event = """
        patient_id | source    | element | code_list | happened_from | happened_date
        -----------+-----------+---------+-----------+---------------+--------------
        p          | condition | code    | covid     | 2020-03-01    |
        q          | condition | code    | covid     | 2020-03-01    |
        q          | condition | code    | covid     | 2020-03-07    | 2020-03-07"""
    assert anchors(db, coded_event, "patient_id, anchor_date") == [("q", date(2020, 3, 7))]


def test_in_a_numeric_population_only_numbers_count(db):
    study(db, population_source="observation", population_numeric=True)
    coded_event = """
        patient_id | source      | element | code_list | is_numeric | happened_date
        -----------+-------------+---------+-----------+------------+--------------
        p          | observation | code    | covid     | false      | 2020-03-02
        p          | observation | code    | covid     | true       | 2020-03-05
        q          | observation | code    | covid     | false      | 2020-03-02"""
    assert anchors(db, coded_event, "patient_id, anchor_date") == [("p", date(2020, 3, 5))]


def test_across_offsets_the_earlier_instant_is_first_though_its_date_is_later(db):
    coded_event = """
        patient_id | source    | element | code_list | happened_at               | happened_date
        -----------+-----------+---------+-----------+---------------------------+--------------
        p          | condition | code    | covid     | 2020-03-01T20:00:00+00:00 | 2020-03-01
        p          | condition | code    | covid     | 2020-03-02T00:30:00+08:00 | 2020-03-02"""
    assert anchors(db, coded_event) == [("2020-03-01 16:30:00+00", date(2020, 3, 2))]


def test_of_one_instant_in_two_offsets_the_earlier_date_is_written(db):
    coded_event = """
        patient_id | source    | element | code_list | happened_at               | happened_date
        -----------+-----------+---------+-----------+---------------------------+--------------
        p          | condition | code    | covid     | 2020-03-02T04:00:00+08:00 | 2020-03-02
        p          | condition | code    | covid     | 2020-03-01T20:00:00+00:00 | 2020-03-01"""
    assert anchors(db, coded_event) == [("2020-03-01 20:00:00+00", date(2020, 3, 1))]


def test_on_one_date_a_record_with_a_time_goes_before_one_without(db):
    coded_event = """
        patient_id | source    | element | code_list | happened_at          | happened_date
        -----------+-----------+---------+-----------+----------------------+--------------
        p          | condition | code    | covid     |                      | 2020-03-02
        p          | condition | code    | covid     | 2020-03-02T23:00:00Z | 2020-03-02"""
    assert anchors(db, coded_event) == [("2020-03-02 23:00:00+00", date(2020, 3, 2))]


def test_an_earlier_record_with_a_date_only_borrows_no_later_time(db):
    coded_event = """
        patient_id | source    | element | code_list | happened_at          | happened_date
        -----------+-----------+---------+-----------+----------------------+--------------
        p          | condition | code    | covid     |                      | 2020-03-02
        p          | condition | code    | covid     | 2020-03-09T08:00:00Z | 2020-03-09"""
    assert anchors(db, coded_event) == [(None, date(2020, 3, 2))]
