"""Newton's steps to the maximum of a logistic likelihood, of which each site adds its sums.

As rwe.stats.logistic does with all rows, its proof of a finite maximum included: there the largest row bounds
a direction, here the sum of squares of all rows does, which no single patient is in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from rwe.stats.logistic import CONVERGED, PROVED, BoolArray, chance
from rwe.stats.rounds.step import Rows, few_weigh, nothing, symmetric, upper
from rwe.stats.summaries import FloatArray

STEPS = 12
"""Looked at; beyond, the maximum is not finite."""
FELL = 1e-9
"""Of the likelihood: rounding."""
EXACT = 1e-15
MANY, LEAST_WEIGHT = 10, 0.5
"""So many patients have more in any honest look: with less, one of a small site elsewhere would be all."""
FARTHEST = 10
"""Of a coefficient, an SD: beyond, the chance of some is 0 or 1, and a look tells of few."""


@dataclass(frozen=True, kw_only=True)
class At:
    """What brings columns to mean 0 and SD 1.  by_site: an intercept a site, none of all."""

    mean: FloatArray
    sd: FloatArray
    by_site: bool

    def rows(self, columns: FloatArray) -> FloatArray:
        z: FloatArray = (columns - self.mean) / self.sd
        return z if self.by_site else np.column_stack([np.ones(len(z)), z])


@dataclass(frozen=True, kw_only=True)
class Newton:
    """b: coefficients that are looked at; move: the step that led there, from a likelihood `before`."""

    at: At
    b: FloatArray
    move: FloatArray
    before: float = -np.inf
    looked: int = 0

    @classmethod
    def start(cls, at: At, arms: tuple[int, int]) -> Self:
        first = [] if at.by_site else [np.log(arms[0] / arms[1])]
        b = np.array([*first, *np.zeros(at.mean.size)])
        return cls(at=at, b=b, move=np.zeros(b.size))

    @property
    def size(self) -> int:
        p = self.b.size
        return 1 + p + p * (p + 1) // 2

    def sums(self, columns: FloatArray, rows: Rows) -> FloatArray:
        """Log likelihood, score, information."""
        z, y = self.at.rows(columns), rows.treated
        logit = self._logits(z, rows)
        p, off = chance(logit), np.where(y, chance(-logit), -chance(logit))
        if few_weigh(p * (1 - p)) or (len(z) >= MANY and (p * (1 - p)).sum() < LEAST_WEIGHT):
            return nothing(self.size)
        information = z.T * (p * (1 - p)) @ z
        for here in rows.groups() if self.at.by_site else ():
            information -= _of_intercept(z[here], p[here])
        likelihood = -np.logaddexp(0, np.where(y, -logit, logit)).sum()
        found: FloatArray = np.array([likelihood, *(z.T @ off), *upper(information)])
        return found if np.isfinite(found).all() else nothing(self.size)

    def chances(self, columns: FloatArray, rows: Rows) -> FloatArray:
        return chance(self._logits(self.at.rows(columns), rows))

    def _logits(self, z: FloatArray, rows: Rows) -> FloatArray:
        logit: FloatArray = z @ self.b
        for here in rows.groups() if self.at.by_site else ():
            logit[here] += _intercept(logit[here], rows.treated[here])
        return logit

    def after(self, total: FloatArray, n: int) -> "Newton | None":
        """Itself where this is the maximum; None where there is none."""
        p = self.b.size
        likelihood, gradient = float(total[0]), total[1 : 1 + p]
        information = symmetric(total[1 + p :], p)
        if self.looked >= STEPS:
            return None
        if likelihood > 0 or not _sums_of(n, gradient, information):
            raise ValueError("no sums of so many patients")
        if likelihood < self.before - FELL * abs(self.before):
            half = self.move / 2
            return self._to(self.b - half, move=half)
        if _proved(gradient, information, n):
            return self
        try:
            move: FloatArray = np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
        return replace(self, before=likelihood)._to(self.b + move, move=move)

    def _to(self, b: FloatArray, *, move: FloatArray) -> "Newton | None":
        """None before anything is told of coefficients too far away."""
        if not np.abs(b).max() <= FARTHEST:
            return None
        return replace(self, b=b, move=move, looked=self.looked + 1)

    def in_units(self) -> tuple[float | None, list[float]]:
        """Intercept, where there is one of all, and slopes in the columns' units."""
        slopes = (self.b if self.at.by_site else self.b[1:]) / self.at.sd
        if self.at.by_site:
            return None, slopes.tolist()
        return float(self.b[0] - slopes @ self.at.mean), slopes.tolist()


def _sums_of(n: int, gradient: FloatArray, information: FloatArray) -> bool:
    """Could so many patients, with columns of mean 0 and SD 1, have these?"""
    room = 1 + FELL
    small = (np.abs(gradient) <= n * room).all() and (np.diag(information) <= n / 4 * room).all()
    return bool(small and np.linalg.eigvalsh(information)[0] >= -FELL * n)


def _proved(gradient: FloatArray, information: FloatArray, n: int) -> bool:
    """The maximum, and a finite one; no row is longer than the root of all rows' squares."""
    size, farthest = float(np.abs(gradient).sum()), gradient.size * np.sqrt(n)
    if size > CONVERGED * n:
        return False
    least = np.linalg.eigvalsh(information)[0] if gradient.size else np.inf
    return bool(size * farthest < PROVED * least)


def _of_intercept(z: FloatArray, p: FloatArray) -> FloatArray:
    """What of the information goes with a site's own intercept."""
    w = p * (1 - p)
    toward = z.T @ w
    return np.asarray(np.outer(toward, toward) / max(float(w.sum()), EXACT))


def _intercept(logit: FloatArray, treated: BoolArray) -> float:
    """At which as many are expected to be treated as were: between the bounds, by Newton's steps."""
    low, high = -float(logit.max()) - 50, -float(logit.min()) + 50
    for at in _tries(logit, treated, low, high):
        found = at
    return found


def _tries(logit: FloatArray, treated: BoolArray, low: float, high: float) -> Iterator[float]:
    at = (low + high) / 2
    for _ in range(200):
        p = chance(logit + at)
        over = float(p.sum() - treated.sum())
        low, high = (low, at) if over > 0 else (at, high)
        move = over / max(float((p * (1 - p)).sum()), EXACT)
        to = at - move if low < at - move < high else (low + high) / 2
        yield to
        if abs(to - at) <= EXACT * max(1.0, abs(at)):
            return
        at = to
