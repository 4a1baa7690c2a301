"""Time to a first event: Kaplan–Meier, median, restricted mean and log-rank.

    Times (deaths and losses a day and arm)  ──▶  curve(), restricted_mean(), log_rank()

Sources: survival::survfit(conf.type = "log-log"), survdiff(rho = ); Kalbfleisch JD, Prentice RL. The
statistical analysis of failure time data. Wiley 2002 (log-log limits).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, log, sqrt
from statistics import NormalDist
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.summaries import FloatArray, IntArray, finite
from rwe.stats.wald import Named, normal

EXCESS = "observed less expected events of treated"
ROUNDING = 1e-12
LOG_RANK = "log-rank, two-sided"
RMST = "difference of restricted mean survival times"
RMST_TEST = "difference of restricted means, two-sided, normal approximation"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """days: distinct and ascending; events and lost on each.  Who is lost on a day was at risk on it."""

    days: FloatArray
    events: IntArray
    lost: IntArray

    @property
    def n(self) -> int:
        return int(self.events.sum() + self.lost.sum())

    def at_risk(self) -> IntArray:
        gone = self.events + self.lost
        return np.asarray(gone[::-1].cumsum()[::-1])

    @property
    def first(self) -> float:
        return float(self._own()[0])

    @property
    def last(self) -> float:
        return float(self._own()[-1])

    def _own(self) -> FloatArray:
        return self.days[self.events + self.lost > 0]

    def on(self, days: FloatArray) -> Self:
        """The same over more days."""
        events, lost = np.zeros(days.size, dtype=np.int64), np.zeros(days.size, dtype=np.int64)
        at = np.searchsorted(days, self.days)
        events[at], lost[at] = self.events, self.lost
        return type(self)(days=days, events=events, lost=lost)

    def __add__(self, other: Self) -> Self:
        days = np.union1d(self.days, other.days)
        a, b = self.on(days), other.on(days)
        return type(self)(days=days, events=a.events + b.events, lost=a.lost + b.lost)

    def n_risk(self, day: float) -> int:
        return int((self.events + self.lost)[self.days >= day].sum())


@dataclass(frozen=True, kw_only=True)
class Times:
    """Both arms over the same days.  Pooled by +."""

    treated: Arm
    control: Arm

    @classmethod
    def of(cls, days: ArrayLike, event: ArrayLike, treated: ArrayLike) -> Self:
        """A row a patient: first event or end of follow-up."""
        t, happened, arm = finite(days), np.asarray(event, dtype=bool), np.asarray(treated, dtype=bool)
        distinct, place = np.unique(t, return_inverse=True)

        def count(rows: "np.typing.NDArray[np.bool_]") -> IntArray:
            return np.bincount(place[rows], minlength=distinct.size)

        return cls(
            treated=Arm(days=distinct, events=count(arm & happened), lost=count(arm & ~happened)),
            control=Arm(days=distinct, events=count(~arm & happened), lost=count(~arm & ~happened)),
        )

    def __add__(self, other: Self) -> Self:
        return type(self)(
            treated=self.treated + other.treated, control=self.control + other.control
        ).aligned()

    def aligned(self) -> Self:
        days = np.union1d(self.treated.days, self.control.days)
        return type(self)(treated=self.treated.on(days), control=self.control.on(days))


def survival(arm: Arm, day: float, *, level: float = LEVEL) -> tuple[float, float | None, float | None]:
    """S and its log-log limits: none where S is 0, or still 1 after the arm's first day."""
    s, spread = 1.0, 0.0
    for d, n in _steps(arm, day):
        s, spread = s * (n - d) / n, spread + (d / (n * (n - d)) if n > d else 0.0)
    if s == 1 and day < arm.first:
        return 1.0, 1.0, 1.0
    if s in (0.0, 1.0):
        return s, None, None
    factor = exp(NormalDist().inv_cdf((1 + level) / 2) * sqrt(spread) / -log(s))
    return s, s**factor, s ** (1 / factor)


def _steps(arm: Arm, until: float) -> list[tuple[int, int]]:
    """Events and at risk of each day with an event."""
    here = (arm.events > 0) & (arm.days <= until)
    return list(zip(arm.events[here].tolist(), arm.at_risk()[here].tolist(), strict=True))


def _curve(arm: Arm) -> tuple[FloatArray, FloatArray]:
    """The days with an event, and S from each on."""
    here, n = arm.events > 0, arm.at_risk()
    s = np.cumprod((n[here] - arm.events[here]) / n[here], dtype=np.float64)
    return arm.days[here], s


