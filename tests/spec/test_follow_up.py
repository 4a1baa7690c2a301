"""sql/cohort/50_follow_up.sql, 51_onset.sql and 52_event.sql: adverse events, and how long anyone watched."""

import pytest

from .conftest import load, rows, run_sql, study

COHORT = """
    patient_id | arm     | stratum | zero_at              | zero_date
    p          | treated | severe  | 2020-04-01T08:00:00Z | 2020-04-01"""


def days(db, cohort=COHORT, **records):
    load(db, "cohort", cohort)
    for table, text in records.items():
        load(db, table, text)
    run_sql(db, "cohort/48_contact.sql", "cohort/50_follow_up.sql")
    (row,) = rows(db, "follow_up WHERE patient_id = 'p'", "days")
    return row


@pytest.mark.parametrize(
    ("death", "contact", "expected"),
    [
        ("", "2020-04-11", 10),
        ("2020-04-06", "2020-04-11", 5),
        ("2020-05-01", "2020-04-11", 10),
        ("", "2022-01-01", 360),
        ("2020-04-06", "", 0),
        ("", "2020-03-01", 0),
        ("", "", 0),
    ],
)
def test_follow_up_ends_with_death_the_last_contact_or_the_declared_day(db, death, contact, expected):
    cohort = f"""
        patient_id | arm     | zero_date  | death_date
        p          | treated | 2020-04-01 | {death}"""
    observation = f"""
        patient_id | status | effective
        p          | final  | {contact}"""
    assert days(db, cohort, observation=observation) == expected


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("observation", "status | effective_start\np | final | 2020-04-11T23:00:00+08:00"),
        ("encounter", "status | period_start | period_end\np | finished | 2020-04-02 | 2020-04-11"),
        ("encounter", "status | period_start | period_end\np | in-progress | 2020-04-11 |"),
        ("encounter", "status | period_start | period_end\np | finished | 2020-04-11 | 2020-04"),
        ("adverse_event", "actuality | occurrence\np | actual | 2020-04-11"),
        ("adverse_event", "actuality | detected\np | actual | 2020-04-11"),
    ],
)
def test_a_contact_is_a_dated_observation_encounter_or_adverse_event(db, table, record):
    assert days(db, **{table: f"patient_id | {record}"}) == 10


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("observation", "status | effective\np | entered-in-error | 2020-04-11"),
        ("observation", "status | effective\np | final | 2020-04"),
        ("encounter", "status | period_start\np | planned | 2020-04-11"),
        ("encounter", "status | period_start\np | cancelled | 2020-04-11"),
        ("adverse_event", "actuality | occurrence\np | potential | 2020-04-11"),
        ("adverse_event", "actuality | status | occurrence\np | actual | entered-in-error | 2020-04-11"),
        ("condition", "onset\np | 2020-04-11"),
    ],
)
def test_what_did_not_happen_or_has_no_day_is_no_contact(db, table, record):
    assert days(db, **{table: f"patient_id | {record}"}) == 0


def test_an_arm_of_a_site_without_an_adverse_event_is_not_ascertained(db):
    load(
        db,
        "cohort",
        """
        site_id | patient_id | arm     | zero_date
        --------+------------+---------+-----------
        north   | a          | treated | 2020-04-01
        north   | b          | treated | 2020-04-01
        north   | c          | control | 2020-04-01
        south   | a          | treated | 2020-04-01""",
    )
    load(db, "adverse_event", "patient_id | adverse_event_id\na | 1\nstranger | 2")
    run_sql(db, "cohort/50_follow_up.sql")
    assert rows(db, "follow_up", "site_id, patient_id, ascertained") == [
        ("north", "a", True),
        ("north", "b", True),
        ("north", "c", False),
        ("south", "a", False),
    ]


def events(db, columns, adverse_event, cohort=COHORT):
    load(db, "cohort", cohort)
    load(db, "adverse_event", adverse_event)
    run_sql(db, "cohort/51_onset.sql", "cohort/52_event.sql")
    return rows(db, "event", columns)


def event(db, columns, **cells):
    cells = {"actuality": "actual", "occurrence": "2020-04-05", **cells}
    adverse_event = f"""
        patient_id | adverse_event_id | {" | ".join(cells)}
        p          | 1                | {" | ".join(cells.values())}"""
    return events(db, columns, adverse_event)


