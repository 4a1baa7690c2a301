"""The models that a request asks for, each at its first step, and where sums of all sites have led them.

request, study  ──▶  slots(): a Step by place and stratum
totals of each round  ──▶  after(): the next, or how it ended
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from rwe.federate import rules
from rwe.federate.messages import Ask, Request
from rwe.federate.pooled import ALL
from rwe.federate.refusals import refusal
from rwe.federate.statistics import in_rounds
from rwe.stats.rounds import ancova, cox
from rwe.stats.rounds.score import Levels, Score, Term
from rwe.stats.rounds.step import Ended, Least, Step
from rwe.stats.rounds.step import after as next_step
from rwe.stats.summaries import FloatArray
from rwe.study import Study, StudyFile

MOST = 60
"""Rounds of a request: more than any model takes."""


@dataclass(frozen=True, order=True)
class Slot:
    """A statistic's place in the request, and the stratum it is of, or all."""

    place: int
    stratum: str

    def __str__(self) -> str:
        return f"{self.place}|{self.stratum}"


Steps = Mapping[Slot, Step | Ended]
Totals = Mapping[str, FloatArray]
"""By Slot as text."""


def slots(asked: Request, plan: Study) -> dict[Slot, Step | Ended]:
    least = max(asked.min_arm, rules.LEAST)
    limits = Least(sites=rules.LEAST_SITES, arm=least, group=least, parameters=rules.PARAMETERS_A_PATIENT)
    return {
        Slot(place, stratum): _first(ask, plan.file, limits)
        for place, ask in enumerate(asked.asks)
        if in_rounds(ask)
        for stratum in strata(ask, plan.file)
    }


def strata(ask: Ask, file: StudyFile) -> list[str]:
    """Of a score as the study says; of another model each, and all with an intercept or a risk set each."""
    names = [s.name for s in file.stratum] or [ALL]
    if ask.statistic == "weighted_difference":
        assert file.propensity is not None
        return [ALL] if file.propensity.strata == "together" else names
    return [*names, ALL] if len(names) > 1 else names


def few(step: Step | Ended, rest: FloatArray) -> bool:
    """Of a first step: would its sums tell, of what all other sites have, of a few patients?"""
    return isinstance(step, ancova.Sizes | cox.Sizes | Levels) and step.few(rest)


def going_on(steps: Steps) -> Iterator[tuple[Slot, Step]]:
    for slot, step in steps.items():
        if not isinstance(step, Ended):
            yield slot, step


def after(steps: Steps, totals: Totals) -> dict[Slot, Step | Ended]:
    """totals: of each that goes on.  ValueError where no patients have such."""
    found = {
        slot: step if isinstance(step, Ended) else next_step(step, totals[str(slot)])
        for slot, step in steps.items()
    }
    return {slot: _held_with(slot, step, found) for slot, step in found.items()}


def stepped(steps: Steps, totals: Totals, where: object) -> dict[Slot, Step | Ended]:
    """A refusal where no patients have such sums: a site sent what is none."""
    try:
        return after(steps, totals)
    except (ValueError, ArithmeticError, np.linalg.LinAlgError):
        raise refusal("no_sums", where) from None


def _held_with(slot: Slot, step: Step | Ended, found: Steps) -> Step | Ended:
    """R3: the total, less all strata but one, is that one."""
    if slot.stratum != ALL:
        return step
    of = [end for other, end in found.items() if other.place == slot.place and isinstance(end, Ended)]
    held = [end for end in of if end.held]
    return Ended(arms=held[0].arms, held=held[0].held) if held else step


def _first(ask: Ask, file: StudyFile, least: Least) -> Step:
    match ask.statistic:
        case "ancova":
            return ancova.Sizes(least=least)
        case "hazard_ratio":
            return cox.hazard_ratio(least)
        case "log_rank_by_site":
            return cox.log_rank(least)
    assert file.propensity is not None
    assert file.propensity.estimand != "match"
    by_site = "site" in file.propensity.terms
    score = Score(terms=terms(file), by_site=by_site, weighting=file.propensity.estimand, least=least)
    return Levels(score=score)


def terms(file: StudyFile) -> list[Term]:
    """Columns that there may be: of a category all its levels, by name.  A site is none of them."""
    assert file.propensity is not None
    return [term for name in file.propensity.terms if name != "site" for term in _term(name, file)]


def _term(name: str, file: StudyFile) -> list[Term]:
    levels: Mapping[str, list[str]] = {
        "sex": [sex.removeprefix("sex=") for sex in rules.SEXES],
        "severity": [s.name for s in file.stratum] or [ALL],
        **{c.name: ["no", "yes"] for c in file.covariate},
    }
    return [Term(variable=name, level=level) for level in sorted(levels.get(name, []))] or [
        Term(variable=name)
    ]
