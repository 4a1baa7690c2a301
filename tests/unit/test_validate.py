"""Resources against the standard: what is found, and that no value is ever told."""

import json
import re
from datetime import date
from itertools import product

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.validate import problem, shapes, suspects
from rwe.validate.elements import elements, model
from rwe.validate.rules import BY_KIND, DATE, INSTANT

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
    (kind, version, name, e.rule.codes)
    for version in VALID
    for kind in TYPES
    for name, e in elements(kind, version).items()
    if e.rule and e.rule.codes
]


@pytest.mark.parametrize(("kind", "version", "name", "codes"), REQUIRED)
def test_every_required_code_is_one_of_the_standards(kind, version, name, codes):
    assert [told(kind, version, **{name: code}) for code in codes] == [None] * len(codes)
    for wrong in (CANARY, "Final", codes[0].upper(), codes[0] + "\u00e9"):
        assert told(kind, version, **{name: wrong}) == f"invalid_code: {kind}.{name}"


# hl7.org/fhir/R4 and /R5, the page of each type: elements of type code with a required binding.
BOUND = {
    (R4, "Patient"): {"gender"},
    (R4, "Observation"): {"status"},
    (R4, "Condition"): set(),
    (R4, "Encounter"): {"status"},
    (R4, "MedicationAdministration"): {"status"},
    (R4, "AdverseEvent"): {"actuality"},
    (R4, "Medication"): {"status"},
}
BOUND |= {(R4B, kind): names for (_, kind), names in BOUND.items()}
BOUND |= {(R5, kind): names for (_, kind), names in BOUND.items()} | {
    (R5, "AdverseEvent"): {"status", "actuality"}
}


@pytest.mark.parametrize(("version", "kind"), BOUND)
def test_the_codes_that_each_type_requires_are_checked(version, kind):
    assert {name for k, v, name, _ in REQUIRED if (k, v) == (kind, version)} == BOUND[version, kind]


def below(kind: str, version: str, been: set[str]) -> set[tuple[str, str]]:
    """Every element of type code of a type and of those inside of it, with its owner; no extensions."""
    been.add(kind)
    known = elements(kind, version)
    fields = model(kind, version).model_fields
    found = {(kind, f.alias or n) for n, f in fields.items() if "Code()" in str(f.annotation)}
    for e in known.values():
        if e.type and e.type not in {*been, "Extension"}:
            found |= below(e.type, version, been)
    return found


OPEN = {"language", "contentType", "code", "intervalUnit"}  # see rwe/validate/rules.py


@pytest.mark.parametrize("version", [R4B, R5])
def test_every_code_inside_of_them_is_checked_whole_or_has_no_closed_list(version):
    been: set[str] = set()
    codes = {c for kind in TYPES for c in below(kind, version, been)}
    rules = {(kind, name): elements(kind, version)[name].rule for kind, name in codes}
    assert not [c for c, rule in rules.items() if rule and "+" in rule.codes]
    unruled = {c for c, rule in rules.items() if not rule}
    assert {name for _, name in unruled} <= OPEN, unruled


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


LINES = "(SELECT generate_subscripts($2, 1) AS row, unnest($2)::JSON AS json)"


def suspected(kind: str, version: str, texts: list[str], odd: tuple[str, ...] = ()) -> list[int]:
    """The rows that the SQL names, by the shapes that it finds itself."""
    found = [shape for shape, *_ in duckdb.execute(shapes(LINES.replace("$2", "$1")), [texts]).fetchall()]
    sql = suspects(kind, version, found, LINES)
    return [row for (row,) in duckdb.execute(sql, [list(odd), texts]).fetchall()]


@pytest.mark.parametrize("version", VALID)
def test_the_sql_suspects_every_row_that_has_a_problem(version):
    for kind in TYPES:
        cases = [{k: v for k, v in c.items() if k != "kind"} for c in CASES if c["kind"] == kind]
        texts = [body(kind, version, **c).decode() for c in cases]
        expected = [n for n, c in enumerate(cases, 1) if told(kind, version, **c)]
        assert suspected(kind, version, texts) == expected, kind


