"""results/pooled.json: the answers of all sites as one.

    asks, parts of each site  ──▶  a Row for each stratum, and one over all

Strata of a method are site × severity.  A row that lacks a suppressed part is suppressed as a whole: what is
left would pass for the answer of all.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Literal

import msgspec

from rwe.federate.messages import Ask, Part
from rwe.federate.statistics import STATISTICS
from rwe.results import EstimateResult, TestResult
from rwe.stats.moments import Moments
from rwe.stats.summaries import ArmEvents
from rwe.steps.comparisons import estimate_result, test_result

NAME = "pooled.json"
ALL = "all"
Status = Literal["counted", "estimated", "not_estimable", "suppressed", "unfinished"]
Parts = Mapping[str, Sequence[Part]]
"""By site, of the strata that a row takes."""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """n alone; with mean and SD; or with patients who had an event, their events and days at risk.

    Of a secure sum also quartiles, or median and curve of Kaplan–Meier: S from each day with an event on.
    effective: as many patients of equal weight would tell as much; the mean is then under these weights.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    patients: int | None = None
    events: int | None = None
    person_days: float | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    curve: list[tuple[float, float]] | None = None
    effective: float | None = None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    site: str
    stratum: str
    reason: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """sites: whose numbers are in it.  held: what was held back, where.  coefficients: of a score."""

    statistic: str
    variable: str
    visit: str | None
    stratum: str
    sites: list[str]
    status: Status
    reason: str | None = None
    held: list[Held] = []
    treated: Arm | None = None
    control: Arm | None = None
    estimate: EstimateResult | None = None
    test: TestResult | None = None
    secure_sum: bool = False
    coefficients: dict[str, float] = {}


class SiteAnswer(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: str
    data_as_of: str | None
    software: str


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """partial: which of the sites named did not answer.  tier: whom it is for.  limits: of secure sums.

    unfinished: what models wait for, that take rounds.
    rounding: in words, to what all numbers are; none of the coordinator's.
    """

    label: str
    study: str
    request: str
    tier: Literal["coordinator", "publish"]
    agreement: str
    partial: str | None
    sites: list[SiteAnswer]
    rows: list[Row]
    limits: list[str] = []
    unfinished: str | None = None
    rounding: list[str] = []


def rows(ask: Ask, parts: Parts) -> list[Row]:
    """parts: of each site, in the order of the strata."""
    strata = [part.stratum for part in next(iter(parts.values()))]
    found = [_row(ask, name, _of(parts, name)) for name in strata]
    return [*found, _row(ask, ALL, parts)] if len(strata) > 1 else found


def _of(parts: Parts, stratum: str) -> Parts:
    return {site: [p for p in found if p.stratum == stratum] for site, found in parts.items()}


def _row(ask: Ask, stratum: str, parts: Parts) -> Row:
    held = list(_held(parts))
    row = empty(ask, stratum, list(parts), held)
    if held:
        return hidden(row, held[0].reason)
    leaves = STATISTICS[ask.statistic].leaves
    summaries = [getattr(p, leaves) for found in parts.values() for p in found]
    return estimated(row, _arms(leaves, summaries), summaries)


def empty(ask: Ask, stratum: str, sites: list[str], held: list[Held], *, secure_sum: bool = False) -> Row:
    return Row(
        statistic=ask.statistic,
        variable=ask.variable,
        visit=ask.visit,
        stratum=stratum,
        sites=sites,
        status="counted",
        held=held,
        secure_sum=secure_sum,
    )


def _held(parts: Parts) -> Iterator[Held]:
    for site, found in parts.items():
        for p in found:
            if p.suppressed:
                yield Held(site=site, stratum=p.stratum, reason=p.suppressed)


def hidden(row: Row, reason: str) -> Row:
    return Row(
        statistic=row.statistic,
        variable=row.variable,
        visit=row.visit,
        stratum=row.stratum,
        sites=row.sites,
        status="suppressed",
        reason=reason,
        held=row.held,
        secure_sum=row.secure_sum,
    )


def estimated(row: Row, arms: tuple[Arm, Arm], summaries: Sequence[object]) -> Row:
    row = msgspec.structs.replace(row, treated=arms[0], control=arms[1])
    pool = STATISTICS[row.statistic].pool
    if pool is None:
        return row
    e = pool(summaries)
    return msgspec.structs.replace(
        row, status=e.status, reason=e.reason, estimate=estimate_result(e), test=test_result(e)
    )


def _arms(leaves: str, summaries: Sequence[object]) -> tuple[Arm, Arm]:
    if leaves == "ranks":
        m, n = (Arm(n=sum(getattr(s, arm) for s in summaries)) for arm in ("m", "n"))
        return m, n
    first, second = (
        _arm(reduce(add, (getattr(s, arm) for s in summaries))) for arm in ("treated", "control")
    )
    return first, second


def _arm(total: int | Moments | ArmEvents) -> Arm:
    if isinstance(total, Moments):
        d = total.description()
        return Arm(n=d.n, mean=d.mean, sd=d.sd)
    if isinstance(total, ArmEvents):
        return Arm(n=total.n, patients=total.patients, events=total.events, person_days=total.person_days)
    return Arm(n=total)
