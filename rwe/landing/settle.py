"""What becomes of a type at the end of a run: its series anew, the old one extended, or as it was."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from rwe.landing import ledger
from rwe.landing.manifest import GONE_FILE, REBORN, Series
from rwe.landing.shards import WRAP, Row, Writer, lines
from rwe.landing.sift import GONE, Said, Sifted, Tally, sift
from rwe.landing.unusable import UnusableWriter

FILES = "files"
REMOVALS = 0.05
KEPT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Got:
    """How a type was had.

    asked: how many the source counts of what was asked, None where it cannot tell; a folder holds what was
    found in it.  extends: only what changed was asked for, after an earlier pull of the same query.
    complete: every id that the source holds of the series came, so that what did not is gone.
    missing: ids that a walk over all of them no longer found.  deleted: ids that the source itself says to
    be deleted; reborn: made again after that.  removals: many may be gone at once.
    patients: those asked for, of a Group.  failure: why it is not whole.
    """

    method: str = FILES
    asked: int | None = None
    query: str = ""
    extends: bool = False
    complete: bool = False
    missing: Iterable[str] = ()
    deleted: Iterable[str] = ()
    reborn: Iterable[str] = ()
    removals: bool = False
    patients: list[str] = field(default_factory=list)
    watermark: str | None = None
    deletions_known_at: str | None = None
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Came:
    """A run's rows of one type: in `work`, named as files of `run` below the site's folder."""

    folder: Path
    work: Path
    run: str
    kind: str
    rows: Writer | None
    unusable: UnusableWriter

    def indexes(self) -> list[Path]:
        return [self.work / s.index.partition("/")[2] for s in (self.rows.shards if self.rows else [])]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """refused: why what came was not taken although it came whole."""

    series: Series
    tally: Tally | None = None
    refused: str | None = None


def settled(came: Came, old: Series | None, got: Got) -> Settled:
    if got.failure and old is not None and old.failure is None:
        return Settled(series=_stale(old, got.failure))  # half-loaded data must not look like absence
    if got.extends and old is not None and old.query == got.query:
        return _extended(came, old, got)
    if old is not None and (refused := _shrunk(came, old, got)):
        return Settled(series=_stale(old, refused), refused=refused)
    new, tally = _anew(came, got)
    if old is not None and old.same_content(new):
        return Settled(series=old, tally=tally)
    # What a map has seen by one name it need not see by another.
    same = {s.hash: s for s in (old.shards if old else [])}
    shards = [same.get(s.hash, s) for s in new.shards]
    return Settled(series=msgspec.structs.replace(new, shards=shards), tally=tally)


def _stale(old: Series, why: str) -> Series:
    return msgspec.structs.replace(old, stale=why)


def _anew(came: Came, got: Got) -> tuple[Series, Tally | None]:
    if got.method == FILES or came.rows is None:
        return _series(came, got, asked=_landed(came)), None
    found = sift(came.folder, None, came.indexes())
    rest = _kept(came, found)
    asked = got.asked if got.failure or got.asked is None else _landed(rest)
    return _series(rest, got, asked=asked), found.tally


def _shrunk(came: Came, old: Series, got: Got) -> str | None:
    """All was fetched again, of the same query: much that is not there any more may be a lost right too."""
    alike = old.failure is None and (old.method, old.query) == (got.method, got.query)
    if not alike or got.method == FILES or got.failure:
        return None
    tally = sift(came.folder, old, came.indexes(), said=Said(missing=None)).tally
    return _refused(replace(tally, backward=0), got)


def _refused(tally: Tally, got: Got) -> str | None:
    if tally.backward:
        return (
            f"{tally.backward} are older than what was landed: was the source restored from a backup? "
            "`rwe pull --full` takes it as it is now"
        )
    if tally.missing > REMOVALS * (tally.live + tally.gone) and not got.removals:
        return (
            f"{tally.missing} are no longer there: more likely a right that was lost than deletions; "
            "`rwe pull --accept-removals` takes them for deleted"
        )
    return None


def _extended(came: Came, old: Series, got: Got) -> Settled:
    missing = None if got.complete else got.missing
    said = Said(missing=missing, deleted=got.deleted, reborn=got.reborn)
    found = sift(came.folder, old, came.indexes(), said=said)
    if refused := _refused(found.tally, got):
        return Settled(series=_stale(old, refused), tally=found.tally, refused=refused)
    rest = _kept(came, found)
    known = {(line.reason, line.hash) for name in old.pieces for line in ledger.set_aside(came.folder / name)}
    rest = Came(**{**vars(rest), "unusable": rest.unusable.without(known)})
    more = _landed(rest)
    if not (more or found.gone):
        return Settled(series=_reconciled(old, got), tally=found.tally)
    new = _series(rest, got, asked=more)
    series = msgspec.structs.replace(
        new,
        asked=None if old.asked is None or got.asked is None else old.asked + more,
        landed=old.landed + more,
        set_aside=old.set_aside + new.set_aside,
        hash=f"{(int(old.hash, 16) + int(new.hash, 16)) % WRAP:032x}",
        shards=[*old.shards, *new.shards],
        pieces=[*old.pieces, *new.pieces],
        gone=[*old.gone, *_gone(came, found.gone, GONE_FILE), *_gone(came, found.reborn, REBORN)],
        watermark=new.watermark or old.watermark,
    )
    return Settled(series=series, tally=found.tally)


def _reconciled(old: Series, got: Got) -> Series:
    """Nothing is new: the times stay, so that a rerun changes no byte, for as long as deletions allow it."""
    old = msgspec.structs.replace(old, stale=None)
    if not (old.deletions_known_at and got.deletions_known_at):
        return old
    known, now = (datetime.fromisoformat(t) for t in (old.deletions_known_at, got.deletions_known_at))
    if now - known < KEPT:
        return old
    return msgspec.structs.replace(old, watermark=got.watermark, deletions_known_at=got.deletions_known_at)


def _landed(came: Came) -> int:
    return (came.rows.landed if came.rows else 0) + came.unusable.n


def _series(came: Came, got: Got, *, asked: int | None) -> Series:
    rows, unusable = came.rows, came.unusable
    content = ((rows.content if rows else 0) + unusable.content) % WRAP
    return Series(
        asked=asked,
        landed=_landed(came),
        set_aside=unusable.n,
        hash=f"{content:032x}",
        shards=rows.shards if rows else [],
        pieces=[f"{came.run}/{unusable.index.name}"] if unusable.n else [],
        failure=got.failure,
        method=got.method,
        query=got.query,
        patients=got.patients,
        watermark=got.watermark,
        deletions_known_at=got.deletions_known_at,
    )


def _kept(came: Came, found: Sifted) -> Came:
    """Only the rows that are new; where some are not, the shards are written anew."""
    if found.keep is None or came.rows is None:
        return came
    old = came.rows
    names = [
        (came.work / s.file.partition("/")[2], index)
        for s, index in zip(old.shards, came.indexes(), strict=True)
    ]
    aside = came.work / ".before"
    aside.mkdir()
    moved = [(shard.rename(aside / shard.name), index.rename(aside / index.name)) for shard, index in names]
    new = Writer(came.work, came.kind, came.run)
    for number, (shard, index) in enumerate(moved):
        rows = found.keep.get(number, set())
        table = pl.read_parquet(index, glob=False).drop("row").iter_rows(named=True)
        for n, (body, said) in enumerate(zip(lines(shard), table, strict=True), start=1):
            if n in rows:
                new.write(body, Row(**said))
        shard.unlink()
        index.unlink()
    new.close()
    aside.rmdir()
    return Came(**{**vars(came), "rows": new})


def _gone(came: Came, ids: list[str], end: str) -> list[str]:
    if not ids:
        return []
    name = f"{came.kind}{end}"
    pl.DataFrame({"id": ids}, schema=GONE).write_parquet(came.work / name)
    return [f"{came.run}/{name}"]
