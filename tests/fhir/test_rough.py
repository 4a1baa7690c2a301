"""A page that its resources spoil: only these are taken out; a page that is cut is never taken for whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.fhir.rough import tamed

GOOD = [b'{"resourceType": "Patient", "id": "a"}', b'{"entry": [{"resource": {"x": "}]\\""}}]}', b"{}"]
BAD = [b'{"x": NaN}', b'{"x": "\xff"}', b'{"x" 1}', b'{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"]


def bundle(resources: list[bytes]) -> bytes:
    entries = b", ".join(
        b'{"fullUrl": "u", "resource": %s, "search": {"mode": "match"}}' % r for r in resources
    )
    link = b'"link": [{"relation": "self", "url": "u"}, {"relation": "next", "url": "v"}]'
    return b'{"resourceType": "Bundle", %s, "entry": [%s], "total": 7}\n' % (link, entries)


@given(st.lists(st.sampled_from([*GOOD, *BAD]), max_size=6))
def test_what_is_bad_is_taken_out_and_nothing_else(resources: list[bytes]) -> None:
    found = tamed(bundle(resources))
    bad = {n: r for n, r in enumerate(resources, start=1) if r in BAD}
    if not bad:
        assert found is None
    else:
        assert found is not None
        whole, spoiled = found
        assert spoiled == bad
        expected = [{} if r in BAD else json.loads(r) for r in resources]
        assert [e["resource"] for e in json.loads(whole)["entry"]] == expected


@pytest.mark.parametrize("bad", BAD[:3])
def test_a_page_that_is_cut_anywhere_is_not_whole(bad: bytes) -> None:
    whole = bundle([GOOD[0], bad, GOOD[1]]).rstrip()
    assert tamed(whole)
    assert [at for at in range(len(whole)) if tamed(whole[:at])] == []


@pytest.mark.parametrize("text", [b"", b"<html>", b'{"a": NaN}', b'{"entry": [NaN]}', b"[[[", b"]" * 9])
def test_what_is_no_bundle_is_left_alone(text: bytes) -> None:
    assert tamed(text) is None
