"""Landed runs: what is on disk, and that a rerun or a stop changes none of it."""

import json
import shutil
from pathlib import Path

import msgspec
import polars as pl
import pytest
import zstandard

from rwe.errors import DataError
from rwe.landing import Got, Manifest, Run, SetAside, current, set_aside
from rwe.resource import PassedOver, Place, Resource, Unusable, digest

TYPES = ["Observation", "Patient"]


def row(n: int, kind: str = "Patient", **more: object) -> Resource:
    body = json.dumps({"resourceType": kind, "id": f"p{n}", **more}).encode()
    place = Place(source="a.ndjson", position=n)
    return Resource(
        type=kind, id=f"p{n}", version="1", updated=None, body=body, content=digest(body), place=place
    )


def bad(n: int, kind: str | None = "Patient", body: bytes = b"{") -> Unusable:
    return Unusable(type=kind, reason="not_json", body=body, place=Place(source="a.ndjson", position=n))


def pull(
    raw: Path,
    *items: object,
    failures: tuple[str, ...] = (),
    got: dict[str, Got] | None = None,
    **commit: object,
) -> tuple[Manifest, bool]:
    said = {"fhir_version": "4.0.1", "method": "files", "pulled_at": "2021-01-01"}
    failed = {kind: Got(method="search", failure="the server answers 500") for kind in failures}
    with Run(raw, site="north", types=TYPES) as run:
        for item in items:
            run.add(item)
        return run.commit({**(got or {}), **failed}, **{**said, **commit})


def pieces(raw: Path, manifest: Manifest) -> list[SetAside]:
    names = [name for series in manifest.types.values() for name in series.pieces]
    return [piece for name in names for piece in set_aside(raw / "north" / name)]


def kept(raw: Path) -> set[str]:
    return {str(p.relative_to(raw / "north")) for p in (raw / "north").rglob("*") if p.is_file()}


