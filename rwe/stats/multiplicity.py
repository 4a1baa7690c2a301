"""P values of one family, adjusted.  None is a comparison that has no P: it stays None and is not in m.

R's p.adjust, which keeps NA out of m likewise; statsmodels counts a NaN in Holm's m and makes every
Benjamini-Hochberg value NaN.
"""

from collections.abc import Sequence
from itertools import accumulate


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """p.adjust(p, "holm"): holds the chance of any false finding in the family."""
    known = _ascending(ps)
    steps = (p * (len(known) - i) for i, (p, _) in enumerate(known))
    return _placed(ps, known, list(accumulate(steps, max)))


def benjamini_hochberg(ps: Sequence[float | None]) -> list[float | None]:
    """p.adjust(p, "BH"): holds the expected share of false findings among the findings."""
    known = _ascending(ps)
    steps = (p * (len(known) / (i + 1)) for i, (p, _) in reversed(list(enumerate(known))))
    return _placed(ps, known, list(accumulate(steps, min))[::-1])


def _ascending(ps: Sequence[float | None]) -> list[tuple[float, int]]:
    return sorted((p, place) for place, p in enumerate(ps) if p is not None)


def _placed(
    ps: Sequence[float | None], known: list[tuple[float, int]], adjusted: list[float]
) -> list[float | None]:
    answer: list[float | None] = [None] * len(ps)
    for (_, place), p in zip(known, adjusted, strict=True):
        answer[place] = min(1.0, p)
    return answer
