"""One arm: n, mean, SD, quartiles, and the interval of a median.  Nothing is rounded.

Every quantile says its type (Hyndman and Fan 1996): R, numpy and DuckDB's quantile_cont give 7, SAS 2,
SPSS and GraphPad 6, and polars and DuckDB's `quantile` something else.
"""

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from rwe.stats.estimate import LEVEL
from rwe.stats.summaries import FloatArray, finite

METHODS = {
    1: "inverted_cdf",
    2: "averaged_inverted_cdf",
    3: "closest_observation",
    4: "interpolated_inverted_cdf",
    5: "hazen",
    6: "weibull",
    7: "linear",
    8: "median_unbiased",
    9: "normal_unbiased",
}
"""R's types by numpy's names: quantile(x, type = 7) is np.quantile(x, method="linear")."""
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, kw_only=True)
class Description:
    """An arm in a table.  All None if n = 0; sd, over n - 1, is None if n = 1 too."""

    n: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None

    @classmethod
    def of(cls, values: ArrayLike, *, kind: int = 7) -> "Description":
        x = finite(values)
        if not x.size:
            return cls(n=0)
        q1, median, q3 = quantiles(x, QUARTILES, kind=kind)
        mean, sd = moments(x)
        return cls(n=x.size, mean=mean, sd=sd, median=median, q1=q1, q3=q3)


def quantiles(x: FloatArray, probabilities: tuple[float, ...], *, kind: int = 7) -> list[float]:
    """Of at least one value; kind 1 to 9 is R's `type`."""
    answer: list[float] = np.quantile(x, probabilities, method=METHODS[kind]).tolist()  # type: ignore[call-overload]
    return answer


def moments(x: FloatArray) -> tuple[float, float | None]:
    """Mean and SD (over n - 1) of at least one value."""
    if x.min() == x.max():  # three times 0.1 has a mean of 0.10000000000000002 and an SD that is not 0
        return float(x[0]), 0.0 if x.size > 1 else None
    return float(x.mean()), float(x.std(ddof=1))


def median_interval(values: ArrayLike, *, level: float = LEVEL) -> tuple[float, float, float] | None:
    """Low, high and the level attained, from order statistics; None where n is too small (n < 6 at 0.95).

    k is the smallest count with P(Bin(n, 1/2) <= k) >= (1 - level) / 2, R's qbinom(0.025, n, 0.5);
    the limits are the k-th value from either end.
    """
    x = np.sort(finite(values))
    k, below, ways = 0, 0, 1  # below = P(Bin <= k - 1), ways = P(Bin <= k), both in units of 2**-n
    while 2 * ways < (1 - level) * 2**x.size:
        k, below, ways = k + 1, ways, ways + comb(x.size, k + 1)
    return (float(x[k - 1]), float(x[-k]), 1 - 2 * below / 2**x.size) if k else None
