"""Patients with an event in two arms over strata: Mantel–Haenszel, asymptotic and exact.

A stratum that lacks an arm says nothing of a difference and drops out; `n` counts who is left.
No continuity correction: R's corrects by ½ only where |Σ(a - E)| >= ½, which nobody expects.
Sources: mantelhaen.test(correct = FALSE), metafor::rma.mh;
Robins J, Breslow N, Greenland S. Biometrics 1986;42:311-23 (odds ratio); Greenland S, Robins JM. Biometrics
1985;41:55-68 (risk ratio); Sato T. Biometrics 1989;45:1323-4 (risk difference).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import erfc, exp, isfinite, sqrt
from statistics import NormalDist

import numpy as np

from rwe.stats.conditional import Conditional, Table
from rwe.stats.distributions import chi_squared_above
from rwe.stats.estimate import LEVEL, Estimate, Reason
from rwe.stats.summaries import Events, FloatArray

TEST = "Cochran–Mantel–Haenszel, two-sided, no continuity correction"
EXACT = "Cochran–Mantel–Haenszel, two-sided, exact conditional on the margins"
DIFFERENCE, ODDS, RISK = "common risk difference", "common odds ratio", "common risk ratio"
INTERVALS = {
    DIFFERENCE: "Mantel–Haenszel, Sato",
    ODDS: "Mantel–Haenszel, Robins–Breslow–Greenland",
    RISK: "Mantel–Haenszel, Greenland–Robins",
}
CONDITIONAL = "conditional maximum likelihood, exact"
Limits = tuple[float, float, float]
"""Value, lower and upper limit."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A column a stratum: a of m treated and b of n controls had the event."""

    a: FloatArray
    m: FloatArray
    b: FloatArray
    n: FloatArray

    @classmethod
    def of(cls, strata: Sequence[Events]) -> "Cells":
        a, m, b, n = np.array(_tables(strata), dtype=np.float64).reshape(-1, 4).T
        return cls(a=a, m=m, b=b, n=n)

    @property
    def total(self) -> FloatArray:
        return self.m + self.n

    @property
    def events(self) -> FloatArray:
        return self.a + self.b

    def told(self) -> "Cells":
        """The strata in which some had the event and some had not."""
        some = (self.events > 0) & (self.events < self.total)
        return Cells(a=self.a[some], m=self.m[some], b=self.b[some], n=self.n[some])

    def arms(self) -> tuple[int, int]:
        return int(self.m.sum()), int(self.n.sum())

    def untold(self) -> Reason | None:
        """Why there is nothing to test."""
        if not self.a.size:
            return "empty_arm"
        return "no_events" if self.statistic() is None else None

    def statistic(self) -> float | None:
        """(Σ(a - E))² / ΣV; None where no stratum has both events and none."""
        k, t = self.events, self.total
        variance = float((self.m * self.n * k * (t - k) / (t * t * (t - 1))).sum())
        return float((self.a - self.m * k / t).sum()) ** 2 / variance if variance else None


def _tables(strata: Sequence[Events]) -> list[Table]:
    """Of the strata with both arms."""
    return [
        (s.treated.patients, s.treated.n, s.control.patients, s.control.n)
        for s in strata
        if s.treated.n and s.control.n
    ]


def risk_difference(strata: Sequence[Events], *, level: float = LEVEL) -> Estimate:
    """metafor::rma.mh(measure = "RD")"""
    return _estimate(DIFFERENCE, _difference, Cells.of(strata), level)


def odds_ratio(strata: Sequence[Events], *, level: float = LEVEL) -> Estimate:
    """mantelhaen.test(correct = FALSE)"""
    return _estimate(ODDS, _odds, Cells.of(strata), level)


def risk_ratio(strata: Sequence[Events], *, level: float = LEVEL) -> Estimate:
    """metafor::rma.mh(measure = "RR")"""
    return _estimate(RISK, _risk, Cells.of(strata), level)


def _estimate(
    name: str, method: Callable[[Cells, float], Limits | None], cells: Cells, level: float
) -> Estimate:
    arms, statistic = cells.arms(), cells.statistic()
    found = method(cells, NormalDist().inv_cdf((1 + level) / 2)) if statistic is not None else None
    if statistic is None or found is None:
        return Estimate.not_estimable(cells.untold() or "no_events", name=name, test=TEST, arms=arms)
    return Estimate(
        name=name,
        value=found[0],
        ci_low=found[1],
        ci_high=found[2],
        level=level,
        interval=INTERVALS[name],
        test=TEST,
        statistic=statistic,
        p=erfc(sqrt(statistic / 2)),
        n_treated=arms[0],
        n_control=arms[1],
    )


