"""One estimate from m imputed sets: Rubin's rules with Barnard and Rubin's degrees of freedom.

Source: mice::pool.scalar; Barnard J, Rubin DB. Biometrika 1999;86:948-55.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean, variance


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """within, between: variance within and between the sets; total: of the estimate.

    rise: relative increase of variance for what is missing.  lost: fraction of missing information.
    """

    estimate: float
    within: float
    between: float
    total: float
    df: float
    rise: float
    lost: float


def pool(estimates: Sequence[float], variances: Sequence[float], *, df: float) -> Pooled:
    """Of two sets or more, each variance above 0.  df: of the complete data, n - k."""
    m = len(estimates)
    within, between = fmean(variances), variance(estimates)
    extra = (1 + 1 / m) * between
    total = within + extra
    rise, share = extra / within, extra / total
    old = (m - 1) / share**2 if share else inf
    observed = (df + 1) / (df + 3) * df * (1 - share)
    freedom = 1 / (1 / old + 1 / observed)
    return Pooled(
        estimate=fmean(estimates),
        within=within,
        between=between,
        total=total,
        df=freedom,
        rise=rise,
        lost=(rise + 2 / (freedom + 3)) / (rise + 1),
    )
