"""The exact P of a rank sum, given the ranks that were seen.  Ties keep their midranks.

scipy's mannwhitneyu(method="exact") ignores ties in silence; R's coin wilcox_test(distribution =
"exact") is this.  Which m of the N patients are treated is random, all C(N, m) choices alike.
"""

from collections.abc import Sequence
from math import comb

import numpy as np

from rwe.stats.summaries import FloatArray, IntArray


def exact_p(ranks: IntArray, *, treated: int, observed: int) -> float:
    """P(|T - E T| >= |observed - E T|), T the rank sum of `treated` of the patients.

    ranks: one integer a patient, ascending, not all equal; doubled midranks, so that halves are whole.
    """
    total, m = int(ranks.sum()), treated
    if 2 * m > ranks.size:  # the other arm is as far from its mean, and smaller
        observed, m = total - observed, ranks.size - m
    lowest, step = int(ranks[0]), int(np.gcd.reduce(ranks - ranks[0]))
    scores = (ranks - lowest) // step
    centre = m * int(scores.sum())  # N times E T: whole, so no tolerance is needed
    far = abs(scores.size * ((observed - m * lowest) // step) - centre)
    low, high = (centre - far) // scores.size, -((-centre - far) // scores.size)
    return 1.0 if far == 0 else _outside(scores, m, low=low, high=high) / comb(scores.size, m)


def _outside(scores: IntArray, m: int, *, low: int, high: int) -> float:
    """How many choices of m scores sum to `low` or less, or to `high` or more.

    The halves are counted apart and paired at the limits: a tenth of the work of one table.
    """
    half = scores.size // 2
    base = int(scores[half])
    a, b = _ways(scores[:half], m), _ways(scores[half:] - base, m)
    most = a.shape[1] + b.shape[1] - 2
    offsets = [(m - k) * base for k in range(m + 1)]
    return _pairs(a, b, [low - o for o in offsets]) + _pairs(
        a[:, ::-1], b[:, ::-1], [most + o - high for o in offsets]
    )


def _ways(scores: IntArray, m: int) -> FloatArray:
    """[k, s]: how many choices of k scores sum to s, for k up to m; scores ascending."""
    upto = np.concatenate([[0], np.cumsum(scores)]).tolist()
    ways = np.zeros((m + 1, upto[-1] - upto[-1 - m] + 1))
    ways[0, 0] = 1
    rows = list(ways)
    for taken, score in enumerate(scores.tolist()):
        for k in range(min(taken, m - 1), -1, -1):
            low, end = upto[k], upto[taken] - upto[taken - k] + 1  # the k smallest, the k largest so far
            rows[k + 1][score + low : score + end] += rows[k][low:end]
    return ways


def _pairs(a: FloatArray, b: FloatArray, limits: Sequence[int]) -> float:
    """Choices of k from a and of the rest from b whose sum is at most limits[k], over all k."""
    total = 0.0
    for first, rest, limit in zip(a, b[::-1], limits, strict=True):
        if limit >= 0:
            below = np.cumsum(rest)
            reach = min(limit + 1, first.size)
            free = min(max(limit - rest.size + 2, 0), reach)  # up to here whatever is chosen from b fits
            left = below[limit - reach + 1 : limit - free + 1]
            total += float(first[:free].sum() * below[-1] + first[free:reach] @ left[::-1])
    return total
