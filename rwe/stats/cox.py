"""The hazard ratio of treated to control: Cox's model of the arm alone, in strata, ties by Efron.

Newton steps on sums over strata, so that sites can be pooled without a row: survival::coxph(Surv(days, event)
~ arm + strata(stratum), ties = "efron").
Source: Efron B. JASA 1977;72:557-65.
"""

from collections.abc import Sequence
from math import erfc, exp, sqrt
from statistics import NormalDist

import numpy as np

from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.survival import Times

NAME = "hazard ratio"
TEST = "Cox model of the arm, Efron ties, Wald, two-sided"
INTERVAL = "Wald, log scale"
STEPS, CLOSE, FARTHEST = 50, 1e-12, 30.0
"""Beyond the farthest the likelihood only rises: one arm's events all come first."""


def cox(strata: Sequence[Times], *, level: float = LEVEL) -> Estimate:
    """None without events in both arms: the ratio would be 0 or infinite."""
    arms = sum(t.treated.n for t in strata), sum(t.control.n for t in strata)
    events = (
        sum(int(t.treated.events.sum()) for t in strata),
        sum(int(t.control.events.sum()) for t in strata),
    )
    if none := nothing(arms, events):
        return none
    found = _maximum(strata)
    return not_identified(arms) if found is None else estimate(*found, arms, level=level)


def nothing(arms: tuple[int, int], events: tuple[int, int]) -> Estimate | None:
    """Where there is nothing to look for a maximum of."""
    if not all(arms):
        return Estimate.not_estimable("empty_arm", name=NAME, test=TEST, arms=arms)
    if not all(events):
        return Estimate.not_estimable("no_events", name=NAME, test=TEST, arms=arms)
    return None


def not_identified(arms: tuple[int, int]) -> Estimate:
    return Estimate.not_estimable("not_identified", name=NAME, test=TEST, arms=arms)


def estimate(beta: float, se: float, arms: tuple[int, int], *, level: float = LEVEL) -> Estimate:
    spread = exp(NormalDist().inv_cdf((1 + level) / 2) * se)
    return Estimate(
        name=NAME,
        value=exp(beta),
        ci_low=exp(beta) / spread,
        ci_high=exp(beta) * spread,
        level=level,
        interval=INTERVAL,
        test=TEST,
        statistic=beta / se,
        p=erfc(abs(beta / se) / sqrt(2)),
        n_treated=arms[0],
        n_control=arms[1],
    )


def _maximum(strata: Sequence[Times]) -> tuple[float, float] | None:
    """Of the partial likelihood, which is concave: the log ratio and its standard error."""
    beta, se, steps = 0.0, None, 0
    while se is None:
        found = step(beta, slopes(strata, beta), steps)
        if found is None:
            return None
        (beta, se), steps = found, steps + 1
    return beta, se


def step(beta: float, at: tuple[float, float], before: int) -> tuple[float, float | None] | None:
    """From score and information at a log ratio, after so many steps: the next, and at the end its error."""
    score, information = at
    if information <= 0 or abs(beta) > FARTHEST or before >= STEPS:
        return None
    move = score / information
    return beta + max(-1.0, min(1.0, move)), 1 / sqrt(information) if abs(move) < CLOSE else None


def slopes(strata: Sequence[Times], beta: float) -> tuple[float, float]:
    """Score and information at a log hazard ratio: what a site sends."""
    parts = [_of_stratum(t, beta) for t in strata]
    return sum(score for score, _ in parts), sum(information for _, information in parts)


def _of_stratum(times: Times, beta: float) -> tuple[float, float]:
    hazard, score, information = exp(beta), 0.0, 0.0
    d1, d0 = times.treated.events, times.control.events
    n1, n0 = times.treated.at_risk(), times.control.at_risk()
    for day in np.flatnonzero(d1 + d0):
        ties = int(d1[day] + d0[day])
        left = np.arange(ties) / ties  # of those who die that day, the share already gone
        treated = hazard * (n1[day] - left * d1[day])
        share = treated / (treated + n0[day] - left * d0[day])
        score += float(d1[day] - share.sum())
        information += float((share * (1 - share)).sum())
    return score, information
