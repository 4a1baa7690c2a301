"""Treated events given the margins, of one 2x2 table or of several: exact P, odds ratio and its limits.

One table: fisher.test; several: mantelhaen.test(exact = TRUE), their hypergeometric distributions convolved.
R's own estimates and limits stop at 1e-4 to 1e-2; these are solved to the last digits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import exp, inf

import numpy as np

from rwe.stats.estimate import LEVEL
from rwe.stats.summaries import FloatArray

Table = tuple[int, int, int, int]
"""a of m treated, b of n controls."""
STEPS, FARTHEST = 200, 700.0
"""Halvings of an interval of log odds; e to the farthest is still a number."""
MOST_POINTS = 20_000
"""Of all tables together: a second of work, which grows with the square."""
LEAST_CHANCE = 1e-200
"""Of what was observed, at an odds ratio of 1: below it the far tail of a limit vanishes.  Limits are right
to 1e-11 there, to 1e-4 at 1e-252, and nothing at 1e-302."""


@dataclass(frozen=True, kw_only=True)
class Conditional:
    """chances: of first, first + 1, … treated events where the odds ratio is 1."""

    first: int
    chances: FloatArray
    observed: int

    @classmethod
    def of(cls, tables: Sequence[Table]) -> "Conditional":
        parts = [_hypergeometric(t) for t in tables]
        return cls(
            first=sum(first for first, _ in parts),
            chances=reduce(np.convolve, (chances for _, chances in parts), np.ones(1)),
            observed=sum(a for a, *_ in tables),
        )

    @classmethod
    def computable(cls, tables: Sequence[Table]) -> "Conditional | None":
        """None where it would take too long, or where estimate and limits would be lost in rounding."""
        if sum(map(_points, tables)) > MOST_POINTS:
            return None
        found = cls.of(tables)
        return found if found.chances[found.observed - found.first] >= LEAST_CHANCE else None

    @property
    def last(self) -> int:
        return self.first + self.chances.size - 1

    def p(self) -> float:
        """Of what is no likelier than the observed; equal up to rounding, as R has it."""
        likely = self.chances[self.observed - self.first] * (1 + 1e-7)
        return min(1.0, float(self.chances[self.chances <= likely].sum() / self.chances.sum()))

    def odds_ratio(self) -> float | None:
        """Conditional maximum likelihood: 0 and infinity at the ends, None for a single point."""
        if self.first == self.last:
            return None
        if self.observed in (self.first, self.last):
            return 0.0 if self.observed == self.first else inf
        counts = self.first + np.arange(self.chances.size)
        return exp(_root(lambda odds: float(self._at(odds) @ counts) - self.observed))

    def limits(self, *, level: float = LEVEL) -> tuple[float, float]:
        """Clopper–Pearson: each tail at most (1 - level) / 2."""
        tail, here = (1 - level) / 2, self.observed - self.first
        low = (
            0.0
            if self.observed == self.first
            else exp(_root(lambda odds: float(self._at(odds)[here:].sum()) - tail))
        )
        high = (
            inf
            if self.observed == self.last
            else exp(_root(lambda odds: tail - float(self._at(odds)[: here + 1].sum())))
        )
        return low, high

    def _at(self, log_odds: float) -> FloatArray:
        with np.errstate(divide="ignore"):
            logs = np.log(self.chances) + log_odds * np.arange(self.chances.size)
        tilted = np.exp(logs - logs.max())
        scaled: FloatArray = tilted / tilted.sum()
        return scaled


def _points(table: Table) -> int:
    """How many numbers of treated events its margins allow."""
    a, m, b, n = table
    return min(a + b, m) - max(0, a + b - n) + 1


def _hypergeometric(table: Table) -> tuple[int, FloatArray]:
    a, m, b, n = table
    k, first = a + b, max(0, a + b - n)
    cells = np.arange(first, min(k, m) + 1, dtype=np.float64)
    up = (m - cells[:-1]) * (k - cells[:-1]) / (cells[1:] * (n - k + cells[1:]))
    logs = np.concatenate([[0.0], np.cumsum(np.log(up))])
    chances: FloatArray = np.exp(logs - logs.max())
    return first, chances / chances.sum()


def _root(rising: Callable[[float], float]) -> float:
    """By halves; its sign is all that is asked of the function."""
    low, high = -FARTHEST, FARTHEST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
