"""Order statistics of all m * n differences of two arms, without making them all.

    values and counts of either arm, places  ──▶  in_order()  ──▶  the differences at these places

For one value of the first arm the differences rise as the second's values fall.  So each row of that
triangle is searched between two marks; a pivot moves the marks of all rows at once, until so few pairs lie
between them that they are sorted.  A difference is rounded as it is made, and pivots are differences:
every answer is equal to the bit to that of sorting all.
Source: Johnson DB, Mizoguchi T. SIAM J Comput 1978;7:147-53, with counts.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from rwe.stats.summaries import FloatArray, IntArray

FEW = 1 << 16
"""Pairs of distinct values that are sorted at once: 1 MB, some 5 ms."""


@dataclass(frozen=True, kw_only=True)
class Differences:
    """first ascending, second descending, each distinct; `n` patients have each value, `upto` is summed."""

    first: FloatArray
    n_first: IntArray
    second: FloatArray
    n_second: IntArray
    upto: IntArray

    @classmethod
    def of(cls, first: FloatArray, n_first: IntArray, second: FloatArray, n_second: IntArray) -> Self:
        upto = np.concatenate([[0], np.cumsum(n_second[::-1])])
        return cls(first=first, n_first=n_first, second=second[::-1], n_second=n_second[::-1], upto=upto)

    def in_order(self, places: list[int]) -> list[float]:
        """Places count from 1, over all pairs of patients."""
        low, high = np.zeros_like(self.n_first), np.full_like(self.n_first, self.second.size)
        if self.first.size * self.second.size <= FEW:
            return self._between(low, high, places)
        found = {place: self._at(place, low, high) for place in dict.fromkeys(places)}
        return [found[place] for place in places]

    def _at(self, place: int, low: IntArray, high: IntArray) -> float:
        while (high - low).sum() > FEW:
            pivot = self._middle(low, high)
            below = self._marks(low, high, pivot, np.less)
            upto = self._marks(below, high, pivot, np.less_equal)
            if self._pairs(below) >= place:
                high = below
            elif self._pairs(upto) < place:
                low = upto
            else:
                return pivot
        return self._between(low, high, [place])[0]

    def _pairs(self, marks: IntArray) -> int:
        """Of patients, before the marks."""
        return int(self.n_first @ self.upto[marks])

    def _middle(self, low: IntArray, high: IntArray) -> float:
        """The weighted median of the rows' middles: a quarter of all pairs lies on either side of it."""
        rows = np.flatnonzero(low < high)
        middles = self.first[rows] - self.second[(low[rows] + high[rows]) // 2]
        order = np.argsort(middles)
        weight = np.cumsum((high - low)[rows][order])
        return float(middles[order[np.searchsorted(weight, weight[-1] / 2)]])

    def _marks(self, low: IntArray, high: IntArray, pivot: float, holds: np.ufunc) -> IntArray:
        """The first place of each row, between its marks, at which `difference holds pivot` ends."""
        low, high = low.copy(), high.copy()
        while (rows := np.flatnonzero(low < high)).size:
            middle = (low[rows] + high[rows]) // 2
            held = holds(self.first[rows] - self.second[middle], pivot)
            low[rows[held]] = middle[held] + 1
            high[rows[~held]] = middle[~held]
        return low

    def _between(self, low: IntArray, high: IntArray, places: list[int]) -> list[float]:
        sizes = high - low
        row = np.repeat(np.arange(sizes.size), sizes)
        column = np.arange(row.size) - np.repeat(np.cumsum(sizes) - sizes - low, sizes)
        differences = self.first[row] - self.second[column]
        order = np.argsort(differences)
        upto = self._pairs(low) + np.cumsum((self.n_first[row] * self.n_second[column])[order])
        answer: list[float] = differences[order[np.searchsorted(upto, places)]].tolist()
        return answer
