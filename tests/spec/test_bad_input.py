"""The bad input a study meets: for each a rule of sql/cohort, and a check of sql/check that counts it."""

import pytest

from rwe import data

from .conftest import load, rows, run_cohort, run_sql, study
from .test_checks import brought_back


def linked(db, check, patients, link="p | seealso | q", columns="patient_id"):
    load(db, "patient", patients)
    load(db, "patient_link", f"patient_id | type | other_id\n{link}")
    run_sql(db, "cohort/10_person.sql", "cohort/62_same_person.sql")
    return brought_back(db, check, columns)


@pytest.mark.parametrize(
    ("link", "pairs"),
    [
        ("p | seealso | q", [("p", "q", False), ("q", "p", False)]),
        ("p | refer | q", [("p", "q", False), ("q", "p", False)]),
        ("p | replaced-by | q", [("p", "q", True), ("q", "p", False)]),
        ("p | replaces | q", [("p", "q", False), ("q", "p", True)]),
        ("p | replaces | q\nq | replaced-by | p", [("p", "q", False), ("q", "p", True)]),
        ("p | seealso | elsewhere", []),
        ("p | seealso |", []),
        ("p | seealso | p", []),
    ],
)
def test_two_patients_are_one_person_where_either_says_so(db, link, pairs):
    linked(db, "two_sexes", "patient_id\np\nq", link)
    assert rows(db, "same_person", "patient_id, other_id, is_replaced") == pairs


def test_a_link_leads_to_no_patient_of_another_site(db):
    linked(db, "two_sexes", "site_id | patient_id\nnorth | p\nsouth | q")
    assert rows(db, "same_person") == []


@pytest.mark.parametrize(
    ("check", "column", "one", "other", "found"),
    [
        ("two_sexes", "gender", "male", "female", ["p", "q"]),
        ("two_sexes", "gender", "male", "male", []),
        ("two_sexes", "gender", "male", "unknown", []),
        ("two_sexes", "gender", "", "female", []),
        ("two_birth_dates", "birth_date", "1960-05-04", "1960-05-05", ["p", "q"]),
        ("two_birth_dates", "birth_date", "1960-05-04", "1961", ["p", "q"]),
        ("two_birth_dates", "birth_date", "1960-05-04", "1960-05", []),
        ("two_birth_dates", "birth_date", "1960-05-04", "", []),
        ("two_deaths", "deceased_datetime", "2020-06-01", "2020-06-02T08:00:00Z", ["p", "q"]),
        ("two_deaths", "deceased_datetime", "2020-06-01", "2020-06-01T08:00:00Z", []),
        ("two_deaths", "deceased_datetime", "2020-06-01", "2020-07", []),
        ("two_deaths", "deceased_datetime", "2020-06-01", "", []),
    ],
)
def test_two_records_of_one_person_that_disagree(db, check, column, one, other, found):  # noqa: PLR0917  a row of the table
    assert linked(db, check, f"patient_id | {column}\np | {one}\nq | {other}") == found


@pytest.mark.parametrize(
    ("status", "disposition", "end", "death", "found"),
    [
        ("finished", "exp", "2020-06-01T10:00:00Z", "", ["p"]),
        ("finished", "exp", "2020-06-01T10:00:00Z", "2020-06-02", ["p"]),
        ("finished", "exp", "2020-06-01T10:00:00Z", "2020-06-01", []),
        ("finished", "exp", "", "2020-06-02", []),
        ("finished", "home", "2020-06-01T10:00:00Z", "2020-06-02", []),
        ("cancelled", "exp", "2020-06-01T10:00:00Z", "2020-06-02", []),
    ],
)
def test_a_discharge_as_dead_that_contradicts_the_death(  # noqa: PLR0917  a row of the table
    db, status, disposition, end, death, found
):
    deceased = "true" if death else "false"
    load(db, "cohort", f"patient_id | arm | deceased | death_date\np | treated | {deceased} | {death}")
    load(
        db,
        "encounter",
        f"""
        patient_id | status   | period_end | discharge_code | discharge_system
        p          | {status} | {end}      | {disposition}  | http://terminology.hl7.org/CodeSystem/discharge-disposition""",
    )
    assert brought_back(db, "death_contradicts") == found


