"""The hazard ratio and the log-rank test within sites: rwe.stats.cox and .survival in rounds.

    sizes  ──▶  score and information at a log ratio, and at the next  ──▶  Estimate
    sizes  ──▶  observed less expected events, and their variance      ──▶  Estimate

Rows.values: days to the first event or the end of follow-up, 1 where it is an event.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rwe.stats import cox, survival
from rwe.stats.estimate import Estimate
from rwe.stats.rounds.step import Ended, Least, Rows, Step, counts, size
from rwe.stats.summaries import FloatArray
from rwe.stats.survival import ROUNDING, Times

Arms = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Patients of either arm, sites with any, and events of either arm."""

    least: Least
    then: Callable[[Arms, Arms], Step | Ended]
    size: int = 5

    def sums(self, rows: Rows) -> FloatArray:
        event = rows.values[:, 1] > 0
        return np.array(
            [*size(rows), (event & rows.treated).sum(), (event & ~rows.treated).sum()], np.float64
        )

    def few(self, rest: FloatArray) -> bool:
        return self.least.few(rest)

    def after(self, total: FloatArray) -> Step | Ended:
        treated, control, sites, *events = counts(total)
        arms = treated, control
        if held := self.least.held(sites, arms):
            return Ended(arms=arms, held=held)
        return self.then(arms, (events[0], events[1]))


def hazard_ratio(least: Least) -> Step:
    def then(arms: Arms, events: Arms) -> Step | Ended:
        none = cox.nothing(arms, events)
        return _ended(arms, none) if none else Slopes(arms=arms, events=sum(events))

    return Sizes(least=least, then=then)


def log_rank(least: Least) -> Step:
    return Sizes(least=least, then=lambda arms, _: Excess(arms=arms))


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """At one log hazard ratio, after so many steps."""

    arms: Arms
    events: int
    beta: float = 0.0
    steps: int = 0
    size: int = 2

    def sums(self, rows: Rows) -> FloatArray:
        return np.array(cox.slopes(_strata(rows), self.beta))

    def after(self, total: FloatArray) -> Step | Ended:
        score, information = map(float, total)
        if abs(score) > self.events or not 0 <= information <= self.events / 4 + ROUNDING:
            raise ValueError("no sums of so many events")
        found = cox.step(self.beta, (score, information), self.steps)
        if found is None:
            return _ended(self.arms, cox.not_identified(self.arms))
        beta, se = found
        if se is None:
            return replace(self, beta=beta, steps=self.steps + 1)
        return _ended(self.arms, cox.estimate(beta, se, self.arms))


@dataclass(frozen=True, kw_only=True)
class Excess:
    arms: Arms
    size: int = 2

    def sums(self, rows: Rows) -> FloatArray:
        found: FloatArray = np.array([(0.0, 0.0), *map(survival.excess, _strata(rows))]).sum(axis=0)
        return found

    def after(self, total: FloatArray) -> Ended:
        if total[1] < 0:
            raise ValueError("no variance is below 0")
        return _ended(self.arms, survival.of_excess(float(total[0]), float(total[1]), arms=self.arms))


def _ended(arms: Arms, found: Estimate) -> Ended:
    return Ended(arms=arms, estimate=replace(found, test=f"{found.test}, within sites"))


def _strata(rows: Rows) -> list[Times]:
    days, event = rows.values.T
    return [Times.of(days[here], event[here] > 0, rows.treated[here]) for here in rows.groups()]
