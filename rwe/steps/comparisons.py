"""One comparison for each endpoint, stratum, visit and [[analysis]]; adjusted.py has those of the score.

    endpoint_value  ──▶  TwoSamples per site  ──▶  their sum  ──▶  TESTS  ──▶  Comparison

Missing values are counted with their reasons and leave before any statistics; of a change also who has no
baseline (`no_baseline`), or a limit of measurement at either end (`beyond_limit`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import ceil, floor, inf, nextafter
from operator import add

import msgspec

from rwe.results import Arm, Comparison, EstimateResult, TestResult, limit
from rwe.stats import CHANGE_TESTS, DEATH_TESTS, TESTS
from rwe.stats.ancova import Changes
from rwe.stats.estimate import Estimate
from rwe.stats.multiplicity import benjamini_hochberg, holm
from rwe.stats.paired import change
from rwe.stats.quantile import Description
from rwe.stats.summaries import TwoSamples
from rwe.stats.worst_rank import NAME as DEATH_WORST
from rwe.stats.worst_rank import Composite, Worse
from rwe.store import Store
from rwe.study import Analysis, Endpoint, Study

ARMS = ("treated", "control")
VALUES = """
SELECT endpoint, stratum, visit, arm, site_id, value, comparator, missing, NULL AS before
FROM endpoint_value WHERE NOT is_baseline ORDER BY site_id, patient_id, arm, endpoint, visit
"""
CHANGES = """
SELECT
    v.endpoint, v.stratum, v.visit, v.arm, v.site_id, v.value, NULL AS comparator,
    CASE
        WHEN v.value IS NULL THEN COALESCE(v.missing, 'not_measured')
        WHEN b.value IS NULL THEN 'no_baseline'
        WHEN v.comparator IS NOT NULL OR b.comparator IS NOT NULL THEN 'beyond_limit'
    END AS missing,
    b.value AS before
FROM endpoint_value AS v
LEFT JOIN endpoint_value AS b
    ON v.site_id = b.site_id AND v.patient_id = b.patient_id AND v.arm = b.arm
    AND v.endpoint = b.endpoint AND b.is_baseline
