"""Resources against the standard: what is found, and that no value is ever told."""

import json
import re
from datetime import date
from itertools import product

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.validate import DATE, INSTANT, leaves, problem, suspects

CANARY = "canary-7f3a"
ABSENT = object()
CODE = {"text": "x"}
SUBJECT = {"reference": "Patient/p"}
TYPES = (
    "Patient",
    "Observation",
    "Condition",
    "Encounter",
    "MedicationAdministration",
    "AdverseEvent",
    "Medication",
)
R4, R4B, R5 = "4.0.1", "4.3.0", "5.0.0"

VALID = {
    R4: {
        "Patient": {"birthDate": "1980"},
        "Observation": {"status": "final", "code": CODE},
        "Condition": {"subject": SUBJECT},
        "Encounter": {"status": "finished", "class": {"code": "AMB"}},
        "MedicationAdministration": {
            "status": "completed",
            "subject": SUBJECT,
            "medicationCodeableConcept": CODE,
            "effectiveDateTime": "2020-01-01",
        },
        "AdverseEvent": {"actuality": "actual", "subject": SUBJECT},
        "Medication": {"status": "active"},
    },
    R5: {
        "Patient": {"birthDate": "1980"},
        "Observation": {"status": "final", "code": CODE},
        "Condition": {"subject": SUBJECT, "clinicalStatus": CODE},
        "Encounter": {"status": "completed"},
        "MedicationAdministration": {
            "status": "completed",
            "subject": SUBJECT,
            "medication": {"concept": CODE},
            "occurenceDateTime": "2020-01-01",
        },
        "AdverseEvent": {"status": "completed", "actuality": "actual", "subject": SUBJECT},
        "Medication": {"status": "active"},
    },
}
VALID[R4B] = VALID[R4]


def body(kind: str, version: str, **more: object) -> bytes:
    elements = {"resourceType": kind, "id": "a", **VALID[version][kind], **more}
    return json.dumps({k: v for k, v in elements.items() if v is not ABSENT}).encode()


def told(kind: str, version: str, **more: object) -> str | None:
    found = problem(body(kind, version, **more), kind, version)
    return found and f"{found.reason}: {found.detail}"


@pytest.mark.parametrize("version", VALID)
@pytest.mark.parametrize("kind", TYPES)
def test_a_valid_resource_has_no_problem(kind, version):
    assert told(kind, version) is None


REQUIRED = [
    (kind, version, leaf.path, leaf.codes)
    for version in VALID
    for kind in TYPES
    for leaf in leaves(kind, version)
    if leaf.codes
]


@pytest.mark.parametrize(("kind", "version", "path", "codes"), REQUIRED)
def test_every_required_code_is_one_of_the_standards(kind, version, path, codes):
    (name,) = path
    assert [told(kind, version, **{name: code}) for code in codes] == [None] * len(codes)
    for wrong in (CANARY, "Final", codes[0].upper(), codes[0] + "\u00e9"):
        assert told(kind, version, **{name: wrong}) == f"invalid_code: {kind}.{name}"


@pytest.mark.parametrize(
    ("kind", "version", "name"),
    [
        ("Patient", R4, "gender"),
        ("Observation", R4, "status"),
        ("Encounter", R4, "status"),
        ("Encounter", R5, "status"),
        ("MedicationAdministration", R4, "status"),
        ("AdverseEvent", R4, "actuality"),
        ("AdverseEvent", R5, "status"),
    ],
)
def test_the_codes_that_a_study_relies_on_are_checked(kind, version, name):
    assert (name,) in [path for k, v, path, _ in REQUIRED if (k, v) == (kind, version)]


