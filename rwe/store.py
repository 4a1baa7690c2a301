"""data/store.duckdb: the study's tables, and the only door to DuckDB.

Opened locked down: no extension is loaded, no file is read or written but the store and the landed
shards below the folder given, and no setting can be changed afterwards.
Trap: TIMESTAMP WITH TIME ZONE in fetchall() asks for pytz; frames do not.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl

from rwe.errors import DataError, MappingError, UsageError

NAME = "store.duckdb"
LOCKED = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
}


class Store:
    """A connection to one study's database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._db = connection

    @classmethod
    @contextmanager
    def temporary(cls, folder: Path) -> Iterator[Self]:
        """A store in memory that may read and write below a folder."""
        connection = duckdb.connect(":memory:", config=dict(LOCKED))
        try:
            yield cls(_locked(connection, spill=folder / ".spill", open_to=folder))
        finally:
            connection.close()

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, create: bool = False) -> Iterator[Self]:
        """The store in a study's data/ folder; only `map` creates one."""
        path = folder / NAME
        if not create and not path.exists():
            raise UsageError(f"{path}: nothing is mapped yet", hint="run `rwe map` first")
        try:
            connection = duckdb.connect(path, config=dict(LOCKED))
        except duckdb.IOException:
            raise DataError(
                f"{path}: cannot be opened",
                hint="another rwe may be running here; else remove it, then `rwe map`",
            ) from None
        except duckdb.Error as e:
            raise DataError(
                f"{path}: is damaged ({type(e).__name__})",
                hint="remove it, then `rwe map`: raw data are whole",
            ) from None
        path.chmod(0o600)
        try:
            yield cls(_locked(connection, spill=folder / ".spill", open_to=folder / "raw"))
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; whatever is raised inside rolls back."""
        self._db.begin()
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        self._db.commit()

    @contextmanager
    def _execute(self, sql: str, values: Sequence[Any] = ()) -> Iterator[duckdb.DuckDBPyConnection]:
        """A statement's result.  DuckDB reads a store block by block, so damage may show only here."""
        try:
            yield self._db.execute(sql, list(values))
        except duckdb.Error as e:
            if isinstance(e, (duckdb.IOException, duckdb.FatalException)) or type(e) is duckdb.Error:
                raise DataError(
                    f"the store or the landed data cannot be read or written ({type(e).__name__})",
                    hint="is the disk full? else remove data/store.duckdb, then `rwe map`; else pull again",
                ) from None
            raise

    def run(self, sql: str, values: Sequence[Any] = ()) -> None:
        with self._execute(sql, values) as result:
            result.fetchall()

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
        batch = [list(row) for row in rows]
        if batch:
            marks = ", ".join("?" * len(batch[0]))
            self._db.executemany(f"INSERT INTO {quoted(table)} VALUES ({marks})", batch)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._execute(sql, values) as result:
            return result.fetchall()

    def frame(self, sql: str) -> pl.DataFrame:
        """By way of rows: handing Arrow to polars makes DuckDB 2.0 print "leaked" when Python ends."""
        with self._execute(sql) as result:
            names = [column[0] for column in result.description]
            return pl.DataFrame(result.fetchall(), schema=names, orient="row", infer_schema_length=None)

    def tables(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT table_name FROM duckdb_tables()")}

    def require(self, *tables: str, by: str) -> None:
        missing = sorted(set(tables) - self.tables())
        if missing:
            raise UsageError(f"the store has no table {missing[0]} yet", hint=f"run `rwe {by}` first")


def _locked(db: duckdb.DuckDBPyConnection, *, spill: Path, open_to: Path) -> duckdb.DuckDBPyConnection:
    db.execute("SET TimeZone = 'UTC'")
    db.execute(f"SET temp_directory = {literal(str(spill))}")
    db.execute(f"SET allowed_directories = [{literal(str(open_to))}]")
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")
    return db


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
