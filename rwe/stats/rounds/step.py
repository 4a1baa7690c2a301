"""What all estimates in rounds have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from rwe.stats.estimate import Estimate
from rwe.stats.logistic import BoolArray
from rwe.stats.summaries import FloatArray, IntArray

Held = Literal["small_arm", "small_group", "too_rich"]


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
    """Over all sites: patients an arm, patients with and without a level, parameters a patient."""

    arm: int
    group: int
    parameters: float

    def rich(self, parameters: int, patients: int) -> bool:
        return parameters > self.parameters * patients


@dataclass(frozen=True, kw_only=True)
class Ended:
    """held: why there are no more sums, though there are patients.  means, effective: under weights."""

    arms: tuple[int, int]
    estimate: Estimate | None = None
    held: Held | None = None
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


def whole(number: float) -> int:
    """A count, that went as a number."""
    return round(float(number))