WHERE NOT v.is_baseline ORDER BY v.site_id, v.patient_id, v.arm, v.endpoint, v.visit
"""


@dataclass(kw_only=True)
class Values:
    """One arm at one endpoint, stratum and visit; `signs` has that of each `<L` or `>L`.

    changes: of an analysis of changes, baseline and value of each.
    """

    by_site: dict[str, list[float]] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    signs: dict[float, str] = field(default_factory=dict)
    changes: list[tuple[float, float]] = field(default_factory=list)
    n_censored: int = 0

    def add(self, site: str, value: float | None, comparator: str | None, missing: str | None) -> None:
        if value is None:
            self.missing[missing or "not_measured"] += 1
            return
        self.by_site.setdefault(site, []).append(value)
        self.n_censored += comparator is not None
        if comparator in ("<", ">"):
            self.signs[value] = comparator

    def all(self) -> list[float]:
        return [v for values in self.by_site.values() for v in values]


Cells = Mapping[tuple[str, str, str], Mapping[str, Values]]


def comparisons(store: Store, plan: Study) -> list[Comparison]:
    """In the order of the study file; P values are adjusted within each analysis."""
    cells = {measure: _cells(store, measure) for measure in {a.measure for a in plan.file.analysis}}
    return [c for a in plan.file.analysis for c in in_family(list(_family(cells[a.measure], plan, a)))]


def in_family(rows: Sequence[Comparison]) -> list[Comparison]:
    """With P values by Holm and Benjamini–Hochberg over all that are estimable."""
    raw = [c.test.p if c.status == "estimated" else None for c in rows]
    found = []
    for c, p_holm, p_bh in zip(rows, holm(raw), benjamini_hochberg(raw), strict=True):
        test = msgspec.structs.replace(c.test, p_holm=p_holm, p_bh=p_bh)
        found.append(msgspec.structs.replace(c, test=test))
    return found


def _cells(store: Store, measure: str) -> Cells:
    """By endpoint, stratum and visit; sorted, so that equal data give equal bytes."""
    cells: dict[tuple[str, str, str], dict[str, Values]] = {}
    rows = store.rows(CHANGES if measure == "change" else VALUES)
    for endpoint, stratum, visit, arm, site, value, comparator, missing, before in rows:
        cell = cells.setdefault((endpoint, stratum, visit), {a: Values() for a in ARMS})[arm]
        if missing or before is None:
            cell.add(site, None if missing else value, comparator, missing)
        else:
            cell.add(site, change(before, value), comparator, missing)
            cell.changes.append((before, value))
    return cells


def _family(cells: Cells, plan: Study, analysis: Analysis) -> Iterator[Comparison]:
    strata = [s.name for s in plan.file.stratum] or ["all"]
    for e in plan.file.endpoint:
        for stratum in strata:
            for v in plan.file.visit:
                cell = cells.get((e.id, stratum, v.name)) or {a: Values() for a in ARMS}
                yield _comparison(cell, analysis, e, stratum=stratum, visit=v.name)


def _comparison(
    cell: Mapping[str, Values], analysis: Analysis, e: Endpoint, *, stratum: str, visit: str
) -> Comparison:
    estimate = _estimate(cell, analysis, e)
    worse = e.worse if analysis.test in DEATH_TESTS else None
    return Comparison(
        endpoint=e.id,
        kind=e.kind,
        stratum=stratum,
        visit=visit,
        unit=e.unit,
        measure=analysis.measure,
        analysis=analysis.name,
        primary=is_primary(e, visit),
        treated=arm_result(cell["treated"], analysis.quantile_type, worse=worse),
        control=arm_result(cell["control"], analysis.quantile_type, worse=worse),
        estimate=estimate_result(estimate),
        test=test_result(estimate),
        status=estimate.status,
        reason=estimate.reason,
    )


def _estimate(cell: Mapping[str, Values], analysis: Analysis, e: Endpoint) -> Estimate:
    if analysis.test in DEATH_TESTS:
        dead = cell["treated"].missing["dead"], cell["control"].missing["dead"]
        if e.worse is None:
            arms = len(cell["treated"].all()), len(cell["control"].all())
            return Estimate.not_estimable("no_direction", name=DEATH_WORST, test=analysis.test, arms=arms)
        return DEATH_TESTS[analysis.test](Composite(samples=_pooled(cell), dead=dead, worse=e.worse))
    if analysis.test in CHANGE_TESTS:
        changes = Changes(treated=cell["treated"].changes, control=cell["control"].changes)
        return CHANGE_TESTS[analysis.test](changes)
    return TESTS[analysis.test](_pooled(cell))


def is_primary(e: Endpoint, visit: str) -> bool:
    return e.primary is True or e.primary == visit


def _pooled(cell: Mapping[str, Values]) -> TwoSamples:
    treated, control = cell["treated"].by_site, cell["control"].by_site
    sites = sorted({*treated, *control})
    parts = (TwoSamples.of(treated.get(s, []), control.get(s, [])) for s in sites)
    return reduce(add, parts, TwoSamples.of([], []))


def arm_result(values: Values, kind: int, *, worse: Worse | None = None) -> Arm:
    """worse: who died counts, beyond this end of all who were measured."""
    ranked = sorted(values.all())
    limits = [_limit_of(v, values.signs.get(v)) for v in ranked]
    dead = values.missing["dead"] if worse else 0
    missing = {reason: n for reason, n in sorted(values.missing.items()) if not (worse and reason == "dead")}
    shown = _with_deaths(limits, dead, worse, kind) if dead else Description.of(limits, kind=kind)
    signs = [values.signs.get(v, "") for v in ranked]
    return Arm(
        n=shown.n,
        n_missing=sum(missing.values()),
        missing=missing,
        n_censored=values.n_censored,
        bounds=_bounds([""] * dead + signs if worse == "low" else signs + [""] * dead, kind),
        median=shown.median,
        q1=shown.q1,
        q3=shown.q3,
        mean=shown.mean,
        sd=shown.sd,
        n_dead=dead,
    )


def _with_deaths(ranked: Sequence[float], dead: int, worse: Worse | None, kind: int) -> Description:
    """Quartiles over the dead too; none where it takes one of them, wholly or by interpolation."""
    n = len(ranked) + dead
    first = dead if worse == "low" else 0
    stand_in = [ranked[0] if worse == "low" else ranked[-1]] * dead if ranked else [0.0] * dead
    filled = Description.of([*stand_in, *ranked] if worse == "low" else [*ranked, *stand_in], kind=kind)
    places = Description.of(range(n), kind=kind)
    kept = {
        name: getattr(filled, name)
        for name in ("median", "q1", "q3")
        if all(first <= place < first + len(ranked) for place in _near(getattr(places, name)))
    }
    return Description(n=n, **kept)


def _limit_of(value: float, sign: str | None) -> float:
    """L of a `<L`, which sql/cohort/40_measurement.sql keeps as the number next below it."""
    return nextafter(value, inf if sign == "<" else -inf) if sign else value


def _bounds(signs: list[str], kind: int) -> dict[str, str]:
    """The quartiles that rest on a `<L` or `>L`, wholly or by interpolation: the true one lies on that side.

    signs: of the values in ascending order.  A quartile of the places 0, 1, … tells which values it takes.
    """
    places = Description.of(range(len(signs)), kind=kind)
    found = {}
    for name, place in (("median", places.median), ("q1", places.q1), ("q3", places.q3)):
        if place is not None and (sides := {signs[at] for at in _near(place)} - {""}):
            found[name] = min(sides)
    return found


def _near(place: float) -> tuple[int, int]:
    """The values that a quartile at this place is made of: one twice, or two neighbours."""
    near = round(place, 6)
    return floor(near), ceil(near)


def estimate_result(e: Estimate) -> EstimateResult:
    return EstimateResult(
        name=e.name,
        value=e.value,
        ci_low=limit(e.ci_low),
        ci_high=limit(e.ci_high),
        level=e.level,
        interval=e.interval,
    )


def test_result(e: Estimate) -> TestResult:
    """Not yet adjusted: that takes the whole family."""
    return TestResult(name=e.test, version=e.version, statistic=e.statistic, p=e.p, p_holm=None, p_bh=None)
