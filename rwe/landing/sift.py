"""What of a run's rows is new to a series that it extends, and what is gone.

    Series, the run's shards  ──▶  sift()  ──▶  Sifted (rows to keep, ids gone, Tally)

An id's known content is that of the newest run in which it came, unless it was gone after that: a value
that goes from A to B and back to A is news each time, and so is what is made again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from rwe.landing.manifest import Series, Shard, gone_in

GONE = {"id": pl.String}
_KNOWN = {"id": pl.String, "hash": pl.String, "version": pl.String, "updated": pl.String, "run": pl.String}


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Resources by what became of them; twice: rows that came again in the same run.

    missing: of the gone, those that did not come; the source named the others.
    backward: of the changed ones, those older than what is known: the source itself went back.
    live: ids of the series that the source holds now.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    missing: int = 0
    twice: int = 0
    backward: int = 0
    live: int = 0


@dataclass(frozen=True, kw_only=True)
class Said:
    """Ids, beside those that came.  missing: of a walk over all, None for every one that did not come.

    deleted, reborn: those of which the source says that they were deleted, and made again.
    """

    missing: Iterable[str] | None = ()
    deleted: Iterable[str] = ()
    reborn: Iterable[str] = ()


@dataclass(frozen=True, kw_only=True)
class Sifted:
    """keep: shard's number ▶ its rows, None where all of them; ids: how many different ones came.

    reborn: ids whose versions begin anew, for the source had deleted them in between.
    """

    keep: dict[int, set[int]] | None
    gone: list[str]
    reborn: list[str]
    ids: int
    tally: Tally


def sift(
    folder: Path,
    series: Series | None,
    came: list[Path],
    *,
    said: Said = Said(),
) -> Sifted:
    """folder: the site's.  came: the run's indexes."""
    known = _known(folder, series)
    rows = _rows(came)
    fresh = rows.unique(["id", "hash"], keep="first", maintain_order=True)
    fresh = fresh.join(_settled(known), on=["id", "hash"], how="anti", maintain_order="left")
    ids = rows.select(pl.col("id").unique())
    lost = _gone(known, ids, said.missing)
    gone = sorted({*lost, *_gone(known, ids, said.deleted)})
    backward = _backward(known, fresh)
    again = backward & set(said.reborn)
    new = ids.join(known, on="id", how="anti").height
    changed = fresh.select("id").unique().join(known, on="id", how="semi").height
    tally = Tally(
        new=new,
        changed=changed,
        unchanged=ids.height - new - changed,
        gone=len(gone),
        missing=len(lost),
        twice=rows.height - ids.height,
        backward=len(backward - again),
        live=known.select("id").n_unique() + new - len(gone),
    )
    keep = None if fresh.height == rows.height else _by_shard(fresh)
    return Sifted(keep=keep, gone=gone, reborn=sorted(again), ids=ids.height, tally=tally)


def _rows(came: list[Path]) -> pl.DataFrame:
    frames = [
        pl.read_parquet(path, glob=False, columns=["row", "id", "hash", "version", "updated"]).with_columns(
            shard=pl.lit(number)
        )
        for number, path in enumerate(came)
    ]
    empty = pl.DataFrame(
        schema={"row": pl.Int64, **{k: _KNOWN[k] for k in list(_KNOWN)[:4]}, "shard": pl.Int32}
    )
    return pl.concat([empty, *frames])


def _known(folder: Path, series: Series | None) -> pl.DataFrame:
    """One row for each content of the newest run of each id that is not gone."""
    shards = series.shards if series else []
    frames = [_of_shard(folder, s) for s in shards]
    landed = pl.concat([pl.DataFrame(schema=_KNOWN), *frames])
    newest = landed.filter(pl.col("run") == pl.col("run").max().over("id"))
    gone = [
        pl.read_parquet(folder / name, glob=False).with_columns(gone=pl.lit(gone_in(name)))
        for name in (series.gone if series else [])
    ]
    dead = (
        pl.concat([pl.DataFrame(schema={**GONE, "gone": pl.String}), *gone])
        .group_by("id")
        .agg(pl.max("gone"))
    )
    return newest.join(dead, on="id", how="left").filter(
        pl.col("gone").is_null() | (pl.col("run") > pl.col("gone"))
    )


def _settled(known: pl.DataFrame) -> pl.DataFrame:
    """Without ids of which several contents came in one run and neither version nor time tells the newest:
    the one that comes now is."""
    orders = [
        pl.col(c).is_not_null().all() & (pl.col(c).n_unique() == pl.len()) for c in ("version", "updated")
    ]
    open_ = known.group_by("id").agg((pl.len() > 1) & ~orders[0] & ~orders[1]).filter("len").select("id")
    return known.join(open_, on="id", how="anti")


def _of_shard(folder: Path, shard: Shard) -> pl.DataFrame:
    columns = ["id", "hash", "version", "updated"]
    return pl.read_parquet(folder / shard.index, glob=False, columns=columns).with_columns(
        run=pl.lit(shard.run)
    )


def _gone(known: pl.DataFrame, ids: pl.DataFrame, named: Iterable[str] | None) -> list[str]:
    """Of the ids that are known and did not come those that are named, or all where there are no names."""
    candidates = known.select(pl.col("id").unique())
    if named is not None:
        candidates = candidates.join(pl.DataFrame({"id": list(named)}, schema=GONE), on="id", how="semi")
    return candidates.join(ids, on="id", how="anti")["id"].to_list()


def live(folder: Path, series: Series) -> list[str]:
    """The ids that the series holds and are not gone.  folder: the site's."""
    return _known(folder, series)["id"].unique().to_list()


def newest(folder: Path, series: Series) -> datetime | None:
    """When the last of what is live was updated, as far as that is told."""
    found = _known(folder, series).select(_time("updated").max()).item()
    return found if isinstance(found, datetime) else None


def updated_since(folder: Path, series: Series, since: datetime) -> set[str]:
    return set(_known(folder, series).filter(_time("updated") >= since)["id"].to_list())


def _backward(known: pl.DataFrame, fresh: pl.DataFrame) -> set[str]:
    """Ids of which all that came is older than what is known: by number, else by time."""
    both = (
        fresh.group_by("id")
        .agg(pl.col("version").cast(pl.Int64, strict=False).max(), _time("updated").max())
        .join(
            known.group_by("id").agg(
                pl.col("version").cast(pl.Int64, strict=False).max().alias("v"),
                _time("updated").max().alias("u"),
            ),
            on="id",
        )
    )
    older = (
        pl.when(
            pl.col("version").is_not_null() & pl.col("v").is_not_null() & (pl.col("version") != pl.col("v"))
        )
        .then(pl.col("version") < pl.col("v"))
        .otherwise((pl.col("updated") < pl.col("u")).fill_null(value=False))
    )
    return set(both.filter(older)["id"].to_list())


def _time(column: str) -> pl.Expr:
    return pl.col(column).str.to_datetime(time_zone="UTC", strict=False, format="%+")


def _by_shard(fresh: pl.DataFrame) -> dict[int, set[int]]:
    return {int(number): set(rows) for number, rows in fresh.group_by("shard").agg("row").iter_rows()}
