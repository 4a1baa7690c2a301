"""Means made comparable by a propensity score: rwe.stats.logistic and .adjusted in rounds.

    levels  ──▶  moments  ──▶  score, information and likelihood at coefficients, and at the next
            ──▶  weighted sums  ──▶  Estimate

Rows.values: the outcome, then a column for each Term, of a category one for each level that there may be.
The coefficients are those of all patients in one table: levels that nobody has and the first of each category
leave, and columns are brought to mean 0 and SD 1 over all sites.  A site that is a term has an intercept of
its own, which it finds for itself at each step (the profile likelihood): its patients' sums stay in those of
all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import sqrt
from typing import Literal

import numpy as np

from rwe.stats.adjusted import HC0, NAME, TESTS
from rwe.stats.estimate import LEVEL, Estimate, Reason
from rwe.stats.logistic import COLLINEAR, MOST_COLUMNS
from rwe.stats.moments import ROUNDING
from rwe.stats.rounds.newton import STEPS, At, Newton
from rwe.stats.rounds.step import Ended, Least, Rows, Step, counts, few_weigh, nothing, size, symmetric, upper
from rwe.stats.summaries import FloatArray
from rwe.stats.wald import Named, normal
from rwe.stats.weights import weights

Weighting = Literal["overlap", "att"]


@dataclass(frozen=True, kw_only=True)
class Term:
    variable: str
    level: str | None = None

    @property
    def name(self) -> str:
        return self.variable if self.level is None else f"{self.variable}: {self.level}"


@dataclass(frozen=True, kw_only=True)
class Score:
    """terms: in the order of the study, levels by name.  by_site: a site is a term, too."""

    terms: Sequence[Term]
    by_site: bool
    weighting: Weighting
    least: Least


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Patients of either arm, sites with any; groups, those with few patients, those without an arm; who has
    each level."""

    score: Score

    @property
    def size(self) -> int:
        return 6 + len(self.score.terms)

    def sums(self, rows: Rows) -> FloatArray:
        sizes = [(int(here.sum()), int((here & rows.treated).sum())) for here in rows.groups()]
        few = sum(n < self.score.least.group for n, _ in sizes)
        one_arm = sum(treated in (0, n) for n, treated in sizes)
        is_level = [term.level is not None for term in self.score.terms]
        held = np.where(is_level, rows.values[:, 1:].sum(axis=0), 0.0)
        return np.array([*size(rows), len(sizes), few, one_arm, *held])

    def few(self, rest: FloatArray) -> bool:
        """Of levels, too: what a few have is what the others' sums differ by."""
        n = round(float(rest[:2].sum()))
        have = [round(k) for k, t in zip(rest[6:].tolist(), self.score.terms, strict=True) if t.level]
        least = self.score.least
        return least.few(rest) or any(0 < m < least.group for k in have for m in (k, n - k))

    def after(self, total: FloatArray) -> Step | Ended:
        treated, control, sites, groups, few, one_arm, *have = counts(total)
        arms, least = (treated, control), self.score.least
        kept = [*self._kept(have)]
        extra = groups - 1 if self.score.by_site else 0
        if held := least.held(sites, arms):
            return Ended(arms=arms, held=held)
        if self._small(have, sum(arms)) or (extra and few):
            return Ended(arms=arms, held="small_group")
        if least.rich(1 + len(kept) + extra, sum(arms)) or _tell(len(kept)) > sum(arms) * (len(kept) + 2):
            return Ended(arms=arms, held="too_rich")
        found = Found(score=self.score, arms=arms, kept=tuple(kept))
        if len(kept) + extra > MOST_COLUMNS or (self.score.by_site and one_arm):
            return found.none()
        return Moments(found=found)

    def _small(self, have: Sequence[int], n: int) -> bool:
        """The first level, too: its sums are what the others leave."""
        levels = {term.variable for term in self.score.terms if term.level is not None}
        of = [
            [k for k, t in zip(have, self.score.terms, strict=True) if t.variable == v and k] for v in levels
        ]
        return any(min(k, n - k) < self.score.least.group for ks in of if len(ks) > 1 for k in ks)

    def _kept(self, have: Sequence[int]) -> Iterator[int]:
        """Columns: numbers, and of a category what occurs but the first."""
        places = range(len(self.score.terms))
        for _, of in groupby(places, key=lambda place: self.score.terms[place].variable):
            same = [*of]
            if self.score.terms[same[0]].level is None:
                yield from same
            else:
                yield from [place for place in same if have[place]][1:]


