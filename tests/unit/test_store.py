"""The door to DuckDB: locked, whole or not there, and its errors ours."""

import os
import signal
import subprocess
import sys
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.errors import DataError, MappingError, UsageError
from rwe.store import NAME, Store, literal, quoted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "secret.csv").write_text("canary\n1\n")
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path):
    with Store.open(folder, create=True) as s:
        yield s


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{out}/secret.csv')",
        "SELECT * FROM '{out}/secret.csv'",
        "SELECT * FROM read_text('{out}/data/raw/../../secret.csv')",
        "SELECT * FROM glob('{out}/*')",
        "COPY (SELECT 1) TO '{out}/written.csv'",
        "EXPORT DATABASE '{out}/written'",
        "ATTACH '{out}/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET threads = 1",
        "PRAGMA enable_profiling",
    ],
)
def test_security_08_the_store_is_locked_down(store, folder, sql):
    with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException, duckdb.CatalogException)):
        store.run(sql.format(out=folder.parent))
    assert not (folder.parent / "written.csv").exists()


def test_a_link_out_of_the_folder_is_not_followed(store, folder):
    (folder / "raw" / "link.csv").symlink_to(folder.parent / "secret.csv")
    with pytest.raises(duckdb.PermissionException):
        store.run(f"SELECT * FROM read_csv('{folder}/raw/link.csv')")


def test_landed_files_are_read(store, folder):
    (folder / "raw" / "x.csv").write_text("a\n1\n")
    assert store.rows(f"SELECT a FROM read_csv({literal(str(folder / 'raw' / 'x.csv'))})") == [(1,)]


def test_a_temporary_store_reads_and_writes_below_its_folder_only(tmp_path, folder):
    with Store.temporary(folder) as s:
        s.run(f"COPY (SELECT 1 AS a) TO {literal(str(folder / 'out.csv'))}")
        with pytest.raises(duckdb.PermissionException):
            s.run(f"COPY (SELECT 1 AS a) TO {literal(str(tmp_path / 'out.csv'))}")
    assert (folder / "out.csv").read_text() == "a\n1\n"


def test_only_map_makes_a_store(folder):
    with pytest.raises(UsageError, match="nothing is mapped yet") as e, Store.open(folder):
        pass
    assert (e.value.exit_code, e.value.hint) == (2, "run `rwe map` first")
    assert not (folder / NAME).exists()


def test_only_the_owner_reads_the_store(store, folder):
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600


def made(folder: Path) -> bytearray:
    with Store.open(folder, create=True) as s:
        s.run("CREATE TABLE t AS SELECT range AS i, md5(range::VARCHAR) AS h FROM range(200_000)")
    return bytearray((folder / NAME).read_bytes())


@pytest.mark.parametrize("place", [0, 5, 100, 4096, 8242, 12_388, 0.25, 0.5, 0.75, 0.95])
def test_a_flipped_byte_is_a_damaged_store(folder, place):
    content = made(folder)
    content[place if isinstance(place, int) else int(place * len(content))] ^= 0xFF
    (folder / NAME).write_bytes(content)
    with pytest.raises(DataError) as e, Store.open(folder) as s:
        s.rows("SELECT max(i), max(h) FROM t")
    assert e.value.exit_code == 13
    assert "`rwe map`" in e.value.hint


@pytest.mark.parametrize("content", [b"no database", b"\0" * 20_000])
def test_another_file_is_no_store(folder, content):
    (folder / NAME).write_bytes(content)
    with pytest.raises(DataError), Store.open(folder):
        pass


def test_a_cut_store_is_a_damaged_one(folder):
    content = made(folder)
    (folder / NAME).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError), Store.open(folder) as s:
        s.rows("SELECT max(i), max(h) FROM t")


def test_a_store_that_another_process_holds_says_so(folder):
    made(folder)
    hold = f"import duckdb; db = duckdb.connect({str(folder / NAME)!r}); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DataError) as e, Store.open(folder):
            pass
        other.communicate("\n")
    assert "another rwe may be running" in e.value.hint


