"""Standardised mean differences, treated minus control: how alike the arms are, without a P value.

(mean1 - mean0) / sqrt((v1 + v0) / 2), v of the unweighted arms even where the means are weighted.
None where there is no spread to scale by, or an arm has no variance (n < 2).
Source: Austin PC. Stat Med 2009;28:3083-107.
"""

from math import sqrt

from rwe.stats.logistic import BoolArray
from rwe.stats.quantile import Description, moments
from rwe.stats.summaries import FloatArray


def smd(treated: Description, control: Description) -> float | None:
    """Of a measured variable."""
    if treated.mean is None or control.mean is None or treated.sd is None or control.sd is None:
        return None
    return _scaled(treated.mean - control.mean, treated.sd**2 + control.sd**2)


def smd_level(treated: int, n_treated: int, *, control: int, n_control: int) -> float | None:
    """Of one level of a category: counts and the number of patients in whom it is known."""
    if not n_treated or not n_control:
        return None
    p1, p0 = treated / n_treated, control / n_control
    return _scaled(p1 - p0, p1 * (1 - p1) + p0 * (1 - p0))


def smd_weighted(values: FloatArray, treated: BoolArray, weights: FloatArray, *, level: bool) -> float | None:
    """Of weighted means, over the spread of the same patients without weights.

    level: of zeros and ones, whose variance is p(1 - p).
    """
    means = [weighted_mean(values[arm], weights[arm]) for arm in (treated, ~treated)]
    spreads = [_variance(values[arm], level=level) for arm in (treated, ~treated)]
    if None in means or None in spreads:
        return None
    (first, second), (v1, v0) = means, spreads
    return _scaled(first - second, v1 + v0)  # type: ignore[operator]  # none is None here


def weighted_mean(values: FloatArray, weights: FloatArray) -> float | None:
    """None where no weight is left."""
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else None


def _variance(values: FloatArray, *, level: bool) -> float | None:
    if not values.size:
        return None
    mean, sd = moments(values)
    if level:
        return mean * (1 - mean)
    return None if sd is None else sd**2


def _scaled(difference: float, variances: float) -> float | None:
    return difference / sqrt(variances / 2) if variances > 0 else None
