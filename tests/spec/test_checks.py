"""sql/check: what each rule brings back, and what it lets pass."""

import pytest

from rwe import data

from .conftest import load, run_sql, study

BEFORE = ("51_onset", "60_stray_record", "61_set_aside_record")


def brought_back(db, check, columns="patient_id"):
    run_sql(db, *(f"cohort/{name}.sql" for name in BEFORE))
    query = (data.root() / "sql" / "check" / f"{check}.sql").read_text(encoding="utf-8").rstrip().rstrip(";")
    found = db.rows(f"SELECT {columns} FROM ({query}) ORDER BY ALL")
    return [row[0] for row in found] if columns.count(",") == 0 else found


def test_administrations_whose_product_has_no_code(db):
    load(
        db,
        "administration",
        """
        patient_id | status           | code
        -----------+------------------+-----
        coded      | completed        | msc
        text       | completed        |
        begun      | stopped          |
        refused    | not-done         |
        mistake    | entered-in-error |""",
    )
    assert brought_back(db, "administration_without_product") == ["begun", "text"]


def test_deaths_without_a_day(db):
    load(
        db,
        "cohort",
        """
        patient_id | arm     | deceased | death_date
        -----------+---------+----------+-----------
        alive      | treated | false    |
        dated      | treated | true     | 2020-06-01
        undated    | control | true     |""",
    )
    assert brought_back(db, "death_without_day", "arm, patient_id") == [("control", "undated")]


def test_doses_out_of_range(db):
    load(db, "cohort", "site_id | patient_id | arm\nnorth | in-cohort | treated\nsouth | in-cohort | control")
    load(
        db,
        "infusion",
        """
        patient_id | verdict   | dose_fits
        -----------+-----------+----------
        in-cohort  | uncertain | false
        out        | uncertain | false
        refused    | not_given | false
        undated    | uncertain | true
        counts     | counts    | true""",
    )
    found = brought_back(db, "dose_out_of_range", "patient_id, arm")
    assert found == [("in-cohort", "treated"), ("out", None)]


@pytest.mark.parametrize(
    ("check", "reasons"),
    [
        ("implausible_value", ["implausible"]),
        ("result_after_death", ["after_death"]),
        ("result_without_day", ["no_day"]),
        ("result_without_number", ["no_number"]),
        ("result_without_unit", ["no_unit"]),
        ("unit_not_convertible", ["unit_not_convertible"]),
        ("codes_contradict", ["codes_contradict"]),
        ("unit_contradicts", ["unit_contradicts"]),
        ("display_contradicts", ["display_contradicts"]),
        ("ratio_as_percent", ["ratio_as_percent"]),
    ],
)
def test_results_set_aside_are_counted_by_their_reason(db, check, reasons):
    load(
        db,
        "measurement",
        """
        patient_id           | set_aside
        ---------------------+---------------------
        fine                 |
        no_number            | no_number
        no_day               | no_day
        no_unit              | no_unit
        unit_not_convertible | unit_not_convertible
        codes_contradict     | codes_contradict
        unit_contradicts     | unit_contradicts
        display_contradicts  | display_contradicts
        ratio_as_percent     | ratio_as_percent
        implausible          | implausible
        after_death          | after_death""",
    )
    assert brought_back(db, check) == reasons


def test_sites_and_strata_with_one_arm(db):
    load(
        db,
        "cohort",
        """
        site_id | patient_id | stratum  | arm
        --------+------------+----------+--------
        north   | a          | severe   | treated
        north   | b          | severe   | control
        north   | c          | moderate | control
        north   | d          | moderate | control
        south   | e          | severe   | treated""",
    )
    assert brought_back(db, "one_arm_site") == ["c", "d", "e"]


def test_months_of_a_site_and_stratum_with_one_arm(db):
    load(
        db,
        "cohort",
        """
        site_id | patient_id | stratum  | arm     | zero_date
        --------+------------+----------+---------+-----------
        north   | a          | severe   | treated | 2020-03-01
        north   | b          | severe   | control | 2020-03-31
        north   | c          | severe   | treated | 2020-04-01
        north   | d          | severe   | control | 2021-04-01
        north   | e          | moderate | control | 2020-03-01
        south   | f          | severe   | control | 2020-03-01""",
    )
    assert brought_back(db, "one_arm_month") == ["c", "d", "e", "f"]


