"""Pairs of one treated and one control, alike in the propensity score.

Treated in descending score; each takes the nearest free control of its own group (site and severity,
say) within the caliper; no control twice.  Scores that agree to 12 digits are tied, and ties go by a
hash of seed and id: no order of rows and no machine changes a pair.
Nobody is paired with oneself: a patient may be a control until the own treatment.
Source: Austin PC. Pharm Stat 2011;10:150-61; the width here is 0.2 SD of the score, not of its logit.
MatchIt's nearest neighbours, but for pairs beyond the caliper that some releases return.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from rwe.stats.logistic import BoolArray
from rwe.stats.summaries import FloatArray

DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Matched:
    """pairs: rows of treated and control, in the order they were made; width: of the caliper, in scores."""

    pairs: tuple[tuple[int, int], ...]
    width: float

    def weights(self, n: int) -> FloatArray:
        """1 in a pair, else 0."""
        w = np.zeros(n)
        w[[row for pair in self.pairs for row in pair]] = 1
        return w


@dataclass(frozen=True, kw_only=True)
class Caliper:
    """sds: of the score over all patients, n - 1."""

    sds: float = 0.2
    seed: int = 0


def match(  # noqa: PLR0913  each is one column of the same rows
    score: FloatArray,
    treated: BoolArray,
    *,
    ids: Sequence[str],
    groups: Sequence[Hashable],
    persons: Sequence[Hashable] | None = None,
    caliper: Caliper = Caliper(),
) -> Matched:
    """ids must differ; groups: a pair has one and the same; persons: of each row, where one has two."""
    who = ids if persons is None else persons
    also = {who[row]: row for row in np.flatnonzero(~treated).tolist()}
    rounded = np.round(score, DIGITS)
    width = caliper.sds * float(score.std(ddof=1)) if len(score) > 1 else 0.0
    ties = [sha256(f"{caliper.seed}:{name}".encode()).digest() for name in ids]
    order = sorted(range(len(score)), key=lambda row: (-rounded[row], ties[row]))
    free = _free(sorted(np.flatnonzero(~treated).tolist(), key=ties.__getitem__), groups)
    pairs = []
    for row in order:
        controls = free.get(groups[row], []) if treated[row] else []
        if not controls:
            continue
        apart = np.round(np.abs(rounded[controls] - rounded[row]), DIGITS)
        if also.get(who[row]) in controls:
            apart[controls.index(also[who[row]])] = np.inf
        nearest = int(apart.argmin())  # the first of equals: controls are in the order of ties
        if apart[nearest] <= width:
            pairs.append((row, controls.pop(nearest)))
    return Matched(pairs=tuple(pairs), width=width)


def _free(controls: list[int], groups: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    free: dict[Hashable, list[int]] = {}
    for row in controls:
        free.setdefault(groups[row], []).append(row)
    return free
