"""What leaves the rows: one summary per site and stratum, pooled by `+`.

One site is a federation of one: an estimate is a function of summaries, never of rows, and
of(a) + of(b) is of(a and b together).  Every error here is a DataError without the value in it.
"""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rwe.errors import DataError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LARGEST = 1e150
"""Squares of anything larger overflow; no measurement is."""


def finite(values: ArrayLike) -> FloatArray:
    """One measured value a patient, shape (n,)."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise DataError("an arm's values must be one number a patient", hint="pass arrays of shape (n,)")
    if not (np.abs(array) <= LARGEST).all():  # NaN fails this too
        raise DataError(
            "a value is missing, infinite or beyond 1e150",
            hint="missing values leave before a comparison and are counted: see sql/endpoint",
        )
    return array


@dataclass(frozen=True, kw_only=True)
class TwoSamples:
    """How often each value occurs in either arm: all that ranks, shifts, quantiles and means need.

    values: distinct and ascending; treated, control: a count for each.
    """

    values: tuple[float, ...]
    treated: tuple[int, ...]
    control: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.values) == len(self.treated) == len(self.control):
            raise DataError("a summary needs one count per value and arm")
        if (np.diff(finite(self.values)) <= 0).any():
            raise DataError("a summary needs distinct, ascending values")
        if any(min(t, c) < 0 or t + c == 0 for t, c in zip(self.treated, self.control, strict=True)):
            raise DataError("a summary needs counts of at least 0, and of 1 over both arms")

    @classmethod
    def of(cls, treated: ArrayLike, control: ArrayLike) -> "TwoSamples":
        first, second = finite(treated), finite(control)
        in_treated = np.repeat([1, 0], [first.size, second.size])
        return cls._tally(np.concatenate([first, second]), treated=in_treated, control=1 - in_treated)

    def __add__(self, other: "TwoSamples") -> "TwoSamples":
        return self._tally(
            np.array(self.values + other.values, dtype=np.float64),
            treated=np.array(self.treated + other.treated, dtype=np.int64),
            control=np.array(self.control + other.control, dtype=np.int64),
        )

    @classmethod
    def _tally(cls, values: FloatArray, *, treated: IntArray, control: IntArray) -> "TwoSamples":
        distinct, place = np.unique(values, return_inverse=True)
        counts = np.zeros((2, distinct.size), dtype=np.int64)
        np.add.at(counts[0], place, treated)
        np.add.at(counts[1], place, control)
        return cls(
            values=tuple(distinct.tolist()),
            treated=tuple(counts[0].tolist()),
            control=tuple(counts[1].tolist()),
        )

    @cached_property
    def n_treated(self) -> int:
        return sum(self.treated)

    @cached_property
    def n_control(self) -> int:
        return sum(self.control)

    def arms(self) -> tuple[FloatArray, FloatArray]:
        """The values of treated and of control, each ascending."""
        values = np.array(self.values, dtype=np.float64)
        return np.repeat(values, self.treated), np.repeat(values, self.control)


@dataclass(frozen=True, kw_only=True)
class ArmEvents:
    """Of n patients, `patients` had at least one event; `events` in `person_days` at risk."""

    patients: int
    events: int
    n: int
    person_days: float

    def __post_init__(self) -> None:
        if not 0 <= self.patients <= self.n or self.events < self.patients:
            raise DataError("events need 0 <= patients with an event <= n, and an event for each of them")
        if not (isfinite(self.person_days) and self.person_days >= 0):
            raise DataError("person-days must be a number of at least 0")

    def __add__(self, other: "ArmEvents") -> "ArmEvents":
        return ArmEvents(
            patients=self.patients + other.patients,
            events=self.events + other.events,
            n=self.n + other.n,
            person_days=self.person_days + other.person_days,
        )


@dataclass(frozen=True, kw_only=True)
class Events:
    """One kind of event in both arms: the 2x2 table, and what a rate needs."""

    treated: ArmEvents
    control: ArmEvents

    def __add__(self, other: "Events") -> "Events":
        return Events(treated=self.treated + other.treated, control=self.control + other.control)