GOOD_DATES = ("2020", "2020-02", "2020-02-29")
GOOD_TIMES = ("2020-02-29T23:59:59Z", "2020-02-29T23:59:59.123456789+14:00", "2015-02-07T13:28:17-05:00")
BAD_DATES = (
    *("0000", "0000-01-01", "2019-02-29", "2020-02-30", "2020-04-31"),
    "",
    "20",
    "2020-13",
    "2020-00",
    "2020-01-32",
    "2020-1-1",
    "01/02/2020",
    CANARY,
    "2020-01-01 ",
    "2020\n",
)
BAD_TIMES = (
    *("2020-02-29T23:59Z", "2020-02-30T00:00:00Z", "2020-02-29T23:59:59+14:01", "2020-02-29T23:59:59+19:00"),
    "2020-02-29T24:00:00Z",
    "2020-02-29T23:59:59",
    "2020-02-29 23:59:59Z",
    "2020-02-29T23Z",
    "2020-02T10:00:00Z",
)


@pytest.mark.parametrize("version", VALID)
def test_dates_are_as_the_standard_writes_them(version):
    assert [told("Patient", version, birthDate=d) for d in GOOD_DATES] == [None] * 3
    assert [told("Condition", version, recordedDate=d) for d in GOOD_DATES + GOOD_TIMES] == [None] * 6
    for d in (*BAD_DATES, *GOOD_TIMES, *BAD_TIMES):
        assert told("Patient", version, birthDate=d).startswith("invalid: Patient.birthDate"), d
    for d in (*BAD_DATES, *BAD_TIMES):
        assert told("Condition", version, recordedDate=d).startswith("invalid: Condition.recordedDate"), d


