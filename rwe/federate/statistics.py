"""The named statistics: what of each leaves a site, and how it is pooled.

A statistic that is not here can be asked for by nobody.  To add one: its line in STATISTICS, its summary in
rwe.stats and messages.Part, its rule in rules.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Literal

from rwe.federate.messages import Ask
from rwe.stats import TESTS, mantel_haenszel
from rwe.stats.balance import smd, smd_level
from rwe.stats.estimate import Estimate
from rwe.stats.means import welch_of
from rwe.stats.moments import TwoMoments
from rwe.stats.proportions import two_by_two
from rwe.stats.ratios import rate_ratio
from rwe.stats.summaries import Events
from rwe.stats.survival import Times, log_rank
from rwe.stats.van_elteren import van_elteren

SMD = "standardised mean difference"
NO_TEST = "no test: a description of the arms"
Leaves = Literal["count", "ranks", "moments", "events", "masked", "rounds"]
"""Fields of messages.Part; masked: how often each value occurs, under a secure sum alone; rounds: sums of a
model under masks, round by round (rwe.federate.rounds)."""
Of = Literal["cohort", "endpoint", "measured", "share", "known", "event", "change", "score"]


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """pool: from the summaries of strata, which are sites × severity; None where there is nothing to compare,
    or it is a model in rounds.  words: what leaves, after "of each arm and stratum"."""

    leaves: Leaves
    of: Of
    pool: Callable[[Sequence[Any]], Estimate] | None
    words: str


def _summed(method: Callable[[Any], Estimate]) -> Callable[[Sequence[Any]], Estimate]:
    """A method of one table, on the sum of all."""

    def pooled(parts: Sequence[Any]) -> Estimate:
        return method(reduce(add, parts))

    return pooled


def _welch(m: TwoMoments) -> Estimate:
    return welch_of(m.treated.description(), m.control.description())


def _smd(m: TwoMoments) -> Estimate:
    found = smd(m.treated.description(), m.control.description())
    return _described(found, (m.treated.n, m.control.n))


def _smd_share(e: Events) -> Estimate:
    t, c = e.treated, e.control
    return _described(smd_level(t.patients, t.n, control=c.patients, n_control=c.n), (t.n, c.n))


def _described(value: float | None, arms: tuple[int, int]) -> Estimate:
    if value is None:
        reason: Any = "no_variation" if all(arms) else "empty_arm"
        return Estimate.not_estimable(reason, name=SMD, test=NO_TEST, arms=arms)
    return Estimate(name=SMD, value=value, test=NO_TEST, n_treated=arms[0], n_control=arms[1])


def _log_rank(times: Times) -> Estimate:
    """Of one stratum: all that is summed."""
    return log_rank([times])


COUNTED = "the number of patients and of those with an event"
MASKED = "how often each value occurs, hidden under masks that only the sum over all sites is free of"
SUMS = "n, the sum and the sum of squares about the centre"
ROUNDS = (
    "in rounds, hidden under masks that only the sum over all sites is free of: n, then sums of the model"
)
STATISTICS: dict[str, Statistic] = {
    "count": Statistic(leaves="count", of="cohort", pool=None, words="the number of patients"),
    "van_elteren": Statistic(
        leaves="ranks", of="endpoint", pool=van_elteren, words="n, and of both U and Σ(t³ − t) over ties"
    ),
    "difference_of_means": Statistic(leaves="moments", of="endpoint", pool=_summed(_welch), words=SUMS),
    "mean": Statistic(leaves="moments", of="measured", pool=_summed(_smd), words=SUMS),
    "share": Statistic(
        leaves="events",
        of="share",
        pool=_summed(_smd_share),
        words="the number of patients and of those with it",
    ),
    "two_by_two": Statistic(leaves="events", of="event", pool=_summed(two_by_two), words=COUNTED),
    "odds_ratio": Statistic(leaves="events", of="event", pool=mantel_haenszel.odds_ratio, words=COUNTED),
    "risk_difference": Statistic(
        leaves="events", of="event", pool=mantel_haenszel.risk_difference, words=COUNTED
    ),
    "risk_ratio": Statistic(leaves="events", of="event", pool=mantel_haenszel.risk_ratio, words=COUNTED),
    "exact": Statistic(leaves="events", of="event", pool=mantel_haenszel.exact, words=COUNTED),
    "rate_ratio": Statistic(
        leaves="events", of="event", pool=_summed(rate_ratio), words="patients, their events and days at risk"
    ),
    **{
        name: Statistic(leaves="masked", of="endpoint", pool=_summed(test), words=MASKED)
        for name, test in TESTS.items()
        if name.startswith("mann_whitney")
    },
    "quartiles": Statistic(leaves="masked", of="known", pool=None, words=MASKED),
    "log_rank": Statistic(leaves="masked", of="event", pool=_summed(_log_rank), words=MASKED),
    "ancova": Statistic(leaves="rounds", of="change", pool=None, words=ROUNDS),
    "weighted_difference": Statistic(leaves="rounds", of="score", pool=None, words=ROUNDS),
    "hazard_ratio": Statistic(leaves="rounds", of="event", pool=None, words=ROUNDS),
    "log_rank_by_site": Statistic(leaves="rounds", of="event", pool=None, words=ROUNDS),
}


def is_masked(ask: Ask) -> bool:
    """A sum of values, read at once."""
    return STATISTICS[ask.statistic].leaves == "masked"


def in_rounds(ask: Ask) -> bool:
    return STATISTICS[ask.statistic].leaves == "rounds"


def is_summed(ask: Ask) -> bool:
    """Under masks: the coordinator sees the sum over all sites alone."""
    return is_masked(ask) or in_rounds(ask)