@pytest.mark.parametrize(
    ("link", "replaced", "joined"),
    [
        ("p | replaced-by | q", [("treated", "p")], []),
        ("q | replaces | p", [("treated", "p")], []),
        ("q | replaced-by | p", [(None, "q")], []),
        ("p | seealso | q", [], [("treated", "p")]),
        ("q | refer | p", [], [("treated", "p")]),
        ("q | refer | r", [], []),
    ],
)
def test_two_patients_who_are_one_person(db, link, replaced, joined):
    load(db, "cohort", "patient_id | arm\np | treated")
    patients = "patient_id\np\nq\nr"
    assert linked(db, "patient_replaced", patients, link, "arm, patient_id") == replaced
    assert brought_back(db, "patient_linked", "arm, patient_id") == joined


@pytest.mark.parametrize(
    ("arms", "verdict", "found"),
    [
        ("p | treated\nq | control", "", [("control", "q"), ("treated", "p")]),
        ("p | control\nq | control", "", [("control", "p"), ("control", "q")]),
        ("p | control", "counts", [("control", "p")]),
        ("p | treated", "uncertain", [("treated", "p")]),
        ("p | control", "not_given", []),
        ("p | control", "", []),
        ("q | control\nr | treated", "", []),
    ],
)
def test_one_person_who_is_in_the_cohort_twice_or_was_treated_under_the_other_id(db, arms, verdict, found):
    """q is p by a link, r is nobody else."""
    load(db, "cohort", f"patient_id | arm\n{arms}")
    if verdict:
        load(db, "infusion", f"patient_id | verdict\nq | {verdict}")
    assert linked(db, "one_person_twice", "patient_id\np\nq\nr", columns="arm, patient_id") == found


def test_patients_without_a_birth_date(db):
    load(db, "cohort", "patient_id | arm | age_years\nknown | treated | 60\nnot known | treated |")
    assert brought_back(db, "no_birth_date") == ["not known"]


@pytest.mark.parametrize(
    ("born", "when", "found"),
    [
        ("2020-04-02", "2020-04-01", ["p"]),
        ("2020-04-01", "2020-04-01", []),
        ("2020", "2020-04-01", []),
        ("2021", "2020-04-01", ["p"]),
        ("", "2020-04-01", []),
    ],
)
def test_records_before_birth(db, born, when, found):
    load(db, "patient", f"patient_id | birth_date\np | {born}")
    load(db, "cohort", f"patient_id | arm | zero_date\np | treated | {when}")
    load(db, "encounter", f"patient_id | encounter_id | status | period_start\np | 1 | finished | {when}")
    load(db, "encounter", f"patient_id | encounter_id | status | period_start\np | 2 | cancelled | {when}")
    load(
        db,
        "adverse_event",
        f"patient_id | adverse_event_id | actuality | occurrence\np | 1 | actual | {when}",
    )
    load(
        db,
        "observation",
        f"""
        patient_id | observation_id | status | code | value | unit_code | effective
        p          | 1              | final  | fev1 | 2     | L         | {when}""",
    )
    results = ("result/10_coding.sql", "result/20_contradiction.sql", "result/30_result.sql")
    run_sql(db, "cohort/10_person.sql", *results, "cohort/40_measurement.sql")
    for check in ("time_zero", "encounter", "event", "result"):
        assert brought_back(db, f"{check}_before_birth") == found, check


def infusions(db, text):
    """Of p in the cohort, and of q who is not."""
    load(db, "cohort", "patient_id | arm\np | treated")
    load(db, "medication_administration", text)
    run_sql(db, "cohort/11_administration.sql", "cohort/13_infusion.sql")


@pytest.mark.parametrize(
    ("effective", "verdict", "no_time", "no_day"),
    [
        ("2020-04-01T10:00:00Z", "counts", [], []),
        ("2020-04-01", "counts", [("treated", "p")], []),
        ("2020-04", "uncertain", [], [("treated", "p")]),
        ("2020", "uncertain", [], [("treated", "p")]),
        ("", "uncertain", [], [("treated", "p")]),
    ],
)
def test_an_infusion_with_a_day_only_counts_and_one_with_a_month_only_does_not(
    db, effective, verdict, no_time, no_day
):
    infusions(
        db,
        f"""
        patient_id | medication_administration_id | status    | code | effective
        p          | 1                            | completed | msc  | {effective}
        p          | 2                            | not-done  | msc  | {effective}""",
    )
    assert rows(db, "infusion WHERE administration_id = '1'", "verdict") == [verdict]
    assert brought_back(db, "infusion_without_time", "arm, patient_id") == no_time
    assert brought_back(db, "infusion_without_day", "arm, patient_id") == no_day