def _tell(columns: int) -> int:
    """R6: how many numbers are told, against a value, an arm and the columns of each patient."""
    p = columns + 1
    return (1 + columns + columns * p // 2) + STEPS * (1 + p + p * (p + 1) // 2) + Weighted.size


@dataclass(frozen=True, kw_only=True)
class Found:
    """kept: which columns are in the score."""

    score: Score
    arms: tuple[int, int]
    kept: tuple[int, ...]

    @property
    def n(self) -> int:
        return sum(self.arms)

    def columns(self, rows: Rows) -> FloatArray:
        return rows.values[:, [place + 1 for place in self.kept]]

    def none(self) -> Ended:
        return Ended(arms=self.arms, estimate=self._not("not_identified"))

    def _not(self, reason: Reason, value: float | None = None) -> Estimate:
        test = TESTS[self.score.weighting]
        return Estimate.not_estimable(reason, name=NAME, test=test, arms=self.arms, value=value)

    def estimate(self, value: float, variance: float) -> Estimate:
        if variance <= 0:
            return self._not("no_variation", value)
        (n1, n0), test = self.arms, TESTS[self.score.weighting]
        named = Named(name=NAME, test=test, interval=HC0, n_treated=n1, n_control=n0)
        return normal(value, sqrt(variance), level=LEVEL, **named)


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Of outcome and columns the sums, of columns the sums of products: about the own site's means, if it
    has an intercept."""

    found: Found

    @property
    def size(self) -> int:
        k = len(self.found.kept)
        return 1 + k + k * (k + 1) // 2

    def sums(self, rows: Rows) -> FloatArray:
        x = self.found.columns(rows)
        about = rows.within(x) if self.found.score.by_site else x
        return np.array([rows.values[:, 0].sum(), *x.sum(axis=0), *upper(about.T @ about)])

    def after(self, total: FloatArray) -> Step | Ended:
        k, n = len(self.found.kept), self.found.n
        sums, cross = total[1 : 1 + k], symmetric(total[1 + k :], k)
        whole_squares = np.diag(cross).copy()
        if not self.found.score.by_site:
            cross = cross - np.outer(sums, sums) / n
        spread = np.diag(cross)
        if not np.isfinite(total).all():
            raise ValueError("no sums")
        if (spread <= ROUNDING * whole_squares).any() or _alike(cross):
            return self.found.none()
        at = At(mean=sums / n, sd=np.sqrt(spread / n), by_site=self.found.score.by_site)
        return Fitting(found=self.found, centre=float(total[0]) / n, newton=Newton.start(at, self.found.arms))


def _alike(cross: FloatArray) -> bool:
    if not cross.size:
        return False
    scale = np.sqrt(np.diag(cross))
    return bool(np.linalg.eigvalsh(cross / np.outer(scale, scale))[0] <= COLLINEAR**2)


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """centre: of the outcomes."""

    found: Found
    centre: float
    newton: Newton

    @property
    def size(self) -> int:
        return self.newton.size

    def sums(self, rows: Rows) -> FloatArray:
        return self.newton.sums(self.found.columns(rows), rows)

    def after(self, total: FloatArray) -> Step | Ended:
        then = self.newton.after(total, self.found.n)
        if then is None:
            return self.found.none()
        if then is self.newton:
            return Weighted(found=self.found, centre=self.centre, newton=then)
        return replace(self, newton=then)


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """Of either arm Σw, Σw², Σwy, Σw²y and Σw²y², with y about the centre."""

    found: Found
    centre: float
    newton: Newton
    size: int = 10

    def sums(self, rows: Rows) -> FloatArray:
        score = self.newton.chances(self.found.columns(rows), rows)
        w, y = weights(score, rows.treated, self.found.score.weighting), rows.values[:, 0] - self.centre
        if any(few_weigh(w[arm]) for arm in (rows.treated, ~rows.treated)):
            return nothing(self.size)
        parts = np.column_stack([w, w**2, w * y, w**2 * y, (w * y) ** 2])
        return np.concatenate([parts[arm].sum(axis=0) for arm in (rows.treated, ~rows.treated)])

    def after(self, total: FloatArray) -> Ended:
        if not (total[[0, 1, 5, 6]] > 0).all():  # all weight of an arm is lost in rounding
            return self.found.none()
        (m1, v1, e1), (m0, v0, e0) = (_arm(part) for part in (total[:5], total[5:]))
        return Ended(
            arms=self.found.arms,
            estimate=self.found.estimate(m1 - m0, v1 + v0),
            means=(self.centre + m1, self.centre + m0),
            effective=(e1, e0),
            coefficients=self._coefficients(),
        )

    def _coefficients(self) -> dict[str, float]:
        """In the columns' units; of sites no one's own."""
        names = [self.found.score.terms[place].name for place in self.found.kept]
        intercept, slopes = self.newton.in_units()
        first = {} if intercept is None else {"intercept": intercept}
        return first | dict(zip(names, slopes, strict=True))


def _arm(sums: FloatArray) -> tuple[float, float, float]:
    """Mean, HC0 variance and effective size."""
    w, w2, wy, w2y, w2y2 = map(float, sums)
    mean = wy / w
    spread = w2y2 - 2 * mean * w2y + mean**2 * w2
    spread = spread if spread > ROUNDING * w2y2 else 0.0
    return mean, spread / w**2, w**2 / w2
