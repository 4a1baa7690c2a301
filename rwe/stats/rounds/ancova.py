"""Change from baseline by arm and baseline, with an intercept for each site: rwe.stats.ancova in rounds.

    sizes  ──▶  sums about the means of each site  ──▶  HC3 sums at those coefficients  ──▶  Estimate

Rows.values: value at the visit, baseline.  About its own site's means, a patient's row tells nothing of how
sites differ, and the sums are not in blocks, of which each would be a site's (Frisch R, Waugh FV.
Econometrica 1933;1:387-401).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from rwe.stats.ancova import INTERVAL, NAME, ROUNDING, TEST
from rwe.stats.estimate import LEVEL, Estimate, Reason
from rwe.stats.rounds.step import Ended, Least, Rows, Step, counts, few_weigh, nothing, size, symmetric, upper
from rwe.stats.summaries import FloatArray
from rwe.stats.wald import Named, student

BY_SITE = f"{TEST}, an intercept for each site"
ALONE = 1e-10
"""A leverage this near to 1: a patient that a coefficient fits alone."""
ALIKE = 1e-12
"""The least eigenvalue of the correlations: below it a column follows from the other."""
SLOPES = 2
"""Arm and baseline."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Patients of either arm, sites and groups with any."""

    least: Least
    size: int = 4

    def sums(self, rows: Rows) -> FloatArray:
        return np.array([*size(rows), len(np.unique(rows.group))], dtype=np.float64)

    def few(self, rest: FloatArray) -> bool:
        return self.least.few(rest)

    def after(self, total: FloatArray) -> Step | Ended:
        treated, control, sites, groups = counts(total)
        arms = treated, control
        if held := self.least.held(sites, arms):
            return Ended(arms=arms, held=held)
        if self.least.rich(groups + SLOPES, sum(arms)):
            return Ended(arms=arms, held="too_rich")
        return Sums(arms=arms, groups=groups)


@dataclass(frozen=True, kw_only=True)
class Sums:
    arms: tuple[int, int]
    groups: int
    size: int = 5

    def sums(self, rows: Rows) -> FloatArray:
        x, y, _ = _within(rows)
        return np.array([*upper(x.T @ x), *(x.T @ y)])

    def after(self, total: FloatArray) -> Step | Ended:
        cross, toward = symmetric(total[:3], SLOPES), total[3:]
        df = sum(self.arms) - self.groups - SLOPES
        scale = np.sqrt(np.maximum(np.diag(cross), 0))
        if df < 1 or not scale.all() or np.linalg.eigvalsh(cross / np.outer(scale, scale))[0] < ALIKE:
            return _none(self.arms)
        inverse = np.asarray(np.linalg.inv(cross), dtype=np.float64)
        spread = float(scale[1]) / sqrt(sum(self.arms))
        return Errors(arms=self.arms, df=df, inverse=inverse, slopes=inverse @ toward, spread=spread)


@dataclass(frozen=True, kw_only=True)
class Errors:
    """inverse: of the slopes' sums of squares.  spread: SD of the baseline within sites.

    The last of the sums: how many patients a coefficient fits alone.
    """

    arms: tuple[int, int]
    df: int
    inverse: FloatArray
    slopes: FloatArray
    spread: float
    size: int = 4

    def sums(self, rows: Rows) -> FloatArray:
        x, y, share = _within(rows)
        leverage = share + np.einsum("ij,jk,ik->i", x, self.inverse, x)
        alone = leverage > 1 - ALONE
        left = np.where(alone, 1.0, 1 - leverage)
        if few_weigh(1 / left**2):
            return nothing(self.size)
        residual = np.where(alone, 0.0, (y - x @ self.slopes) / left)
        return np.array([*upper((x * residual[:, None] ** 2).T @ x), alone.sum()])

    def after(self, total: FloatArray) -> Ended:
        value = float(self.slopes[0])
        if round(float(total[3])):
            return _none(self.arms)
        variance = float((self.inverse @ symmetric(total[:3], SLOPES) @ self.inverse)[0, 0])
        if variance <= (ROUNDING * self.spread) ** 2:
            return Ended(arms=self.arms, estimate=_not("no_variation", self.arms, value))
        n1, n0 = self.arms
        named = Named(name=NAME, test=BY_SITE, interval=INTERVAL, n_treated=n1, n_control=n0)
        found = student(value, sqrt(variance), self.df, level=LEVEL, **named)
        return Ended(arms=self.arms, estimate=found)


def _within(rows: Rows) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Arm and baseline, and the change, about the means of the own site; one part of its patients."""
    value, before = rows.values.T
    found = rows.within(np.column_stack([rows.treated, before, value - before]))
    share = np.empty(len(value))
    for here in rows.groups():
        share[here] = 1 / here.sum()
    return found[:, :SLOPES], found[:, SLOPES], share


def _none(arms: tuple[int, int]) -> Ended:
    return Ended(arms=arms, estimate=_not("not_identified", arms))


def _not(reason: Reason, arms: tuple[int, int], value: float | None = None) -> Estimate:
    return Estimate.not_estimable(reason, name=NAME, test=BY_SITE, arms=arms, value=value)