@pytest.mark.parametrize(
    ("onset", "day"),
    [
        ("2020-03-31", []),
        ("2020-04-01", [0]),
        ("2020-04-01T07:59:59Z", []),
        ("2020-04-01T08:00:00Z", [0]),
        ("2021-03-27", [360]),
        ("2021-03-28", []),
        ("2020-04", []),
        ("", []),
    ],
)
def test_events_begin_from_time_zero_to_the_declared_day_both_included(db, onset, day):
    assert event(db, "day", occurrence=onset) == day


def test_without_declared_adverse_events_only_day_0_is_left(db):
    study(db, events_until_day=0)
    assert event(db, "day", occurrence="2020-04-02") == []


@pytest.mark.parametrize(
    ("actuality", "status", "n"),
    [
        ("actual", "", 1),
        ("actual", "completed", 1),
        ("actual", "in-progress", 1),
        ("actual", "entered-in-error", 0),
        ("potential", "", 0),
    ],
)
def test_only_actual_events_that_are_no_error_count(db, actuality, status, n):
    assert len(event(db, "day", actuality=actuality, status=status)) == n


@pytest.mark.parametrize(
    ("dates", "day"),
    [
        (("2020-04-02", "2020-04-03", "2020-04-04", "2020-04-05"), 1),
        (("", "2020-04-03", "2020-04-04", "2020-04-05"), 2),
        (("", "", "2020-04-04", "2020-04-05"), 3),
        (("", "", "", "2020-04-05"), 4),
    ],
)
def test_onset_falls_back_on_when_it_was_detected_then_recorded(db, dates, day):
    names = ("occurrence", "occurrence_start", "detected", "recorded_date")
    assert event(db, "day", **dict(zip(names, dates, strict=True))) == [day]


@pytest.mark.parametrize(
    ("display", "code", "text", "term"),
    [
        ("Headache", "10019211", "head hurts", "Headache"),
        ("", "10019211", "head hurts", "head hurts"),
        ("", "10019211", "", "10019211"),
        ("", "", "", "not stated"),
    ],
)
def test_the_term_is_the_display_else_the_text_else_the_code(db, display, code, text, term):
    assert event(db, "term", display=display, code=code, text=text) == [term]


def test_an_event_of_several_codings_is_one_and_named_by_a_display(db):
    adverse_event = """
        patient_id | adverse_event_id | actuality | occurrence | code | display  | seriousness_code
        p          | 1                | actual    | 2020-04-05 | 1    |          | serious
        p          | 1                | actual    | 2020-04-05 | 2    | Pyrexia  | serious
        p          | 1                | actual    | 2020-04-05 | 3    | Fever    | serious"""
    assert events(db, "adverse_event_id, arm, stratum, term, seriousness_code", adverse_event) == [
        ("1", "treated", "severe", "Fever", "serious")
    ]


@pytest.mark.parametrize(
    ("code", "found"), [("Serious", "serious"), ("Non-serious", "non-serious"), ("", None)]
)
def test_seriousness_is_read_in_either_case(db, code, found):
    """HL7's own R4 example writes Non-serious."""
    assert event(db, "seriousness_code", seriousness_code=code) == [found]


@pytest.mark.parametrize("others", [["3"], ["non-serious", "3"], ["3", ""]])
def test_an_event_that_any_coding_calls_serious_is_one_serious_event(db, others):
    """A grade of CTCAE may stand beside it, and each coding, term and suspect is a row of the view."""
    codings = "\n".join(f"p | 1 | actual | 2020-04-05 | Fever | {code}" for code in ["serious", *others])
    adverse_event = (
        f"patient_id | adverse_event_id | actuality | occurrence | display | seriousness_code\n{codings}"
    )
    assert events(db, "adverse_event_id, seriousness_code", adverse_event) == [("1", "serious")]


def test_only_events_of_the_cohort_count(db):
    adverse_event = """
        site_id | patient_id | adverse_event_id | actuality | occurrence
        south   | p          | 1                | actual    | 2020-04-05
        north   | q          | 2                | actual    | 2020-04-05"""
    assert events(db, "adverse_event_id", adverse_event) == []


def test_an_event_after_death_is_none(db):
    cohort = COHORT.replace("zero_date\n", "zero_date | death_date\n").replace("2020-04-01\n", "2020-04-01")
    cohort = f"{cohort} | 2020-04-10"
    adverse_event = """
        patient_id | adverse_event_id | actuality | occurrence
        p          | 1                | actual    | 2020-04-10
        p          | 2                | actual    | 2020-04-11"""
    assert events(db, "adverse_event_id", adverse_event, cohort) == ["1"]
