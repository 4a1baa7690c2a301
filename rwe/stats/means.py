"""The difference of two means, treated minus control."""

from functools import partial
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.quantile import Description, moments
from rwe.stats.summaries import FloatArray, TwoSamples, finite
from rwe.stats.wald import Named, student

DIFFERENCE = "difference of means"
WELCH = "Welch t, two-sided, variances not assumed equal"
INTERVAL = "t, Welch–Satterthwaite degrees of freedom"
WITHIN = "mean difference within pairs"
PAIRED = "paired t, two-sided"
WITHIN_INTERVAL = "t, one degree of freedom fewer than pairs"
ROUNDING = 1e-14
"""Beside the largest value: a spread of differences below this is none."""


def welch(samples: TwoSamples, *, level: float = LEVEL) -> Estimate:
    """t.test(x, y).  Needs two values an arm, and some spread in one of them."""
    first, second = (_described(arm) for arm in samples.arms())
    return welch_of(first, second, level=level)


def welch_of(treated: Description, control: Description, *, level: float = LEVEL) -> Estimate:
    """The same from n, mean and SD of either arm."""
    m, n = arms = treated.n, control.n
    if treated.mean is None or control.mean is None:
        return Estimate.not_estimable("empty_arm", name=DIFFERENCE, test=WELCH, arms=arms)
    difference = treated.mean - control.mean
    if treated.sd is None or control.sd is None:
        return Estimate.not_estimable(
            "not_identified", name=DIFFERENCE, test=WELCH, arms=arms, value=difference
        )
    part1, part0 = treated.sd**2 / m, control.sd**2 / n
    variance = part1 + part0
    if variance == 0:
        return Estimate.not_estimable(
            "no_variation", name=DIFFERENCE, test=WELCH, arms=arms, value=difference
        )
    se = sqrt(variance)
    df = 1 / ((part1 / variance) ** 2 / (m - 1) + (part0 / variance) ** 2 / (n - 1))
    named = Named(name=DIFFERENCE, test=WELCH, interval=INTERVAL, n_treated=m, n_control=n)
    return student(difference, se, df, level=level, **named)


def _described(arm: FloatArray) -> Description:
    mean, sd = moments(arm) if arm.size else (None, None)
    return Description(n=arm.size, mean=mean, sd=sd)


def paired(treated: ArrayLike, control: ArrayLike, *, test: str = PAIRED, level: float = LEVEL) -> Estimate:
    """t.test(x, y, paired = TRUE): a pair in each place.  Needs two pairs, and some spread in them."""
    x, y = finite(treated), finite(control)
    n, nothing = len(x), partial(Estimate.not_estimable, name=WITHIN, test=test, arms=(len(x), len(y)))
    if not n:
        return nothing("empty_arm")
    mean, sd = moments(x - y)
    if sd is None:
        return nothing("not_identified", value=mean)
    if sd <= ROUNDING * max(np.abs(x).max(), np.abs(y).max()):
        return nothing("no_variation", value=mean)
    named = Named(name=WITHIN, test=test, interval=WITHIN_INTERVAL, n_treated=n, n_control=n)
    return student(mean, sd / sqrt(n), n - 1, level=level, **named)