def median(arm: Arm) -> float | None:
    """The first day with S <= ½; where S stays at ½, the midpoint to the next event."""
    days, s = _curve(arm)
    half = np.flatnonzero(s <= 0.5 + ROUNDING)
    if not half.size:
        return None
    at = int(half[0])
    flat = abs(s[at] - 0.5) <= ROUNDING and at + 1 < days.size
    return float((days[at] + days[at + 1]) / 2 if flat else days[at])


def restricted_mean(arm: Arm, until: float) -> tuple[float, float]:
    """Days lived up to `until`, and the standard error: the area under S, by Greenwood."""
    days, s = _curve(arm)
    inside = days < until
    edges = np.concatenate([[0.0], days[inside], [until]])
    areas = np.diff(edges) * np.concatenate([[1.0], s[inside]])
    right = areas[::-1].cumsum()[::-1][1:]  # of S after each event
    steps = np.array(_steps(arm, until), dtype=np.float64).reshape(-1, 2)[: right.size]
    d, n = steps.T
    left = n > d
    variance = float((right[left] ** 2 * d[left] / (n[left] * (n[left] - d[left]))).sum())
    return float(areas.sum()), sqrt(variance)


def rmst(times: Times, *, level: float = LEVEL) -> Estimate:
    """Up to the smaller of the arms' last days."""
    arms = times.treated.n, times.control.n
    if not all(arms):
        return Estimate.not_estimable("empty_arm", name=RMST, test=RMST_TEST, arms=arms)
    until = min(times.treated.last, times.control.last)
    (mean1, se1), (mean0, se0) = (restricted_mean(arm, until) for arm in (times.treated, times.control))
    se, value = sqrt(se1**2 + se0**2), mean1 - mean0
    if not se:
        return Estimate.not_estimable("no_events", name=RMST, test=RMST_TEST, arms=arms, value=value)
    interval = f"normal, Greenwood variance, up to day {until:g}"
    named = Named(name=RMST, test=RMST_TEST, interval=interval, n_treated=arms[0], n_control=arms[1])
    return normal(value, se, level=level, **named)


def log_rank(strata: Sequence[Times], *, rho: float = 0) -> Estimate:
    """survdiff(Surv(days, event) ~ arm + strata(stratum), rho = rho); 1 is Peto and Peto's weighting."""
    arms = sum(t.treated.n for t in strata), sum(t.control.n for t in strata)
    away, variance = (sum(part) for part in zip((0.0, 0.0), *(excess(t, rho) for t in strata), strict=True))
    return of_excess(away, variance, arms=arms, rho=rho)


def of_excess(away: float, variance: float, *, arms: tuple[int, int], rho: float = 0) -> Estimate:
    """Summed over strata."""
    if not all(arms):
        return Estimate.not_estimable("empty_arm", name=EXCESS, test=LOG_RANK, arms=arms)
    if not variance:
        return Estimate.not_estimable("no_events", name=EXCESS, test=LOG_RANK, arms=arms)
    statistic = away**2 / variance
    return Estimate(
        name=EXCESS,
        value=away,
        test=LOG_RANK if not rho else f"{LOG_RANK}, weighted by S^{rho:g} (Harrington–Fleming)",
        statistic=statistic,
        p=erfc(sqrt(statistic / 2)),
        n_treated=arms[0],
        n_control=arms[1],
    )


def expected(times: Times) -> tuple[float, float]:
    """Events of each arm if both had one hazard."""
    d, n, n1 = _pooled(times)
    treated = float((d * n1 / n).sum())
    return treated, float(d.sum()) - treated


def _pooled(times: Times) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Events, at risk and treated at risk, of each day with an event."""
    d = times.treated.events + times.control.events
    n1, n = times.treated.at_risk(), times.treated.at_risk() + times.control.at_risk()
    here = d > 0
    return d[here].astype(float), n[here].astype(float), n1[here].astype(float)


def excess(times: Times, rho: float = 0) -> tuple[float, float]:
    """Observed less expected events of treated, and its hypergeometric variance."""
    d, n, n1 = _pooled(times)
    before = np.concatenate([[1.0], np.cumprod((n - d) / n)])[: d.size] ** rho
    seen = times.treated.events[(times.treated.events + times.control.events) > 0]
    share = n1 / n
    variance = before**2 * d * share * (1 - share) * (n - d) / np.maximum(n - 1, 1)
    return float((before * (seen - d * share)).sum()), float(variance.sum())
