"""What is published, to so few digits that nobody takes it for exact.

a Row that may be shown  ──▶  counts to 5, sums as of those, the rest to 3 digits, of tables 2
"""

from dataclasses import dataclass

from msgspec.structs import replace

from rwe.federate.pooled import Arm, Row
from rwe.federate.rules import COUNTS_TO, LEAST_PUBLISHED, P_FROM
from rwe.results import EstimateResult, Limit, TestResult

DIGITS, OF_TABLES, OF_P, OF_LEVEL = 3, 2, 2, 2
"""A mean to 3 digits of patients known within 2: the sum, and with it one patient's value, is not.

Of a 2×2 table, 3 digits of estimate and limits give each cell back, beside rounded counts; 2 digits often
leave several tables, not always.  Hence no cell of 1 to 7 may follow even from exact numbers: see publish.py.
"""
WORDS = (
    f"Counts of patients and events are rounded to the nearest {COUNTS_TO}: 15 means 13 to 17.",
    f"A row is suppressed that has a cell of 1 to {LEAST_PUBLISHED - 1} patients, or would give one back.",
    "Days at risk are those of the rounded number of patients.",
    f"Means, SD, medians and quartiles have {DIGITS} significant digits, so have estimates and limits;"
    f" those of shares and events have {OF_TABLES}.",
    f"P values have {OF_P} significant digits; {P_FROM} means {P_FROM} or less.  No test statistic is shown.",
    "Estimates and P values are of the exact numbers: a cell of "
    f"{LEAST_PUBLISHED} or more may be worked out from them, none of fewer.",
    f"How many have no value is rounded too: it is known within {COUNTS_TO - 1} at best.",
)


@dataclass(frozen=True, kw_only=True)
class Digits:
    """Of all numbers of a row that are no counts."""

    n: int

    def of(self, value: float | None) -> float | None:
        return None if value is None else float(f"{value:.{self.n}g}")

    def limit(self, value: Limit) -> Limit:
        return value if isinstance(value, str) else self.of(value)


def rounded(row: Row) -> Row:
    arms = [arm for arm in (row.treated, row.control) if arm]
    keep = Digits(n=OF_TABLES if any(arm.patients is not None for arm in arms) else DIGITS)
    return replace(
        row,
        treated=row.treated and _arm(row.treated),
        control=row.control and _arm(row.control),
        estimate=row.estimate and _estimate(row.estimate, keep),
        test=row.test and _test(row.test),
        coefficients={name: Digits(n=DIGITS).of(b) or 0.0 for name, b in row.coefficients.items()},
    )


def count(n: int) -> int:
    return COUNTS_TO * round(n / COUNTS_TO)


def _arm(arm: Arm) -> Arm:
    """Without the curve, each of whose steps is a patient."""
    three = Digits(n=DIGITS)
    days = None if arm.person_days is None or not arm.n else three.of(arm.person_days / arm.n)
    return Arm(
        n=count(arm.n),
        mean=three.of(arm.mean),
        sd=three.of(arm.sd),
        patients=None if arm.patients is None else count(arm.patients),
        events=None if arm.events is None else count(arm.events),
        person_days=None if days is None else days * count(arm.n),
        median=three.of(arm.median),
        q1=three.of(arm.q1),
        q3=three.of(arm.q3),
        effective=three.of(arm.effective),
    )


def _estimate(e: EstimateResult, keep: Digits) -> EstimateResult:
    """level: what is attained is a function of the two n."""
    limits = keep.limit(e.ci_low), keep.limit(e.ci_high)
    level = Digits(n=OF_LEVEL).of(e.level)
    return replace(e, value=keep.of(e.value), ci_low=limits[0], ci_high=limits[1], level=level)


def _test(test: TestResult) -> TestResult:
    p = None if test.p is None else max(Digits(n=OF_P).of(test.p) or 0.0, P_FROM)
    return replace(test, statistic=None, p=p)
