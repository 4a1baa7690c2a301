"""What the official tests leave open: holes in lists, contained resources, keys, types, messages."""

from typing import Any

import duckdb
import pytest

from rwe.errors import MappingError
from rwe.views import compile_view


def patient(*columns: dict[str, Any], **select: Any) -> dict[str, Any]:
    return {"resource": "Patient", "select": [{"column": list(columns), **select}]}


@pytest.mark.parametrize(
    ("reference", "key"),
    [
        ("Patient/p1", "p1"),
        ("Patient/p1/_history/3", "p1"),
        ("https://fhir.example.invalid/base/Patient/a.B-3", "a.B-3"),
        ("https://fhir.example.invalid/Patient/p1/_history/3", "p1"),
        ("Group/p1", None),
        ("MyPatient/p1", None),
        ("Patient/", None),
        ("Patient/" + "x" * 65, None),
        ("Patient?identifier=x|1", None),
        ("urn:uuid:00000000-0000-4000-8000-000000000000", None),
        ("#p1", None),
        (None, None),
    ],
)
def test_reference_keys(value: Any, reference: str | None, key: str | None) -> None:
    content = {"subject": {"reference": reference}}
    assert value("Condition", "subject.getReferenceKey(Patient)", content) == key


def test_keys_of_a_list_of_references(value: Any) -> None:
    content = {"basedOn": [{"reference": "Task/t"}, {"display": "none"}, {"reference": "CarePlan/c"}]}
    path = "basedOn.getReferenceKey()"
    assert value("Observation", path, content, collection=True) == ["t", "c"]
    assert value("Observation", "basedOn.getReferenceKey(CarePlan)", content) == "c"


CONTAINED = {
    "contained": [
        {"resourceType": "Organization", "id": "o", "name": "a text here"},
        {"resourceType": "Patient", "id": "p", "name": [{"family": "a list there"}]},
        {"resourceType": "Medication", "id": "m", "code": {"coding": [{"code": "c"}]}},
    ]
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("contained.ofType(Organization).name", ["a text here"]),
        ("contained.ofType(Patient).name.family", ["a list there"]),
        ("contained.ofType(Medication).code.coding.code", ["c"]),
        ("contained.ofType(Medication).where(id = 'm').getResourceKey()", ["m"]),
        ("contained.ofType(Device).id", []),
    ],
)
def test_contained_is_read_as_the_type_named(value: Any, path: str, expected: list[str]) -> None:
    assert value("Observation", path, CONTAINED, collection=True) == expected


def test_a_hole_in_a_list_of_primitives_is_no_value(value: Any) -> None:
    content = {"name": [{"given": [None, "b"], "_given": [{"extension": [{"url": "x"}]}, None]}]}
    assert value("Patient", "name.given", content, collection=True) == ["b"]
    assert value("Patient", "name.first().given.first()", content) == "b"


def test_extensions_of_a_primitive(value: Any) -> None:
    content = {"birthDate": "1970", "_birthDate": {"extension": [{"url": "u", "valueCode": "c"}]}}
    assert value("Patient", "birthDate.extension('u').value.ofType(code)", content) == "c"
    assert value("Patient", "birthDate.extension('u').exists()", {"birthDate": "1970"}) is False


