"""What every method gives back: an estimate with its interval, its test, and whether there is one.

No result is a result too: it has a reason, never NaN and never P = 1.  Knows no method.
"""

from dataclasses import dataclass
from math import isnan
from typing import Literal

import rwe

Status = Literal["estimated", "not_estimable", "suppressed"]
Reason = Literal[
    "empty_arm",  # an arm has no value
    "no_variation",  # all values equal, so nothing to rank or to scale by
    "no_events",  # a 2x2 without events, or without anything else
    "level_not_attained",  # of the interval alone: the comparison stays estimated
    "not_identified",  # too few values for the variance the method needs
    "too_many",  # more patients or events than an exact method can be computed for
    "no_direction",  # the study does not say which end of the endpoint's scale is worse
    "decided_by_death",  # of the shift alone: half of the pairs or more are of a death and a survivor
]
LEVEL = 0.95
OURS = f"rwe {rwe.__version__}"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Treated minus control, unless `name` says otherwise; P is two-sided.

    level: what the interval attains, which may differ from what was asked.
    interval: how the interval was made, with what a reader must know about its coverage.
    test: the whole method as a paper would print it.
    version: of what computed P, "rwe 0.1.0" or "scipy 1.17.1".
    """

    name: str
    test: str
    n_treated: int
    n_control: int
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    level: float | None = None
    interval: str | None = None
    statistic: float | None = None
    p: float | None = None
    status: Status = "estimated"
    reason: Reason | None = None
    version: str = OURS

    def __post_init__(self) -> None:
        numbers = (self.value, self.ci_low, self.ci_high, self.level, self.statistic, self.p)
        if any(number is not None and isnan(number) for number in numbers):
            raise ValueError(f"{self.test}: NaN in an estimate")
        if self.status != "estimated" and self.reason is None:
            raise ValueError(f"{self.test}: {self.status} without a reason")

    @classmethod
    def not_estimable(
        cls, reason: Reason, *, name: str, test: str, arms: tuple[int, int], value: float | None = None
    ) -> "Estimate":
        """No test and no interval; arms: n of treated and of control.  A value is shown where it exists."""
        return cls(
            name=name,
            test=test,
            n_treated=arms[0],
            n_control=arms[1],
            value=value,
            status="not_estimable",
            reason=reason,
        )
