"""map: landed resources to tables, by mappings/.

    data/raw  ──▶  landed  ──▶  invalid  ──▶  resource (each one's fate)  ──▶  a table per ViewDefinition

Only what came or went since the last map is read; all of it anew after other mappings, SQL or version of
rwe.  One transaction: a stop or an error leaves the tables as they were.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rwe import data, site
from rwe.address import RELATIVE
from rwe.errors import UsageError
from rwe.loads import LostError
from rwe.steps import arrivals, folder, lineage, validation
from rwe.steps.arrivals import UNUSABLE
from rwe.steps.counts import Count, counts, partial
from rwe.steps.landed import Shard
from rwe.steps.set_aside import SetAside
from rwe.steps.validation import Strict
from rwe.store import Store, literal, quoted, set_aside
from rwe.views import CompiledView, compile_view

TOGETHER = 50_000


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """`missing` says what is not whole, a line each; `notes` what a person should know beside it."""

    counts: list[Count]
    set_aside: list[SetAside]
    missing: tuple[str, ...]
    notes: tuple[str, ...]


def map_(
    study: Path,
    *,
    say: Callable[[str], None],
    strict: Strict | None = None,
    memory: str | None = None,
) -> Mapped:
    """Bring all tables up to what is landed now of the sites in sites.toml."""
    with folder.alone(study):
        return mapped(study, say=say, strict=strict, memory=memory)


def mapped(
    study: Path, *, say: Callable[[str], None], strict: Strict | None = None, memory: str | None = None
) -> Mapped:
    """For who is alone in the study already.  A store that is damaged is built anew."""
    try:
        return _mapped(study, say=say, strict=strict, memory=memory)
    except LostError as e:
        say(str(e))
        with set_aside(folder.data_folder(study)):
            anew = _mapped(study, say=say, strict=strict, memory=memory)
        return replace(anew, notes=(f"{e}: all of it is built anew from the landed data", *anew.notes))


def _mapped(study: Path, *, say: Callable[[str], None], strict: Strict | None, memory: str | None) -> Mapped:
    raw, sites = folder.raw_folder(study), {s.id: s.own for s in site.load(study)}
    with Store.open(folder.data_folder(study), create=True, memory=memory) as store:
        parts = lineage.of_map(study)
        with store.transaction("map"):
            if not lineage.mapped_alike(store, parts, strict=strict is not None):
                arrivals.forget(store)
            build(store, raw, sites, say=say, strict=strict)
            lineage.begin(store, parts, strict=strict is not None)
        return _outcome(store, _left_out(raw, sites))


def build(
    store: Store,
    raw: Path,
    sites: Mapping[str, str],
    *,
    say: Callable[[str], None],
    strict: Strict | None = None,
) -> None:
    """Only of what came or went since the store's last map, which must have been made by the same rules.

    sites: by name, what stands before Type/id in references to the site itself (rwe/address.py).
    """
    now = arrivals.take_in(store, raw, sites)
    if not store.rows("SELECT 1 FROM site LIMIT 1"):
        raise UsageError(f"{raw}: nothing has landed yet", hint="run `rwe pull` first")
    validation.check(store, now.fresh, say, strict)
    for sql in data.sql_files("map"):
        store.run_file(sql)
    _note_subjects(store, now.shards)
    _fill_tables(store, now.shards, say)
    for table in arrivals.BETWEEN:
        store.run(f"DROP TABLE {table}")


def _left_out(raw: Path, sites: Iterable[str]) -> tuple[str, ...]:
    others = sorted(p.name for p in raw.iterdir() if p.is_dir() and p.name not in set(sites))
    return tuple(f"{name}: has landed, but is not in sites.toml: left out" for name in others)


def _note_subjects(store: Store, shards: Iterable[Shard]) -> None:
    """Whose the resources are that could not be used, where they say so: sql/check names their patients."""
    own = "x.site_id = r.site_id AND x.shard = r.shard AND x.line = r.line"
    unusable = f"SELECT 1 FROM resource AS r WHERE {own} AND {UNUSABLE}"
    store.run(f"DELETE FROM set_aside_subject AS x WHERE NOT EXISTS ({unusable})")
    store.run(
        "CREATE OR REPLACE TABLE lost AS SELECT site_id, shard, line FROM resource AS r "
        f"WHERE {UNUSABLE} AND NOT EXISTS (SELECT 1 FROM set_aside_subject AS x WHERE {own})"
    )
    lost = {*store.rows("SELECT DISTINCT site_id, shard FROM lost")}
    for s in shards:
        if (s.site, s.name) in lost:
            key = literal(f"{s.own}Patient/([A-Za-z0-9.-]+)")
            patient = f"regexp_extract(json ->> '$.subject.reference', {key}, 1)"
            subjects = f"SELECT ?, ?, row, NULLIF({patient}, '') FROM {s.lines_in('lost')}"
            store.run(f"INSERT INTO set_aside_subject {subjects}", (s.site, s.name))


def _fill_tables(store: Store, shards: list[Shard], say: Callable[[str], None]) -> None:
    made: set[str] = set()
    added = {*store.rows("SELECT DISTINCT site_id, shard FROM added")}
    for version, own in sorted({(s.fhir_version, s.own) for s in shards}) or [("4.0.1", RELATIVE)]:
        for view in views(version, own):
            if view.name not in made:
                made.add(view.name)
                say(f"mapping {view.name}")
                _make_room(store, view)
            wanted = (version, own, view.resource)
            found = [s for s in shards if (s.fhir_version, s.own, s.type) == wanted]
            if view.key is not None:
                found = [s for s in found if (s.site, s.name) in added]
            for some in _together(found):
                store.run(insertion(view, some))


def _make_room(store: Store, view: CompiledView) -> None:
    """A table without a key of its resources is filled anew; from others go the resources removed."""
    table = quoted(view.name)
    if view.key is None or view.name not in store.tables():
        columns = ", ".join(f"{quoted(c.name)} {c.type}" for c in view.columns)
        store.run(f"CREATE OR REPLACE TABLE {table} (site_id VARCHAR, {columns})")
    else:
        store.run(
            f"DELETE FROM {table} AS x USING removed AS r WHERE r.resource_type = {literal(view.resource)} "
            f"AND x.site_id = r.site_id AND x.{quoted(view.key)} = r.id"
        )


def _together(shards: Iterable[Shard]) -> Iterator[list[Shard]]:
    """Small shards in one statement, for to plan a wide view takes longer than to read one of them; large
    ones each by itself, for at once they would fill the memory."""
    some: list[Shard] = []
    for s in shards:
        if sum(other.rows for other in (*some, s)) > TOGETHER and some:
            yield some
            some = []
        some.append(s)
    if some:
        yield some


def insertion(view: CompiledView, shards: Iterable[Shard]) -> str:
    names = ", ".join(quoted(c.name) for c in view.columns)
    named = ("added", "true") if view.key else ("resource", "fate = 'mapped'")
    lines = [s.lines_in(*named) for s in shards]
    rows = view.query(f"(\n{' UNION ALL '.join(lines)}\n)", beside="site_id")
    return f"INSERT INTO {quoted(view.name)} (site_id, {names})\n{rows}"


def views(fhir_version: str, own: str = RELATIVE) -> list[CompiledView]:
    """The shipped mappings of a FHIR version, compiled.

    own: what a reference begins with that leads to the site itself.  What leads to another server has no
    key here: its ids are another's, and must join nothing of this site.
    """
    files = data.mapping_files(fhir_version)
    return [compile_view(json.loads(f.read_bytes()), fhir_version, before=own) for f in files]


def _outcome(store: Store, notes: tuple[str, ...]) -> Mapped:
    set_aside = [
        SetAside(site=site, type=kind, source=source, position=position, reason=reason, detail=detail)
        for site, kind, source, position, reason, detail in store.rows(
            "SELECT site_id, resource_type, source, position, fate, detail FROM resource "
            f"WHERE {UNUSABLE} ORDER BY site_id, source, position, fate"
        )
    ]
    return Mapped(counts=counts(store), set_aside=set_aside, missing=tuple(partial(store)), notes=notes)