def disk(raw: Path) -> dict[str, tuple[bytes, int]]:
    files = (p for p in raw.rglob("*") if p.is_file())
    return {str(p.relative_to(raw)): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def lines(path: Path) -> list[bytes]:
    with zstandard.open(path) as stream:
        return stream.read().splitlines()


def test_a_shard_holds_each_resource_as_its_bytes(tmp_path):
    manifest, new = pull(tmp_path, row(1), row(2), row(3, "Observation"))
    (shard,) = manifest.types["Patient"].shards
    assert (new, shard.rows, shard.longest) == (True, 2, len(row(1).body))
    assert lines(tmp_path / "north" / shard.file) == [row(1).body, row(2).body]


def test_the_index_names_each_row(tmp_path):
    manifest, _ = pull(tmp_path, row(1), row(2))
    (shard,) = manifest.types["Patient"].shards
    index = pl.read_parquet(tmp_path / "north" / shard.index)
    assert index.drop("hash").rows() == [
        (1, "p1", "1", None, "a.ndjson", 1),
        (2, "p2", "1", None, "a.ndjson", 2),
    ]
    assert index["hash"].n_unique() == 2


def test_a_shard_has_a_largest_number_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("rwe.landing.shards.ROWS_PER_SHARD", 2)
    manifest, _ = pull(tmp_path, *(row(n, x="y" * n) for n in range(5)))
    shards = manifest.types["Patient"].shards
    assert [(s.file, s.rows) for s in shards] == [
        ("000001/Patient.001.ndjson.zst", 2),
        ("000001/Patient.002.ndjson.zst", 2),
        ("000001/Patient.003.ndjson.zst", 1),
    ]
    assert [s.longest for s in shards] == [len(row(n, x="y" * n).body) for n in (1, 3, 4)]
    found = [line for s in shards for line in lines(tmp_path / "north" / s.file)]
    assert found == [row(n, x="y" * n).body for n in range(5)]


def test_what_is_set_aside_keeps_its_bytes(tmp_path):
    bodies = [b"{", b"", b"\xff\n\x00", b"x"]
    manifest, _ = pull(tmp_path, *(bad(n, body=b) for n, b in enumerate(bodies, 1)))
    kept = (tmp_path / "north" / "000001" / "Patient.set_aside.bin").read_bytes()
    found = pieces(tmp_path, manifest)
    assert [kept[s.offset : s.offset + s.length] for s in found] == bodies
    assert [(s.type, s.reason, s.source, s.position) for s in found] == [
        ("Patient", "not_json", "a.ndjson", n) for n in (1, 2, 3, 4)
    ]


def test_the_index_of_what_is_set_aside_holds_no_value(tmp_path):
    pull(tmp_path, bad(1, body=b"canary-7f3a"))
    assert "canary" not in (tmp_path / "north" / "000001" / "Patient.set_aside.ndjson").read_text()


def test_all_that_came_is_counted_once(tmp_path):
    manifest, _ = pull(
        tmp_path,
        *(row(1), row(1), row(2, "Observation"), bad(3), bad(4, None), bad(5, "Device"), row(6, "Device")),
        *(PassedOver(source="b.xml"), PassedOver(source="a.txt")),
    )
    counts = {kind: (c.asked, c.landed, c.set_aside) for kind, c in manifest.types.items()}
    assert counts == {"Observation": (1, 1, 0), "Patient": (3, 3, 1), "unknown": (1, 1, 1)}
    assert manifest.passed_over == {"Device": 2}
    assert manifest.passed_over_files == ["a.txt", "b.xml"]


def test_a_type_without_rows_is_there_with_none(tmp_path):
    manifest, _ = pull(tmp_path)
    assert {k: (c.landed, c.shards, c.hash) for k, c in manifest.types.items()} == {
        t: (0, [], "0" * 32) for t in TYPES
    }


def test_what_a_server_counts_is_kept_beside_what_landed(tmp_path):
    got = {"Observation": Got(method="search"), "Patient": Got(method="search", asked=7, failure="short")}
    manifest, _ = pull(tmp_path, row(1), got=got)
    assert [(c.asked, c.landed) for c in manifest.types.values()] == [(None, 0), (7, 1)]


def test_a_run_counts_what_it_holds_while_under_way(tmp_path):
    run = Run(tmp_path, site="north", types=TYPES)
    run.add(row(1))
    run.add(bad(2))
    run.add(bad(3, None))
    assert [run.landed(k) for k in ("Patient", "Observation", "unknown")] == [2, 0, 1]
    run.commit({}, fhir_version="4.0.1", method="files", pulled_at=None)


def test_only_the_owner_reads_a_run(tmp_path):
    pull(tmp_path, row(1), bad(2))
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "north" / "000001").iterdir()}
    assert len(modes) == 5
    assert set(modes.values()) == {0o600}


ITEMS = [
    row(1),
    row(2),
    row(3, "Observation"),
    bad(4),
    bad(5, None),
    PassedOver(source="x"),
    row(6, "Device"),
]


def test_the_same_again_in_any_order_changes_nothing(tmp_path):
    pull(tmp_path, *ITEMS)
    before = disk(tmp_path)
    _, new = pull(tmp_path, *reversed(ITEMS), pulled_at="2022-01-01")
    assert (new, disk(tmp_path)) == (False, before)
    assert current(tmp_path / "north").pulled_at == "2021-01-01"
    assert sorted(p.name for p in (tmp_path / "north").iterdir()) == ["000001", "ledger.ndjson"]


@pytest.mark.parametrize(
    ("items", "more"),
    [
        (ITEMS[1:], {}),
        ([*ITEMS, row(1)], {}),
        ([row(1, active=True), *ITEMS[1:]], {}),
        ([*ITEMS[:3], bad(4, body=b"}"), *ITEMS[4:]], {}),
        (ITEMS[:-1], {}),
        (ITEMS, {"fhir_version": "4.3.0"}),
    ],
)
def test_anything_else_is_a_new_run_in_place_of_the_old(tmp_path, items, more):
    pull(tmp_path, *ITEMS)
    manifest, new = pull(tmp_path, *items, **more)
    assert (new, manifest.run) == (True, "000002")
    assert current(tmp_path / "north") == manifest
    assert kept(tmp_path) == {*manifest.files(), "000002/manifest.json", "ledger.ndjson"}


