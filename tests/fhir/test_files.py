"""Folders of files: every kind, and every way in which one can be damaged."""

import gzip
import io
import json
import os
from pathlib import Path

import pytest
import zstandard

from rwe.errors import SiteError
from rwe.fhir import files
from rwe.resource import PassedOver, Resource, Unusable
from tests.fhir.canary import patient

LINE = 10_000
A, B = (json.dumps(patient(n)).encode() for n in (1, 2))
BUNDLE = json.dumps({"resourceType": "Bundle", "entry": [{"resource": patient(n)} for n in (1, 2)]}).encode()


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def read(path: Path, content: bytes) -> list[object]:
    """p1 of a resource, the reason of what is unusable; each with its position."""
    path.write_bytes(content)
    found = files.read(path, name=path.name, line_bytes=LINE)
    return [shown(item) for item in found]


def shown(item: object) -> object:
    match item:
        case Resource():
            return (item.place.position, item.id)
        case Unusable():
            return (item.place.position, item.reason)
        case PassedOver():
            return "passed over"


BOTH = [(1, "p1"), (2, "p2")]


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".zst", zstd)])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.ndjson", A + b"\n" + B + b"\n"),
        ("x.ndjson", A + b"\r\n" + B),
        ("x.ndjson", b"\xef\xbb\xbf" + A + b"\n" + B),
        ("X.NDJSON", A + b"\n" + B),
        ("x.json", A + b"\n" + B + b"\n"),
        ("x.json", BUNDLE),
        ("x.json", b"\xef\xbb\xbf" + json.dumps(json.loads(BUNDLE), indent=2).encode()),
    ],
)
def test_every_kind_is_read(tmp_path, suffix, pack, name, content):
    assert read(tmp_path / (name + suffix), pack(content)) == BOTH


@pytest.mark.parametrize(
    "name", ["x.xml", "x.txt", "x", "x.json.zip", "x.ndjson.bak", "x.gz", "json", "x.jsonl"]
)
def test_other_files_are_passed_over(tmp_path, name):
    assert read(tmp_path / name, A) == ["passed over"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n \r\n\n", []),
        (b"\n" + A + b"\n\n" + B, [(2, "p1"), (4, "p2")]),
        (A + b"\n{\n" + B, [(1, "p1"), (2, "not_json"), (3, "p2")]),
        (A + b'\n{"a":NaN}\n' + B, [(1, "p1"), (2, "not_json"), (3, "p2")]),
        (A + b'\n{"a":"\xe9"}\n' + B, [(1, "p1"), (2, "not_utf8"), (3, "p2")]),
        (A + b"\n" + A[:-1] + b',"x":' + b"[" * 3000 + b"\n" + B, [(1, "p1"), (2, "too_deep"), (3, "p2")]),
        (A + b"\n" + b"x" * LINE * 3 + b"\n" + B, [(1, "p1"), (2, "too_long"), (3, "p2")]),
        (A + b"\n" + b"x" * (LINE + 1), [(1, "p1"), (2, "too_long")]),
        (A + b"\n\xef\xbb\xbf" + B, [(1, "p1"), (2, "not_json")]),
        (BUNDLE, [(1, "no_id")]),
    ],
)
def test_a_bad_line_costs_its_neighbours_nothing(tmp_path, content, expected):
    assert read(tmp_path / "x.ndjson", content) == expected


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_may_be_as_long_as_the_limit(tmp_path, end):
    line = A[:-1] + b" " * (LINE - len(A)) + b"}"
    assert read(tmp_path / "x.ndjson", line + end) == [(1, "p1")]
    assert read(tmp_path / "x.ndjson", b" " + line + end) == [(1, "too_long")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [(1, "not_json")]),
        (b"{", [(1, "not_json")]),
        (b'{\n"a":\n1', [(1, "not_json")]),
        (b"\xff", [(1, "not_utf8")]),
        (A + b"\n\xff\n" + B, [(1, "p1"), (2, "not_utf8"), (3, "p2")]),
        (b'{"resourceType":"Bundle"}', []),
        (b"[]", [(1, "not_a_resource")]),
    ],
)
def test_a_document_is_one_piece_unless_it_has_lines(tmp_path, content, expected):
    assert read(tmp_path / "x.json", content) == expected


CONTENT = b"".join(json.dumps(patient(n, x="y" * 50)).encode() + b"\n" for n in range(2000))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd)])
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.99])
def test_a_cut_file_gives_what_it_has_and_says_so(tmp_path, suffix, pack, keep):
    packed = pack(CONTENT)
    found = read(tmp_path / f"x.ndjson{suffix}", packed[: int(len(packed) * keep)])
    whole = [item for item in found if str(item[1]).startswith("p")]
    assert whole == [(n + 1, f"p{n}") for n in range(len(whole))]
    assert found[-1][1] == "cut_file"
    assert len(found) - len(whole) == 1


def test_a_zst_cut_at_the_end_of_a_block_says_so(tmp_path):
    """Its lines are whole up to there, so nothing else would tell."""
    compressor = zstandard.ZstdCompressor().compressobj()
    begun = compressor.compress(A + b"\n") + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    assert read(tmp_path / "x.ndjson.zst", begun) == [(1, "p1"), (2, "cut_file")]


