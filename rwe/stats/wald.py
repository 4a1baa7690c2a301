"""An estimate from a value and its standard error: interval, statistic and two-sided P."""

from math import erfc, sqrt
from statistics import NormalDist
from typing import TypedDict, Unpack

from rwe.stats.distributions import t_quantile, t_two_sided, version
from rwe.stats.estimate import Estimate


class Named(TypedDict):
    """What an Estimate says of itself."""

    name: str
    test: str
    interval: str
    n_treated: int
    n_control: int


def normal(value: float, se: float, *, level: float, **named: Unpack[Named]) -> Estimate:
    """se: above 0."""
    half, z = NormalDist().inv_cdf((1 + level) / 2) * se, value / se
    return Estimate(
        value=value,
        ci_low=value - half,
        ci_high=value + half,
        level=level,
        statistic=z,
        p=erfc(abs(z) / sqrt(2)),
        **named,
    )


def student(value: float, se: float, df: float, *, level: float, **named: Unpack[Named]) -> Estimate:
    """se: above 0."""
    half, t = t_quantile((1 + level) / 2, df) * se, value / se
    return Estimate(
        value=value,
        ci_low=value - half,
        ci_high=value + half,
        level=level,
        statistic=t,
        p=t_two_sided(t, df),
        version=version(),
        **named,
    )
