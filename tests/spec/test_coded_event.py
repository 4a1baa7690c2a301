"""sql/cohort/12_coded_event.sql: dated records that carry a code which decides who is in."""

from datetime import date

import pytest

from .conftest import load, rows, run_sql, stratified, study

MARCH_1 = date(2020, 3, 1)


def events(db, columns, **records):
    stratified(db)
    load(db, "exclusion", "number | source | code_list\n1 | medication_administration | cells")
    for table, text in records.items():
        load(db, table, text)
    run_sql(db, "cohort/11_administration.sql", "cohort/12_coded_event.sql")
    return rows(db, "coded_event", columns)


def test_only_conditions_confirmed_or_not_doubted_are_records(db):
    condition = """
        patient_id | condition_id | code  | severity_code | stage_code | verification_status
        -----------+--------------+-------+---------------+------------+--------------------
        p          | 1            | covid | severe        | severe     | confirmed
        p          | 2            | covid | severe        | severe     |
        p          | 3            | covid | severe        | severe     | provisional
        p          | 4            | covid | severe        | severe     | differential
        p          | 5            | covid | severe        | severe     | unconfirmed
        p          | 6            | covid | severe        | severe     | refuted
        p          | 7            | covid | severe        | severe     | entered-in-error"""
    assert events(db, "resource_id, element", condition=condition) == [
        (n, element) for n in "12" for element in ("code", "severity", "stage")
    ]


def test_only_encounters_that_took_or_take_place_are_records(db):
    encounter = """
        patient_id | encounter_id | code    | status
        -----------+--------------+---------+-----------------
        p          | 1            | control | finished
        p          | 2            | control | in-progress
        p          | 3            | control | planned
        p          | 4            | control | cancelled
        p          | 5            | control | entered-in-error
        p          | 6            | control | unknown"""
    assert events(db, "source, resource_id, element", encounter=encounter) == [
        ("encounter", "1", "code"),
        ("encounter", "2", "code"),
    ]


def test_only_final_amended_and_corrected_observations_are_records(db):
    observation = """
        patient_id | observation_id | code  | value_concept_code | status
        -----------+----------------+-------+--------------------+-----------------
        p          | 1              | grade | severe             | final
        p          | 2              | grade | severe             | amended
        p          | 3              | grade | severe             | corrected
        p          | 4              | grade | severe             | preliminary
        p          | 5              | grade | severe             | registered
        p          | 6              | grade | severe             | cancelled
        p          | 7              | grade | severe             | entered-in-error
        p          | 8              | grade | severe             | unknown"""
    assert events(db, "source, resource_id, element", observation=observation) == [
        ("observation", n, element) for n in "123" for element in ("code", "value")
    ]


@pytest.mark.parametrize(
    ("effective", "instant", "start", "day"),
    [("2020-03-01", "", "", 1), ("", "2020-03-02", "2020-03-03", 2), ("", "", "2020-03-03", 3)],
)
def test_an_observation_and_its_value_happened_when_it_took_effect(db, effective, instant, start, day):
    observation = f"""
        patient_id | code  | value_concept_code | status | effective   | effective_instant | effective_start
        p          | grade | severe             | final  | {effective} | {instant}         | {start}"""
    assert events(db, "happened_date", observation=observation) == [date(2020, 3, day)] * 2


def test_administrations_that_may_have_happened_are_records(db):
    medication_administration = """
        patient_id | medication_administration_id | code        | status
        -----------+------------------------------+-------------+-----------------
        p          | 1                            | other-cells | completed
        p          | 2                            | other-cells | stopped
        p          | 3                            | other-cells | unknown
        p          | 4                            | other-cells | not-done
        p          | 5                            | other-cells | entered-in-error"""
    found = events(db, "source, resource_id, element", medication_administration=medication_administration)
    assert found == [("medication_administration", n, "code") for n in "123"]


def test_a_record_without_a_subject_is_dropped(db):
    condition = """
        patient_id | condition_id | code
                   | 1            | covid"""
    assert events(db, "resource_id", condition=condition) == []