def _difference(c: Cells, z: float) -> Limits:
    t = c.total
    weight = float((c.m * c.n / t).sum())
    value = float(((c.a * c.n - c.b * c.m) / t).sum()) / weight
    first = (c.m**2 * c.b - c.n**2 * c.a + c.m * c.n * (c.n - c.m) / 2) / t**2
    second = (c.a * (c.n - c.b) + c.b * (c.m - c.a)) / (2 * t)
    half = z * sqrt(value * float(first.sum()) + float(second.sum())) / weight
    return value, value - half, value + half


def _odds(c: Cells, z: float) -> Limits | None:
    r, s = c.a * (c.n - c.b) / c.total, c.b * (c.m - c.a) / c.total
    p, q = (c.a + c.n - c.b) / c.total, (c.b + c.m - c.a) / c.total
    up, down = float(r.sum()), float(s.sum())
    if not up or not down:
        return None
    parts = (p * r / up**2, (p * s + q * r) / (up * down), q * s / down**2)
    return _around(up / down, sum(float(part.sum()) for part in parts) / 2, z)


def _risk(c: Cells, z: float) -> Limits | None:
    t = c.total
    up, down = float((c.a * c.n / t).sum()), float((c.b * c.m / t).sum())
    if not up or not down:
        return None
    variance = float(((c.m * c.n * c.events - c.a * c.b * t) / t**2).sum()) / (up * down)
    return _around(up / down, variance, z)


def _around(ratio: float, variance: float, z: float) -> Limits:
    spread = exp(z * sqrt(variance))
    return ratio, ratio / spread, ratio * spread


def exact(strata: Sequence[Events], *, level: float = LEVEL) -> Estimate:
    """mantelhaen.test(exact = TRUE).  None stands for an odds ratio, or a limit, of infinity."""
    cells = Cells.of(strata)
    if reason := cells.untold():
        return Estimate.not_estimable(reason, name=ODDS, test=EXACT, arms=cells.arms())
    found = Conditional.computable(_tables(strata))
    if found is None:
        return Estimate.not_estimable("too_many", name=ODDS, test=EXACT, arms=cells.arms())
    low, high = found.limits(level=level)
    return Estimate(
        name=ODDS,
        value=_finite(found.odds_ratio()),
        ci_low=low,
        ci_high=_finite(high),
        level=level,
        interval=CONDITIONAL if isfinite(high) else f"{CONDITIONAL}; no upper limit",
        test=EXACT,
        p=found.p(),
        n_treated=cells.arms()[0],
        n_control=cells.arms()[1],
    )


def _finite(number: float | None) -> float | None:
    return number if number is not None and isfinite(number) else None


def breslow_day(strata: Sequence[Events]) -> tuple[float, float] | None:
    """P that all strata have one odds ratio: Breslow–Day's, and with Tarone's correction.

    None where fewer than two strata tell of it, or there is no common odds ratio: a stratum in which all
    or none have the event tells nothing.
    """
    c = Cells.of(strata).told()
    common = _odds(c, 0.0) if c.a.size > 1 else None
    if common is None:
        return None
    a = _expected(c, common[0])
    variance = 1 / (1 / a + 1 / (c.m - a) + 1 / (c.events - a) + 1 / (c.n - c.events + a))
    plain = float(((c.a - a) ** 2 / variance).sum())
    tarone = plain - float((c.a - a).sum()) ** 2 / float(variance.sum())
    return chi_squared_above(plain, c.a.size - 1), chi_squared_above(tarone, c.a.size - 1)


def _expected(c: Cells, odds: float) -> FloatArray:
    """Treated events of each stratum at this odds ratio: the root that its margins allow."""
    if odds == 1:
        return c.m * c.events / c.total
    b = c.n - c.events + odds * (c.m + c.events)
    root: FloatArray = np.sqrt(b**2 - 4 * (odds - 1) * odds * c.m * c.events)
    return (b - root) / (2 * (odds - 1))