PART = {"code": CODE}
MERGED = [  # one that is whole and one of the same shape that is not
    (
        "Observation",
        {"component": [{**PART, "valueString": "a"}, PART]},
        {"component": [PART, {"valueString": "a"}]},
        "invalid: Observation.component[1].code: missing",
    ),
    (
        "Observation",
        {"component": [{**PART, "valueString": "a"}, {**PART, "valueInteger": 1}]},
        {"component": [{**PART, "valueString": "a", "valueInteger": 1}]},
        "invalid: Observation.component[0]: value_error",
    ),
    (
        "Observation",
        {"component": [{**PART, "valueQuantity": {"value": 1, "comparator": "<"}}]},
        {"component": [{**PART, "valueQuantity": {"value": 1, "comparator": "~"}}]},
        "invalid_code: Observation.component[0].valueQuantity.comparator",
    ),
    (
        "Observation",
        {"performer": [SUBJECT, SUBJECT]},
        {"performer": [SUBJECT, {"reference": "Dr. Who"}]},
        "invalid: Observation.performer[1].reference",
    ),
    (
        "Observation",
        {"note": [{"text": "a", "time": "2020-01-01"}]},
        {"note": [{"text": "a", "time": "2020-01-32"}]},
        "invalid: Observation.note[0].time",
    ),
    (
        "Observation",
        {"extension": [{"url": "x", "extension": [{"url": "y", "valueDate": "2020"}]}]},
        {"extension": [{"url": "x", "extension": [{"url": "y", "valueDate": "0000"}]}]},
        "invalid: Observation.extension[0].extension[0].valueDate",
    ),
    (
        "Patient",
        {"name": [{"use": "official", "family": "A", "period": {"start": "2020"}}]},
        {"name": [{"use": "offical", "family": "A", "period": {"start": "2020"}}]},
        "invalid_code: Patient.name[0].use",
    ),
    (
        "Patient",
        {"communication": [{"language": CODE, "preferred": True}, {"language": CODE}]},
        {"communication": [{"language": CODE}, {"preferred": True}]},
        "invalid: Patient.communication[1].language: missing",
    ),
    (
        "Condition",
        {"stage": [{"summary": CODE}], "evidence": [{"detail": [SUBJECT]}], "recordedDate": "2020"},
        {"stage": [{"summary": CODE}], "evidence": [{"detail": [{"reference": ""}]}], "recordedDate": "2020"},
        "invalid: Condition.evidence[0].detail[0].reference",
    ),
    (
        "Encounter",
        {"location": [{"location": SUBJECT, "status": "active"}]},
        {"location": [{"location": SUBJECT, "status": "Active"}]},
        "invalid_code: Encounter.location[0].status",
    ),
    (
        "MedicationAdministration",
        {"performer": [{"actor": SUBJECT, "function": CODE}, {"actor": SUBJECT}]},
        {"performer": [{"actor": SUBJECT}, {"function": CODE}]},
        "invalid: MedicationAdministration.performer[1].actor: missing",
    ),
    (
        "AdverseEvent",
        {"suspectEntity": [{"instance": SUBJECT, "causality": [{"author": SUBJECT}]}]},
        {"suspectEntity": [{"instance": SUBJECT, "causality": [{"author": {"reference": "x y"}}]}]},
        "invalid: AdverseEvent.suspectEntity[0].causality[0].author.reference",
    ),
    (
        "Medication",
        {"ingredient": [{"itemCodeableConcept": CODE, "isActive": True}, {"itemCodeableConcept": CODE}]},
        {"ingredient": [{"itemCodeableConcept": CODE}, {"isActive": True}]},
        "invalid: Medication.ingredient[1]",
    ),
]


@pytest.mark.parametrize(("kind", "whole", "broken", "expected"), MERGED)
def test_what_a_shape_hides_inside_of_lists_is_suspect(kind, whole, broken, expected):
    texts = [body(kind, R4, **more).decode() for more in (whole, broken)]
    assert len({duckdb.execute("SELECT json_structure($1)", [t]).fetchone() for t in texts}) == 1
    assert told(kind, R4, **whole) is None
    assert told(kind, R4, **broken).startswith(expected)
    assert suspected(kind, R4, texts) == [2]


@pytest.mark.parametrize(
    ("reference", "good"),
    [
        *(
            (r, True)
            for r in ("Patient/p", "Patient/a_b", "#p", "#", "urn:uuid:0-1", "https://a.example/x y"[:-2])
        ),
        *(
            (r, True)
            for r in ("Patient/p/_history/2", "Patient?identifier=a|b", "https://a.example/Patient/p")
        ),
        *(
            (r, False)
            for r in ("", "p", "Patient", "Patient/", "/Patient/p", "patient/p", "Patient/p q", "a b")
        ),
        *((r, False) for r in ("Patient/p/q", "Patient/p\n", "Dr. Who", "Patient 5", "fhir/Patient/p")),
    ],
)
def test_a_reference_has_one_of_the_standards_forms(reference, good):
    assert BY_KIND["Reference"].broken(reference) is not good
    expected = None if good else "invalid: Observation.subject.reference"
    found = told("Observation", R4, subject={"reference": reference})
    assert found == expected or found.startswith(expected)
    text = body("Observation", R4, subject={"reference": reference}).decode()
    assert suspected("Observation", R4, [text]) == ([] if good else [1])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(ELEMENTS, JSON, max_size=3))
def test_the_sql_takes_whatever_is_json(elements):
    """What stands where something else belongs shows in the shape; here, that no query fails."""
    suspected("Observation", R4, [body("Observation", R4, **elements).decode()])


@pytest.mark.parametrize("version", VALID)
def test_a_type_without_such_elements_has_no_suspects(version):
    assert suspected("Binary", version, ["{}"]) == []


def test_a_row_of_an_odd_shape_is_suspect():
    assert suspected("Patient", R4, ['{"id":"a"}', '{"id":1}'], odd=('{"id":"UBIGINT"}',)) == [2]


def test_an_exemplar_is_chosen_by_what_it_says_not_by_where_it_stands():
    texts = [body("Patient", R4, id=f"p{n}").decode() for n in range(20)]
    found = [duckdb.execute(shapes(LINES.replace("$2", "$1")), [t]).fetchall() for t in (texts, texts[::-1])]
    assert found[0] == found[1]
    assert [n for *_, n in found[0]] == [20]
