"""Ratios of two arms: of risks, odds and rates, and how much confounding would explain one away.

Sources: Katz D et al. Biometrics 1978;34:469-74 (risk); Woolf B. Ann Hum Genet 1955;19:251-3 (odds);
Garwood F. Biometrika 1936;28:437-42 (one rate); VanderWeele TJ, Ding P. Ann Intern Med 2017;167:268-74
(E-value).
"""

from math import exp, sqrt
from statistics import NormalDist

from rwe.stats.distributions import binomial_p, gamma_quantile, version
from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.proportions import FISHER, clopper_pearson, tested
from rwe.stats.summaries import ArmEvents, Events

RISK, ODDS, RATE = "risk ratio", "odds ratio", "rate ratio"
KATZ, WOOLF = "Katz, log scale", "Woolf, log scale"
HALDANE = "Woolf, log scale, ½ added to each cell since one is 0 (Haldane–Anscombe)"
POISSON = "rate ratio, two-sided, exact conditional on all events"
CONDITIONAL = "exact conditional (Clopper–Pearson)"
MOST_EVENTS = 1_000_000
"""P looks at each number of events from 0 to all."""


def risk_ratio(events: Events, *, level: float = LEVEL) -> Estimate:
    """Needs events in both arms."""
    a, m, b, n = _counts(events)
    if not m or not n:
        return Estimate.not_estimable("empty_arm", name=RISK, test=FISHER, arms=(m, n))
    if not a or not b:
        value = 0.0 if b else None
        return Estimate.not_estimable("no_events", name=RISK, test=FISHER, arms=(m, n), value=value)
    ratio = (a / m) / (b / n)
    se = sqrt(1 / a - 1 / m + 1 / b - 1 / n)
    return _estimate(RISK, (ratio, se, KATZ), events, level)


def odds_ratio(events: Events, *, level: float = LEVEL) -> Estimate:
    """The sample's; with a cell of 0, that of cells with ½ added, and named so."""
    a, m, b, n = _counts(events)
    if not m or not n:
        return Estimate.not_estimable("empty_arm", name=ODDS, test=FISHER, arms=(m, n))
    if a + b in (0, m + n):
        return Estimate.not_estimable("no_events", name=ODDS, test=FISHER, arms=(m, n))
    zero = 0 in (a, m - a, b, n - b)
    found = log_odds(a, m, b=b, n=n, more=0.5 * zero)
    return _estimate(ODDS, (*found, HALDANE if zero else WOOLF), events, level)


def log_odds(a: int, m: int, *, b: int, n: int, more: float) -> tuple[float, float]:
    """The odds ratio of cells with so much added, and the standard error of its logarithm."""
    cells = [cell + more for cell in (a, m - a, b, n - b)]
    return cells[0] * cells[3] / (cells[1] * cells[2]), sqrt(sum(1 / cell for cell in cells))


def _counts(events: Events) -> tuple[int, int, int, int]:
    return events.treated.patients, events.treated.n, events.control.patients, events.control.n


def _estimate(name: str, found: tuple[float, float, str], events: Events, level: float) -> Estimate:
    """found: the ratio, the standard error of its logarithm, and how they are called."""
    (ratio, se, interval), (a, m, b, n) = found, _counts(events)
    spread = exp(NormalDist().inv_cdf((1 + level) / 2) * se)
    test, statistic, p = tested(a, m, b=b, n=n)
    return Estimate(
        name=name,
        value=ratio,
        ci_low=ratio / spread,
        ci_high=ratio * spread,
        level=level,
        interval=interval,
        test=test,
        statistic=statistic,
        p=p,
        n_treated=m,
        n_control=n,
    )


def rate_ratio(events: Events, *, level: float = LEVEL) -> Estimate:
    """poisson.test(c(a, b), c(T1, T2)): whatever the unit of time.  None stands for a limit of infinity."""
    first, second = events.treated, events.control
    arms = first.n, second.n
    if not first.person_days or not second.person_days:
        return Estimate.not_estimable("empty_arm", name=RATE, test=POISSON, arms=arms)
    a, total, odds = first.events, first.events + second.events, first.person_days / second.person_days
    if not total:
        return Estimate.not_estimable("no_events", name=RATE, test=POISSON, arms=arms)
    value = a / second.events / odds if second.events else None
    if total > MOST_EVENTS:
        return Estimate.not_estimable("too_many", name=RATE, test=POISSON, arms=arms, value=value)
    low, high = clopper_pearson(a, total, level=level)
    bounded = high < 1
    return Estimate(
        name=RATE,
        value=value,
        ci_low=low / (1 - low) / odds,
        ci_high=high / (1 - high) / odds if bounded else None,
        level=level,
        interval=CONDITIONAL if bounded else f"{CONDITIONAL}; no upper limit: the controls have no event",
        test=POISSON,
        p=binomial_p(a, total, odds / (1 + odds)),
        n_treated=arms[0],
        n_control=arms[1],
        version=version(),
    )


def rate(arm: ArmEvents, *, level: float = LEVEL) -> tuple[float, float, float]:
    """Events a person-day with exact limits, person-days above 0: poisson.test(events, person_days)."""
    tail, days = (1 - level) / 2, arm.person_days
    low = gamma_quantile(tail, arm.events) / days if arm.events else 0.0
    return arm.events / days, low, gamma_quantile(1 - tail, arm.events + 1) / days


def e_value(ratio: float, *, low: float, high: float) -> tuple[float, float]:
    """Of a risk ratio and of the limit nearer to 1; 1 where the interval holds 1.

    An unmeasured confounder must raise both treatment and outcome by this factor to explain it away.
    """
    limit = 1.0 if low <= 1 <= high else min(low, high, key=lambda side: abs(side - 1))
    return _e(ratio), _e(limit)


def _e(ratio: float) -> float:
    away = max(ratio, 1 / ratio)
    return away + sqrt(away * (away - 1))