def exists(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def test_days_are_those_of_the_calendar():
    """As Python counts them; 1900 and 2100 have no leap day, 2000 has one."""
    years = ("0004", "1900", "1999", "2000", "2020", "2100", "2400", "9999")
    for year, month, day in product(years, range(1, 13), range(29, 32)):
        text = f"{year}-{month:02}-{day}"
        assert bool(re.fullmatch(DATE, text)) == exists(text)
        assert bool(re.fullmatch(INSTANT, f"{text}T00:00:00Z")) == exists(text)
    assert not re.fullmatch(DATE, "0000-02-29")


@pytest.mark.parametrize("kind", ["Nope", "patient", "", "../x", 5, None, ["Patient"], {"a": CANARY}])
def test_a_contained_resource_of_a_type_that_is_none_is_a_problem_and_no_crash(kind):
    found = told("Observation", R4, contained=[{"resourceType": kind}])
    assert found in ("invalid: Observation: KeyError", "invalid: Observation: TypeError")


@pytest.mark.parametrize(
    ("kind", "version", "more", "expected"),
    [
        ("Observation", R4, {"status": ABSENT}, "invalid: Observation"),
        ("Observation", R4, {"code": ABSENT}, "invalid: Observation"),
        ("Condition", R4, {"subject": ABSENT}, "invalid: Condition"),
        ("AdverseEvent", R5, {"status": ABSENT}, "invalid: AdverseEvent"),
        ("Observation", R4, {CANARY: 1}, "invalid: Observation: extra_forbidden"),
        ("Observation", R4, {"code": {"canary": CANARY}}, "invalid: Observation.code: extra_forbidden"),
        (
            "Observation",
            R4,
            {"code": {"coding": [{}, {"code": 5}]}},
            "invalid: Observation.code.coding[1].code",
        ),
        ("Observation", R4, {"valueQuantity": {"value": CANARY}}, "invalid: Observation.valueQuantity.value"),
        ("Observation", R4, {"resourceType": CANARY}, "invalid: Observation"),
        ("Observation", R4, {"encounter": CANARY}, "invalid: Observation.encounter"),
        ("MedicationAdministration", R4, {"occurenceDateTime": "2020"}, "invalid: MedicationAdministration"),
        ("MedicationAdministration", R5, {"effectiveDateTime": "2020"}, "invalid: MedicationAdministration"),
        ("AdverseEvent", R4, {"occurrenceDateTime": "2020"}, "invalid: AdverseEvent"),
        ("Encounter", R5, {"period": {"start": "2020"}}, "invalid: Encounter: extra_forbidden"),
    ],
)
def test_what_the_standard_lacks_or_needs_is_found_and_named(kind, version, more, expected):
    assert told(kind, version, **more).startswith(expected)


@pytest.mark.parametrize(
    "text", [b"{", b"", b"[]", b"5", b'"x"', b"[" * 5000, b'{"resourceType":"Patient","id":NaN}']
)
def test_what_is_no_resource_is_a_problem_and_no_crash(text):
    assert problem(text, "Patient", R4).reason == "invalid"


def test_a_number_of_any_length_is_no_crash():
    text = body("Observation", R4, valueQuantity={"value": 7}).replace(b"7", b"1" * 5000)
    found = problem(text, "Observation", R4)
    assert found is None or found.reason == "invalid"


JSON = st.recursive(
    st.one_of(st.just(CANARY), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()),
    lambda v: st.one_of(
        st.lists(v, max_size=3),
        st.dictionaries(
            st.sampled_from([CANARY, f"{CANARY} x", "coding", "text", "value", "start"]), v, max_size=3
        ),
    ),
    max_leaves=8,
)
ELEMENTS = st.sampled_from(
    [
        "status",
        "code",
        "subject",
        "valueQuantity",
        "effectivePeriod",
        "issued",
        "contained",
        "note",
        "_status",
        CANARY,
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(ELEMENTS, JSON, max_size=3))
def test_no_value_of_a_resource_is_told(elements):
    found = told("Observation", R4, **elements)
    assert CANARY not in (found or "")


CASES = [{"kind": "Patient", "birthDate": d} for d in (*GOOD_DATES, *BAD_DATES, *GOOD_TIMES)] + [
    *({"kind": "Patient", "deceasedDateTime": d} for d in (*GOOD_DATES, *GOOD_TIMES, *BAD_DATES, *BAD_TIMES)),
    *({"kind": "Patient", "gender": g} for g in ("male", "Male", "", "x'); --", "unknown")),
    *({"kind": "Observation", "status": s} for s in ("final", "registered", "entered-in-error", "done")),
    *({"kind": "Observation", "effectivePeriod": p} for p in ({}, {"start": "2020"}, {"end": "2020-99"})),
    *({"kind": "Observation", "issued": d} for d in (*GOOD_TIMES, *GOOD_DATES, *BAD_TIMES)),
    *({"kind": "Condition", "recordedDate": d} for d in (*GOOD_DATES, *BAD_DATES, *BAD_TIMES)),
    *({"kind": "Encounter", "status": s} for s in ("finished", "completed", "planned", CANARY)),
    *({"kind": "MedicationAdministration", "status": s} for s in ("completed", "not-done", "nope")),
    *({"kind": "AdverseEvent", "actuality": s} for s in ("actual", "potential", "ACTUAL")),
    *({"kind": "AdverseEvent", "detected": d} for d in ("2020", "2020-02-30", "x")),
    *({"kind": "Medication", "status": s} for s in ("active", "gone")),
]


@pytest.mark.parametrize("version", VALID)
def test_the_sql_suspects_every_row_that_has_a_problem(version):
    for kind in TYPES:
        cases = [{k: v for k, v in c.items() if k != "kind"} for c in CASES if c["kind"] == kind]
        texts = [body(kind, version, **c).decode() for c in cases]
        lines = "(SELECT generate_subscripts($2, 1) AS row, unnest($2)::JSON AS json)"
        found = duckdb.execute(suspects(kind, version, lines), [[], texts]).fetchall()
        expected = [n for n, c in enumerate(cases, 1) if told(kind, version, **c)]
        assert [row for row, _ in found] == expected, kind


@pytest.mark.parametrize("version", VALID)
def test_a_type_without_such_elements_has_no_suspects(version):
    lines = "(SELECT 1 AS row, '{}'::JSON AS json)"
    assert duckdb.execute(suspects("Binary", version, lines), [[]]).fetchall() == []


def test_a_row_of_an_odd_shape_is_suspect():
    lines = """(SELECT 1 AS row, '{"id":"a"}'::JSON AS json UNION ALL SELECT 2, '{"id":1}'::JSON)"""
    found = duckdb.execute(suspects("Patient", "4.0.1", lines), [['{"id":"UBIGINT"}']]).fetchall()
    assert found == [(2, '{"id":1}')]
