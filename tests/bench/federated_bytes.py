"""What each statistic of two strata adds to a site's answer, in bytes, and how many rounds it takes."""

import random
from base64 import b64encode
from collections.abc import Iterator

import numpy as np

from rwe.federate.envelope import canonical
from rwe.federate.messages import Answer, Ask, Count, Part
from rwe.federate.rounds.vector import WIDTH
from rwe.federate.secure_sum import size
from rwe.federate.statistics import STATISTICS
from rwe.stats.moments import Moments, TwoMoments
from rwe.stats.rounds import cox
from rwe.stats.rounds.ancova import Sizes
from rwe.stats.rounds.score import Levels, Score
from rwe.stats.rounds.step import Ended, Step
from rwe.stats.summaries import ArmEvents, Events, TwoSamples
from rwe.stats.van_elteren import Ranked
from tests.stats.test_rounds import LEAST, TERMS, draw, rows

STRATA = ("moderate", "severe")
THRICE = (4 / 3) ** 3
"""Sums of a round are Base64 within a signed file within a signed file."""


def table(patients: int) -> str:
    """patients: of a secure sum."""
    lines = [f"{'statistic':<58} {'bytes a round':>13} {'rounds':>6}"]
    for name, statistic in STATISTICS.items():
        sizes = [once(name, patients)] if statistic.leaves != "rounds" else [*in_rounds(name)]
        how = {"masked": f" (secure sum of {patients})", "rounds": " (example)"}.get(statistic.leaves, "")
        lines.append(f"{name + how:<58} {max(sizes):13,d} {len(sizes):6d}")
    return "\n".join(lines)


def once(name: str, patients: int) -> int:
    ask = Ask(statistic=name, variable="")
    if STATISTICS[name].leaves == "masked":  # as long as any: noise
        parts = [Part(stratum=s, masked=b64encode(bytes(size(patients))).decode()) for s in STRATA]
    else:
        parts = [part(ask, s, random.Random(1)) for s in STRATA]
    return signed(parts) - signed([])


def signed(parts: list[Part]) -> int:
    texts = dict.fromkeys(("query", "request", "site", "created", "software"), "")
    return len(b64encode(canonical(Answer(data_as_of=None, parts=[parts], **texts))))


def in_rounds(name: str) -> Iterator[int]:
    """Of 90 patients of made-up sites: sums of two strata, of a model in both together also of all."""
    group, age, male, fev1, treated, after = draw(1)
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=LEAST)
    days = np.column_stack([np.ceil(20 * fev1), male])
    firsts: dict[str, tuple[Step, object]] = {
        "ancova": (Sizes(least=LEAST), np.column_stack([after, fev1])),
        "weighted_difference": (
            Levels(score=score),
            np.column_stack([after, age, ~male, male, 0 * age, fev1]),
        ),
        "hazard_ratio": (cox.hazard_ratio(LEAST), days),
        "log_rank_by_site": (cox.log_rank(LEAST), days),
    }
    step, values = firsts[name]
    strata = len(STRATA) + (name != "weighted_difference")
    while not isinstance(step, Ended):
        yield round(strata * step.size * WIDTH * THRICE)
        step = step.after(step.sums(rows(values, treated, group)))


def part(ask: Ask, stratum: str, chance: random.Random) -> Part:
    treated, control = ([chance.gauss(60, 10) for _ in range(chance.randint(20, 60))] for _ in range(2))
    leaves = STATISTICS[ask.statistic].leaves
    numbers = {
        "count": lambda: Count(treated=len(treated), control=len(control)),
        "ranks": lambda: Ranked.of(TwoSamples.of(treated, control)),
        "moments": lambda: TwoMoments(treated=Moments.of(treated), control=Moments.of(control)),
        "events": lambda: Events(treated=events(treated), control=events(control)),
    }
    return Part(stratum=stratum, **{leaves: numbers[leaves]()})


def events(values: list[float]) -> ArmEvents:
    had = sum(v > 65 for v in values)
    return ArmEvents(patients=had, events=had, n=len(values), person_days=sum(values))
