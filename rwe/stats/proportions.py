"""Patients with an event in two arms: the 2x2 table, and the interval of one proportion.

The estimate is the risk difference, treated minus control, with Newcombe's interval: it exists for
every table, also one without events.
Sources: Newcombe RG. Stat Med 1998;17:873-90, method 10; Wilson EB. JASA 1927;22:209-12.
"""

from math import erfc, hypot, sqrt
from statistics import NormalDist

from rwe.stats.conditional import Conditional
from rwe.stats.distributions import beta_quantile
from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.summaries import Events

DIFFERENCE = "risk difference"
INTERVAL = "Newcombe, method 10"
FISHER = "Fisher exact, two-sided"
PEARSON = "Pearson chi-squared, two-sided, no continuity correction"
SMALL_EXPECTED, SMALL_TOTAL = 5, 40


def two_by_two(events: Events, *, level: float = LEVEL) -> Estimate:
    """Fisher if an expected count is below 5 or fewer than 40 patients, else Pearson without Yates.

    No events at all, or nobody without one: the difference and its interval, but no test.
    """
    (a, m), (b, n) = ((arm.patients, arm.n) for arm in (events.treated, events.control))
    if not m or not n:
        return Estimate.not_estimable("empty_arm", name=DIFFERENCE, test=FISHER, arms=(m, n))
    degenerate = a + b in (0, m + n)
    low, high = newcombe(a, m, b=b, n=n, level=level)
    test, statistic, p = tested(a, m, b=b, n=n)
    return Estimate(
        name=DIFFERENCE,
        value=a / m - b / n,
        ci_low=low,
        ci_high=high,
        level=level,
        interval=INTERVAL,
        test=test,
        statistic=statistic,
        p=None if degenerate else p,
        n_treated=m,
        n_control=n,
        status="not_estimable" if degenerate else "estimated",
        reason="no_events" if degenerate else None,
    )


def tested(a: int, m: int, *, b: int, n: int) -> tuple[str, float | None, float]:
    """Test, statistic and P by the rule above, for m and n of at least 1."""
    if smallest_expected(a, m, b=b, n=n) < SMALL_EXPECTED or m + n < SMALL_TOTAL:
        return FISHER, None, fisher_p(a, m, b=b, n=n)
    return PEARSON, *pearson(a, m, b=b, n=n)


def smallest_expected(a: int, m: int, *, b: int, n: int) -> float:
    """Of the four cells of a of m against b of n."""
    return min(m, n) * min(a + b, m + n - a - b) / (m + n)


def pearson(a: int, m: int, *, b: int, n: int) -> tuple[float, float]:
    """Chi-squared and P of a of m against b of n, no margin 0: chisq.test(correct = FALSE)."""
    k, total = a + b, m + n
    x2 = (a * n - b * m) ** 2 * total / (m * n * k * (total - k))
    return x2, erfc(sqrt(x2 / 2))


def fisher_p(a: int, m: int, *, b: int, n: int) -> float:
    """P of the tables with these margins that are no likelier than a of m against b of n: fisher.test."""
    return Conditional.of([(a, m, b, n)]).p()


def wilson(k: int, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Score limits of k of n, n > 0: prop.test(k, n, correct = FALSE)."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle, half = k + z * z / 2, z * sqrt(k * (n - k) / n + z * z / 4)
    low, high = (middle - half) / (n + z * z), (middle + half) / (n + z * z)
    return (low if k else 0.0), (high if k < n else 1.0)


def newcombe(a: int, m: int, *, b: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Limits of the difference of a of m and b of n, from each arm's Wilson limits."""
    p1, p0 = a / m, b / n
    (low1, high1), (low0, high0) = wilson(a, m, level=level), wilson(b, n, level=level)
    return p1 - p0 - hypot(p1 - low1, high0 - p0), p1 - p0 + hypot(high1 - p1, p0 - low0)


def clopper_pearson(k: int, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Exact limits of k of n, n > 0, at least `level`, for safety: binom.test(k, n)."""
    tail = (1 - level) / 2
    low = beta_quantile(tail, k, n - k + 1) if k else 0.0
    return low, beta_quantile(1 - tail, k + 1, n - k) if k < n else 1.0


def rule_of_three(k: int, n: int) -> float | None:
    """An upper limit in plain words where nothing happened; None where something did."""
    return 3 / n if k == 0 else None