def test_results_recorded_again(db):
    load(
        db,
        "measurement",
        """
        patient_id | endpoint | observation_id | component | value | measured_at          | set_aside
        -----------+----------+----------------+-----------+-------+----------------------+------------
        twice      | FEV1     | 1              | -1        | 2.5   | 2020-04-29T08:00:00Z |
        twice      | FEV1     | 2              | -1        | 2.5   | 2020-04-29T08:00:00Z |
        twice      | FEV1     | 3              | -1        | 2.5   | 2020-04-29T08:00:00Z |
        values     | FEV1     | 4              | -1        | 2.5   | 2020-04-29T08:00:00Z |
        values     | FEV1     | 5              | -1        | 2.6   | 2020-04-29T08:00:00Z |
        endpoints  | FEV1     | 6              | -1        | 2.5   | 2020-04-29T08:00:00Z |
        endpoints  | VC       | 6              | -1        | 2.5   | 2020-04-29T08:00:00Z |
        dates      | FEV1     | 7              | -1        | 2.5   |                      |
        dates      | FEV1     | 8              | -1        | 2.5   |                      |
        aside      | FEV1     | 9              | -1        | 99    | 2020-04-29T08:00:00Z | implausible
        aside      | FEV1     | 10             | -1        | 99    | 2020-04-29T08:00:00Z | implausible""",
    )
    assert brought_back(db, "repeated_result") == ["twice", "twice"]


def test_records_of_an_unknown_patient_or_of_nobody(db):
    load(db, "person", "patient_id\nknown")
    load(
        db,
        "observation",
        """
        site_id | patient_id | observation_id | code
        --------+------------+----------------+---------
        north   | known      | 1              | fev1
        north   | gone       | 2              | fev1
        north   | gone       | 2              | fev1-pre
        north   |            | 3              | fev1
        south   | known      | 4              | fev1""",
    )
    load(db, "encounter", "patient_id | encounter_id\ngone | 1\nknown | 2")
    load(db, "condition", "patient_id | condition_id\ngone | 1\nknown | 2")
    load(db, "medication_administration", "patient_id | medication_administration_id\ngone | 1\nknown | 2")
    load(db, "adverse_event", "patient_id | adverse_event_id\ngone | 1\nknown | 2")
    assert brought_back(db, "unknown_patient", "site_id, patient_id") == [
        *[("north", "gone")] * 5,
        ("north", None),
        ("south", "known"),
    ]


def test_an_uncertain_infusion_that_may_have_been_before_time_zero_of_a_treated_patient(db):
    load(
        db,
        "cohort",
        """
        patient_id | arm     | zero_date
        -----------+---------+-----------
        before     | treated | 2020-04-01
        same day   | treated | 2020-04-01
        no day     | treated | 2020-04-01
        not given  | treated | 2020-04-01
        control    | control | 2020-04-01""",
    )
    load(
        db,
        "infusion",
        """
        patient_id | verdict   | given_date
        -----------+-----------+-----------
        before     | uncertain | 2020-03-31
        before     | uncertain | 2020-03-30
        same day   | uncertain | 2020-04-01
        no day     | uncertain |
        not given  | not_given | 2020-03-31
        control    | uncertain | 2020-03-31""",
    )
    assert brought_back(db, "uncertain_infusion_before") == ["before", "no day", "same day"]


def test_an_uncertain_infusion_of_the_day_is_told_by_its_time(db):
    load(
        db,
        "cohort",
        "patient_id | arm | zero_date | zero_at\np | treated | 2020-04-01 | 2020-04-01T12:00:00Z",
    )
    later = "patient_id | verdict | given_date | given_at\np | uncertain | 2020-04-01 | 2020-04-01T13:00:00Z"
    load(db, "infusion", later)
    assert brought_back(db, "uncertain_infusion_before") == []


def test_events_without_a_day_and_events_after_death(db):
    load(db, "cohort", "patient_id | arm | zero_date | death_date\np | treated | 2020-04-01 | 2020-05-01")
    load(
        db,
        "adverse_event",
        """
        patient_id | adverse_event_id | actuality | occurrence
        p          | 1                | actual    | 2020-04-20
        p          | 2                | actual    | 2020-04
        p          | 3                | actual    |
        p          | 4                | potential |
        p          | 5                | actual    | 2020-05-02
        p          | 6                | actual    | 2020-05-01""",
    )
    assert brought_back(db, "event_without_day") == ["p", "p"]
    assert brought_back(db, "event_after_death") == ["p"]


