"""JSON text to resources: every number keeps its text, and nothing unsafe gets through."""

import json

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.fhir.bundle import DEEPEST, document, resource
from rwe.reasons import REASONS
from rwe.resource import Place, Resource, Unusable

HERE = Place(source="x", position=1)
UUID = "urn:uuid:3fdc72f4-a11d-4a9d-9260-a9f745779e1d"

NUMBERS = st.one_of(
    st.sampled_from(["1.10", "1E-7", "-0", "0.000", "1e+400", "5e-324", "9" * 30, "1" * 5000]),
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)
STRINGS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])).map(json.dumps),
    st.text(st.characters(exclude_categories=["Cs"])).map(lambda t: json.dumps(t, ensure_ascii=False)),
    st.sampled_from([r'"\/ \u00e9 \ud83d\ude00"', r'"\u0000"', '"\u2028"', r'"{[\"}]"']),
)


def objects(values):
    keys = st.text("abcdefgh_", min_size=1, max_size=5)
    pairs = st.dictionaries(keys, values, max_size=4)
    return pairs.map(lambda d: "{" + ",".join(f'"{k}":{v}' for k, v in d.items()) + "}")


VALUES = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["true", "false", "null"])),
    lambda v: st.one_of(objects(v), st.lists(v, max_size=4).map(lambda i: f"[{','.join(i)}]")),
    max_leaves=12,
)


def body_of(value: str) -> str:
    return f'{{"resourceType":"Observation","id":"a","x":{value}}}'


@settings(max_examples=300, deadline=None)
@given(VALUES, st.sampled_from(["", " ", "\n", "\r\n\t"]))
def test_a_bundles_resources_keep_every_byte(value, space):
    body = body_of(value)
    text = f'{{{space}"resourceType":"Bundle",{space}"entry":[{{"resource":{space}{body}{space}}}]}}'
    (found,) = document(text.encode(), "x")
    assert isinstance(found, Resource)
    assert found.body == body.encode()


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_line_ends_go_and_nothing_else(value):
    body = body_of(value).encode()
    found = resource(msgspec.json.format(body, indent=2).replace(b"\n", b"\r\n"), HERE)
    assert isinstance(found, Resource)
    assert found.body == msgspec.json.format(body, indent=-1) == body


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_what_is_a_resource_here_is_one_for_duckdb(value):
    body = resource(body_of(value).encode(), HERE).body.decode()
    assert duckdb.execute("SELECT json_valid(?)", [body]).fetchone() == (True,)


@settings(deadline=None)
@given(st.binary())
def test_no_bytes_are_a_crash(data):
    for item in [
        *document(data, "x"),
        *document(b'{"resourceType":"Bundle","entry":[{"resource":' + data, "x"),
    ]:
        assert isinstance(item, Resource) or item.reason in REASONS


def row(text: str) -> bytes:
    return f'{{"resourceType":"Patient","id":"a","x":{text}}}'.encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        *(
            (row(t), "not_json")
            for t in ("NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "'a'", "tru")
        ),
        *((row(t), "not_json") for t in (r'"\ud800"', r'"\udc00"', r'"\x"', '"\t"', '"\x01"', "1,", "1}{")),
        (b"", "not_json"),
        (b"\xef\xbb\xbf" + row("1"), "not_json"),
        (row('"é"').decode().encode("latin-1"), "not_utf8"),
        (b"[]", "not_a_resource"),
        (b"5", "not_a_resource"),
        (b"null", "not_a_resource"),
        (b"{}", "not_a_resource"),
        (b'{"id":"a"}', "not_a_resource"),
        (b'{"resourceType":7,"id":"a"}', "not_a_resource"),
        (b'{"resourceType":"patient","id":"a"}', "unknown_type"),
        (b'{"resourceType":"../x","id":"a"}', "unknown_type"),
        (b'{"resourceType":"Patient","id":"a","meta":3}', "not_a_resource"),
        (b'{"resourceType":"Patient"}', "no_id"),
        (b'{"resourceType":"Patient","id":""}', "no_id"),
        (b'{"resourceType":"Patient","id":"a/b"}', "bad_id"),
        (b'{"resourceType":"Patient","id":7}', "bad_id"),
        (b'{"resourceType":"Patient","id":"' + b"a" * 256 + b'"}', "bad_id"),
        (row("[" * 5000 + "]" * 5000), "too_deep"),
        (row("[" * DEEPEST + "]" * DEEPEST), "too_deep"),
    ],
    ids=repr,
)
def test_what_is_set_aside_and_why(body, reason):
    found = resource(body, HERE)
    assert isinstance(found, Unusable)
    assert (found.reason, found.body) == (reason, body)
    assert reason in REASONS


def test_brackets_in_strings_are_no_levels():
    assert isinstance(resource(row("[" * (DEEPEST - 1) + r'"[[[\"[["' + "]" * (DEEPEST - 1)), HERE), Resource)
    assert isinstance(resource(row('"' + "[" * 500 + '"'), HERE), Resource)


