"""What all estimates in rounds have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from rwe.stats.estimate import Estimate
from rwe.stats.logistic import BoolArray
from rwe.stats.summaries import FloatArray, IntArray
from rwe.stats.weights import effective_size

WhyHeld = Literal["small_arm", "small_group", "few_sites", "too_rich", "held_at_site"]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A row a patient: treated (n,), group (n,), values (n, k) of which each model says what they are.

    group: equal for patients of one site and stratum.
    """

    treated: BoolArray
    group: IntArray
    values: FloatArray

    @property
    def arms(self) -> tuple[int, int]:
        n = int(self.treated.sum())
        return n, self.treated.size - n

    def groups(self) -> Iterator[BoolArray]:
        for name in np.unique(self.group):
            yield self.group == name

    def within(self, columns: FloatArray) -> FloatArray:
        """Each column about its mean in the own group; equal values give zeros, not rounding."""
        found = columns.copy()
        for here in self.groups():
            found[here] -= found[here][0]
            found[here] -= found[here].mean(axis=0)
        return found


@dataclass(frozen=True, kw_only=True)
class Least:
    """Over all: sites with patients, patients an arm, with and without a level, parameters a patient."""

    sites: int
    arm: int
    group: int
    parameters: float

    def held(self, sites: int, arms: tuple[int, int]) -> WhyHeld | None:
        """Sums of one site's patients alone are that site's own."""
        if min(arms) < self.arm:
            return "small_arm"
        return "few_sites" if sites < self.sites else None

    def few(self, rest: FloatArray) -> bool:
        """Of first sums that all others have: is an arm of theirs too small?"""
        return bool(rest[:2].min() < self.arm)

    def rich(self, parameters: int, patients: int) -> bool:
        return parameters > self.parameters * patients


@dataclass(frozen=True, kw_only=True)
class Ended:
    """held: why there are no more sums, though there are patients.  means, effective: under weights."""

    arms: tuple[int, int]
    estimate: Estimate | None = None
    held: WhyHeld | None = None
    means: tuple[float, float] | None = None
    effective: tuple[float, float] | None = None
    coefficients: dict[str, float] = field(default_factory=dict)


class Step(Protocol):
    @property
    def size(self) -> int:
        """How many numbers `sums` has."""
        ...

    def sums(self, rows: Rows) -> FloatArray: ...

    def after(self, total: FloatArray) -> "Step | Ended":
        """total: of all sites."""
        ...


def counts(total: FloatArray) -> list[int]:
    """Numbers that count something.  ValueError where they cannot."""
    found = [round(number) for number in total.tolist()]
    if any(abs(number - n) > 1e-6 or n < 0 for number, n in zip(total.tolist(), found, strict=True)):
        raise ValueError("no counts")
    return found


def size(rows: Rows) -> list[int]:
    """What the first sums of each model begin with: patients of either arm, and 1 if there are any."""
    return [*rows.arms, min(1, rows.treated.size)]


FEWEST = 5
HIDDEN = 2.0**190
"""No sum is as large.  Of a site that holds its own back all numbers are, at random: a known one, taken from
the total, would leave the others' sums."""


def nothing(numbers: int) -> FloatArray:
    """What a site gives instead of so many sums; vector.py makes it random."""
    return np.full(numbers, np.inf)


def after(step: Step, total: FloatArray) -> Step | Ended:
    if (np.abs(total) >= HIDDEN).any():
        return Ended(arms=(0, 0), held="held_at_site")
    return step.after(total)


def upper(square: FloatArray) -> FloatArray:
    """Of a symmetric matrix each number once, row by row."""
    found: FloatArray = square[np.triu_indices(len(square))]
    return found


def symmetric(numbers: FloatArray, p: int) -> FloatArray:
    """(p, p), of what upper() gave."""
    found = np.zeros((p, p))
    found[np.triu_indices(p)] = numbers
    return found + np.triu(found, 1).T


def few_weigh(weight: FloatArray) -> bool:
    """Would a site's sums be of a few of its patients?  Where a model is looked at may have been chosen so.

    Kish: below 5 patients of equal weight, or half of all.
    """
    return bool(weight.size) and effective_size(weight) < min(FEWEST, weight.size / 2)
