"""What is landed, as DuckDB reads it: the ledger in tables, the shards as relations.

data/raw  ──▶  load()  ──▶  tables landed, site, site_type, passed_over; [Shard]
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rwe import landing
from rwe.errors import DataError
from rwe.landing import UNKNOWN_TYPE, Manifest
from rwe.store import Store, literal

# DuckDB 2.0 reads lines of 16 MB unless told otherwise, and being told costs memory.
LINE_UNASKED = 16_000_000

TABLES = """
CREATE OR REPLACE TABLE landed (
    site_id VARCHAR, resource_type VARCHAR, shard VARCHAR, line BIGINT, id VARCHAR, version VARCHAR,
    updated VARCHAR, hash VARCHAR, source VARCHAR, position BIGINT, reason VARCHAR);
CREATE OR REPLACE TABLE invalid (site_id VARCHAR, shard VARCHAR, line BIGINT, reason VARCHAR, detail VARCHAR);
CREATE OR REPLACE TABLE site (site_id VARCHAR, fhir_version VARCHAR, method VARCHAR, pulled_at VARCHAR);
CREATE OR REPLACE TABLE site_type (site_id VARCHAR, resource_type VARCHAR, asked BIGINT, failure VARCHAR);
CREATE OR REPLACE TABLE passed_over (site_id VARCHAR, resource_type VARCHAR, n BIGINT);
"""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A landed shard, with whose it is and what it holds."""

    site: str
    fhir_version: str
    type: str
    name: str
    path: Path
    rows: int
    longest: int

    def lines(self) -> str:
        """A relation of the columns row (from 1) and json, which is NULL where a damaged shard breaks off."""
        size = f", maximum_object_size = {self.longest + 1024}" if self.longest > LINE_UNASKED else ""
        read = f"read_ndjson_objects({literal(str(self.path))}, ignore_errors = true{size})"
        return f"(SELECT row_number() OVER () AS row, json FROM {read})"

    def mapped(self) -> str:
        """A relation of the column json: the rows whose fate is to be mapped."""
        where = f"site_id = {literal(self.site)} AND shard = {literal(self.name)} AND fate = 'mapped'"
        return f"(SELECT json FROM {self.lines()} WHERE row IN (SELECT line FROM resource WHERE {where}))"


def load(store: Store, raw: Path, sites: Iterable[str]) -> list[Shard]:
    """Write the ledgers of these sites into tables; their shards, by site and type."""
    store.run(TABLES)
    manifests = [m for site in sorted(sites) if (m := landing.current(raw / site))]
    return [shard for m in manifests for shard in _load(store, raw / m.site / m.run, m)]


def _load(store: Store, at: Path, m: Manifest) -> Iterator[Shard]:
    store.insert("site", [(m.site, m.fhir_version, m.method, m.pulled_at)])
    store.insert("site_type", [(m.site, kind, c.asked, c.failure) for kind, c in m.types.items()])
    store.insert("passed_over", [(m.site, kind, n) for kind, n in m.passed_over.items()])
    store.insert("landed", list(_set_aside(at, m.site)))
    for kind, count in m.types.items():
        for shard in count.shards:
            _check_index(at / shard.index, shard.rows, m.site)
            store.run(
                "INSERT INTO landed SELECT ?, ?, ?, row, id, version, updated, hash, source, position, NULL "
                f"FROM read_parquet({literal(str(at / shard.index))})",
                (m.site, kind, shard.file),
            )
            yield Shard(
                site=m.site,
                fhir_version=m.fhir_version,
                type=kind,
                name=shard.file,
                path=at / shard.file,
                rows=shard.rows,
                longest=shard.longest,
            )


def _check_index(path: Path, rows: int, site: str) -> None:
    try:
        found = pl.scan_parquet(path).select(pl.len()).collect().item()
    except (OSError, pl.exceptions.PolarsError):
        found = 0
    if found != rows:
        raise damaged(path, found, rows, site)


def damaged(path: Path, found: int, rows: int, site: str) -> DataError:
    """DuckDB takes a file that is cut for one that ends there: its patients would be gone in silence."""
    return DataError(
        f"{path}: is damaged: {found} of {rows} rows can be read",
        hint=f"remove {path.parent} and pull {site} again",
    )


def _set_aside(at: Path, site: str) -> Iterator[tuple[object, ...]]:
    for n, piece in enumerate(landing.set_aside(at), start=1):
        kind = piece.type or UNKNOWN_TYPE
        place = (piece.source, piece.position)
        yield (site, kind, "set_aside", n, None, None, None, piece.hash, *place, piece.reason)
