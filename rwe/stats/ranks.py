"""Mann-Whitney on counts per value and arm, with the Hodges-Lehmann shift as its estimate.

U counts the treated-control pairs in which treated is higher; a tie counts half.
Ours and not scipy's: its "exact" ignores ties, its "auto" is neither R's rule nor ours, it says P = 1
where nothing varies, NaN where an arm is empty, and takes 1 ms a call.
Source: Lehmann EL. Nonparametrics. Holden-Day 1975, chapter 1.
"""

from math import erfc, sqrt

import numpy as np

from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.permutation import exact_p
from rwe.stats.shift import EXACT_PAIRS, hodges_lehmann
from rwe.stats.summaries import IntArray, TwoSamples

SHIFT = "Hodges–Lehmann shift"
CONTINUITY = "Mann–Whitney, two-sided, normal approximation, tie- and continuity-corrected"
NO_CONTINUITY = "Mann–Whitney, two-sided, normal approximation, tie-corrected, no continuity correction"
EXACT = "Mann–Whitney, two-sided, exact conditional on the observed ranks"
TOO_LARGE = f"{CONTINUITY} (exact up to {EXACT_PAIRS} pairs)"
EXACT_BELOW = 50


def mann_whitney(samples: TwoSamples, *, level: float = LEVEL) -> Estimate:
    """What a study gets that declares nothing: exact when both n < 50, else asymptotic."""
    small = max(samples.n_treated, samples.n_control) < EXACT_BELOW
    return (mann_whitney_exact if small else mann_whitney_asymptotic)(samples, level=level)


def mann_whitney_asymptotic(samples: TwoSamples, *, level: float = LEVEL) -> Estimate:
    """wilcox.test(x, y, exact = FALSE)"""
    return _estimate(samples, level=level, test=CONTINUITY)


def mann_whitney_asymptotic_no_continuity(samples: TwoSamples, *, level: float = LEVEL) -> Estimate:
    """wilcox.test(x, y, exact = FALSE, correct = FALSE)"""
    return _estimate(samples, level=level, test=NO_CONTINUITY)


def mann_whitney_exact(samples: TwoSamples, *, level: float = LEVEL) -> Estimate:
    """coin::wilcox_test(y ~ arm, distribution = "exact"), ties kept; asymptotic beyond 200 v 200."""
    large = samples.n_treated * samples.n_control > EXACT_PAIRS
    return _estimate(samples, level=level, test=TOO_LARGE if large else EXACT)


def _estimate(samples: TwoSamples, *, level: float, test: str) -> Estimate:
    m, n = arms = samples.n_treated, samples.n_control
    if not m or not n:
        return Estimate.not_estimable("empty_arm", name=SHIFT, test=test, arms=arms)
    if len(samples.values) == 1:
        return Estimate.not_estimable("no_variation", name=SHIFT, test=test, arms=arms, value=0.0)
    shift = hodges_lehmann(samples, level=level)
    attained = shift.level is not None and shift.level >= level - 1e-12
    return Estimate(
        name=SHIFT,
        value=shift.value,
        ci_low=shift.low,
        ci_high=shift.high,
        level=shift.level,
        interval=shift.interval,
        test=test,
        statistic=u_statistic(samples),
        p=_exact(samples) if test == EXACT else _normal(samples, continuity=test != NO_CONTINUITY),
        n_treated=m,
        n_control=n,
        reason=None if attained else "level_not_attained",
    )


def doubled_midranks(samples: TwoSamples) -> IntArray:
    """Twice the midrank of each distinct value, ranked over both arms; whole numbers."""
    ties = np.add(samples.treated, samples.control)
    ranks: IntArray = 2 * np.cumsum(ties) - ties + 1
    return ranks


def rank_sum(samples: TwoSamples) -> int:
    """Twice the rank sum of treated."""
    return int(doubled_midranks(samples) @ np.array(samples.treated))


def u_statistic(samples: TwoSamples) -> float:
    return (rank_sum(samples) - samples.n_treated * (samples.n_treated + 1)) / 2


def superiority(samples: TwoSamples) -> float | None:
    """P(treated > control) + half P(equal); None if an arm is empty."""
    pairs = samples.n_treated * samples.n_control
    return u_statistic(samples) / pairs if pairs else None


def _normal(samples: TwoSamples, *, continuity: bool) -> float:
    m, n = samples.n_treated, samples.n_control
    ties = np.add(samples.treated, samples.control).astype(np.float64)
    variance = m * n / 12 * (m + n + 1 - float((ties**3 - ties).sum()) / ((m + n) * (m + n - 1)))
    away = max(0.0, abs(u_statistic(samples) - m * n / 2) - 0.5 * continuity)
    return erfc(away / sqrt(2 * variance))


def _exact(samples: TwoSamples) -> float:
    ranks = np.repeat(doubled_midranks(samples), np.add(samples.treated, samples.control))
    return exact_p(ranks, treated=samples.n_treated, observed=rank_sum(samples))
