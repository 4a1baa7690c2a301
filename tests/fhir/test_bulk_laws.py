"""Laws of the parts of an export, for any bytes and any JSON."""

import hashlib
import json

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.fhir.bulk.ask import codes
from rwe.fhir.bulk.file import Writer
from rwe.fhir.bulk.job import Wanted
from rwe.fhir.bulk.manifest import gather, part
from rwe.fhir.types import TYPES

PIECES = st.lists(st.lists(st.sampled_from([b"\n", b"{", b"}", b"\r", b" ", b"x", b"abcdef"])).map(b"".join))
NAMES = (
    "transactionTime",
    "requiresAccessToken",
    "output",
    "deleted",
    "error",
    "outcome",
    "link",
    "relation",
)
WORDS = (
    "next",
    "Patient",
    "Group",
    "../x",
    "OperationOutcome",
    "http://[bad",
    "/y?a=1",
    "2024-01-01T00:00:00Z",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from((*NAMES, "type", "url", "count", "issue")), inner)
    ),
)
ITEM = st.fixed_dictionaries({}, optional={"type": JSON, "url": JSON, "count": JSON}) | st.none()
MANIFEST = st.fixed_dictionaries(
    {"output": st.lists(ITEM)},
    optional={
        "deleted": st.lists(ITEM),
        "outcome": st.lists(ITEM),
        "transactionTime": JSON,
        "link": st.lists(ITEM),
    },
)


@settings(deadline=None)
@given(PIECES, st.integers(0, 9))
def test_a_writer_counts_and_hashes_what_comes_however_it_is_cut(tmp_path_factory, pieces, longest):
    path = tmp_path_factory.mktemp("w") / "x.zst"
    writer = Writer(path, longest=longest)
    for piece in pieces:
        writer.take(piece)
    got = writer.end()
    whole = b"".join(pieces)
    tail = whole.split(b"\n")[-1]
    assert got.size == len(whole)
    assert got.sha256 == hashlib.sha256(whole).hexdigest()
    assert got.rows == sum(line.startswith(b"{") for line in whole.split(b"\n"))
    assert got.tail == (tail if len(tail) <= longest else None)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes()) == whole


@given(JSON | MANIFEST)
def test_any_json_is_a_manifest_or_none_and_each_of_its_files_is_accounted_for(value):
    found = part(json.dumps(value).encode())
    codes(json.dumps(value).encode())
    if found is None:
        return
    manifest = gather(Wanted(level="system", types=("Patient",)), [(found, "http://h/x")], lambda url: True)
    assert {p.type for p in manifest.pieces} <= {"Patient", "deleted", "outcome"}
    assert {*manifest.passed_over} <= TYPES - {"Patient"}
    assert len({p.key for p in manifest.pieces}) == len(manifest.pieces)
    listed = [i for kind, i in found.items()]
    named = len(manifest.pieces) + sum(manifest.passed_over.values())
    assert named <= len(listed)
    assert named == len(listed) or manifest.failures or len({str(i.url) for i in listed}) < len(listed)


@given(st.binary())
def test_any_bytes_are_a_manifest_or_none(body):
    part(body)
    part(body, strict=False)
    codes(body)