def test_a_transaction_is_all_or_nothing(store):
    store.run("CREATE TABLE t (a INTEGER)")

    def stop():
        yield (1,)
        store.insert("t", [(2,)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), store.transaction():
        store.insert("t", stop())
    assert store.rows("FROM t") == []
    with store.transaction():
        store.insert("t", iter([(1,), (2,)]))
        store.insert("t", [])
    assert store.rows("SELECT sum(a) FROM t WHERE a > ?", (1,)) == [(2,)]


def test_an_error_of_a_statement_keeps_its_class(store):
    with pytest.raises(duckdb.CatalogException):
        store.rows("FROM nowhere")


def test_a_file_that_does_not_fit_the_tables_is_a_mapping_error(store, tmp_path):
    path = tmp_path / "x.sql"
    path.write_text("CREATE TABLE x AS SELECT * FROM nowhere")
    with pytest.raises(MappingError, match=r"x\.sql: does not fit the tables") as e:
        store.run_file(path)
    assert e.value.exit_code == 11
    path.write_text("CREATE TABLE x AS SELECT 1 AS a")
    store.run_file(path)
    assert store.tables() == {"x"}


def test_a_step_before_its_input_is_named(store):
    store.run("CREATE TABLE b (a INTEGER)")
    store.require("b", by="map")
    with pytest.raises(UsageError, match="the store has no table a yet") as e:
        store.require("b", "c", "a", by="cohort")
    assert e.value.hint == "run `rwe cohort` first"


def test_a_frame_has_the_tables_types(store):
    frame = store.frame("SELECT 1 AS a, NULL AS b UNION ALL SELECT 2, 'x' ORDER BY a")
    assert frame.to_dict(as_series=False) == {"a": [1, 2], "b": [None, "x"]}


HOSTILE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_any_name_and_text_is_only_that(name, text):
    with duckdb.connect() as db:
        found = db.execute(f"SELECT {literal(text)} AS {quoted(name)}")
        assert ([c[0] for c in found.description], found.fetchall()) == ([name], [(text,)])


@pytest.mark.parametrize("name", ['a"; DROP TABLE t; --', "a'b", "select", "ä b", "a\nb"])
def test_a_hostile_table_name_is_a_name(store, name):
    store.run(f"CREATE TABLE {quoted(name)} (a VARCHAR)")
    store.insert(name, [("'; DROP TABLE x; --",)])
    assert store.tables() == {name}


@pytest.fixture
def interruptible():
    """A background job of a shell ignores SIGINT, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_inside_a_query_ends_it_and_rolls_back(store):
    store.run("CREATE TABLE t (a INTEGER)")
    with pytest.raises(KeyboardInterrupt), store.transaction():
        interrupted(store)
    assert store.rows("SELECT COUNT(*) FROM t") == [(0,)]


def interrupted(store):
    store.run("INSERT INTO t VALUES (1)")
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    store.rows("SELECT COUNT(*) FROM range(5000000000) AS r (a) WHERE hash(a) % 7 = 3")


def test_a_store_that_may_not_be_written_is_named(folder, monkeypatch):
    with Store.open(folder, create=True):
        pass
    monkeypatch.setattr(duckdb, "connect", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match="may not be read and written"), Store.open(folder):
        pass


def refused(*_, **__):
    raise duckdb.IOException("Permission denied")


def test_rows_of_every_type_are_inserted_exactly(store):
    store.run(
        "CREATE TABLE t "
        "(a BIGINT, b VARCHAR, c DOUBLE, d DECIMAL(38, 12), e DATE, f BOOLEAN, g DECIMAL(18, 9))"
    )
    rows = [
        (2**62, "1.10", 0.1, Decimal("1E+6"), date(2020, 2, 29), True, Decimal("0.001")),
        (None, "it's", 8, None, None, None, Decimal("1E-9")),
    ]
    store.insert("t", rows)
    assert store.rows("SELECT * REPLACE (d::DOUBLE AS d) FROM t ORDER BY a") == [
        (2**62, "1.10", 0.1, 1e6, date(2020, 2, 29), True, Decimal("0.001")),
        (None, "it's", 8.0, None, None, None, Decimal("1E-9")),
    ]


def test_no_row_is_no_statement(store):
    store.insert("unheard_of", [])


def test_what_is_written_in_a_scratch_is_undone_however_it_ends(tmp_path):
    with Store.open(tmp_path, create=True) as store:
        store.run("CREATE TABLE t AS SELECT 1 AS x")
        with store.scratch():
            store.run("CREATE OR REPLACE TABLE t AS SELECT 2 AS x")
            store.run("CREATE TABLE u AS SELECT 3 AS x")
            assert store.rows("SELECT t.x, u.x FROM t, u") == [(2, 3)]
        with pytest.raises(duckdb.Error), store.scratch():
            store.run("DELETE FROM t; FROM nowhere")
        assert (store.rows("FROM t"), store.tables()) == ([(1,)], {"t"})