def test_a_choice_exists_whatever_its_type(value: Any) -> None:
    for content, expected in (({"valueString": "x"}, True), ({"valueBoolean": False}, True), ({}, False)):
        assert value("Observation", "value.exists()", content) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("birthDate = @1970-01-01", True),
        ("birthDate < @1970-01-02", True),
        ("birthDate < @1970-02", None),
        ("meta.lastUpdated = @2020-01-01T13:00:00+01:00", True),
        ("meta.lastUpdated > @2020-01-01T12:30:00+01:00", True),
        ("name.family = 'a'", False),
        ("name.first().family = 'a'", True),
        ("name.where(family = 'z').family = 'a'", None),
        ("active = true and birthDate.exists()", None),
        ("active = true or birthDate.exists()", True),
        ("name.exists(family = 'b')", True),
        ("'a' + name[1].family", "ab"),
        ("birthDate[0]", "1970-01-01"),
        ("birthDate[1]", None),
        ("name.family.join('; ')", "a; b"),
        ("birthDate.where($this = @1970-01-01)", "1970-01-01"),
        ("id.join(',')", None),
        ("meta.where(lastUpdated.exists()).lastUpdated", "2020-01-01T12:00:00Z"),
        ("meta.where(versionId = '1').lastUpdated", None),
        ("1.50 = 1.5", True),
        ("active != true", None),
        ("name[0].family != name[1].family", True),
        ("id.ofType(id)", None),
    ],
)
def test_expressions(value: Any, path: str, expected: object) -> None:
    content = {
        "birthDate": "1970-01-01",
        "meta": {"lastUpdated": "2020-01-01T12:00:00Z"},
        "name": [{"family": "a"}, {"family": "b"}],
    }
    assert value("Patient", path, content) == expected


@pytest.mark.parametrize(
    ("sent", "low", "high"),
    [
        ("2020", "2020-01-01T00:00:00.000+14:00", "2020-12-31T23:59:59.999-12:00"),
        ("2020-02", "2020-02-01T00:00:00.000+14:00", "2020-02-29T23:59:59.999-12:00"),
        ("2020-02-03T04:05+01:00", "2020-02-03T04:05:00.000+01:00", "2020-02-03T04:05:59.999+01:00"),
        ("2020-02-03T04:05:06.7Z", "2020-02-03T04:05:06.700Z", "2020-02-03T04:05:06.799Z"),
        (None, None, None),
    ],
)
def test_boundaries_of_date_times(value: Any, sent: str | None, low: str | None, high: str | None) -> None:
    content = {"effectiveDateTime": sent}
    assert value("Observation", "effective.ofType(dateTime).lowBoundary()", content) == low
    assert value("Observation", "effective.ofType(dateTime).highBoundary()", content) == high


@pytest.mark.parametrize(
    ("path", "column", "type_name"),
    [
        ("active", {}, "BOOLEAN"),
        ("birthDate", {}, "VARCHAR"),
        ("birthDate", {"tag": [{"name": "ansi/type", "value": "DATE"}]}, "DATE"),
        ("multipleBirth.ofType(integer)", {}, "INTEGER"),
        ("multipleBirth.ofType(integer)", {"type": "decimal"}, "DECIMAL(38,12)"),
        ("name.given", {"collection": True, "type": "string"}, "VARCHAR[]"),
        ("telecom.rank", {"collection": True, "type": "positiveInt"}, "INTEGER[]"),
        ("id", {"type": "http://hl7.org/fhirpath/System.String"}, "VARCHAR"),
        (
            "deceased.ofType(dateTime)",
            {"tag": [{"name": "ansi/type", "value": "TIMESTAMP WITH TIME ZONE"}]},
            "TIMESTAMP WITH TIME ZONE",
        ),
    ],
)
def test_types_of_columns(rows: Any, path: str, column: dict[str, Any], type_name: str) -> None:
    view = patient({"name": "v", "path": path, **column})
    assert compile_view(view, "5.0.0").columns[0].type == type_name
    rows(view, {"id": "p"}, fhir_version="5.0.0")  # checks it against what DuckDB says


def test_repeat_over_what_does_not_recur_is_one_level(rows: Any) -> None:
    view = {
        "resource": "Patient",
        "select": [{"repeat": ["name"], "column": [{"name": "f", "path": "family"}]}],
    }
    found = rows(view, {"name": [{"family": "a"}, {"family": "b"}]})
    assert sorted(row["f"] for row in found) == ["a", "b"]


