"""Sums that give a mean and an SD, and add up over sites.

About a centre near the values the squares lose no digits; sums are rounded once (math.fsum).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum, isfinite, sqrt
from typing import Self

from rwe.errors import DataError
from rwe.stats.quantile import Description

ROUNDING = 1e-14
"""Beside Σ(x - c)²: a spread below this is none."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """n, Σ(x - centre) and Σ(x - centre)²."""

    n: int
    centre: float
    total: float
    squares: float

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.centre, self.total, self.squares))) or self.n < 0:
            raise DataError("sums of values must be finite, of no fewer than 0 values")
        if self.squares < 0 or self.total**2 > self.n * self.squares * (1 + 1e-9):
            raise DataError("no values have these sums")

    @classmethod
    def of(cls, values: Iterable[float], *, centre: float = 0.0) -> Self:
        away = [float(v) - centre for v in values]
        return cls(n=len(away), centre=centre, total=fsum(away), squares=fsum(a * a for a in away))

    def __add__(self, other: "Moments") -> "Moments":
        if self.centre != other.centre:
            raise DataError("sums about different centres do not add up")
        return Moments(
            n=self.n + other.n,
            centre=self.centre,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    def description(self) -> Description:
        """n, mean and SD; no quantile follows from sums."""
        if not self.n:
            return Description(n=0)
        spread = self.squares - self.total**2 / self.n
        spread = spread if spread > ROUNDING * self.squares else 0.0
        sd = sqrt(spread / (self.n - 1)) if self.n > 1 else None
        return Description(n=self.n, mean=self.centre + self.total / self.n, sd=sd)


@dataclass(frozen=True, kw_only=True)
class TwoMoments:
    treated: Moments
    control: Moments

    def __add__(self, other: "TwoMoments") -> "TwoMoments":
        return TwoMoments(treated=self.treated + other.treated, control=self.control + other.control)
