"""Change within an arm: the signed rank of each patient's difference, with its Hodges–Lehmann estimate.

Differences are rounded first: 2.2 - 1.9 is not 2.4 - 2.1 in floating point, so that ties vanish (P 0.197 for
0.257 on four pairs).
Sources: wilcox.test(paired = TRUE); coin::wilcoxsign_test(zero.method = "Pratt"); Walsh JE. Ann Math Stat
1949;20:64-81.
"""

from dataclasses import dataclass
from math import erfc, floor, log10, sqrt
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from rwe.stats.estimate import Estimate
from rwe.stats.summaries import FloatArray, IntArray, finite

NAME = "median of Walsh averages"
TESTS = {
    "continuity": "signed rank, two-sided, normal approximation, zeros dropped, continuity-corrected",
    "plain": "signed rank, two-sided, normal approximation, zeros dropped, no continuity correction",
    "exact": "signed rank, two-sided, exact conditional on the observed ranks, zeros dropped",
    "pratt": "signed rank (Pratt: zeros ranked, then dropped), two-sided, normal approximation, "
    "no continuity correction",
}
Kind = Literal["continuity", "plain", "exact", "pratt"]
DIGITS = 12
"""Of the larger value: what is beyond is noise of the subtraction."""
LARGEST = 5_000
"""Pairs up to which all Walsh averages are made: 100 MB."""


def change(before: float, after: float) -> float:
    """after - before, rounded."""
    largest = max(abs(before), abs(after))
    places = DIGITS - 1 - floor(log10(largest)) if largest else 0
    return round(after - before, places) + 0.0


@dataclass(frozen=True, kw_only=True)
class Differences:
    """How often each difference occurs: distinct and ascending."""

    values: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, before: ArrayLike, after: ArrayLike) -> Self:
        pairs = zip(finite(before).tolist(), finite(after).tolist(), strict=True)
        values, counts = np.unique([change(a, b) for a, b in pairs], return_counts=True)
        return cls(values=tuple(values.tolist()), counts=tuple(counts.tolist()))

    def __add__(self, other: Self) -> Self:
        told = dict(zip(self.values, self.counts, strict=True))
        for value, count in zip(other.values, other.counts, strict=True):
            told[value] = told.get(value, 0) + count
        return type(self)(values=tuple(sorted(told)), counts=tuple(told[v] for v in sorted(told)))

    @property
    def n(self) -> int:
        return sum(self.counts)

    def all(self) -> FloatArray:
        return np.repeat(np.array(self.values, dtype=np.float64), self.counts)


def signed_rank(differences: Differences, kind: Kind = "continuity") -> Estimate:
    """V, the rank sum of what rose, as its statistic.  n_treated: the pairs; there is no other arm."""
    d = differences.all()
    arms = d.size, 0
    if not d.size:
        return Estimate.not_estimable("empty_arm", name=NAME, test=TESTS[kind], arms=arms)
    value, ranks = walsh_median(d), doubled_ranks(d, zeros=kind == "pratt")
    if not ranks.size:
        return Estimate.not_estimable("no_variation", name=NAME, test=TESTS[kind], arms=arms, value=value)
    rose = int(ranks[d[d != 0] > 0].sum())
    return Estimate(
        name=NAME,
        value=value,
        test=TESTS[kind],
        statistic=rose / 2,
        p=_exact(ranks, rose) if kind == "exact" else _normal(ranks, rose, half=kind == "continuity"),
        n_treated=arms[0],
        n_control=arms[1],
    )


def doubled_ranks(d: FloatArray, *, zeros: bool) -> IntArray:
    """Twice the midranks of the sizes of all that is not 0; zeros: ranked among them before they go."""
    sizes = np.abs(d if zeros else d[d != 0])
    _, place, ties = np.unique(sizes, return_inverse=True, return_counts=True)
    ranks = (2 * np.cumsum(ties) - ties + 1)[place]
    return np.asarray(ranks[sizes != 0], dtype=np.int64)


def walsh_median(d: FloatArray) -> float | None:
    if d.size > LARGEST:
        return None
    i, j = np.triu_indices(d.size)
    return float(np.median((d[i] + d[j]) / 2))


def _normal(ranks: IntArray, rose: int, *, half: bool) -> float:
    """The variance of a sum of ranks with random signs is the sum of their squares, a quarter of it."""
    away = max(0.0, abs(rose - ranks.sum() / 2) / 2 - 0.5 * half)
    return erfc(away / sqrt(2 * float((ranks.astype(np.float64) ** 2).sum()) / 16))


def _exact(ranks: IntArray, rose: int) -> float:
    """P(|V - E V| >= |rose - E V|) over all signs."""
    total = int(ranks.sum())
    ways = np.zeros(total + 1)
    ways[0] = 1.0
    for rank in ranks.tolist():
        ways[rank:] = (ways[rank:] + ways[: total + 1 - rank]) / 2
        ways[:rank] /= 2
    sums = np.arange(total + 1)
    return min(1.0, float(ways[np.abs(2 * sums - total) >= abs(2 * rose - total)].sum()))
