"""verify: do ledgers, landed data and the store agree, to the last byte?

    data/raw, data/loads.ndjson, store.duckdb  ──▶  [Checked]

Reads everything.  What is found wrong is named with what to do; nothing is changed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rwe import audit, landing, locks, site
from rwe.errors import DataError, UsageError
from rwe.landing import Manifest
from rwe.landing.verify import ledger_troubles, series
from rwe.loads import ANEW
from rwe.steps import folder, lineage
from rwe.steps.progress import Progress
from rwe.store import NAME, Store, quoted

STORE = "store"
WRAP = 1 << 128
SUMS = ", ".join(f"sum(('0x' || substr(hash, {at}, 8))::BIGINT)::VARCHAR" for at in (1, 9, 17, 25))


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A site's type, its ledger, or the store, with what is wrong of it and what to do.

    rows: None where they are not counted.  note: what is no fault.
    """

    where: str
    what: str
    rows: int | None = None
    set_aside: int | None = None
    troubles: tuple[str, ...] = ()
    todo: str = ""
    note: str = ""


def verify(study_dir: Path, progress: Progress) -> list[Checked]:
    raw = study_dir / folder.DATA / folder.RAW
    sites = sorted(p for p in raw.iterdir() if p.is_dir()) if raw.is_dir() else []
    if not sites:
        raise UsageError(f"{raw}: nothing has landed yet", hint="run `rwe pull` first")
    with folder.alone(study_dir):
        landed = [c for at in sites for c in _site(at, progress)]
        return [*landed, *_store(study_dir), *_chains(study_dir)]


def _chains(study_dir: Path) -> Iterator[Checked]:
    """The audit log, and the plan where it was locked: is each line of them the one that was written?"""
    logged = study_dir / folder.DATA
    yield from _chain(audit.NAME, lambda: len(audit.lines(logged)))
    yield from _chain(locks.NAME, lambda: len(locks.lines(study_dir)))


def _chain(name: str, count: Callable[[], int]) -> Iterator[Checked]:
    try:
        if n := count():
            yield Checked(where="study", what=name, rows=n)
    except DataError as e:
        yield Checked(where="study", what=name, troubles=(str(e),), todo=e.hint)


def _site(at: Path, progress: Progress) -> Iterator[Checked]:
    again = f"remove {at} and pull {at.name} again"
    try:
        manifest = landing.current(at)
        if manifest is None:
            raise landing.damaged(at / "ledger.ndjson")
        found = tuple(ledger_troubles(at, manifest))
    except DataError as e:
        yield Checked(where=at.name, what="ledger", troubles=(str(e),), todo=e.hint)
        return
    yield Checked(where=at.name, what="ledger", troubles=found, todo=again)
    rows = sum(shard.rows for s in manifest.types.values() for shard in s.shards)
    with progress(f"{at.name}: reading all that is landed", rows) as told:
        for kind, s in manifest.types.items():
            read = series(at, s, told)
            yield Checked(
                where=at.name,
                what=kind,
                rows=read.rows,
                set_aside=read.set_aside,
                troubles=tuple(read.troubles),
                todo=again,
            )


def _store(study_dir: Path) -> Iterator[Checked]:
    data = study_dir / folder.DATA
    if not (data / NAME).exists():
        yield Checked(where=STORE, what=NAME, note="nothing is mapped yet")
        return
    try:
        with Store.open(data) as store:
            sizes = store.sizes()
            for table in sizes:
                # To hash every value is to read every block, which DuckDB holds against its checksum.
                store.rows(f"SELECT bit_xor(hash(t)) FROM {quoted(table)} AS t")
            yield Checked(where=STORE, what=f"{len(sizes)} tables", rows=sum(sizes.values()))
            yield from _against_the_landed(study_dir, store)
    except DataError as e:
        yield Checked(where=STORE, what=NAME, troubles=(str(e),), todo=e.hint)


def _against_the_landed(study_dir: Path, store: Store) -> Iterator[Checked]:
    """The fates of the last map, one by one of the same contents as what is landed."""
    if not lineage.landed_alike(store, study_dir):
        yield Checked(where=STORE, what="resource", note="other data have landed since: run `rwe map`")
        return
    held = _sums(store)
    raw = folder.raw_folder(study_dir)
    for m in (m for s in site.load(study_dir) if (m := landing.current(raw / s.id))):
        troubles = tuple(_differing(m, held))
        yield Checked(where=STORE, what=f"resource of {m.site}", troubles=troubles, todo=ANEW)


def _sums(store: Store) -> dict[tuple[str, str], tuple[int, int]]:
    """Of each site and type how many, and the hash of all in any order, as the landing has it."""
    grouped = f"SELECT site_id, resource_type, COUNT(*), {SUMS} FROM resource GROUP BY ALL"
    return {(name, kind): (n, _joined(parts)) for name, kind, n, *parts in store.rows(grouped)}


def _joined(parts: list[str]) -> int:
    return sum(int(part) << shift for part, shift in zip(parts, (96, 64, 32, 0), strict=True)) % WRAP


def _differing(m: Manifest, held: dict[tuple[str, str], tuple[int, int]]) -> Iterator[str]:
    for kind, s in m.types.items():
        n, content = held.get((m.site, kind), (0, 0))
        if n != s.landed:
            yield f"{kind}: {n} of {s.landed} landed are in the store"
        elif f"{content:032x}" != s.hash:
            yield f"{kind}: the store holds others than were landed"
