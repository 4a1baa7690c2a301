"""A store that is stopped, damaged, or opened twice: cases store-01 to -05, security-08 and -10.

What is judged is the tables of a map that nothing disturbed.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rwe import chain, loads
from rwe.errors import DataError
from rwe.loads import LostError
from rwe.steps import folder
from rwe.steps import map as mapping
from rwe.store import NAME, SPILL, Store
from tests.cli import folders, small
from tests.run import rwe

CHILD = multiprocessing.get_context("forkserver")
CHILD.set_forkserver_preload(["tests.faults.test_store", "rwe.validate.elements"])
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mapped once, and then pulled more."""
    study = small.study(tmp_path_factory.mktemp("store") / "study", every=7)
    rwe("pull", "--dir", study)
    rwe("map", "--dir", study)
    small.export(study)
    rwe("pull", "--dir", study)
    return study


@pytest.fixture(scope="module")
def expected(pulled: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    study = tmp_path_factory.mktemp("expected") / "study"
    shutil.copytree(pulled, study)
    rwe("map", "--dir", study)
    return folders.tables(study)


@pytest.fixture
def study(pulled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pulled, tmp_path / "study"))


def in_child(target: Any, *words: Any) -> int:
    process = CHILD.Process(target=target, args=words)
    process.start()
    process.join(120)
    assert process.exitcode is not None
    return process.exitcode


def map_until(study: Path, statement: int | None) -> None:
    """SIGKILL before the statement of this number; the number of all of them is left in a file."""
    answer, count = Store._answer, iter(range(10_000))

    def counted(self: Store, sql: str, values: list[Any]) -> Any:
        number = next(count)
        if number == statement:
            os.kill(os.getpid(), signal.SIGKILL)
        (study / "statements").write_text(str(number))
        return answer(self, sql, values)

    Store._answer = counted  # type: ignore[method-assign]
    mapping.map_(study, say=lambda _: None)


def map_until_written(study: Path, where: str) -> None:
    """SIGKILL when it is committed: before the ledger's line, or before the checkpoint."""

    def stop(*_: object) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    if where == "before the line":
        loads.compare = _at_second_call(loads.compare, stop)
    else:
        chain.append = _then(chain.append, stop)
    mapping.map_(study, say=lambda _: None)


def _at_second_call(function: Any, stop: Any) -> Any:
    """The first is at the opening."""
    calls = iter([function])

    def call(*words: Any) -> Any:
        return next(calls, stop)(*words)

    return call


def _then(function: Any, stop: Any) -> Any:
    return lambda *words: stop(function(*words))


MOMENTS = sorted(random.Random(1).sample(range(60), 25))


@pytest.mark.parametrize("statement", MOMENTS)
def test_store_01_killed_at_any_statement_the_next_map_ends_the_same(
    study: Path, expected: dict[str, Any], statement: int
) -> None:
    assert in_child(map_until, study, statement) == KILLED
    assert in_child(map_until, study, None) == 0
    assert folders.tables(study) == expected


def test_store_01_the_moments_are_of_a_whole_map(study: Path) -> None:
    assert in_child(map_until, study, None) == 0
    assert int((study / "statements").read_text()) >= MOMENTS[-1]


@pytest.mark.parametrize("where", ["before the line", "before the checkpoint"])
def test_store_01_killed_between_commit_and_ledger_nothing_is_lost(
    study: Path, expected: dict[str, Any], where: str
) -> None:
    assert in_child(map_until_written, study, where) == KILLED
    rwe("cohort", "--dir", study)
    assert [load.step for load, _ in loads.lines(study / "data")] == ["map", "map", "cohort"]
    rwe("map", "--dir", study)
    assert {t: n for t, n in folders.tables(study).items() if t in expected} == expected


def hold(study: Path, held: Any, done: Any) -> None:
    with folder.alone(study), Store.open(study / "data"):
        held.set()
        done.wait(60)


