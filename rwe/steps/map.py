"""map: landed resources to tables, by mappings/.

    data/raw  ──▶  landed  ──▶  invalid  ──▶  resource (each one's fate)  ──▶  a table per ViewDefinition

One transaction: a stop or an error leaves the tables as they were.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rwe import data, site
from rwe.errors import UsageError
from rwe.landing import UNKNOWN_TYPE
from rwe.steps import folder, landed
from rwe.steps.landed import Shard
from rwe.store import Store, literal, quoted
from rwe.validate import problem, suspects
from rwe.views import CompiledView, compile_view

SET_ASIDE_LIMIT = 0.001


@dataclass(frozen=True, kw_only=True)
class Count:
    """How a site's resources of one type add up; asked is None where the source cannot tell."""

    site: str
    type: str
    asked: int | None
    landed: int
    mapped: int
    superseded: int
    set_aside: int
    failure: str | None


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """A resource that could not be used: where it is and why, never what it says."""

    site: str
    type: str
    source: str
    position: int
    reason: str
    detail: str | None


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """`missing` says what is not whole, a line each; `notes` what a person should know beside it."""

    counts: list[Count]
    set_aside: list[SetAside]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def map_(study: Path, *, say: Callable[[str], None]) -> Mapped:
    """Build all tables from what is landed now of the sites in sites.toml."""
    raw, sites = folder.raw_folder(study), [s.id for s in site.load(study)]
    with Store.open(folder.data_folder(study), create=True) as store:
        with store.transaction():
            build(store, raw, sites, say=say)
        return _outcome(store, _left_out(raw, sites))


def build(store: Store, raw: Path, sites: Iterable[str], *, say: Callable[[str], None]) -> None:
    shards = landed.load(store, raw, sites)
    if not store.rows("SELECT 1 FROM site LIMIT 1"):
        raise UsageError(f"{raw}: nothing has landed yet", hint="run `rwe pull` first")
    _check(store, shards, say)
    for sql in data.sql_files("map"):
        store.run_file(sql)
    _make_tables(store, shards, say)


def _left_out(raw: Path, sites: Iterable[str]) -> tuple[str, ...]:
    others = sorted(p.name for p in raw.iterdir() if p.is_dir() and p.name not in set(sites))
    return tuple(f"{name}: has landed, but is not in sites.toml: left out" for name in others)


def _check(store: Store, shards: Iterable[Shard], say: Callable[[str], None]) -> None:
    """Note the invalid rows: by one exemplar of each shape, and one by one where something is odd."""
    known: dict[tuple[str, str, str], bool] = {}
    for s in shards:
        say(f"{s.site}: checking {s.rows} {s.type}")
        odd = []
        shapes = _shapes(store, s)
        if (rows := sum(n for _, _, n in shapes)) != s.rows:
            raise landed.damaged(s.path, rows, s.rows, s.site)
        for shape, exemplar, _ in shapes:
            key = (s.type, s.fhir_version, shape)
            if key not in known:
                known[key] = problem(exemplar.encode(), s.type, s.fhir_version) is None
            if not known[key]:
                odd.append(shape)
        found = (
            (row, problem(body.encode(), s.type, s.fhir_version)) for row, body in _doubtful(store, s, odd)
        )
        store.insert("invalid", [(s.site, s.name, row, p.reason, p.detail) for row, p in found if p])


def _shapes(store: Store, s: Shard) -> list[tuple[str, str, int]]:
    return store.rows(
        "SELECT json_structure(json)::VARCHAR AS shape, arg_min(json, row)::VARCHAR AS exemplar, COUNT(*) "
        f"FROM {s.lines()} WHERE json IS NOT NULL GROUP BY shape ORDER BY shape"
    )


def _doubtful(store: Store, s: Shard, odd: list[str]) -> list[tuple[int, str]]:
    """The rows of an odd shape or with an odd leaf."""
    return store.rows(suspects(s.type, s.fhir_version, s.lines()), (odd,))


def _make_tables(store: Store, shards: list[Shard], say: Callable[[str], None]) -> None:
    made: set[str] = set()
    for version in sorted({s.fhir_version for s in shards}) or ["4.0.1"]:
        for view in views(version):
            if view.name not in made:
                made.add(view.name)
                say(f"mapping {view.name}")
                columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in view.columns)
                store.run(f"CREATE OR REPLACE TABLE {quoted(view.name)} (site_id VARCHAR, {columns})")
            for s in shards:
                if (s.fhir_version, s.type) == (version, view.resource):
                    store.run(insertion(view, s))


def insertion(view: CompiledView, s: Shard) -> str:
    names = ", ".join(quoted(c.name) for c in view.columns)
    rows = view.query(s.mapped())
    return (
        f"INSERT INTO {quoted(view.name)} (site_id, {names})\nSELECT {literal(s.site)}, *\nFROM (\n{rows}\n)"
    )


def views(fhir_version: str) -> list[CompiledView]:
    """The shipped mappings of a FHIR version, compiled."""
    files = data.mapping_files(fhir_version)
    return [compile_view(json.loads(f.read_bytes()), fhir_version) for f in files]


def _outcome(store: Store, notes: tuple[str, ...]) -> Mapped:
    counts = [
        Count(
            site=site,
            type=kind,
            asked=asked,
            landed=n,
            mapped=mapped,
            superseded=superseded,
            set_aside=aside,
            failure=failure,
        )
        for site, kind, asked, n, mapped, superseded, aside, failure in store.rows("FROM resource_count")
    ]
    set_aside = [
        SetAside(site=site, type=kind, source=source, position=position, reason=reason, detail=detail)
        for site, kind, source, position, reason, detail in store.rows(
            "SELECT site_id, resource_type, source, position, fate, detail FROM resource "
            "WHERE fate NOT IN ('mapped', 'superseded') ORDER BY site_id, source, position, fate"
        )
    ]
    return Mapped(counts=counts, set_aside=set_aside, missing=tuple(_missing(counts)), notes=notes)


def _missing(counts: list[Count]) -> Iterable[str]:
    for c in counts:
        if c.failure:
            yield f"{c.site}: {c.type}: {c.failure}"
        if c.set_aside and (c.type == UNKNOWN_TYPE or c.set_aside > SET_ASIDE_LIMIT * c.landed):
            yield f"{c.site}: {c.type}: {c.set_aside} of {c.landed} set aside"
