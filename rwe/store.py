"""data/store.duckdb: the study's tables, and the only door to DuckDB.

Opened locked down: no extension is loaded, no file is read or written but the store and the landed
shards below the folder given, and no setting can be changed afterwards.  Held against its ledger at every
opening (rwe/loads.py).
Trap: TIMESTAMP WITH TIME ZONE in fetchall() asks for pytz; frames do not.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import duckdb

from rwe import loads
from rwe.errors import DataError, MappingError, UsageError
from rwe.loads import ANEW, LostError

if TYPE_CHECKING:
    import polars as pl

NAME = "store.duckdb"
FOUND_DAMAGED = "store.damaged"
"""An empty file beside the store: some query came upon damage, and `map` has to build anew."""
ASIDE = ".before-"
SPILL = ".spill"
LINE_UNASKED = 16_000_000
# Of store and landed data together, bytes: below, a second thread costs more CPU than it saves time.
SMALL = 50_000_000
LOCKED = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
}
UNREADABLE = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)
Answer = tuple[list[str], list[tuple[Any, ...]]]
"""The names of the columns, and the rows."""


class Store:
    """A connection to one study's database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        """folder: where its ledger is, and where queries spill."""
        self._db = connection
        self._folder = folder
        self._beside = ThreadPoolExecutor(max_workers=1)

    def _close(self) -> None:
        self._beside.shutdown()
        self._db.close()
        shutil.rmtree(self._folder / SPILL, ignore_errors=True)

    @classmethod
    @contextmanager
    def temporary(
        cls, folder: Path, *, reading: Sequence[Path] = (), memory: str | None = None
    ) -> Iterator[Self]:
        """A store in memory that may read and write below a folder, and read the files named."""
        store = cls(duckdb.connect(":memory:", config=dict(LOCKED)), folder)
        try:
            store._lock(open_to=folder, reading=reading, memory=memory)
            yield store
        finally:
            store._close()

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, create: bool = False, memory: str | None = None) -> Iterator[Self]:
        """The store in a study's data/ folder; only `map` creates one.

        LostError where it is damaged, or is not what its ledger says.
        """
        path = folder / NAME
        new = not path.exists()
        if new and not create:
            raise UsageError(f"{path}: nothing is mapped yet", hint="run `rwe map` first")
        if (folder / FOUND_DAMAGED).exists():
            raise LostError(f"{path}: was found damaged", hint=ANEW)
        try:
            connection = duckdb.connect(path, config=dict(LOCKED))
        except duckdb.Error as e:
            raise _not_opened(path, e) from None
        path.chmod(0o600)
        store = cls(connection, folder)
        try:
            if _size(folder) < SMALL:
                store._db.execute("SET threads = 1")
            store._lock(open_to=folder / "raw", memory=memory)
            if not new:
                store._compare()
            yield store
        except LostError:
            (folder / FOUND_DAMAGED).touch(mode=0o600)
            raise
        finally:
            store._close()

    def _compare(self) -> None:
        load = loads.compare(self._folder, self._held())
        if load is not None and load.tables != self.sizes():
            raise LostError("the store has not the rows that its ledger tells of", hint=ANEW)

    def _held(self) -> bytes | None:
        """The line of the ledger that came with what was written last: a view, for it is no data."""
        if not self.rows("SELECT 1 FROM duckdb_views() WHERE view_name = 'last_load'"):
            return None
        return str(self.rows("FROM last_load")[0][0]).encode()

    def sizes(self) -> dict[str, int]:
        """Rows of each table that stays."""
        kept = "SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1"
        names = [name for (name,) in self.rows(kept)]
        counts = " UNION ALL ".join(f"SELECT {literal(n)}, COUNT(*) FROM {quoted(n)}" for n in names)
        return dict(self.rows(counts)) if names else {}

    def _lock(self, *, open_to: Path, reading: Sequence[Path] = (), memory: str | None = None) -> None:
        spill = self._folder / SPILL
        shutil.rmtree(spill, ignore_errors=True)  # of a process that was stopped
        spill.mkdir(mode=0o700)
        self._db.execute("SET TimeZone = 'UTC'")
        if memory:
            self._db.execute(f"SET memory_limit = {literal(memory)}")
        self._db.execute(f"SET allowed_paths = {texts(map(str, reading))}")
        self._db.execute(f"SET temp_directory = {literal(str(spill))}")
        self._db.execute(f"SET allowed_directories = [{literal(str(open_to))}]")
        self._db.execute("SET enable_external_access = false")
        self._db.execute("SET lock_configuration = true")

    @contextmanager
    def transaction(self, step: str | None = None) -> Iterator[None]:
        """All or nothing; whatever is raised inside rolls back.

        step: what writes, for the ledger.  Its line is on the disk before the store is said to be written.
        """
        self._db.begin()
        line = None
        try:
            yield
            if step:
                line = loads.line(self._folder, step, self.sizes())
                self.run(f"CREATE OR REPLACE VIEW last_load AS SELECT {literal(line.decode())} AS line")
        except BaseException:
            with suppress(duckdb.Error):  # after a fatal error there is nothing to roll back
                self._db.rollback()
            raise
        with _failing():
            self._db.commit()
            if line is not None:
                loads.compare(self._folder, line)
                self._db.execute("CHECKPOINT")

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Whatever is written inside is undone, however it ends."""
        self._db.begin()
        try:
            yield
        finally:
            with suppress(duckdb.Error):  # after a fatal error there is nothing to roll back
                self._db.rollback()

    def _ask(self, sql: str, values: Sequence[Any] = ()) -> Answer:
        """Executed beside the main thread: DuckDB 2.0 looks for Ctrl-C so seldom that it often misses it."""
        with _failing():
            job = self._beside.submit(self._answer, sql, list(values))
            try:
                return job.result()
            except KeyboardInterrupt:
                self._db.interrupt()
                wait([job])
                raise

    def _answer(self, sql: str, values: list[Any]) -> Answer:
        result = self._db.execute(sql, values)
        return [column[0] for column in result.description or ()], result.fetchall()

    def attempt(self, sql: str) -> bool:
        """Run what may not fit its data; False where they are refused."""
        try:
            self.run(sql)
        except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException):
            return False
        return True

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        self._ask(sql, values)

    def run_file(self, path: Path) -> None:
        """A file of sql/, as it stands.  What fails in it is ours or a mapping's fault, not a user's."""
        try:
            self.run(path.read_text(encoding="utf-8"))
        except (duckdb.CatalogException, duckdb.BinderException) as e:
            raise MappingError(
                f"{path.name}: does not fit the tables ({type(e).__name__})",
                hint="has a mapping lost a column? run `rwe map` again; else report it",
            ) from None

    def insert(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Column by column: 20 times faster than row by row.  A Decimal goes as the text that it is."""
        columns = list(zip(*rows, strict=True))
        if columns:
            types = [kind for _, kind, *_ in self.rows(f"DESCRIBE {quoted(table)}")]
            lists = ", ".join(f"unnest(CAST(? AS {kind}[]))" for kind in types)
            values = [[format(v, "f") if isinstance(v, Decimal) else v for v in c] for c in columns]
            self.run(f"INSERT INTO {quoted(table)} SELECT {lists}", values)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._ask(sql, values)[1]

    def frame(self, sql: str) -> "pl.DataFrame":
        """By way of rows: handing Arrow to polars makes DuckDB 2.0 print "leaked" when Python ends."""
        import polars as pl  # noqa: PLC0415 (half of what `rwe view` would load, which needs no frame)

        names, rows = self._ask(sql)
        return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)

    def tables(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT table_name FROM duckdb_tables()")}

    def texts_of(self, table: str) -> list[str]:
        """The columns of text."""
        return [name for name, kind, *_ in self.rows(f"DESCRIBE {quoted(table)}") if "VARCHAR" in kind]

    def require(self, *tables: str, by: str) -> None:
        missing = sorted(set(tables) - self.tables())
        if missing:
            raise UsageError(f"the store has no table {missing[0]} yet", hint=f"run `rwe {by}` first")


@contextmanager
def _failing() -> Iterator[None]:
    """DuckDB reads a store block by block, so damage may show only here."""
    try:
        yield
    except duckdb.Error as e:
        if os.strerror(errno.ENOSPC) in str(e):
            hint = "make room, then run it again: nothing whole was lost"
            raise DataError("the disk is full", hint=hint) from None
        if isinstance(e, UNREADABLE) or type(e) is duckdb.Error:
            raise LostError(
                f"{NAME} or the landed data are damaged: they cannot be read ({type(e).__name__})",
                hint=f"{ANEW}; where that ends like this, `rwe verify` says what to pull again",
            ) from None
        raise


@contextmanager
def set_aside(folder: Path) -> Iterator[None]:
    """The store is out of the way while another is made; where that fails, it is as it was."""
    names = [name for name in (NAME, f"{NAME}.wal", FOUND_DAMAGED) if (folder / name).exists()]
    clear_aside(folder)
    for name in names:
        (folder / name).rename(folder / f"{ASIDE}{name}")
    try:
        yield
    except BaseException:
        for name in (NAME, f"{NAME}.wal"):
            (folder / name).unlink(missing_ok=True)
        for name in names:
            (folder / f"{ASIDE}{name}").rename(folder / name)
        raise
    clear_aside(folder)


def remove(folder: Path) -> bool:
    """The store, with all that is left of an earlier one; was there any?"""
    clear_aside(folder)
    paths = [folder / name for name in (NAME, f"{NAME}.wal", FOUND_DAMAGED) if (folder / name).exists()]
    for path in paths:
        path.unlink()
    shutil.rmtree(folder / SPILL, ignore_errors=True)
    return bool(paths)


def clear_aside(folder: Path) -> None:
    """What a stop left of an earlier store."""
    for path in folder.glob(f"{ASIDE}*"):
        path.unlink()


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def duckdb_version() -> str:
    return duckdb.__version__


def _not_opened(path: Path, error: duckdb.Error) -> DataError:
    if not os.access(path if path.exists() else path.parent, os.R_OK | os.W_OK):
        return DataError(f"{path}: may not be read and written", hint="see its owner, its mode and its disk")
    if "lock on file" in str(error):
        other = re.search(r"\(PID (\d+)\)", str(error))
        who = f"process {other[1]}" if other else "another process"
        hint = "another rwe may be running here: wait until it ends"
        return DataError(f"{path}: {who} has it open", hint=hint)
    return LostError(f"{path}: is damaged ({type(error).__name__})", hint=ANEW)


def line_size(longest: int) -> str:
    """For read_ndjson_objects(), where lines are longer than DuckDB reads unless told: that costs memory."""
    return f", maximum_object_size = {longest + 1024}" if longest > LINE_UNASKED else ""


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def texts(items: Iterable[str]) -> str:
    """A list of texts."""
    return f"[{', '.join(map(literal, items))}]"