def test_a_code_counts_only_together_with_its_system(db):
    condition = """
        patient_id | condition_id | system | code
        -----------+--------------+--------+------
        p          | 1            | s      | covid
        p          | 2            | other  | covid
        p          | 3            |        | covid"""
    assert events(db, "resource_id", condition=condition) == ["1"]


@pytest.mark.parametrize(
    ("code", "found"), [("covid", ["1"]), ("control", ["1"]), ("grade", ["1"]), ("fev1", []), ("msc", [])]
)
def test_only_lists_that_decide_who_is_in_make_events(db, code, found):
    condition = f"patient_id | condition_id | code\np | 1 | {code}"
    assert events(db, "resource_id", condition=condition) == found


def test_two_codings_of_one_list_are_one_event(db):
    study(db, population_codes="fev1")
    observation = """
        patient_id | observation_id | code     | status | effective
        p          | 1              | fev1     | final  | 2020-04-01
        p          | 1              | fev1-pre | final  | 2020-04-01"""
    assert events(db, "resource_id, code_list", observation=observation) == [("1", "fev1")]


def test_a_condition_carries_its_code_its_severity_and_its_stage(db):
    condition = """
        patient_id | condition_id | code  | severity_code | stage_code
        p          | 1            | covid | moderate      | severe"""
    assert events(db, "source, element, code_list", condition=condition) == [
        ("condition", "code", "covid"),
        ("condition", "severity", "moderate"),
        ("condition", "stage", "severe"),
    ]


def test_a_condition_happened_at_its_onset_and_its_severity_when_recorded(db):
    condition = """
        patient_id | condition_id | code  | severity_code | stage_code | onset      | recorded_date
        p          | 1            | covid | moderate      | severe     | 2020-03-01 | 2020-03-09"""
    assert events(db, "element, happened_date", condition=condition) == [
        ("code", date(2020, 3, 1)),
        ("severity", date(2020, 3, 9)),
        ("stage", date(2020, 3, 9)),
    ]


@pytest.mark.parametrize(
    ("onset", "start", "recorded", "day"),
    [
        ("2020-03-01", "2020-03-02", "2020-03-03", 1),
        ("", "2020-03-02", "2020-03-03", 2),
        ("", "", "2020-03-03", 3),
    ],
)
def test_onset_falls_back_on_the_start_of_its_period_then_on_the_record(db, onset, start, recorded, day):
    condition = f"""
        patient_id | condition_id | code  | onset   | onset_start | recorded_date
        p          | 1            | covid | {onset} | {start}     | {recorded}"""
    assert events(db, "happened_date", condition=condition) == [date(2020, 3, day)]


def test_an_observation_is_numeric_only_with_a_number(db):
    study(db, population_codes="fev1")
    observation = """
        patient_id | observation_id | code | status | value | value_string
        -----------+----------------+------+--------+-------+-------------
        p          | 1              | fev1 | final  | 2.1   |
        p          | 2              | fev1 | final  | 0     |
        p          | 3              | fev1 | final  |       | low"""
    assert events(db, "resource_id, is_numeric", observation=observation) == [
        ("1", True),
        ("2", True),
        ("3", False),
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-03-01T01:00:00+08:00", ("2020-02-29 17:00:00+00", MARCH_1, MARCH_1, MARCH_1)),
        ("2020-03-01", (None, MARCH_1, MARCH_1, MARCH_1)),
        ("2020-02", (None, None, date(2020, 2, 1), date(2020, 2, 29))),
        ("2019", (None, None, date(2019, 1, 1), date(2019, 12, 31))),
        ("", (None, None, None, None)),
    ],
)
def test_a_record_has_an_instant_a_local_date_or_a_range(db, written, expected):
    condition = f"""
        patient_id | condition_id | code  | onset
        p          | 1            | covid | {written}"""
    columns = "happened_at::VARCHAR, happened_date, happened_from, happened_to"
    assert events(db, columns, condition=condition) == [expected]