@pytest.mark.parametrize("suffix", [".json.gz", ".json.zst"])
def test_a_cut_document_says_so(tmp_path, suffix):
    pack = gzip.compress if suffix.endswith("gz") else zstd
    assert read(tmp_path / f"x{suffix}", pack(BUNDLE)[:-6]) == [(1, "cut_file")]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize(
    "content", [A, gzip.compress(A, mtime=0)[:15] + b"\0" * 20, zstd(A)[:6] + b"\xff" * 20]
)
def test_a_file_that_is_not_what_its_suffix_says(tmp_path, suffix, content):
    assert read(tmp_path / f"x.ndjson{suffix}", content) == [(1, "cut_file")]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_an_empty_compressed_file_is_empty(tmp_path, suffix):
    pack = gzip.compress if suffix == ".gz" else zstd
    assert read(tmp_path / f"x.ndjson{suffix}", pack(b"")) == []
    assert read(tmp_path / f"y.ndjson{suffix}", b"") == []


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstd)])
def test_compressed_pieces_one_after_another_are_one_file(tmp_path, suffix, pack):
    content = pack(A + b"\n") + pack(b"") + pack(B)
    assert read(tmp_path / f"x.ndjson{suffix}", content) == BOTH


@pytest.mark.parametrize("content", [A + b"\n" + B, BUNDLE, b"\xef\xbb\xbf" + A + b"\r\n" + B])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_standard_input_is_told_by_how_it_begins(content, pack):
    found = files.stream(io.BytesIO(pack(content)), name="stdin", line_bytes=LINE)
    assert [shown(item) for item in found] == BOTH


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_standard_input_that_is_cut_says_so(pack):
    found = list(files.stream(io.BytesIO(pack(CONTENT)[:-5]), name="stdin", line_bytes=LINE))
    assert shown(found[-1]) == (len(found), "cut_file")
    assert all(isinstance(item, Resource) for item in found[:-1])


def test_standard_input_may_be_empty():
    assert list(files.stream(io.BytesIO(b""), name="stdin", line_bytes=LINE)) == []


def listed(folder: Path) -> list[str]:
    return [str(p.relative_to(folder)) for p in files.files(folder, site="north")]


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(A)


def test_files_are_found_at_any_depth_in_the_order_of_their_names(tmp_path):
    put(tmp_path / "b.json", tmp_path / "a" / "z" / "c.json", tmp_path / "a" / "d.json")
    assert listed(tmp_path) == ["a/d.json", "a/z/c.json", "b.json"]


def test_hidden_files_and_folders_are_not_looked_at(tmp_path):
    put(
        tmp_path / ".x.json",
        tmp_path / ".git" / "x.json",
        tmp_path / "a" / ".b" / "x.json",
        tmp_path / "y.json",
    )
    assert listed(tmp_path) == ["y.json"]


def test_a_hidden_folder_above_the_sites_own_hides_nothing(tmp_path):
    put(tmp_path / ".export" / "x.json")
    assert listed(tmp_path / ".export") == ["x.json"]


def test_links_are_followed_and_loops_end(tmp_path):
    put(tmp_path / "site" / "a" / "x.json", tmp_path / "elsewhere" / "y.json")
    (tmp_path / "site" / "a" / "loop").symlink_to(tmp_path / "site")
    (tmp_path / "site" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "site" / "link.json").symlink_to(tmp_path / "elsewhere" / "y.json")
    assert listed(tmp_path / "site") == ["a/x.json", "link.json", "more/y.json"]


@pytest.mark.parametrize("target", ["nowhere", "x.json"])
def test_a_link_that_leads_nowhere_is_an_error_not_a_gap(tmp_path, target):
    (tmp_path / "x.json").symlink_to(tmp_path / target)
    with pytest.raises(SiteError, match=r"north: .*x\.json cannot be read"):
        listed(tmp_path)


def test_a_folder_that_may_not_be_read_is_an_error_not_a_gap(tmp_path, monkeypatch):
    """Root may read all, so the refusal is made up."""
    put(tmp_path / "a" / "x.json")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SiteError, match="a cannot be read") as e:
        listed(tmp_path)
    assert e.value.exit_code == 12


@pytest.mark.parametrize("make", [lambda _: None, lambda p: p.write_bytes(A)])
def test_a_folder_that_is_none_is_an_error(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(SiteError, match="is not a folder") as e:
        listed(tmp_path / "x")
    assert "`files` of [north]" in e.value.hint


def test_what_is_neither_file_nor_folder_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.json")
    assert listed(tmp_path) == []


def test_the_sources_time_is_that_of_the_newest_file(tmp_path):
    put(tmp_path / "a.json", tmp_path / "b.json")
    os.utime(tmp_path / "a.json", (0, 86_400.7))
    os.utime(tmp_path / "b.json", (0, 1))
    assert files.newest(list(tmp_path.iterdir())) == "1970-01-02T00:00:00+00:00"
    assert files.newest([]) is None


def test_a_file_whose_name_is_not_utf8_has_a_name_that_can_be_written(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9.json"))
    path.write_bytes(A)
    (found,) = files.read(path, name=path.name, line_bytes=LINE)
    assert found.place.source == r"\xe9.json"


def test_a_small_zst_that_expands_is_read_piece_by_piece(tmp_path):
    (tmp_path / "x.ndjson.zst").write_bytes(zstd(b"\0" * 200_000_000))
    found = files.read(tmp_path / "x.ndjson.zst", name="x", line_bytes=LINE)
    assert [shown(item) for item in found] == [(1, "too_long")]
