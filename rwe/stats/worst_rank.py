"""Death as the worst rank: whoever died before the visit did worse than anybody measured there.

All deaths are tied.  Ranks, U and P are those of Mann–Whitney with a value beyond all others in their place.
The shift is that of all differences treated - control, in which a survivor is infinitely better than a
death and two deaths are equal: a limit may be infinite, and where half of the pairs are decided by death
there is no number for the shift (`decided_by_death`), while P and statistic stand.
R: wilcox.test(c(x, rep(w, deaths)), c(y, rep(w, deaths)), exact = FALSE), w below or above all values.
Source: Lachin JM. Control Clin Trials 1999;20:408-22 (tied worst ranks).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.ranks import SHIFT, mann_whitney_asymptotic, mann_whitney_exact
from rwe.stats.summaries import TwoSamples

Worse = Literal["low", "high"]
NAME = f"{SHIFT}, death as the worst value"
BEYOND = 1e100
"""In place of a death; a difference of more than a tenth of it was made by one."""


@dataclass(frozen=True, kw_only=True)
class Composite:
    """samples: of those measured; dead: patients of treated and of control; worse: which end of the scale."""

    samples: TwoSamples
    dead: tuple[int, int]
    worse: Worse

    def ranked(self) -> TwoSamples:
        if not any(self.dead):
            return self.samples
        place = -BEYOND if self.worse == "low" else BEYOND
        treated, control = self.dead
        return self.samples + TwoSamples(values=(place,), treated=(treated,), control=(control,))


def worst_rank(composite: Composite, *, level: float = LEVEL) -> Estimate:
    return _named(mann_whitney_asymptotic, composite, level=level)


def worst_rank_exact(composite: Composite, *, level: float = LEVEL) -> Estimate:
    """P over all ways to deal the observed ranks to the arms, deaths and other ties kept."""
    return _named(mann_whitney_exact, composite, level=level)


def _named(method: Callable[..., Estimate], composite: Composite, *, level: float) -> Estimate:
    found = method(composite.ranked(), level=level)
    decided = found.value is not None and _real(found.value) is None
    return replace(
        found,
        name=NAME,
        test=f"{found.test}; death the worst rank, deaths tied, {composite.worse} values are worse",
        value=_real(found.value),
        ci_low=_limit(found.ci_low),
        ci_high=_limit(found.ci_high),
        reason="decided_by_death" if decided else found.reason,
    )


def _real(number: float | None) -> float | None:
    return None if number is None or abs(number) > BEYOND / 10 else number


def _limit(number: float | None) -> float | None:
    if number is None or _real(number) is not None:
        return number
    return inf if number > 0 else -inf