@pytest.mark.parametrize(
    ("effective", "zero", "reason"),
    [
        ("2020-04-01", ["2020-04-01"], []),
        ("2020-04", [], ["the product may have been given, but not so that it counts"]),
    ],
)
def test_a_month_is_no_time_zero_and_its_patient_no_control(db, effective, zero, reason):
    load(db, "patient", "patient_id\np")
    load(db, "condition", "patient_id | condition_id | code | onset\np | 1 | covid | 2020-03-01")
    load(
        db,
        "encounter",
        "patient_id | encounter_id | code | status | period_start\np | 1 | control | finished | 2020-03-20",
    )
    infusions(
        db,
        f"""
        patient_id | medication_administration_id | status    | code | effective
        p          | 1                            | completed | msc  | {effective}""",
    )
    run_cohort(db)
    assert rows(db, "cohort", "zero_date::VARCHAR") == zero
    assert rows(db, "dropped", "reason") == reason


def test_the_same_infusion_recorded_twice_counts_once(db):
    infusions(
        db,
        """
        patient_id | medication_administration_id | status    | code  | effective
        -----------+------------------------------+-----------+-------+--------------------------
        p          | 1                            | completed | msc   | 2020-04-01T10:00:00Z
        p          | 2                            | completed | msc   | 2020-04-01T18:00:00+08:00
        p          | 3                            | completed | msc-2 | 2020-04-01T10:00:00Z
        p          | 4                            | completed | msc   | 2020-04-04T10:00:00Z
        p          | 5                            | stopped   | msc   | 2020-04-04T10:00:00Z
        q          | 6                            | completed | msc   | 2020-04-01T10:00:00Z
        q          | 7                            | completed | msc   | 2020-04-04
        q          | 8                            | completed | msc   | 2020-04-04""",
    )
    assert rows(db, "infusion", "administration_id, verdict") == [
        ("1", "counts"),
        ("2", "repeated"),
        ("3", "repeated"),
        ("4", "counts"),
        ("5", "uncertain"),
        *((n, "counts") for n in "678"),
    ]
    assert brought_back(db, "infusion_repeated", "arm, patient_id") == [("treated", "p"), ("treated", "p")]


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ("2020-04-01T10:00:00Z", "2020-04-01T21:59:59Z", ["p"]),
        ("2020-04-01T20:00:00Z", "2020-04-02T07:59:59Z", ["p"]),
        ("2020-04-01T10:00:00Z", "2020-04-01T22:00:00Z", []),
        ("2020-04-01T10:00:00Z", "2020-04-01T10:00:00Z", []),
        ("2020-04-01T10:00:00Z", "2020-04-01", ["p"]),
        ("2020-04-01", "2020-04-01", ["p"]),
        ("2020-04-01", "2020-04-02", []),
        ("2020-04", "2020-04", []),
    ],
)
def test_two_infusions_within_12_hours(db, first, second, found):
    infusions(
        db,
        f"""
        patient_id | medication_administration_id | status           | code | effective
        p          | 1                            | completed        | msc  | {first}
        p          | 2                            | completed        | msc  | {second}
        p          | 3                            | entered-in-error | msc  | {second}
        q          | 4                            | completed        | msc  | {second}""",
    )
    assert brought_back(db, "infusions_within_12_hours") == found


@pytest.mark.parametrize(
    ("dose", "unit", "found"),
    [
        ("4000000", "{cells}", ["p"]),
        ("500000000", "{cells}", ["p"]),
        ("4", "10*6", ["p"]),
        ("40", "10*6", []),
        ("20000000", "{cells}", []),
        ("0", "{cells}", []),
        ("4000000", "bag", []),
        ("", "", []),
    ],
)
def test_a_dose_off_by_a_power_of_ten(db, dose, unit, found):
    infusions(
        db,
        f"""
        patient_id | dose_value | dose_unit_code | medication_administration_id | status    | code
        p          | {dose}     | {unit}         | 1                            | completed | msc
        p          | {dose}     | {unit}         | 2                            | not-done  | msc""",
    )
    assert brought_back(db, "dose_power_of_ten") == found


@pytest.mark.parametrize(
    ("died", "found"),
    [
        ("2020-03-31", ["p"]),
        ("2020-04-01", []),
        ("2020-04-01T09:59:59Z", ["p"]),
        ("2020-04-01T10:00:00Z", []),
        ("2020-03", []),
        ("", []),
    ],
)
def test_an_infusion_after_death(db, died, found):
    load(db, "patient", f"patient_id | deceased_datetime\np | {died}")
    run_sql(db, "cohort/10_person.sql")
    infusions(
        db,
        """
        patient_id | medication_administration_id | status    | code | effective
        p          | 1                            | completed | msc  | 2020-04-01T10:00:00Z
        p          | 2                            | not-done  | msc  | 2020-04-01T10:00:00Z""",
    )
    run_sql(db, "cohort/10_person.sql")
    assert brought_back(db, "infusion_after_death") == found


