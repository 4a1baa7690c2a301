"""Which landed rows break the standard, as rows of `invalid`.

Shards  ──▶  check()  ──▶  table invalid (site_id, shard, line, reason, detail)
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from rwe import landing, validate
from rwe.steps import landed
from rwe.steps.landed import Shard
from rwe.store import Store
from rwe.validate import Problem, problem

# So many rows are read faster than the SQL that would survey them is planned.
FEW = 200
Say = Callable[[str], None]
Bar = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""A label and how many there are; each call inside says how many more are done."""


@dataclass(frozen=True, kw_only=True)
class Strict:
    """Look at every row, by so many processes."""

    workers: int
    bar: Bar


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Found = Iterable[tuple[Shard, list[tuple[int, Problem]]]]
"""Each shard with the problems of its rows."""


def check(store: Store, shards: Sequence[Shard], say: Say, strict: Strict | None = None) -> None:
    """Note the invalid rows: of all, or of one exemplar of each shape and of the suspect ones."""
    for s, found in _all(store, shards, strict) if strict else _likely(store, shards, say):
        store.insert("invalid", [(s.site, s.name, row, p.reason, p.detail) for row, p in found])


def _all(store: Store, shards: Iterable[Shard], strict: Strict) -> Found:
    with validate.pool(strict.workers) as problems:
        for s in shards:
            _require_rows(s, store.rows(f"SELECT COUNT(json) FROM {s.lines()}")[0][0])
            found: list[tuple[int, Problem]] = []
            row = 0
            with strict.bar(f"{s.site}: {s.type}", s.rows) as advance:
                for some in problems(landing.lines(s.path), s.type, s.fhir_version):
                    found += [(row + n, p) for n, p in enumerate(some, start=1) if p]
                    row += len(some)
                    advance(len(some))
            yield s, found


def _likely(store: Store, shards: Iterable[Shard], say: Say) -> Found:
    """Each shard by itself: a shard fares alike whichever others are checked with it."""
    for s in shards:
        say(f"{s.site}: checking {s.rows} {s.type}")
        yield s, _problems(s, range(1, s.rows + 1) if s.rows <= FEW else _suspects(store, s))


def _suspects(store: Store, s: Shard) -> set[int]:
    kind = s.type, s.fhir_version
    shapes = store.rows(validate.shapes(s.lines()))
    _require_rows(s, sum(n for *_, n in shapes))
    odd = [shape for shape, _, exemplar, _ in shapes if problem(exemplar.encode(), *kind)]
    suspects = validate.suspects(*kind, [shape for shape, *_ in shapes], s.lines())
    return {row for (row,) in store.rows(suspects, (odd,))}


def _problems(s: Shard, rows: Collection[int]) -> list[tuple[int, Problem]]:
    if not rows:
        return []
    found, read = [], 0
    for read, body in enumerate(landing.lines(s.path), start=1):
        if read in rows and (p := problem(body, s.type, s.fhir_version)):
            found.append((read, p))
    _require_rows(s, read)
    return found


def _require_rows(s: Shard, found: int) -> None:
    if found != s.rows:
        raise landed.damaged(s.path, f"{found} of {s.rows} rows can be read", s.site)
