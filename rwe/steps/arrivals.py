"""What landed and what went since the last map, so that only that is read, checked and mapped.

    data/raw, tables of the last map  ──▶  take_in()  ──▶  Arrivals; tables landed, touched, site …

A shard is known by the hash of its rows, and by what references to its site begin with.  `touched` names
the resources of which a copy came or went: sql/map judges these again, and no others.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rwe import landing
from rwe.landing import UNKNOWN_TYPE, Manifest, Series
from rwe.steps.landed import Shard, damaged, manifests, shards
from rwe.store import Store, literal, quoted

UNUSABLE = "fate NOT IN ('mapped', 'superseded', 'gone')"
SET_ASIDE = "set_aside"
NO_RUN = ""
"""Of a folder: its files have no order among them, whenever each was first seen."""

KEPT = """
CREATE OR REPLACE TABLE shard (
    site_id VARCHAR, shard VARCHAR, resource_type VARCHAR, fhir_version VARCHAR, hash VARCHAR,
    own VARCHAR);
CREATE OR REPLACE TABLE landed (
    site_id VARCHAR, resource_type VARCHAR, shard VARCHAR, line BIGINT, id VARCHAR, version VARCHAR,
    updated VARCHAR, hash VARCHAR, source VARCHAR, position BIGINT, reason VARCHAR, detail VARCHAR,
    run VARCHAR);
CREATE OR REPLACE TABLE gone (site_id VARCHAR, resource_type VARCHAR, id VARCHAR, run VARCHAR);
CREATE OR REPLACE TABLE invalid (site_id VARCHAR, shard VARCHAR, line BIGINT, reason VARCHAR, detail VARCHAR);
CREATE OR REPLACE TABLE set_aside_subject (site_id VARCHAR, shard VARCHAR, line BIGINT, patient_id VARCHAR);
CREATE OR REPLACE TABLE resource (
    site_id VARCHAR, resource_type VARCHAR, id VARCHAR, version VARCHAR, updated VARCHAR, hash VARCHAR,
    shard VARCHAR, line BIGINT, source VARCHAR, position BIGINT, fate VARCHAR, detail VARCHAR);
"""
ANEW = """
CREATE OR REPLACE TABLE site (
    site_id VARCHAR, fhir_version VARCHAR, method VARCHAR, pulled_at VARCHAR, deletions_known_at VARCHAR);
