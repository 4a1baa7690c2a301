"""51_onset.sql and 54_infusion_event.sql: how bad an event was, and whether it belongs to an infusion."""

import json

import pytest

from rwe import data
from rwe.steps import map as mapping

from .conftest import load, rows, run_sql
from .test_checks import brought_back

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
CTCAE = "http://hl7.org/fhir/us/ctcae/CodeSystem/ctcae-grade-code-system"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
SEVERITY = f"{TERMINOLOGY}/adverse-event-severity"
CAUSALITY = f"{TERMINOLOGY}/adverse-event-causality-assess"
JUDGED = (
    "adverse_event_id | patient_id | actuality | occurrence | suspect_id | causality_system | causality_code"
)
COHORT = """
    patient_id | arm     | stratum | zero_at              | zero_date
    p          | treated | severe  | 2020-04-01T08:00:00Z | 2020-04-01
    q          | control | severe  | 2020-04-01T08:00:00Z | 2020-04-01"""
INFUSIONS = """
    patient_id | administration_id | verdict   | given_at             | given_date
    p          | first             | counts    | 2020-04-01T08:00:00Z | 2020-04-01
    p          | second            | counts    | 2020-04-04T08:00:00Z | 2020-04-04
    p          | date-only         | counts    |                      | 2020-05-01
    p          | stopped           | uncertain | 2020-06-01T08:00:00Z | 2020-06-01
    p          | not-done          | not_given | 2020-07-01T08:00:00Z | 2020-07-01"""


@pytest.fixture
def cohort(db):
    words = [tuple(cell or None for cell in row.values()) for row in data.reviewed("event_word")]
    db.insert("event_word", words)
    load(db, "cohort", COHORT)
    load(db, "infusion", INFUSIONS)
    return db


def made(db, columns, **cells):
    cells = {"patient_id": "p", "actuality": "actual", "occurrence": "2020-04-05", **cells}
    head, line = " | ".join(cells), " | ".join(cells.values())
    load(db, "adverse_event", f"adverse_event_id | {head}\n1 | {line}")
    return found(db, columns)


def found(db, columns):
    run_sql(db, "cohort/51_onset.sql", "cohort/52_event.sql", "cohort/54_infusion_event.sql")
    return rows(db, "infusion_event", columns)


@pytest.mark.parametrize(
    ("onset", "within", "perhaps"),
    [
        ("2020-04-01T08:00:00Z", True, True),
        ("2020-04-02T08:00:00Z", True, True),
        ("2020-04-02T08:00:01Z", False, False),
        ("2020-04-04T07:59:59Z", False, False),
        ("2020-04-04T10:00:00+02:00", True, True),
        ("2020-04-05T10:00:00+02:00", True, True),
        ("2020-04-05T10:00:01+02:00", False, False),
        # of one of the two only the date is known: the day of the infusion and the next may be within
        ("2020-04-01", False, True),
        ("2020-04-02", False, True),
        ("2020-04-03", False, False),
        ("2020-04-30T23:59:59Z", False, False),
        ("2020-05-01T00:00:00Z", False, True),
        ("2020-05-02T23:59:59Z", False, True),
        ("2020-05-03T00:00:00Z", False, False),
        ("2020-05-01", False, True),
        # an infusion that does not count may never have run
        ("2020-06-01T09:00:00Z", False, False),
        ("2020-07-01T09:00:00Z", False, False),
    ],
)
def test_infusion_related_is_from_the_start_to_24_hours_both_included(cohort, onset, within, perhaps):
    columns = "within_24_hours, perhaps_within_24_hours"
    assert made(cohort, columns, occurrence=onset) == [(within, perhaps)]


@pytest.mark.parametrize(
    ("suspect", "suspected"),
    [("first", True), ("stopped", True), ("not-done", False), ("another", False), ("", False)],
)
def test_a_suspect_is_linked_to_an_infusion_of_the_patient_that_may_have_been_given(
    cohort, suspect, suspected
):
    assert made(cohort, "suspected", suspect_id=suspect) == [suspected]


def test_a_suspect_of_another_patient_or_site_is_not_linked(cohort):
    load(cohort, "cohort", "patient_id | arm | zero_date\nother | treated | 2020-04-01")
    load(cohort, "cohort", "site_id | patient_id | arm | zero_date\nsouth | p | treated | 2020-04-01")
    load(
        cohort,
        "adverse_event",
        """
        site_id | patient_id | adverse_event_id | actuality | occurrence | suspect_id
        north   | other      | 1                | actual    | 2020-04-05 | first
        south   | p          | 2                | actual    | 2020-04-05 | first
        north   | p          | 3                | actual    | 2020-04-05 | first""",
    )
    assert found(cohort, "adverse_event_id, suspected") == [("1", False), ("2", False), ("3", True)]


def test_an_event_of_a_control_belongs_to_no_infusion(cohort):
    assert made(cohort, "adverse_event_id", patient_id="q", suspect_id="first") == []


@pytest.mark.parametrize(
    ("assessments", "related", "causality"),
    [
        (["certain"], True, "certain"),
        (["Probably-Likely"], True, "probable"),
        (["possible"], True, "possible"),
        (["Unlikely"], False, "unlikely"),
        (["unlikely", "Possible"], True, "possible"),
        (["Unassessable-Unclassifiable", "conditional-classified"], False, "conditional"),
        (["possibly"], False, "other"),
        ([""], False, None),
    ],
)
def test_of_several_assessments_the_strongest_holds_whatever_its_case(
    cohort, assessments, related, causality
):
    """R4 writes Possible, R5 possible; a code of no known meaning is kept apart."""
    lines = [f"1 | p | actual | 2020-04-05 | first | {CAUSALITY} | {code}" for code in assessments]
    load(cohort, "adverse_event", "\n".join([JUDGED, *lines]))
    assert found(cohort, "suspected, suspected_related") == [(True, related)]
    assert rows(cohort, "event", "causality") == [causality]


