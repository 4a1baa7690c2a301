"""sql/codes/recorded_code.sql: what each site records, code by code and unit by unit."""

from .conftest import load, rows, run_sql

FIGURES = "code, unit, n, patients, low, high, first_day, last_day"


def recorded(db, columns, where="TRUE"):
    run_sql(db, "codes/recorded_code.sql")
    return rows(db, f"recorded_code WHERE {where}", columns)


def test_a_code_is_counted_by_unit_with_its_patients_range_and_days(db):
    load(
        db,
        "observation",
        """
        patient_id | observation_id | code | value | unit_code | unit  | effective         | effective_start
        a          | 1              | fev1 | 2.5   | L         | litre | 2020-04-29T08:00Z |
        a          | 2              | fev1 | 1.75  | L         |       | 2020-04-28        |
        b          | 3              | fev1 | 3     |           | L     |                   | 2021-01
        b          | 4              | fev1 | 2100  | mL        |       |                   |
        c          | 5              | fev1 |       |           |       | 2020-05-01        |""",
    )
    assert recorded(db, FIGURES) == [
        ("fev1", "L", 3, 2, 1.75, 3.0, "2020-04-28", "2021-01"),
        ("fev1", "mL", 1, 1, 2100.0, 2100.0, None, None),
        ("fev1", None, 1, 1, None, None, "2020-05-01", "2020-05-01"),
    ]


def test_a_resource_counts_once_under_each_of_its_codings_however_many_rows_it_has(db):
    load(
        db,
        "observation",
        """
        patient_id | observation_id | code  | value_concept_code
        a          | 1              | grade | moderate
        a          | 1              | grade | severe
        a          | 1              | local | moderate
        a          | 1              | local | severe""",
    )
    assert recorded(db, "code, n, patients") == [("grade", 1, 1), ("local", 1, 1)]


def test_the_most_frequent_display_is_shown_and_the_others_are_counted(db):
    load(
        db,
        "condition",
        """
        patient_id | condition_id | code  | display
        a          | 1            | covid | COVID-19
        b          | 2            | covid | COVID-19
        c          | 3            | covid | Corona
        d          | 4            | covid |""",
    )
    assert recorded(db, "display, displays, n") == [("COVID-19", 2, 4)]


def test_what_has_a_text_only_is_told_apart_by_its_text(db):
    load(
        db,
        "adverse_event",
        """
        patient_id | adverse_event_id | code | system | text
        a          | 1                |      |        | headache
        b          | 2                |      |        | headache
        c          | 3                |      |        | fever
        d          | 4                |      |        |""",
    )
    assert recorded(db, "code, display, n") == [(None, "fever", 1), (None, "headache", 2), (None, None, 1)]


def test_components_are_listed_apart_each_by_itself(db):
    load(
        db,
        "observation_component",
        """
        patient_id | observation_id | component_index | code | value | unit_code
        a          | 1              | 0               | sys  | 120   | mm[Hg]
        a          | 1              | 1               | dia  | 80    | mm[Hg]
        a          | 1              | 2               | sys  | 122   | mm[Hg]""",
    )
    assert recorded(db, "resource_type, code, n, patients, low, high") == [
        ("Observation.component", "dia", 1, 1, 80.0, 80.0),
        ("Observation.component", "sys", 2, 1, 120.0, 122.0),
    ]


def test_an_administration_is_listed_by_its_product_however_it_names_it_with_its_dose(db):
    load(db, "medication", "medication_id | code | display\nm | referenced | Cells")
    load(
        db,
        "medication_administration",
        """
        patient_id | medication_administration_id | code   | text | medication_id | medication_reference | contained_id | contained_system | contained_code | dose_value | dose_unit_code
        a          | 1                            | inline |      |               |                      |              |                  |                | 4          | 10*7
        b          | 2                            |        |      | m             | Medication/m         |              |                  |                |            |
        c          | 3                            |        |      |               | #p                   | p            | s                | contained      |            |
        c          | 3                            |        |      |               | #p                   | q            | s                | another        |            |
        d          | 4                            |        | bag  |               |                      |              |                  |                |            |
        e          | 5                            |        |      | gone          | Medication/gone      |              |                  |                |            |""",  # noqa: E501
    )
    assert recorded(db, "code, display, unit, n, high", "resource_type = 'MedicationAdministration'") == [
        ("contained", None, None, 1, None),
        ("inline", None, "10*7", 1, 4.0),
        ("referenced", "Cells", None, 1, None),
        (None, "bag", None, 1, None),
        (None, None, None, 1, None),
    ]


def test_sites_are_counted_apart_and_every_type_is_there(db):
    for table, day in (("condition", "onset"), ("encounter", "period_start"), ("adverse_event", "detected")):
        load(
            db,
            table,
            f"site_id | patient_id | {table}_id | code | {day}\n"
            "north | a | 1 | x | 2020-04-01\nsouth | a | 1 | x | 2020-04-02",
        )
    load(db, "medication", "site_id | medication_id | code\nsouth | 1 | x")
    assert recorded(db, "resource_type, site_id, n, patients, first_day") == [
        ("AdverseEvent", "north", 1, 1, "2020-04-01"),
        ("AdverseEvent", "south", 1, 1, "2020-04-02"),
        ("Condition", "north", 1, 1, "2020-04-01"),
        ("Condition", "south", 1, 1, "2020-04-02"),
        ("Encounter", "north", 1, 1, "2020-04-01"),
        ("Encounter", "south", 1, 1, "2020-04-02"),
        ("Medication", "south", 1, 0, None),
    ]