def test_a_type_that_failed_keeps_what_was_whole_of_it(tmp_path):
    whole, _ = pull(tmp_path, row(1), row(2), row(3, "Observation"))
    now, new = pull(tmp_path, row(1), failures=("Observation",))
    kept_with_why = msgspec.structs.replace(whole.types["Observation"], stale="the server answers 500")
    assert (new, now.types["Observation"]) == (True, kept_with_why)
    assert now.types["Patient"].landed == 1
    assert pull(tmp_path, row(1), row(3, "Observation"))[0].types["Observation"].stale is None


def test_a_type_that_fails_again_alike_changes_nothing(tmp_path):
    pull(tmp_path, row(1), row(3, "Observation"))
    failed, _ = pull(tmp_path, row(1), failures=("Observation",))
    before = disk(tmp_path)
    _, new = pull(tmp_path, row(1), row(4, "Observation"), failures=("Observation",))
    assert (new, disk(tmp_path), current(tmp_path / "north")) == (False, before, failed)


def test_a_partial_run_stands_until_a_whole_one_comes(tmp_path):
    partial, new = pull(tmp_path, row(1), failures=("Observation",))
    assert (new, partial.types["Observation"].failure) == (True, "the server answers 500")
    whole, new = pull(tmp_path, row(1))
    assert new
    assert current(tmp_path / "north") == whole


def test_a_stop_before_the_commit_leaves_the_old_run(tmp_path):
    whole, _ = pull(tmp_path, row(1))
    before = disk(tmp_path)
    stopped = Run(tmp_path, site="north", types=TYPES)
    stopped.add(row(2))
    stopped.add(bad(3))
    assert current(tmp_path / "north") == whole
    assert before.items() <= disk(tmp_path).items()
    stopped._close()
    pull(tmp_path, row(1))
    assert disk(tmp_path) == before


def test_a_stop_after_the_rename_leaves_two_runs_and_the_next_one(tmp_path):
    pull(tmp_path, row(1))
    shutil.copytree(tmp_path / "north" / "000001", tmp_path / "old")
    newer, _ = pull(tmp_path, row(2))
    (tmp_path / "old").rename(tmp_path / "north" / "000001")
    assert current(tmp_path / "north") == newer
    pull(tmp_path, row(3))
    assert sorted(p.name for p in (tmp_path / "north").iterdir()) == ["000003", "ledger.ndjson"]


def test_a_run_without_its_manifest_is_none(tmp_path):
    (tmp_path / "north" / "000001").mkdir(parents=True)
    assert current(tmp_path / "north") is None
    assert current(tmp_path / "south") is None


def edited(path: Path, **more: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p.write_bytes(p.read_bytes()[:-9]),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(p.read_bytes().replace(b"files", b"f\xffles")),
        lambda p: edited(p, types=5),
        lambda p: edited(p, run="../.."),
        lambda p: edited(p, site="south"),
    ],
)
def test_a_damaged_manifest_is_named_and_nothing_is_removed(tmp_path, damage):
    pull(tmp_path, row(1))
    damage(tmp_path / "north" / "000001" / "manifest.json")
    with pytest.raises(DataError, match=r"000001/manifest\.json: the ledger cannot be read") as e:
        current(tmp_path / "north")
    assert e.value.hint.endswith("north and pull north again")
    with pytest.raises(DataError):
        pull(tmp_path, row(2))
    assert (tmp_path / "north" / "000001" / "manifest.json").exists()


@pytest.mark.parametrize("content", [b"{", b'{"type":5}', None])
def test_a_damaged_index_of_what_is_set_aside_is_named(tmp_path, content):
    pull(tmp_path, bad(1))
    path = tmp_path / "north" / "000001" / "Patient.set_aside.ndjson"
    path.write_bytes(content) if content else path.unlink()
    with pytest.raises(DataError, match=r"set_aside\.ndjson: the ledger cannot be read"):
        set_aside(path)


def test_an_error_on_the_way_leaves_nothing_half(tmp_path):
    def stop() -> None:
        with Run(tmp_path, site="north", types=TYPES) as run:
            run.add(row(1))
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        stop()
    assert list((tmp_path / "north").iterdir()) == []
