"""sql/cohort/18_severity.sql: the worst state up to time zero."""

import pytest

from .conftest import load, rows, run_sql, stratified

ZERO = """
    patient_id | arm     | zero_at              | zero_date
    p          | treated | 2020-04-01T08:00:00Z | 2020-04-01"""


def severity(db, coded_event, zero=ZERO):
    """A line of coded_event: resource, element, code list, when."""
    load(db, "start", zero)
    lines = [[cell.strip() for cell in line.split("|")] for line in coded_event.strip().splitlines()]
    cells = "\n".join(
        f"p | condition | {name} | {element} | {codes} | {when if 'T' in when else ''} | {when[:10]}"
        for name, element, codes, when in lines
    )
    head = "patient_id | source | resource_id | element | code_list | happened_at | happened_to"
    load(db, "coded_event", f"{head}\n{cells}")
    run_sql(db, "cohort/18_severity.sql")
    return rows(db, "severity", "stratum")


def test_the_worst_state_up_to_time_zero_is_the_stratum(db):
    stratified(db)
    coded_event = """
        c1 | code     | covid    | 2020-03-01
        c1 | severity | severe   | 2020-03-01
        c2 | code     | covid    | 2020-03-20
        c2 | severity | moderate | 2020-03-20"""
    assert severity(db, coded_event) == ["severe"]


def test_a_worse_state_after_time_zero_is_ignored(db):
    stratified(db)
    coded_event = """
        c1 | code     | covid    | 2020-03-01
        c1 | severity | moderate | 2020-03-01
        c2 | code     | covid    | 2020-04-01T08:00:01Z
        c2 | severity | severe   | 2020-04-01T08:00:01Z"""
    assert severity(db, coded_event) == ["moderate"]


@pytest.mark.parametrize(
    ("when", "stratum"),
    [
        ("2020-04-01T08:00:00Z", "severe"),
        ("2020-04-01T08:00:01Z", None),
        ("2020-04-01", "severe"),
        ("2020-04-02", None),
    ],
)
def test_a_state_at_time_zero_counts_and_with_a_date_only_on_its_day(db, when, stratum):
    stratified(db)
    assert severity(db, f"c | code | covid | {when}\nc | severity | severe | {when}") == [stratum]


@pytest.mark.parametrize(("last", "stratum"), [("2020-03-31", "severe"), ("2020-04-30", None)])
def test_a_month_counts_when_all_of_it_is_past(db, last, stratum):
    stratified(db)
    load(
        db,
        "coded_event",
        f"""
        patient_id | source    | resource_id | element  | code_list | happened_to
        -----------+-----------+-------------+----------+-----------+------------
        p          | condition | m           | code     | covid     | {last}
        p          | condition | m           | severity | severe    | {last}""",
    )
    assert severity(db, "x | code | cancer | 2020-03-01") == [stratum]


def test_a_state_counts_only_in_a_record_of_a_carrier(db):
    stratified(db)
    coded_event = """
        asthma | code     | cancer | 2020-03-01
        asthma | severity | severe | 2020-03-01
        c      | code     | covid  | 2020-03-01"""
    assert severity(db, coded_event) == [None]


def test_a_carrier_of_another_type_or_patient_with_the_same_id_does_not_count(db):
    stratified(db)
    load(
        db,
        "coded_event",
        """
        site_id | patient_id | source      | resource_id | element | code_list | happened_date
        --------+------------+-------------+-------------+---------+-----------+--------------
        north   | p          | observation | 1           | code    | covid     | 2020-03-01
        south   | p          | condition   | 1           | code    | covid     | 2020-03-01""",
    )
    assert severity(db, "1 | severity | severe | 2020-03-01") == [None]


@pytest.mark.parametrize("element", ["severity", "stage", "value"])
def test_a_state_is_a_severity_a_stage_or_a_coded_value(db, element):
    stratified(db)
    assert severity(db, f"c | code | graded | 2020-03-01\nc | {element} | severe | 2020-03-01") == ["severe"]


def test_a_code_of_its_own_is_no_state(db):
    stratified(db)
    assert severity(db, "c | code | covid | 2020-03-01\nc | code | severe | 2020-03-01") == [None]


def test_without_any_state_the_stratum_is_not_known(db):
    stratified(db)
    assert severity(db, "c | code | covid | 2020-03-01") == [None]


def test_without_declared_strata_everyone_is_in_all(db):
    assert severity(db, "c | code | covid | 2020-03-01\nc | severity | severe | 2020-03-01") == ["all"]


def test_who_has_no_arm_has_no_stratum(db):
    zero = "patient_id | no_arm\np | neither"
    assert severity(db, "c | code | covid | 2020-03-01", zero) == []


def test_the_stratum_is_that_of_the_patient_at_this_site(db):
    stratified(db)
    zero = """
        site_id | patient_id | arm     | zero_date
        north   | p          | treated | 2020-04-01
        south   | p          | treated | 2020-04-01"""
    assert severity(db, "c | code | covid | 2020-03-01\nc | severity | severe | 2020-03-01", zero) == [
        "severe",
        None,
    ]