NOWHERE = [
    "a",
    "a.b",
    "a[0]",
    "-a",
    "a + 1",
    "a = 1",
    "a > 1",
    "a.not()",
    "a.exists()",
    "a.empty()",
    "a.first()",
]
NOWHERE += ["a.where(b)", "a.join(',')", "a.ofType(code)", "a.extension('u')", "a.getReferenceKey(Patient)"]
NOWHERE += ["a.lowBoundary()", "a.getResourceKey()", "a and b", "$this"]


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("collection", [True, False])
@pytest.mark.parametrize("key", ["column", "select"])
def test_repeat_over_what_is_not_defined_has_no_row(rows: Any, path: str, collection: bool, key: str) -> None:
    """The suite asks that its paths be allowed there, whatever they name."""
    columns = [{"name": "v", "path": path, "collection": collection}]
    below = columns if key == "column" else [{"repeat": ["a"], "column": columns}]
    assert (
        rows({"resource": "Patient", "select": [{"repeat": ["jurisdiction"], key: below}]}, {"id": "p"}) == []
    )


def test_repeat_may_filter(rows: Any) -> None:
    """Only the branch whose every step passes."""
    column = {"name": "v", "path": "linkId"}
    view = {
        "resource": "Questionnaire",
        "select": [{"repeat": ["item.where(text = 'x')"], "column": [column]}],
    }
    below = [{"linkId": "1.1", "text": "x"}, {"linkId": "1.2"}]
    found = rows(
        view, {"item": [{"linkId": "1", "text": "x", "item": below}, {"linkId": "2", "item": below}]}
    )
    assert {row["v"] for row in found} == {"1", "1.1"}


def test_numbers_below_a_repeat_keep_their_text(rows: Any) -> None:
    tag = [{"name": "ansi/type", "value": "VARCHAR"}]
    column = {"name": "v", "path": "answer.value.ofType(decimal)", "tag": tag}
    view = {"resource": "QuestionnaireResponse", "select": [{"repeat": ["item"], "column": [column]}]}
    line = '{"item": [{"item": [{"answer": [{"valueDecimal": 1.10}]}]}]}'
    assert {row["v"] for row in rows(view, line)} == {None, "1.10"}


REFUSED = [
    ("Patient", "nme.family", "no element 'nme'"),
    ("Patient", "name", "whole HumanName"),
    ("Patient", "birthDate.year", "no element 'year'"),
    ("Observation", "value", "several types"),
    ("Observation", "value.unit", "several types"),
    ("Observation", "valueQuantity.value", "no element 'valueQuantity'"),
    ("Observation", "value.ofType(Money)", "never Money"),
    ("Observation", "value.ofType('Quantity')", "type is expected"),
    ("Observation", "contained.id", "any resource"),
    ("Observation", "contained.ofType(Coding).id", "no such resource"),
    ("Observation", "code.getReferenceKey(Patient)", "CodeableConcept"),
    ("Observation", "subject.getReferenceKey(Ward)", "no such resource"),
    ("Observation", "code.getResourceKey()", "CodeableConcept"),
    ("Patient", "name.count()", r"count\(\) is not supported"),
    ("Patient", "name.first(1)", "takes 0 arguments"),
    ("Patient", "name.where(family)", "true or false"),
    ("Patient", "birthDate = 1", "cannot compare"),
    ("Patient", "name = name", "cannot compare HumanName"),
    ("Patient", "active > true", "cannot compare"),
    ("Patient", "name[birthDate]", "whole number"),
    ("Patient", "name[-1]", "whole number"),
    ("Patient", "-birthDate", "needs a number"),
    ("Patient", "birthDate - 1", "cannot compare"),
    ("Patient", "active + active", "needs numbers"),
    ("Patient", "name.join(',')", "needs texts"),
    ("Patient", "active.lowBoundary()", "no boundary"),
    ("Patient", "%nothing", "not defined"),
    ("Patient", "id.ofType(code)", "always id"),
    ("Patient", "id.extension('u').value", "several types"),
    ("Patient", "deceased.where(true)", "several types"),
    ("Patient", "id.family", "no element 'family'"),
    ("Patient", "deceased = true", "cannot compare deceased"),
]