@pytest.mark.parametrize(
    ("check", "reason"),
    [("odd_comparator", "odd_comparator"), ("number_not_representable", "not_representable")],
)
def test_results_set_aside_for_their_form(db, check, reason):
    load(db, "measurement", f"patient_id | set_aside\np | {reason}\nq | implausible\nr |")
    assert brought_back(db, check) == ["p"]


def test_what_was_set_aside_is_told_by_patient_where_it_names_one(db):
    load(db, "cohort", "patient_id | arm\nt | treated\nc | control")
    load(
        db,
        "resource",
        """
        resource_type            | shard | line | fate
        -------------------------+-------+------+-----------
        MedicationAdministration | m     | 1    | invalid
        MedicationAdministration | m     | 2    | invalid
        MedicationAdministration | m     | 3    | conflict
        MedicationAdministration | m     | 4    | mapped
        MedicationAdministration | m     | 5    | superseded
        MedicationAdministration | piece | 1    | not_json
        Condition                | c     | 1    | invalid
        Condition                | c     | 2    | invalid
        Condition                | piece | 2    | not_json""",
    )
    load(
        db,
        "set_aside_subject",
        """
        shard | line | patient_id
        m     | 1    | c
        m     | 2    | elsewhere
        m     | 3    |
        c     | 1    | t
        c     | 2    | elsewhere""",
    )
    unknown = (None, "elsewhere"), (None, None), (None, None)
    assert brought_back(db, "administration_set_aside", "arm, patient_id") == [("control", "c"), *unknown]
    assert brought_back(db, "record_set_aside", "arm, patient_id") == [("treated", "t")]


def test_subjects_on_another_server_have_no_key_and_are_counted(db):
    load(
        db,
        "condition",
        """
        site_id | patient_id | condition_id | code | subject_reference
        north   | a          | 1            | x    | https://here/fhir/Patient/a
        north   | a          | 2            | x    | Patient/a
        north   |            | 3            | x    |
        north   |            | 4            | x    | Group/a
        north   |            | 5            | x    | https://there/fhir/Group/a
        north   |            | 6            | x    | https://there/fhir/Patient?identifier=a
        north   |            | 7            | x    | urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0
        north   |            | 8            | x    | #a
        east    |            | 9            | x    | https://there/fhir/Patient/a
        east    |            | 9            | y    | https://there/fhir/Patient/a
        south   |            | 1            | x    | https://there/fhir/Patient/a/_history/2
        west    |            | 1            | x    | //there/fhir/Patient/a""",
    )
    found = brought_back(db, "foreign_subject", "site_id, arm, patient_id")
    assert found == [("east", None, None), ("south", None, None), ("west", None, None)]


def test_an_event_after_death_on_its_day_is_told_by_its_time(db):
    load(
        db,
        "cohort",
        "patient_id | arm | zero_date | death_date | death_at\n"
        "p | treated | 2020-04-01 | 2020-05-01 | 2020-05-01T12:00:00Z",
    )
    load(
        db,
        "adverse_event",
        """
        patient_id | adverse_event_id | actuality | occurrence
        p          | 1                | actual    | 2020-05-01T11:59:00Z
        p          | 2                | actual    | 2020-05-01T12:01:00Z
        p          | 3                | actual    | 2020-05-01""",
    )
    assert brought_back(db, "event_after_death") == ["p"]


def test_time_zero_before_the_record_that_makes_a_candidate(db):
    load(
        db,
        "cohort",
        """
        patient_id | arm     | days_from_anchor
        -----------+---------+-----------------
        before     | treated | -0.5
        at         | treated | 0
        after      | control | 8
        late       | control | -8""",
    )
    assert brought_back(db, "time_zero_before_anchor", "arm, patient_id") == [
        ("control", "late"),
        ("treated", "before"),
    ]