def test_version_and_time_are_text_or_not_there():
    meta = b'{"resourceType":"Patient","id":"a","meta":{"versionId":"3","lastUpdated":"2020"}}'
    odd = b'{"resourceType":"Patient","id":"a","meta":{"versionId":3}}'
    assert [(r.version, r.updated) for r in (resource(meta, HERE), resource(odd, HERE))] == [
        ("3", "2020"),
        (None, None),
    ]


def bundle(*entries: object) -> bytes:
    return json.dumps({"resourceType": "Bundle", "entry": entries}, separators=(",", ":")).encode()


def observation(reference: str, **more: object) -> dict[str, object]:
    return {"resourceType": "Observation", "id": "o", "subject": {"reference": reference}, **more}


def resolved(reference: str, full_url: str, **target: object) -> object:
    patient = {"resourceType": "Patient", "id": "p", **target}
    entries = ({"resource": observation(reference)}, {"fullUrl": full_url, "resource": patient})
    return json.loads(next(document(bundle(*entries), "x")).body)["subject"]["reference"]


@pytest.mark.parametrize(
    ("reference", "full_url", "expected"),
    [
        (UUID, UUID, "Patient/p"),
        ("http://h/fhir/Patient/7", "http://h/fhir/Patient/7", "Patient/p"),
        ("http://h/fhir/Patient/7", "http://h/fhir/Patient/8", "http://h/fhir/Patient/7"),
        ("http://other/Patient/p", "http://h/fhir/Patient/p", "http://other/Patient/p"),
        ("Patient/7", "http://h/fhir/Patient/7", "Patient/7"),
        (UUID, "", UUID),
    ],
)
def test_only_the_bundles_own_full_urls_are_resolved(reference, full_url, expected):
    assert resolved(reference, full_url) == expected


def test_only_references_are_rewritten():
    text = f'<div>"reference":"{UUID}"</div>'
    resource_ = observation(UUID, note=UUID, text=text)
    entries = ({"resource": resource_}, {"fullUrl": UUID, "resource": {"resourceType": "Patient", "id": "p"}})
    (found, _) = document(bundle(*entries), "x")
    assert json.loads(found.body) == {**resource_, "subject": {"reference": "Patient/p"}}


def test_a_reference_with_escaped_slashes_is_resolved():
    text = bundle(
        {"resource": observation("http://h/Patient/7")},
        {"fullUrl": "http://h/Patient/7", "resource": {"resourceType": "Patient", "id": "p"}},
    ).replace(b"/", b"\\/")
    assert b'"reference":"Patient/p"' in next(document(text, "x")).body


@pytest.mark.parametrize("target", [{"id": 'a","y":"'}, {"resourceType": 'X","y":"'}, {"id": None}])
def test_a_hostile_id_is_not_put_into_other_rows(target):
    assert resolved("http://h/x", "http://h/x", **target) == "http://h/x"


def test_a_resource_to_be_created_takes_its_id_from_its_uuid():
    text = bundle({"fullUrl": UUID, "resource": {"resourceType": "Patient"}}, {"resource": observation(UUID)})
    patient, o = document(text, "x")
    assert patient.id == UUID.removeprefix("urn:uuid:")
    assert json.loads(patient.body) == {"id": patient.id, "resourceType": "Patient"}
    assert json.loads(o.body)["subject"]["reference"] == f"Patient/{patient.id}"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"fullUrl": UUID, "resource": {}}, "not_a_resource"),
        ({"fullUrl": UUID, "resource": 5}, "not_a_resource"),
        ({"fullUrl": UUID}, "no_resource"),
        ({"fullUrl": "http://h/Patient/1", "resource": {"resourceType": "Patient"}}, "no_id"),
        (None, "no_resource"),
        ({"resource": {"resourceType": "Patient", "id": "?"}}, "bad_id"),
    ],
)
def test_an_unusable_entry_costs_its_neighbours_nothing(entry, reason):
    text = bundle({"resource": observation("Patient/1")}, entry, {"resource": observation("Patient/2")})
    found = list(document(text, "x"))
    assert [getattr(i, "reason", None) for i in found] == [None, reason, None]
    assert [i.place.position for i in found] == [1, 2, 3]