def test_only_the_causality_of_an_infusion_makes_an_event_related_to_it(cohort):
    suspects = {"first": "unlikely", "other-drug": "certain"}
    lines = [
        f"1 | p | actual | 2020-04-05 | {name} | {CAUSALITY} | {code}" for name, code in suspects.items()
    ]
    load(cohort, "adverse_event", "\n".join([JUDGED, *lines]))
    assert found(cohort, "suspected, suspected_related") == [(True, False)]
    assert rows(cohort, "event", "causality") == ["certain"]


@pytest.mark.parametrize(
    ("cells", "severity", "grade"),
    [
        ({"severity_system": SEVERITY, "severity_code": "severe"}, "severe", None),
        ({"severity_system": "http://snomed.info/sct", "severity_code": "6736007"}, "moderate", None),
        ({"severity_system": "s", "severity_code": "mild"}, "other", None),
        ({"grade_system": CTCAE, "grade_code": "3"}, None, "3"),
        ({"grade_system": NCIT, "grade_code": "C41337"}, None, "4"),
        ({"grade_system": "s", "grade_code": "3"}, None, "other"),
        ({"seriousness_system": CTCAE, "seriousness_code": "2"}, None, "2"),
        ({"seriousness_system": "s", "seriousness_code": "2"}, None, None),
        (
            {
                "grade_system": CTCAE,
                "grade_code": "3",
                "seriousness_system": NCIT,
                "seriousness_code": "c41338",
            },
            None,
            "3",
        ),
        ({}, None, None),
    ],
)
def test_severity_and_grade_are_read_by_code_and_system(cohort, cells, severity, grade):
    """Some sources put a CTCAE grade in seriousness."""
    made(cohort, "suspected", **cells)
    assert rows(cohort, "event", "severity, grade") == [(severity, grade)]


def test_of_several_codings_of_seriousness_the_highest_grade_holds_and_serious_stays(cohort):
    load(
        cohort,
        "adverse_event",
        f"""
        adverse_event_id | patient_id | actuality | occurrence | seriousness_system | seriousness_code
        1                | p          | actual    | 2020-04-05 | s                  | serious
        1                | p          | actual    | 2020-04-05 | {CTCAE}            | 2
        1                | p          | actual    | 2020-04-05 | {CTCAE}            | 3""",
    )
    found(cohort, "suspected")
    assert rows(cohort, "event", "seriousness_code, grade") == [("serious", "3")]


def test_a_suspect_that_did_not_land_for_the_patient_is_told(cohort):
    load(cohort, "administration", "patient_id | administration_id\np | first\nq | theirs")
    load(
        cohort,
        "adverse_event",
        """
        adverse_event_id | patient_id | actuality | occurrence | suspect_id
        1                | p          | actual    | 2020-04-05 | first
        2                | p          | actual    | 2020-04-05 | theirs
        3                | p          | actual    | 2020-04-05 | nowhere
        4                | p          | potential | 2020-04-05 | nowhere
        5                | p          | actual    | 2020-04-05 |""",
    )
    found(cohort, "suspected")
    assert brought_back(cohort, "event_suspect_unknown", "patient_id") == ["p", "p"]


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0", "5.0.0"])
def test_the_same_event_written_in_each_version_is_linked_and_judged_alike(cohort, version):
    (view,) = [v for v in mapping.views(version) if v.name == "adverse_event"]
    cohort.run("CREATE TEMP TABLE line AS SELECT ?::JSON AS json", [json.dumps(resource(version))])
    cohort.run(f"INSERT INTO adverse_event BY NAME SELECT 'north' AS site_id, * FROM ({view.query('line')})")
    assert found(cohort, "within_24_hours, suspected, suspected_related") == [(True, True, True)]
    assert rows(cohort, "event", "severity, grade, causality, seriousness_code") == [
        ("moderate", "2", "possible", "serious")
    ]


def resource(version):
    """R5 renames date and event, drops severity, and has one causality a suspect."""
    severity = concept(SEVERITY, "moderate")
    grade = {
        "url": "http://hl7.org/fhir/us/ctcae/StructureDefinition/ctcae-grade",
        "valueCodeableConcept": concept(CTCAE, "2"),
    }
    suspect, onset = {"reference": "MedicationAdministration/first"}, "2020-04-01T20:00:00+08:00"
    r4 = {"date": onset, "severity": severity, "extension": [grade]}
    r4["suspectEntity"] = [
        {"instance": suspect, "causality": [{"assessment": concept(CAUSALITY, "Possible")}]}
    ]
    dropped = "http://hl7.org/fhir/4.0/StructureDefinition/extension-AdverseEvent.severity"
    r5 = {"status": "completed", "occurrenceDateTime": onset}
    r5["extension"] = [grade, {"url": dropped, "valueCodeableConcept": severity}]
    r5["suspectEntity"] = [
        {"instanceReference": suspect, "causality": {"entityRelatedness": concept(CAUSALITY, "possible")}}
    ]
    return {
        "resourceType": "AdverseEvent",
        "id": "1",
        "actuality": "actual",
        "subject": {"reference": "Patient/p"},
        "seriousness": concept(f"{TERMINOLOGY}/adverse-event-seriousness", "serious"),
        **(r5 if version == "5.0.0" else r4),
    }


def concept(system, code):
    return {"coding": [{"system": system, "code": code}]}