@pytest.mark.parametrize(("resource", "path", "message"), REFUSED)
def test_refused_before_data_are_read(resource: str, path: str, message: str) -> None:
    view = {"name": "mine", "resource": resource, "select": [{"column": [{"name": "v", "path": path}]}]}
    with pytest.raises(MappingError, match=message) as caught:
        compile_view(view, "4.0.1")
    assert str(caught.value).startswith("view mine: column v: ")
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (patient({"name": "v", "path": "id", "type": "Coding"}), "type 'Coding'"),
        (patient({"name": "v", "path": "id", "type": "integer"}), "the path gives id"),
        (patient({"name": "v", "path": "id", "tag": [{"name": "ansi/type", "value": "BLOB"}]}), "BLOB"),
        (
            patient({"name": "v", "path": "id", "tag": [{"name": "ansi/type", "value": "DECIMAL(99,2)"}]}),
            "38",
        ),
        (patient({"name": "v", "path": "id"}, forEach="name", repeat=["name"]), "in one select"),
        (patient({"name": "v", "path": "id"}, forEach="deceased"), "several types"),
        (patient({"name": "v", "path": "id"}, forEach="contained"), "several types"),
        (patient({"name": "v", "path": "id"}, repeat="name"), "list of paths"),
        (patient({"name": "v", "path": "$this"}, repeat=["$this"]), "must name an element"),
        (patient({"name": "v", "path": "id"}, repeat=["name", "contact"]), "different types"),
        (patient({"name": "v", "path": "id"}, {"name": "v", "path": "id"}), "each name once"),
        (patient(), "needs columns"),
        (patient(unionAll=[{"column": []}]), "no column"),
        ({"resource": "Patient", "select": "id"}, "list of objects"),
        ({"resource": "Ward", "select": []}, "no resource"),
        (
            {**patient({"name": "v", "path": "id"}), "constant": [{"name": "rowIndex", "valueCode": "x"}]},
            "cannot name",
        ),
        (
            {**patient({"name": "v", "path": "id"}), "constant": [{"name": "c", "valueInteger": "1"}]},
            "no integer",
        ),
        (
            {**patient({"name": "v", "path": "id"}), "constant": [{"name": "c", "valueDecimal": "1"}]},
            "no decimal",
        ),
        (
            {**patient({"name": "v", "path": "id"}), "constant": [{"name": "c", "valueBoolean": 1}]},
            "no boolean",
        ),
        (
            {**patient({"name": "v", "path": "id"}), "constant": [{"name": "c", "valueMoney": "1"}]},
            "no money",
        ),
    ],
)
def test_a_wrong_view_is_refused(view: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        compile_view(view, "4.0.1")


def test_a_resource_inside_one(rows: Any) -> None:
    column = {"name": "v", "path": "resource.ofType(Patient).id"}
    view = {"resource": "Bundle", "select": [{"forEach": "entry", "column": [column]}]}
    entry = [{"resource": {"resourceType": kind, "id": kind.lower()}} for kind in ("Patient", "Group")]
    assert {row["v"] for row in rows(view, {"entry": entry})} == {"patient", None}


@pytest.mark.parametrize("value", [1.5, 2, "Infinity"])
def test_decimal_constants(rows: Any, value: Any) -> None:
    view = {**patient({"name": "v", "path": "%c + 1"}), "constant": [{"name": "c", "valueDecimal": value}]}
    if isinstance(value, str):
        with pytest.raises(MappingError, match="no decimal"):
            compile_view(view, "4.0.1")
    else:
        assert float(rows(view, {})[0]["v"]) == value + 1


def test_more_than_one_value_stops_the_query(rows: Any) -> None:
    with pytest.raises(duckdb.Error, match="family: more than one value"):
        rows(patient({"name": "family", "path": "name.family"}), {"name": [{"family": "a"}, {"family": "b"}]})


def test_a_line_is_parsed_once_and_only_what_is_named() -> None:
    view = compile_view(
        patient({"name": "f", "path": "name.family.first()"}, {"name": "i", "path": "id"}), "4.0.1"
    )
    assert view.exact.structure == {"name": [{"family": "VARCHAR"}], "id": "VARCHAR"}
    assert view.query("patient").count("from_json") == 1
