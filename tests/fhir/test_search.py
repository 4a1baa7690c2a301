"""A search, page by page."""

import json

import pytest

from rwe.errors import SiteError
from rwe.fhir import search
from rwe.fhir.capability import capability
from rwe.fhir.query import Query
from rwe.fhir.search import EMPTY, Beside, total
from rwe.fhir.spool import Spool
from rwe.resource import Place
from tests.fhir.canary import CANARY, patient, said
from tests.fhir.server import Reply

PATIENTS = [patient(n) for n in range(7)]
BEARER = {"auth": {"scheme": "bearer", "token": "env:TOKEN"}}
LOOP = [{"relation": "next", "url": "Patient"}]


def bundle(*entry: object, **more: object) -> Reply:
    return Reply(body=json.dumps({"resourceType": "Bundle", "entry": entry, **more}).encode())


def rows(*resources: object) -> list[dict[str, object]]:
    return [{"resource": r} for r in resources]


@pytest.fixture
def walk(tmp_path):
    """Into a spool, and out of it."""

    def walked(client, kind, beside=None):
        spool = Spool(tmp_path, kind)
        search.walk(client, Query(kind=kind), spool)
        return list(search.read(client, Query(kind=kind), spool, Beside() if beside is None else beside))

    return walked


def ids(found) -> list[str]:
    return [item.id for item in found]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize(
    "link",
    [
        "{base}?_getpages={token}",
        "{base}/Patient?_getpages={token}&b=1%2B2",
        "/fhir?_getpages={token}",
        "Patient?_getpages={token}",
        "?_getpages={token}",
    ],
)
def test_every_page_is_walked_by_the_servers_own_links(server, client, walk, size, link):
    server.link = link
    server.pages("Patient", PATIENTS, size=size)
    assert ids(walk(client(), "Patient")) == [p["id"] for p in PATIENTS]


def test_a_row_keeps_its_bytes_and_its_place(server, client, walk):
    body = b'{"resourceType":"Patient","id":"a","x":1.10}'
    server.script("Patient", Reply(body=b'{"resourceType":"Bundle","entry":[{"resource":' + body + b"}]}"))
    (found,) = walk(client(limits={"page_size": 5}), "Patient")
    assert found.body == body
    assert found.place == Place(source="Patient, page 1", position=1)
    assert server.requests[0].query == {"_count": ["5"]}


def test_rows_that_a_page_repeats_are_given_as_often_and_known_by_their_ids(server, client, tmp_path):
    server.pages("Patient", PATIENTS, size=3, overlap=2)
    spool = Spool(tmp_path, "x")
    search.walk(client(), Query(kind="Patient"), spool)
    assert (spool.last.rows, len(set(spool.ids().tolist()))) == (11, 7)


def test_a_row_that_changed_between_pages_is_given_in_both_forms(server, client, walk):
    server.script("Patient", bundle(*rows(patient(1), patient(1, active=True))))
    assert ids(walk(client(), "Patient")) == ["p1", "p1"]


def test_an_empty_page_in_the_middle_is_no_end(server, client, walk):
    server.pages("Patient", PATIENTS, size=3)
    server.listings["Patient"].insert(1, [])
    assert len(walk(client(), "Patient")) == 7


def test_next_links_that_lead_in_a_circle_end(server, client, walk):
    server.script("Patient", bundle(*rows(patient(1)), link=LOOP))
    server.scripts["/fhir/Patient"][0].forever = True
    with pytest.raises(SiteError, match="leads back to an earlier page"):
        walk(client(), "Patient")
    assert len(server.requests) <= 3


@pytest.mark.parametrize("length", [2, 3, 7])
def test_a_circle_of_any_length_ends_soon(server, client, walk, length):
    def link(n):
        return [{"relation": "next", "url": f"page-{n % length}"}]

    server.script("Patient", bundle(*rows(patient("x")), link=link(0)))
    for n in range(length):
        server.script(f"page-{n}", bundle(*rows(patient(n)), link=link(n + 1)))
        server.scripts[f"/fhir/page-{n}"][0].forever = True
    with pytest.raises(SiteError, match="leads back to an earlier page"):
        walk(client(), "Patient")
    assert len(server.requests) <= 4 * length


def test_ever_new_links_to_the_same_rows_end(server, client, walk):
    for n in range(60):
        link = [{"relation": "next", "url": f"Patient?n={n}"}]
        server.script("Patient", bundle(*rows(patient(1)), link=link))
    with pytest.raises(SiteError, match="50 pages in a row brought nothing new"):
        walk(client(), "Patient")
    assert len(server.requests) == 51


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:{port}/fhir", "http://169.254.169.254/x", "file:///etc/x"]
)
def test_a_next_link_to_another_origin_is_refused_before_any_connection(server, foreign, client, walk, place):
    link = [{"relation": "next", "url": place.format(port=foreign.port)}]
    server.script("Patient", bundle(*rows(patient(1)), link=link))
    with pytest.raises(SiteError, match=r"page 2 of Patient: .* another origin") as e:
        (walk(client({"TOKEN": CANARY}, **BEARER), "Patient"))
    assert ("allowed_origins of [north]" in e.value.hint) == ("{port}" in place)
    assert e.value.hint
    assert not foreign.requests


def test_a_next_link_that_is_no_url_is_an_error(server, client, walk):
    server.script("Patient", bundle(link=[{"relation": "next", "url": f"http://[{CANARY}"}]))
    with pytest.raises(SiteError, match="next link is no URL") as e:
        (walk(client(), "Patient"))
    assert CANARY not in said(e)