def test_a_key_repeated_in_one_row_does_not_cost_the_bundle():
    twice = b'{"resourceType":"Patient","id":"b","id":"c"}'
    text = b'{"resourceType":"Bundle","entry":[{"resource":%s},{"resource":%s},null]}' % (twice, row("1"))
    assert [getattr(i, "reason", None) for i in document(text, "x")] == ["repeated_key", None, "no_resource"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('"id":"b"', "Patient.id"),
        ('"\\u0069d":"b"', "Patient.id"),
        ('"x":[{"value":1,"value":2}]', "Patient.x[0].value"),
        ('"a":{"b":[0,{"c":[{"d":1}]},{"_c":1,"_c":2}]}', "Patient.a.b[2]._c"),
        ('"a":[[{"b":1}],{"b":1,"b":2}],"a":3', "Patient.a[1].b"),
        ('"a":{"b":{}},"a":1', "Patient.a"),
        ('"Meier, Anna":{"b":1,"b":2}', "Patient.b"),
        ('"a":{"Meier":1,"Meier":2}', "Patient.a"),
        ('"canary-7f3a":1,"canary-7f3a":2', "Patient"),
        ('"NAME":1,"NAME":2'.replace("NAME", "x" * 63), "Patient." + "x" * 63),
        ('"NAME":1,"NAME":2'.replace("NAME", "x" * 64), "Patient"),
        ('"a":LONG,"a":2'.replace("LONG", "1" * 5000), "Patient.a"),
    ],
    ids=range(12),
)
def test_a_key_that_stands_twice_is_named_if_its_name_is_one_of_the_standards_form(body, expected):
    found = resource(b'{"resourceType":"Patient","id":"a",%s}' % body.encode(), HERE)
    assert isinstance(found, Unusable)
    assert (found.type, found.reason, found.detail) == ("Patient", "repeated_key", expected)


@given(st.lists(st.one_of(VALUES, st.just('{"a":1,"a":2}')), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_row_of_a_page_is_judged_as_it_would_be_alone(values):
    bodies = [b'{"resourceType":"Patient","id":"a","x":%s}' % v.encode() for v in values]
    page = b'{"resourceType":"Bundle","entry":[%s]}' % b",".join(b'{"resource":%s}' % b for b in bodies)
    alone = [resource(body, Place(source="x", position=n)) for n, body in enumerate(bodies, start=1)]
    assert list(document(page, "x")) == alone


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"resourceType":"Bundle","entry":[{"resource":%s}],"entry":[]}' % row("1"), "repeated_key"),
        (b'{"resourceType":"Bundle","entry":[{"resource":%s,"resource":null}]}' % row("1"), "repeated_key"),
        (b'{"resourceType":"Bundle","entry":["x"]}', "not_a_resource"),
        (b'{"resourceType":"Bundle","entry":[{"resource":%s}]' % row("1"), "not_json"),
        (b'{"resourceType":"Bundle","entry":[{"resource":%s}]}' % row("[" * 960 + "]" * 960), "too_deep"),
    ],
)
def test_a_bundle_that_cannot_be_read_is_set_aside_whole(text, reason):
    (found,) = document(text, "x")
    assert (found.reason, found.body) == (reason, text)


def test_a_bundle_in_a_bundle_is_read_with_its_place():
    inner = {"resourceType": "Bundle", "entry": [{"resource": observation("Patient/1")}]}
    (found,) = document(bundle({"resource": inner}), "x")
    assert found.place == Place(source="x#1", position=1)


def test_bundles_in_bundles_end_at_the_depth_of_any_resource():
    text = row("1")
    for _ in range(300):
        text = b'{"resourceType":"Bundle","entry":[{"resource":%s}]}' % text
    (found,) = document(text, "x")
    assert found.reason == "too_deep"


def test_no_depth_is_a_crash():
    """msgspec and json give up at depths of their own, counted from whoever calls them."""
    reasons = set()
    for depth in range(DEEPEST, 1000):
        deep = row("[" * depth + "]" * depth)
        for text in (deep, b'{"resourceType":"Bundle","entry":[{"resource":%s}]}' % deep):
            reasons.update(item.reason for item in document(text, "x"))
    assert reasons == {"too_deep"}


def test_one_resource_is_a_document_too():
    (found,) = document(row("1"), "x")
    assert (found.id, found.place) == ("a", HERE)


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (b'{"resourceType":"Patient"}', "no_id", "Patient.id"),
        (b'{"resourceType":"Patient","id":"a b"}', "bad_id", "Patient.id"),
        (b'{"resourceType":"canary-7f3a","id":"a"}', "unknown_type", "resourceType"),
        (b'{"id":"a"}', "not_a_resource", "resourceType"),
        (b'{"resourceType":["Patient"],"id":"a"}', "not_a_resource", "resourceType"),
        (b'{"resourceType":"Patient","id":"a","meta":["canary-7f3a"]}', "not_a_resource", "meta"),
        (b'["canary-7f3a"]', "not_a_resource", None),
        (b'{"a":NaN}', "not_json", "byte 6"),
        (b'{"canary-7f3a" 5}', "not_json", "byte 16"),
        (b'{"a":"canary-7f3a', "not_json", "byte 18"),
        (b"", "not_json", "byte 1"),
        (b'{"a":"\xe9 canary-7f3a"}', "not_utf8", "byte 7"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "too_deep", None),
    ],
)
def test_the_element_or_byte_at_fault_is_named_and_no_value(body, reason, detail):
    (found,) = document(body, "x")
    assert (found.reason, found.detail) == (reason, detail)


def test_a_bundle_that_is_none_names_its_element():
    (found,) = document(b'{"resourceType":"Bundle","entry":[{},{"fullUrl":["canary-7f3a"]}]}', "x")
    assert (found.reason, found.detail) == ("not_a_resource", "entry[1].fullUrl")