def test_store_02_a_second_process_is_refused_by_the_name_of_the_first(
    study: Path, expected: dict[str, Any]
) -> None:
    held, done = CHILD.Event(), CHILD.Event()
    process = CHILD.Process(target=hold, args=(study, held, done))
    process.start()
    assert held.wait(60)
    for verb in ("map", "pull", "cohort", "compare"):
        assert f"process {process.pid}" in rwe(verb, "--dir", study, expect=13).stderr
    done.set()
    process.join(60)
    assert process.exitcode == 0
    rwe("map", "--dir", study)
    assert folders.tables(study) == expected


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def flip(path: Path, place: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0x01
    path.write_bytes(content)


def mapped_again(study: Path, expected: dict[str, Any]) -> None:
    """Loud until `rwe map`, which says what it did."""
    assert "`rwe map` builds it again" in rwe("cohort", "--dir", study, expect=13).stderr
    assert "built anew from the landed data" in rwe("map", "--dir", study).stdout
    assert folders.tables(study) == expected
    rwe("cohort", "--dir", study)
    assert "built anew" not in rwe("map", "--dir", study).stdout


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_store_03_a_damaged_wal_is_noticed(study: Path, expected: dict[str, Any], damage: Any) -> None:
    assert in_child(map_until_written, study, "before the checkpoint") == KILLED
    damage(study / "data" / f"{NAME}.wal")
    mapped_again(study, expected)


@pytest.mark.parametrize("damage", [cut, flip])
def test_store_03_a_damaged_wal_is_noticed_by_map_itself(
    study: Path, expected: dict[str, Any], damage: Any
) -> None:
    assert in_child(map_until_written, study, "before the checkpoint") == KILLED
    damage(study / "data" / f"{NAME}.wal")
    assert "built anew from the landed data" in rwe("map", "--dir", study).stdout
    assert folders.tables(study) == expected


def test_store_03_an_older_store_put_back_is_noticed(study: Path, expected: dict[str, Any]) -> None:
    before = (study / "data" / NAME).read_bytes()
    rwe("map", "--dir", study)
    (study / "data" / NAME).write_bytes(before)
    mapped_again(study, expected)


def test_store_03_rows_taken_from_the_store_are_noticed(study: Path, expected: dict[str, Any]) -> None:
    rwe("map", "--dir", study)
    with duckdb.connect(study / "data" / NAME) as db:
        db.execute(
            "DELETE FROM observation WHERE observation_id = (SELECT min(observation_id) FROM observation)"
        )
    mapped_again(study, expected)


def test_store_03_a_ledger_that_is_no_chain_is_refused(study: Path) -> None:
    path = study / "data" / loads.NAME
    rwe("map", "--dir", study)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    for verb in ("map", "cohort"):
        assert "the ledger of the store cannot be read" in rwe(verb, "--dir", study, expect=13).stderr


def test_store_04_a_flipped_byte_is_loud_or_touches_nothing(study: Path, expected: dict[str, Any]) -> None:
    """A table of the map that no step reads may be hit without a word: `rwe verify` reads all of them."""
    rwe("map", "--dir", study)
    rwe("cohort", "--dir", study)
    whole, made = (study / "data" / NAME).read_bytes(), folders.tables(study, but=expected)
    ledger, loud = (study / "data" / loads.NAME).read_bytes(), 0
    for place in (0.0, 0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95):
        (study / "data" / NAME).write_bytes(whole)
        (study / "data" / loads.NAME).write_bytes(ledger)
        flip(study / "data" / NAME, place)
        done = subprocess.run(
            [sys.executable, "-m", "rwe", "cohort", "--dir", study],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 13:
            loud += 1
            assert "damaged" in done.stderr
            rwe("map", "--dir", study)
            assert folders.tables(study) == expected
        else:
            assert (done.returncode, folders.tables(study, but=expected)) == (0, made)
    assert loud >= 2


def test_a_map_that_fails_while_building_anew_leaves_what_was_there(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(study / "data" / NAME, 0.0)
    before = (study / "data" / NAME).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise DataError("the disk is full")

    monkeypatch.setattr(mapping, "build", full)
    with pytest.raises(DataError, match="full"):
        mapping.map_(study, say=lambda _: None)
    assert (study / "data" / NAME).read_bytes() == before
    with pytest.raises(LostError), Store.open(study / "data"):
        pass


def open_umask(study: Path, *words: str, patch: str = "") -> int:
    code = (
        f"import os, signal, sys\nos.umask(0o022)\nsys.argv = {['rwe', *words, '--dir', str(study)]!r}\n"
        f"from rwe import chain\nfrom rwe.__main__ import main\n{patch}\nmain()\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


def modes(study: Path) -> Iterator[tuple[Path, int, bool]]:
    for top in ("data", "results"):
        for path in [study / top, *(study / top).rglob("*")]:
            if path.exists():
                yield path, stat.S_IMODE(path.stat().st_mode), path.is_dir()


def test_store_05_under_umask_022_all_is_for_its_owner_alone(study: Path) -> None:
    shutil.rmtree(study / "data")
    (study / "export" / "broken.ndjson").write_text('{"resourceType": "Patient", "id"\n')
    stop = (
        "add = chain.append\n"
        f"end = lambda p: p.name == {loads.NAME!r} and os.kill(os.getpid(), signal.SIGKILL)\n"
        "chain.append = lambda path, text: (add(path, text), end(path))[0]"
    )
    assert open_umask(study, "pull") == 3
    assert open_umask(study, "map", patch=stop) == KILLED
    assert (study / "data" / f"{NAME}.wal").exists()
    seen = [*modes(study)]
    assert open_umask(study, "run") == 3
    seen += [*modes(study)]
    assert {p.name for p, *_ in seen} >= {
        NAME,
        f"{NAME}.wal",
        loads.NAME,
        "report.html",
        "unknown.set_aside.bin",
    }
    assert [p for p, mode, is_folder in seen if mode != (0o700 if is_folder else 0o600)] == []


@pytest.fixture
def spilling(tmp_path: Path) -> Path:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return tmp_path / "data"


SPILLS = (
    "CREATE TEMP TABLE t AS SELECT md5(i::VARCHAR) || repeat('canary', 20) AS h FROM range(600000) AS r (i)"
)


def test_security_10_what_spills_is_in_an_own_folder_for_its_owner_and_goes(spilling: Path) -> None:
    """The store is not encrypted, so neither is this: both lie in the study's data/, 0700."""
    with Store.open(spilling, create=True, memory="60MB") as store:
        store.run(SPILLS)
        spilled = [*(spilling / SPILL).iterdir()]
        assert sum(p.stat().st_size for p in spilled) > 1_000_000
        assert stat.S_IMODE((spilling / SPILL).stat().st_mode) == 0o700
    assert not (spilling / SPILL).exists()


def spill_and_stop(data: Path) -> None:
    with Store.open(data, create=True, memory="60MB") as store:
        store.run(SPILLS)
        os.kill(os.getpid(), signal.SIGKILL)


def test_security_10_what_a_stop_left_there_goes_at_the_next_start(spilling: Path) -> None:
    assert in_child(spill_and_stop, spilling) == KILLED
    assert any((spilling / SPILL).iterdir())
    with Store.open(spilling, create=True):
        assert [*(spilling / SPILL).iterdir()] == []


HOSTILE = "x'); DROP TABLE patient; COPY patient TO '/tmp/rwe-written'; ATTACH '/tmp/rwe-other'; --"


def test_security_08_sql_in_a_study_file_is_text(study: Path) -> None:
    rwe("map", "--dir", study)
    before = folders.rows(study, "SELECT COUNT(*) FROM patient")
    codes = next(iter(sorted((study / "codes").iterdir())))
    codes.write_text(codes.read_text() + f'"{HOSTILE}","{HOSTILE}","{HOSTILE}"\n')
    text = (study / "study.toml").read_text()
    title = next(line for line in text.splitlines() if line.startswith("title = "))
    folders.edit(study / "study.toml", title, f'title = "{HOSTILE}"')
    rwe("cohort", "--dir", study)
    assert folders.rows(study, "SELECT COUNT(*) FROM patient") == before
    held = "SELECT COUNT(*) FROM code_list WHERE code = $$" + HOSTILE + "$$"
    assert folders.rows(study, held) == [(1,)]
    assert not Path("/tmp/rwe-written").exists()
    assert not Path("/tmp/rwe-other").exists()


@pytest.mark.parametrize("name", ["../outside", "a'b", 'a"b', "x; DROP TABLE patient"])
def test_security_08_sql_or_a_path_for_a_site_or_a_code_list_is_rejected(study: Path, name: str) -> None:
    text = (study / "sites.toml").read_text()
    (study / "sites.toml").write_text(text.replace("[only]", f"[{json.dumps(name)}]"))
    rwe("map", "--dir", study, expect=12)
    assert not (study / "data" / "raw" / name).exists()