@pytest.mark.parametrize(
    ("within", "found"), [(0, ["early", "late", "later"]), (1, ["late", "later"]), (3, ["later"])]
)
def test_infusions_that_are_not_on_their_planned_days(db, within, found):
    study(db, planned_days_within=within)
    load(db, "planned_day", "number | day\n1 | 0\n2 | 3\n3 | 6")
    load(
        db,
        "cohort",
        """
        patient_id | arm     | zero_date
        -----------+---------+-----------
        on_time    | treated | 2020-04-01
        early      | treated | 2020-04-01
        late       | treated | 2020-04-01
        later      | treated | 2020-04-01
        later      | control | 2020-03-01
        too_few    | treated | 2020-04-01""",
    )
    load(
        db,
        "infusion",
        """
        patient_id | administration_id | verdict   | given_date | given_at
        -----------+-------------------+-----------+------------+---------------------
        on_time    | 1                 | counts    | 2020-04-01 | 2020-04-01T23:00:00Z
        on_time    | 2                 | counts    | 2020-04-04 | 2020-04-04T01:00:00Z
        on_time    | 3                 | counts    | 2020-04-07 |
        on_time    | 4                 | counts    | 2020-05-07 |
        on_time    | 5                 | uncertain | 2020-04-02 |
        early      | 1                 | counts    | 2020-04-01 |
        early      | 2                 | counts    | 2020-04-03 |
        late       | 1                 | counts    | 2020-04-01 |
        late       | 2                 | counts    | 2020-04-04 |
        late       | 3                 | counts    | 2020-04-10 |
        later      | 1                 | counts    | 2020-04-01 |
        later      | 2                 | counts    | 2020-04-09 |
        too_few    | 1                 | counts    | 2020-04-01 |""",
    )
    run_sql(db, "cohort/34_off_schedule.sql")
    assert brought_back(db, "infusions_off_schedule", "arm, patient_id") == [("treated", p) for p in found]


@pytest.mark.parametrize(("planned", "found"), [(3, ["four", "two"]), (None, [])])
def test_infusions_that_are_not_as_many_as_planned(db, planned, found):
    study(db, planned_infusions=planned)
    load(
        db,
        "cohort",
        """
        patient_id | arm     | n_infusions
        -----------+---------+------------
        two        | treated | 2
        three      | treated | 3
        four       | treated | 4
        none       | control | 0""",
    )
    assert brought_back(db, "infusions_not_as_planned") == found


@pytest.mark.parametrize(
    ("anchor", "zero", "found"),
    [
        ("2020-03-02", "2020-03-13", ["later"]),
        ("2020-03-02", "2020-03-12", []),
        ("2020-03-15", "2020-04-20", ["later"]),
        ("2020-03-16", "2020-04-20", []),
        ("2020-03-02", "2020-03-03", []),
    ],
)
def test_treated_patients_who_might_have_been_controls_before(db, anchor, zero, found):
    study(db, control_time_zero="risk-set", calendar_days=14)
    load(
        db,
        "time_zero",
        f"""
        site_id | patient_id | arm     | anchor_date | zero_date
        --------+------------+---------+-------------+-----------
        north   | first      | treated | 2020-03-01  | 2020-03-11
        north   | never      | control | 2020-03-01  |
        north   | later      | treated | {anchor}    | {zero}
        south   | other      | treated | 2020-03-01  | 2020-03-20""",
    )
    assert [p for p in brought_back(db, "treated_later_not_control") if p != "first"] == found
    study(db, control_time_zero="anchor")
    assert brought_back(db, "treated_later_not_control") == []


@pytest.mark.parametrize(
    ("onset", "recorded", "found"),
    [
        ("2020-03-01", "2020-04-02", ["p"]),
        ("2020-03-01", "2020-04-01T08:00:01Z", ["p"]),
        ("2020-03-01", "2020-04-01T08:00:00Z", []),
        ("2020-03-01", "2020-04-01", []),
        ("2020-03-01", "2020-05", ["p"]),
        ("2020-03-01", "2020-04", []),
        ("2020-03-01", "", []),
        ("2020-04-02", "2020-04-02", []),
        ("", "2020-04-02", []),
    ],
)
@pytest.mark.parametrize("table", ["exclusion", "covariate"])
def test_what_began_before_time_zero_and_was_written_down_after_it(db, table, onset, recorded, found):
    load(db, table, f"number | {table} | source | code_list\n1 | cancer | condition | cancer")
    load(
        db,
        "start",
        "patient_id | arm | zero_at | zero_date\np | treated | 2020-04-01T08:00:00Z | 2020-04-01",
    )
    load(
        db,
        "condition",
        f"""
        patient_id | condition_id | code   | onset   | recorded_date
        p          | 1            | cancer | {onset} | {recorded}
        p          | 2            | covid  | {onset} | {recorded}""",
    )
    run_sql(db, "cohort/11_administration.sql", "cohort/12_coded_event.sql")
    assert brought_back(db, "recorded_after_time_zero") == found