CREATE OR REPLACE TABLE site_type (site_id VARCHAR, resource_type VARCHAR, asked BIGINT, failure VARCHAR);
CREATE OR REPLACE TABLE passed_over (site_id VARCHAR, resource_type VARCHAR, n BIGINT);
CREATE OR REPLACE TABLE gone_shard (site_id VARCHAR, shard VARCHAR);
CREATE OR REPLACE TABLE fresh_shard (site_id VARCHAR, shard VARCHAR);
CREATE OR REPLACE TABLE touched (site_id VARCHAR, resource_type VARCHAR, id VARCHAR);
"""
BETWEEN = ("judged", "added", "removed", "lost", "touched", "gone_shard", "gone_now", "fresh_shard")
"""Tables of use only while a map runs."""

TOUCHED = """
INSERT INTO touched
SELECT DISTINCT l.site_id, l.resource_type, l.id FROM landed AS l
SEMI JOIN {} AS s ON l.site_id = s.site_id AND l.shard = s.shard
ANTI JOIN touched AS t ON l.site_id = t.site_id AND l.resource_type = t.resource_type AND l.id = t.id
"""
NEWLY_GONE = """
INSERT INTO touched
SELECT DISTINCT g.site_id, g.resource_type, g.id
FROM (
    (FROM gone EXCEPT FROM gone_now)
    UNION
    (FROM gone_now EXCEPT FROM gone)
) AS g
ANTI JOIN touched AS t ON g.site_id = t.site_id AND g.resource_type = t.resource_type AND g.id = t.id
"""


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """shards: all that are landed; fresh: those among them that no map has seen."""

    shards: list[Shard]
    fresh: list[Shard]


def forget(store: Store) -> None:
    """As if nothing had been mapped yet."""
    for table in store.tables():
        store.run(f"DROP TABLE {quoted(table)}")
    store.run(KEPT)


def take_in(store: Store, raw: Path, sites: Mapping[str, str]) -> Arrivals:
    """sites: by name, what stands before Type/id in references to the site itself (rwe/address.py)."""
    if "shard" not in store.tables():
        forget(store)
    store.run(ANEW)
    ledgers = manifests(raw, sites)
    found = [s for m in ledgers for s in shards(raw, m, sites[m.site])]
    known = {*store.rows("FROM shard")}
    fresh = [s for s in found if s.key not in known]
    _let_go(store, known - {s.key for s in found})
    for m in ledgers:
        _note_ledger(store, raw, m)
    for s in fresh:
        _note_index(store, s)
    store.insert("shard", [s.key for s in fresh])
    store.insert("fresh_shard", [(s.site, s.name) for s in fresh])
    store.run(TOUCHED.format("fresh_shard"))
    _note_gone(store, raw, ledgers)
    return Arrivals(shards=found, fresh=fresh)


def _let_go(store: Store, gone: set[tuple[str, ...]]) -> None:
    store.insert("gone_shard", [(site, name) for site, name, *_ in gone])
    store.run(TOUCHED.format("gone_shard"))
    for table in ("shard", "landed", "invalid", "set_aside_subject"):
        same = "x.site_id = g.site_id AND x.shard = g.shard"
        store.run(f"DELETE FROM {table} AS x USING gone_shard AS g WHERE {same}")
    for table in ("landed", "set_aside_subject"):
        store.run(f"DELETE FROM {table} WHERE shard = '{SET_ASIDE}'")


def _note_ledger(store: Store, raw: Path, m: Manifest) -> None:
    store.insert("site", [(m.site, m.fhir_version, m.method, m.pulled_at, m.deletions_known_at)])
    store.insert("site_type", [(m.site, kind, c.asked, _not_whole(c)) for kind, c in m.types.items()])
    store.insert("passed_over", [(m.site, kind, n) for kind, n in m.passed_over.items()])
    store.insert("landed", list(_set_aside(raw / m.site, m)))


def _not_whole(s: Series) -> str | None:
    return s.failure or (f"not brought up to date: {s.stale}" if s.stale else None)


def _set_aside(at: Path, m: Manifest) -> Iterator[tuple[object, ...]]:
    found = (p for s in m.types.values() for name in s.pieces for p in landing.set_aside(at / name))
    for n, piece in enumerate(found, start=1):
        kind = piece.type or UNKNOWN_TYPE
        place = (piece.source, piece.position, piece.reason, piece.detail)
        yield (m.site, kind, SET_ASIDE, n, None, None, None, piece.hash, *place, NO_RUN)


def _note_gone(store: Store, raw: Path, ledgers: Iterable[Manifest]) -> None:
    store.run("CREATE OR REPLACE TABLE gone_now AS FROM gone LIMIT 0")
    for m in ledgers:
        for kind, series in m.types.items():
            for name in series.gone:
                read = f"read_parquet({literal(str(raw / m.site / name))})"
                place = (m.site, kind, landing.gone_in(name))
                store.run(f"INSERT INTO gone_now SELECT ?, ?, id, ? FROM {read}", place)
    store.run(NEWLY_GONE)
    store.run("CREATE OR REPLACE TABLE gone AS FROM gone_now")


def _note_index(store: Store, s: Shard) -> None:
    try:
        found = pl.scan_parquet(s.index, glob=False).select(pl.len()).collect().item()
    except (OSError, pl.exceptions.PolarsError):
        found = 0
    if found != s.rows:
        raise damaged(s.index, f"{found} of {s.rows} rows can be read", s.site)
    store.run(
        "INSERT INTO landed SELECT ?, ?, ?, row, id, version, updated, hash, source, position, NULL, NULL, ? "
        f"FROM read_parquet({literal(str(s.index))})",
        (s.site, s.type, s.name, s.run),
    )
