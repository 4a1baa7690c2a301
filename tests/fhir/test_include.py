"""What a server says that it includes, and which entries of a page were included."""

import json

import msgspec
import pytest

from rwe.errors import SiteError
from rwe.fhir import search
from rwe.fhir.capability import Capability, Offered
from rwe.fhir.include import Include, along
from rwe.fhir.query import Query
from rwe.fhir.search import Beside, IncludeError
from rwe.fhir.spool import Spool
from rwe.resource import Unusable
from rwe.steps.ask import needs
from rwe.steps.include import marked
from tests.fhir.server import Reply

KIND = "MedicationAdministration"
BY = Include(by=f"{KIND}:medication", kind="Medication")
QUERY = Query(kind=KIND, include=BY)


@pytest.mark.parametrize(
    ("listed", "includes"),
    [
        ([f"{KIND}:medication"], True),
        ([f"{KIND}.medication"], True),
        ([f"{KIND}:*"], True),
        ([None, f"{KIND}:subject", "*"], True),
        ([f"{KIND}:subject", "MedicationRequest:medication", "medication"], False),
        ([], False),
        (None, False),
        ("*", False),
        ({"odd": 1}, False),
    ],
)
def test_what_is_not_listed_is_not_included_and_an_odd_list_costs_no_statement(listed, includes):
    offered = msgspec.convert({"type": KIND, "searchInclude": listed}, Offered)
    assert offered.includes(BY.by) is includes


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0", "5.0.0"])
def test_medications_are_marked_where_they_are_had_by_reference_and_listed(version):
    resource = [{"type": KIND, "searchInclude": ["*"]}]
    can = msgspec.convert({"rest": [{"mode": "server", "resource": resource}]}, Capability)
    by_reference, all_of_it = needs(None, version, group="g"), needs(None, version)
    assert [(n.kind, n.include) for n in marked(by_reference, can) if n.include] == [(KIND, BY)]
    assert marked(all_of_it, can) == all_of_it
    assert marked(by_reference, Capability()) == by_reference


def test_a_series_is_the_same_whether_its_others_come_along_or_not():
    can = msgspec.convert({"rest": [{"resource": [{"type": KIND, "searchInclude": ["*"]}]}]}, Capability)
    plain = needs(None, "4.0.1", group="g")
    assert [n.query("g") for n in marked(plain, can)] == [n.query("g") for n in plain]


def test_pages_alone_are_asked_with_include():
    assert dict(QUERY.page(7).parameters) == {"_include": BY.by, "_count": "7"}
    assert QUERY.parameters == ()
    assert dict(QUERY.alone().page(7).parameters) == {"_count": "7"}


def test_the_pages_of_another_search_are_never_gone_on_with():
    assert QUERY.digest != QUERY.alone().digest


@pytest.mark.parametrize(
    ("link", "dropped"),
    [(f"x?_include={KIND}%3Amedication", []), ("x?_count=7", ["_include"]), (None, [])],
)
def test_a_self_link_that_does_not_name_it_tells(link, dropped):
    assert QUERY.dropped(link) == dropped
    assert QUERY.alone().dropped(link) == []


def entry(resource: object, mode: object) -> dict[str, object]:
    return {"resource": resource, **({} if mode is None else {"search": {"mode": mode}})}


def page(*entries: object) -> Reply:
    return Reply(body=json.dumps({"resourceType": "Bundle", "entry": entries}).encode())


def test_of_entries_those_are_included_that_say_so():
    odd = [None, {}, {"search": 1}, {"search": {"mode": ["include"]}}, entry({}, "match")]
    assert along(page(*odd, entry({}, "include")).body) == {len(odd) + 1}


@pytest.fixture
def walk(tmp_path, server, client):
    """What was read of one page, how many rows it had, and what was beside them."""

    def walked(*entries):
        server.script(KIND, page(*entries))
        spool, beside = Spool(tmp_path, "one"), Beside()
        search.walk(client(), QUERY, spool)
        return list(search.read(client(), QUERY, spool, beside)), spool.last.rows, beside

    return walked


GIVEN = {"resourceType": KIND, "id": "m"}
CELLS = {"resourceType": "Medication", "id": "cells"}


@pytest.mark.parametrize("mode", ["include", "match", None, 1])
def test_what_is_of_another_type_is_no_row_whatever_is_said_of_it(walk, mode):
    items, rows, beside = walk(entry(GIVEN, None if mode is None else "match"), entry(CELLS, mode))
    assert [(i.type, i.id) for i in items] == [(KIND, "m"), ("Medication", "cells")]
    assert (rows, beside) == (1, {})


@pytest.mark.parametrize("bad", [{"id": "x"}, {"resourceType": "Medicine", "id": "x"}, [1], 5])
@pytest.mark.parametrize(("mode", "kind", "n"), [("include", "Medication", 1), ("match", KIND, 2)])
def test_what_cannot_be_read_is_of_the_type_that_its_mode_says(walk, bad, mode, kind, n):
    items, rows, _ = walk(entry(GIVEN, "match"), entry(bad, mode))
    assert rows == n
    assert [i.type for i in items] == [KIND, kind]
    assert isinstance(items[1], Unusable)


def test_types_that_nobody_asked_to_include_are_beside(walk):
    _, rows, beside = walk(entry(GIVEN, "match"), entry({"resourceType": "Patient", "id": "p"}, "include"))
    assert (rows, beside) == (1, {"Patient": 1})


@pytest.mark.parametrize("status", [400, 403, 404, 422, 501])
def test_a_refusal_may_be_of_the_include(server, client, tmp_path, status):
    server.script(KIND, Reply(status=status))
    with pytest.raises(IncludeError):
        search.walk(client(), QUERY, Spool(tmp_path, "one"))


def test_an_expired_login_is_no_refusal_of_the_include(server, client, tmp_path):
    server.script(KIND, Reply(status=401))
    with pytest.raises(SiteError) as e:
        search.walk(client(), QUERY, Spool(tmp_path, "one"))
    assert not isinstance(e.value, IncludeError)
