"""Results in the order a reader wants: as the study declares it, then as it comes."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from rwe.results import Comparison, EndpointInfo, Results


def in_order(values: Iterable[str], declared: Iterable[str]) -> list[str]:
    seen = dict.fromkeys(values)
    first = [name for name in dict.fromkeys(declared) if name in seen]
    return first + [name for name in seen if name not in first]


def analyses(results: Results) -> list[str]:
    return in_order((c.analysis for c in results.comparisons), results.design.analyses)


def varied(results: Results) -> list[Comparison]:
    """The main analysis, if the variants of it were run."""
    if not results.sensitivity:
        return []
    return [c for c in results.comparisons if c.analysis == analyses(results)[0]]


def strata(results: Results, names: Iterable[str]) -> list[str]:
    return in_order(names, results.design.strata)


def endpoint(results: Results, name: str) -> EndpointInfo:
    found = [info for info in results.design.endpoints if info.id == name]
    return found[0] if found else EndpointInfo(id=name, label=name, kind="", unit="", digits=2)


@dataclass(frozen=True, slots=True)
class Block:
    """The visits of one endpoint in one stratum under one analysis."""

    info: EndpointInfo
    analysis: str
    measure: str
    stratum: str
    rows: list[Comparison]

    @property
    def adjusted(self) -> bool:
        return self.rows[0].adjusted is not None

    @property
    def name(self) -> str:
        unit = self.rows[0].unit
        change = ", change from baseline" if self.measure == "change" else ""
        return f"{self.info.label} ({unit}){change}" if unit else f"{self.info.label}{change}"


def blocks(results: Results) -> list[Block]:
    """By analysis, endpoint, measure and stratum; every comparison is in exactly one."""
    rows, design = results.comparisons, results.design
    ranks = [
        _rank((c.analysis for c in rows), design.analyses),
        _rank((c.endpoint for c in rows), (e.id for e in design.endpoints)),
        {"value": 0, "change": 1},
        _rank((c.stratum for c in rows), design.strata),
        _rank((c.visit for c in rows), (v.name for v in design.visits)),
    ]
    ordered = sorted(rows, key=lambda c: [rank[name] for rank, name in zip(ranks, _key(c), strict=True)])
    return [
        Block(endpoint(results, name), analysis, measure, stratum, list(group))
        for (analysis, name, measure, stratum), group in groupby(ordered, key=lambda c: _key(c)[:4])
    ]


def _key(c: Comparison) -> tuple[str, ...]:
    return c.analysis, c.endpoint, c.measure, c.stratum, c.visit


def _rank(values: Iterable[str], declared: Iterable[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(in_order(values, declared))}


@dataclass(frozen=True, slots=True)
class Tally:
    """What the number of comparisons does to the P values of one analysis."""

    asked: int
    estimable: int
    raw: int
    holm: int
    bh: int
    smallest_holm: float | None
    smallest_bh: float | None

    @classmethod
    def of(cls, rows: list[Comparison]) -> "Tally":
        raw, holm, bh = (
            [p for c in rows if (p := getattr(c.test, name)) is not None] for name in ("p", "p_holm", "p_bh")
        )
        return cls(
            asked=len(rows),
            estimable=sum(c.status == "estimated" for c in rows),
            raw=_below(raw),
            holm=_below(holm),
            bh=_below(bh),
            smallest_holm=min(holm, default=None),
            smallest_bh=min(bh, default=None),
        )


def _below(values: list[float]) -> int:
    return sum(p < 0.05 for p in values)


def tallies(results: Results) -> dict[str, Tally]:
    return {
        name: Tally.of([c for c in results.comparisons if c.analysis == name]) for name in analyses(results)
    }
