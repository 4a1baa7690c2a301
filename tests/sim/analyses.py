"""The estimates of each replicate: by the plan of the study, and as somebody in a hurry would have it.

                         without weights   overlap weights
time zero: admission     naive             admission
time zero: risk set      unadjusted        planned
"""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from rwe.stats.adjusted import Sample, sandwich
from rwe.stats.estimate import Estimate
from rwe.steps.adjusted import Adjusted, adjust, outcomes
from rwe.steps.covariates import matrix, people
from rwe.store import Store
from tests.sim import truth
from tests.sim.stores import PLAN


class Pair(NamedTuple):
    adjusted: Estimate
    crude: Estimate


def planned(store: Store) -> Iterator[tuple[str, Pair]]:
    """By site, each as if it were the only one: what `rwe compare` would write of it."""
    who = people(store, PLAN)
    later, sites = outcomes(store, who)["FEV1", "d28"], who.variables["site"]
    for site, group in groupby(range(len(sites)), key=lambda row: sites[row]):
        rows = list(group)
        found = adjust(who.at(rows), later.at(rows), PLAN.file.propensity)
        yield str(site), Pair(adjusted=found.estimate, crude=_without_weights(_sample(found)))


def _sample(found: Adjusted) -> Sample:
    who = found.scored.who
    return Sample(covariates=matrix(who, found.scored.columns), treated=who.treated, outcome=found.outcome)


def from_admission(number: int) -> Pair:
    """Whoever was admitted and seen, in arms by what was ever given, with what was known at admission.

    FEV1 is near day 28 of the stay too; units and decoys are read rightly here, for they are no part of it.
    """
    r = truth.replicate(number)
    seen, known = r["seen"], ("age", "severe_first", "crp", "fev1")
    sample = Sample(
        covariates=np.column_stack([r[name][seen] for name in known]).astype(np.float64),
        treated=r["treated"][seen],
        outcome=r["later"][seen],
    )
    return Pair(adjusted=sandwich(sample, "overlap"), crude=_without_weights(sample))


def _without_weights(sample: Sample) -> Estimate:
    """Without a covariate the score is the share of the treated, and all weigh the same."""
    alone = Sample(covariates=sample.covariates[:, :0], treated=sample.treated, outcome=sample.outcome)
    return sandwich(alone, "overlap")
