"""The difference of two means, treated minus control."""

from math import sqrt

from rwe.stats.distributions import SCIPY, t_quantile, t_two_sided
from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.quantile import moments
from rwe.stats.summaries import TwoSamples

DIFFERENCE = "difference of means"
WELCH = "Welch t, two-sided, variances not assumed equal"
INTERVAL = "t, Welch–Satterthwaite degrees of freedom"


def welch(samples: TwoSamples, *, level: float = LEVEL) -> Estimate:
    """t.test(x, y).  Needs two values an arm, and some spread in one of them."""
    m, n = arms = samples.n_treated, samples.n_control
    if not m or not n:
        return Estimate.not_estimable("empty_arm", name=DIFFERENCE, test=WELCH, arms=arms)
    (mean1, sd1), (mean0, sd0) = (moments(arm) for arm in samples.arms())
    difference = mean1 - mean0
    if sd1 is None or sd0 is None:
        return Estimate.not_estimable(
            "not_identified", name=DIFFERENCE, test=WELCH, arms=arms, value=difference
        )
    part1, part0 = sd1**2 / m, sd0**2 / n
    variance = part1 + part0
    if variance == 0:
        return Estimate.not_estimable(
            "no_variation", name=DIFFERENCE, test=WELCH, arms=arms, value=difference
        )
    se = sqrt(variance)
    df = 1 / ((part1 / variance) ** 2 / (m - 1) + (part0 / variance) ** 2 / (n - 1))
    half = t_quantile((1 + level) / 2, df) * se
    t = difference / se
    return Estimate(
        name=DIFFERENCE,
        value=difference,
        ci_low=difference - half,
        ci_high=difference + half,
        level=level,
        interval=INTERVAL,
        test=WELCH,
        statistic=t,
        p=t_two_sided(t, df),
        n_treated=m,
        n_control=n,
        version=SCIPY,
    )