def test_an_entry_without_a_resource_is_counted_beside_the_rows(server, client, walk):
    entries = [{"fullUrl": "urn:x"}, None, {"resource": None}, {"resource": patient(1), "fullUrl": None}]
    server.script("Patient", bundle(*entries))
    beside = Beside()
    assert ids(walk(client(), "Patient", beside)) == ["p1"]
    assert beside == {EMPTY: 3}


def test_what_is_no_resource_among_the_rows_is_one_of_the_type(server, client, walk):
    server.script("Patient", bundle(*rows(patient(1), {"x": 1}, "text", {"resourceType": "Patient"})))
    found = walk(client(), "Patient")
    assert [(i.type, getattr(i, "reason", None)) for i in found] == [
        ("Patient", None),
        ("Patient", "not_a_resource"),
        ("Patient", "not_a_resource"),
        ("Patient", "no_id"),
    ]


def test_rows_of_another_type_are_not_of_the_search(server, client, walk):
    server.script("Patient", bundle(*rows(patient(1), {"resourceType": "Device", "id": "d"})))
    beside = Beside()
    assert ids(walk(client(), "Patient", beside)) == ["p1"]
    assert beside == {"Device": 1}


def outcome(severity: str, code: str = "incomplete") -> dict[str, object]:
    issue = [{"severity": severity, "code": code, "diagnostics": CANARY}]
    return {"resourceType": "OperationOutcome", "id": "o", "issue": issue}


def test_a_warning_among_the_rows_is_no_row_of_the_type(server, client, walk):
    server.script("Patient", bundle(*rows(patient(1), outcome("warning"))))
    beside = Beside()
    assert [i.type for i in walk(client(), "Patient", beside)] == ["Patient"]
    assert beside == {"OperationOutcome": 1}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (outcome("fatal"), "incomplete"),
        (outcome("error", CANARY), "another code"),
        ({"resourceType": "OperationOutcome", "issue": "x"}, "another code"),
        ({"resourceType": "OperationOutcome", "issue": [5]}, "another code"),
    ],
)
def test_an_error_among_the_rows_is_kept_with_its_code(server, client, tmp_path, row, told):
    server.script("Patient", bundle(*rows(row, patient(1))))
    spool = Spool(tmp_path, "x")
    search.walk(client(), Query(kind="Patient"), spool)
    assert (spool.trouble, spool.last.rows) == (told, 1)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (json.dumps(outcome("error")), "answers with an OperationOutcome"),
        ("[]", "something else than a Bundle"),
        ('{"resourceType":1}', "something else than a Bundle"),
        ('{"resourceType":"Bundle","entry":["x"]}', "something else than a Bundle"),
        ('{"resourceType":"Bundle","total":"12"}', "something else than a Bundle"),
        ('{"resourceType":"Bundle","entry":[],"entry":[]}', r"repeated_key"),
        (f'{{"resourceType":"Bundle","x":"{CANARY}"', "not whole JSON"),
        (f"<html>{CANARY}", "not whole JSON"),
    ],
)
def test_an_answer_that_is_no_bundle_is_an_error(server, client, walk, body, why):
    server.script("Patient", Reply(body=body.encode(), forever=True))
    with pytest.raises(SiteError, match=f"page 1 of Patient: .*{why}") as e:
        (walk(client(), "Patient"))
    assert CANARY not in said(e)


@pytest.mark.parametrize("declared", [7, 12, None])
def test_the_total_is_what_the_server_says(server, client, declared):
    server.pages("Patient", PATIENTS)
    server.totals["Patient"] = declared
    assert total(client(), Query(kind="Patient")) == declared
    assert server.requests[0].query == {"_summary": ["count"]}


def test_the_capability_statement_tells_the_types_of_its_server_side(server, client):
    server.statement["rest"].append({"mode": "client", "resource": [{"type": "Device"}]})
    server.statement["rest"].append({"resource": [{"type": "Group"}]})
    server.script("metadata", Reply(body=json.dumps(server.statement).encode(), headers={"Date": "x"}))
    statement, date = capability(client())
    assert (statement.types(), date) == ({"Patient", "Group"}, None)


@pytest.mark.parametrize(
    ("speaks", "wanted", "fits"),
    [
        ("4.0.1", "4.0.1", True),
        ("4.0.0", "4.0.1", True),
        ("4.3.0", "4.0.1", False),
        ("5.0.0", "4.0.1", False),
        ("5.0.0", "5.0.0", True),
        ("", "4.0.1", False),
        (f"4.{CANARY}\x1b", "4.0.1", False),
    ],
)
def test_the_fhir_version_must_be_the_declared_one(server, client, speaks, wanted, fits):
    server.statement["fhirVersion"] = speaks
    c = client(fhir_version=wanted)
    if fits:
        capability(c)
        return
    with pytest.raises(SiteError, match=f"speaks FHIR .*not {wanted}") as e:
        capability(c)
    assert "fhir_version of [north]" in e.value.hint
    assert CANARY not in said(e)


@pytest.mark.parametrize("body", ["[]", '{"rest":5}', '{"rest":[{"resource":[{"type":null}]}]}'])
def test_json_that_is_no_capability_statement_says_so(server, client, body):
    server.script("metadata", Reply(body=body.encode()))
    with pytest.raises(SiteError, match="/metadata is no CapabilityStatement"):
        capability(client())


def test_a_statement_without_types_offers_none(server, client):
    server.statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
    assert capability(client())[0].types() == set()