@pytest.mark.parametrize(
    ("start", "end", "verdict"),
    [
        ("2020-04-01T10:00:00Z", "2020-04-01T09:59:59Z", "uncertain"),
        ("2020-04-01T10:00:00Z", "2020-04-01T10:00:00Z", "counts"),
        ("2020-04-01T10:00:00Z", "2020-03-31", "uncertain"),
        ("2020-04-01T10:00:00Z", "2020-04-01", "counts"),
        ("2020-04-01", "2020-03", "uncertain"),
        ("2020-04-01", "2020-04", "counts"),
        ("2020-04-01", "", "counts"),
    ],
)
def test_an_infusion_that_ends_before_its_start_is_uncertain(db, start, end, verdict):
    infusions(
        db,
        f"""
        patient_id | medication_administration_id | status    | code | effective_start | effective_end
        p          | 1                            | completed | msc  | {start}         | {end}
        p          | 2                            | not-done  | msc  | {start}         | {end}""",
    )
    assert rows(db, "infusion WHERE administration_id = '1'", "verdict") == [verdict]
    assert brought_back(db, "infusion_ends_before_start") == (["p"] if verdict == "uncertain" else [])


def test_who_is_treated_and_enrolled_as_control(db):
    load(
        db,
        "coded_event",
        """
        patient_id | source    | element | code_list
        -----------+-----------+---------+----------
        both       | encounter | code    | enrolled
        both       | encounter | code    | enrolled
        control    | encounter | code    | enrolled
        uncertain  | encounter | code    | enrolled
        otherwise  | condition | code    | enrolled""",
    )
    load(
        db,
        "infusion",
        """
        patient_id | verdict
        -----------+----------
        both       | counts
        both       | counts
        treated    | counts
        uncertain  | uncertain
        otherwise  | counts""",
    )
    assert brought_back(db, "treated_and_control") == ["both"]
    study(db, control_source=None, control_codes=None)
    assert brought_back(db, "treated_and_control") == []


@pytest.mark.parametrize(("cohort", "found"), [("", ["north", "south"]), ("patient_id\np", [])])
def test_an_empty_cohort_is_an_error_of_every_site(db, cohort, found):
    load(db, "site", "site_id\nnorth\nsouth")
    if cohort:
        load(db, "cohort", cohort)
    assert brought_back(db, "empty_cohort", "site_id") == found


def test_records_dated_after_the_pull(db):
    load(
        db,
        "site",
        """
        site_id | pulled_at
        --------+---------------------
        north   | 2021-01-01T12:00:00Z
        south   |""",
    )
    load(db, "cohort", "patient_id | arm | zero_date\nevent | treated | 2020-04-01")
    load(
        db,
        "measurement",
        """
        site_id | patient_id | measured_at          | measured_date
        --------+------------+----------------------+--------------
        north   | before     | 2021-01-01T12:00:00Z | 2021-01-01
        north   | after      | 2021-01-01T12:00:01Z | 2021-01-01
        north   | same day   |                      | 2021-01-01
        north   | next day   |                      | 2021-01-02
        north   | later day  |                      | 2021-01-03
        north   | no day     |                      |
        south   | not known  |                      | 2091-01-03""",
    )
    load(
        db,
        "infusion",
        """
        patient_id | verdict   | given_at             | given_date
        -----------+-----------+----------------------+-----------
        infusion   | uncertain | 2021-01-01T12:00:01Z | 2021-01-01
        not given  | not_given | 2021-01-01T12:00:01Z | 2021-01-01""",
    )
    load(
        db,
        "adverse_event",
        "patient_id | adverse_event_id | actuality | occurrence\nevent | 1 | actual | 2021-01-03",
    )
    assert brought_back(db, "date_in_future") == ["after", "event", "infusion", "later day"]


def test_the_newer_version_holds_where_two_versions_state_two_sexes_or_two_deaths(db):
    """Contents that nothing orders are set aside as a conflict (test_resource.py)."""
    load(
        db,
        "landed",
        """
        resource_type | id | version | hash | shard | line | run
        --------------+----+---------+------+-------+------+----
        Patient       | p  | 1       | male | s     | 1    | 1
        Patient       | p  | 2       | fem  | s     | 2    | 1""",
    )
    load(db, "touched", "resource_type | id\nPatient | p")
    db.run_file(data.root() / "sql" / "map" / "10_judged.sql")
    assert rows(db, "judged", "hash, fate") == [("fem", "mapped"), ("male", "superseded")]
