"""verify and inventory: what is held, and that every byte of it is as it was written."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from rwe import chain
from rwe.landing import current
from tests.cli import folders, small
from tests.run import rwe


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    study = small.study(tmp_path_factory.mktemp("verify") / "study")
    (study / "export" / "broken.ndjson").write_text('{"resourceType": "Patient", "id"\n')
    rwe("run", "--dir", study, expect=3)
    return study


@pytest.fixture
def study(ran, tmp_path):
    return shutil.copytree(ran, tmp_path / "study")


def raw(study: Path, ending: str) -> Path:
    return next(iter(sorted((study / "data" / "raw" / "only").rglob(f"*{ending}"))))


def test_what_is_whole_is_sound(study):
    before = folders.digests(study / "data" / "raw")
    done = rwe("verify", "--dir", study)
    assert done.stderr == ""
    assert "wrong" not in done.stdout
    found = json.loads(rwe("verify", "--dir", study, "--json").stdout)
    types = current(study / "data" / "raw" / "only").types
    landed = {c["what"]: (c["rows"] + c["set_aside"]) for c in found["checked"] if c["what"] in types}
    assert landed == {kind: s.landed for kind, s in types.items()}
    assert found["sound"]
    assert folders.digests(study / "data" / "raw") == before


def test_a_pull_after_the_map_is_no_fault(study):
    (study / "export" / "more.ndjson").write_text('{"resourceType": "Patient", "id": "more"}\n')
    rwe("pull", "--dir", study, expect=3)
    assert "other data have landed since: run `rwe map`" in rwe("verify", "--dir", study).stdout


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def other_index(path: Path) -> None:
    table = pl.read_parquet(path)
    rewritten(path, table.with_columns(hash=pl.col("hash").reverse()))


def other_version(path: Path) -> None:
    table = pl.read_parquet(path)
    rewritten(path, table.with_columns(version=pl.lit("9")))


def rewritten(path: Path, table: pl.DataFrame) -> None:
    """With a manifest and a ledger that know the new size, so that only what is inside can tell."""
    size = path.stat().st_size
    table.write_parquet(path)
    site = path.parents[1]
    manifest = raw(path.parents[4], "manifest.json")
    before = manifest.read_bytes()
    manifest.write_bytes(before.replace(b"%d\n" % size, b"%d\n" % path.stat().st_size, 1))
    ledger, (was, now) = site / "ledger.ndjson", map(chain.sha256, (before, manifest.read_bytes()))
    ledger.write_bytes(ledger.read_bytes().replace(was.encode(), now.encode()))


def other_manifest(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"pulled_at"', b' "pulled_at"', 1))


def other_chain(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"before":""', b'"before":"0"'))


@pytest.mark.parametrize(
    ("ending", "damage"),
    [
        ("Observation.001.ndjson.zst", flip),
        ("Observation.001.ndjson.zst", Path.unlink),
        ("Observation.001.index.parquet", cut),
        ("Observation.001.index.parquet", other_version),
        ("Observation.001.index.parquet", other_index),
        ("set_aside.bin", flip),
        ("set_aside.ndjson", cut),
        ("set_aside.ndjson", Path.unlink),
        ("manifest.json", other_manifest),
        ("manifest.json", cut),
        ("ledger.ndjson", other_chain),
    ],
)
def test_what_is_not_as_it_was_landed_is_named_with_what_to_do(study, ending, damage):
    path = raw(study, ending)
    damage(path)
    stderr = rwe("verify", "--dir", study, expect=13).stderr
    assert path.name.partition(".")[0] in stderr
    assert "pull only again" in stderr


def test_other_rows_in_the_store_are_named(study):
    with duckdb.connect(study / "data" / "store.duckdb") as db:
        db.execute("UPDATE resource SET hash = md5(id) WHERE id = (SELECT min(id) FROM resource)")
    stderr = rwe("verify", "--dir", study, expect=13).stderr
    assert "the store holds others than were landed" in stderr
    assert "`rwe map` builds it again" in stderr


def test_a_flipped_byte_of_a_table_is_found_though_no_step_reads_it(study):
    path = study / "data" / "store.duckdb"
    whole, codes = path.read_bytes(), []
    for n in range(6):
        content = bytearray(whole)
        content[int(len(content) * (n + 0.5) / 6)] ^= 0x01
        path.write_bytes(content)
        (study / "data" / "store.damaged").unlink(missing_ok=True)
        words = [sys.executable, "-m", "rwe", "verify", "--dir", study]
        codes.append(subprocess.run(words, capture_output=True, check=False).returncode)
    assert {*codes} <= {0, 13}
    assert codes.count(13) >= 3


def test_nothing_landed_is_a_usage_error(tmp_path):
    study = small.study(tmp_path / "study")
    assert "run `rwe pull` first" in rwe("verify", "--dir", study, expect=2).stderr


# inventory


def test_inventory_is_each_mapped_resource_with_its_version(study):
    found = json.loads(rwe("inventory", "--dir", study).stdout)
    mapped = "SELECT resource_type, id, version FROM resource WHERE fate = 'mapped'"
    assert {(t, i, v) for t, ids in found.items() for i, v in ids.items()} == {*folders.rows(study, mapped)}
    assert len(found["Patient"]) > 2


def test_inventory_without_what_was_set_aside(study):
    lines = ('{"resourceType": "Patient", "id": "odd", "gender": "x"}\n', '{"resourceType": "Patient"}\n')
    (study / "export" / "odd.ndjson").write_text("".join(lines))
    rwe("pull", "--dir", study, expect=3)
    rwe("map", "--dir", study, expect=3)
    assert "odd" not in json.loads(rwe("inventory", "--dir", study, "--site", "only").stdout)["Patient"]


def test_inventory_of_stale_tables_is_refused(study):
    (study / "export" / "more.ndjson").write_text('{"resourceType": "Patient", "id": "more"}\n')
    rwe("pull", "--dir", study, expect=3)
    assert "run `rwe map` again" in rwe("inventory", "--dir", study, expect=2).stderr


def test_inventory_of_several_sites_needs_one_named(study):
    folders.sites(study, only=Path("export"), other=Path("export"))
    assert "--site is one of only, other" in rwe("inventory", "--dir", study, expect=2).stderr
    assert "no site is called west" in rwe("inventory", "--dir", study, "--site", "west", expect=2).stderr
