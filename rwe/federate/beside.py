"""What is pooled, row by row beside the same from all rows in one store.

A row of a secure sum stands beside that of results.json; any other beside its method on the summaries of the
one store, from which nothing is held back.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from rwe import study
from rwe.federate.messages import Ask
from rwe.federate.pooled import Pooled, Row, rows
from rwe.federate.show_pooled import value_text
from rwe.federate.summaries import summed
from rwe.results import EstimateResult, Results, TestResult
from rwe.steps import folder
from rwe.store import Store
from rwe.study import Study


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """merged: null where the one store has none.  difference: the largest of estimate, limits and P."""

    pooled: Row
    merged: EstimateResult | None
    p: float | None
    difference: float | None


def beside(pooled: Pooled, merged: Results, study_dir: Path) -> list[Beside]:
    plan = study.load(study_dir)
    sites = [s.id for s in pooled.sites]
    with Store.open(folder.data_folder(study_dir)) as store:
        plain = {_key(row): row for ask in _asks(pooled) for row in _plain(store, plan, ask, sites)}
    found = {key: (row.estimate, row.test) for key, row in plain.items()}
    return [
        _beside(row, *(_published(row, merged) if row.secure_sum else found[_key(row)]))
        for row in pooled.rows
    ]


def _asks(pooled: Pooled) -> list[Ask]:
    found = {(r.statistic, r.variable, r.visit) for r in pooled.rows if not r.secure_sum}
    return [Ask(statistic=s, variable=variable, visit=visit) for s, variable, visit in found]


def _plain(store: Store, plan: Study, ask: Ask, sites: list[str]) -> list[Row]:
    return rows(ask, {site: [s.part for s in summed(store, plan, ask, site=site)] for site in sites})


def _key(row: Row) -> tuple[str | None, ...]:
    return row.statistic, row.variable, row.visit, row.stratum


def _published(row: Row, merged: Results) -> tuple[EstimateResult | None, TestResult | None]:
    for c in merged.comparisons:
        if (c.endpoint, c.visit, c.stratum) == (row.variable, row.visit, row.stratum):
            return c.estimate, c.test
    return None, None


def _beside(row: Row, estimate: EstimateResult | None, test: TestResult | None) -> Beside:
    pairs = zip(_numbers(row.estimate, row.test), _numbers(estimate, test), strict=True)
    away = [abs(a - b) for a, b in pairs if isinstance(a, float) and isinstance(b, float)]
    p = test.p if test else None
    return Beside(pooled=row, merged=estimate, p=p, difference=max(away, default=None))


def _numbers(estimate: EstimateResult | None, test: TestResult | None) -> list[float | str | None]:
    limits = [estimate.value, estimate.ci_low, estimate.ci_high] if estimate else [None] * 3
    return [*limits, test.p if test else None]


def text(found: Sequence[Beside], limits: Iterable[str]) -> str:
    more = ("", "Limits of the secure sum (experimental):", *(f"  {line}" for line in limits))
    return "\n".join((*_lines(found), *more))


def _lines(found: Sequence[Beside]) -> Iterator[str]:
    yield f"{'':<65} {'pooled':<30} merged"
    shown = [b for b in found if b.merged or b.pooled.status != "suppressed"]
    for b in shown:
        r = b.pooled
        name = " ".join(filter(None, (r.statistic, r.variable, r.visit)))
        how = "secure sum" if r.secure_sum else "file"
        yield f"{name:<43} {r.stratum:<10} {how:<10} {_pooled(r):<30} {_said(b.merged, b.p)}".rstrip()
    away = [b.difference for b in found if b.difference is not None]
    held = sum(b.pooled.status == "suppressed" for b in found)
    yield ""
    largest = f"the largest difference is {max(away, default=0):.1g}"
    yield f"{len(away)} rows are pooled and merged: {largest}; {held} are suppressed"


def _pooled(r: Row) -> str:
    if r.status == "suppressed":
        return f"suppressed: {r.reason}"
    if r.estimate is None:
        return f"{r.treated.n if r.treated else 0} v {r.control.n if r.control else 0}"
    return _said(r.estimate, r.test.p if r.test else None)


def _said(estimate: EstimateResult | None, p: float | None) -> str:
    if estimate is None or (estimate.value is None and p is None):
        return ""
    return value_text(estimate) + (f", P {p:.3g}" if p is not None else "")
