"""The difference of means, treated minus control, made comparable by the propensity score.

sandwich   HC0 of the weighted regression on the arm alone, the score taken as known: with
           sandwich::vcovHC(lm(y ~ treated, weights = w), "HC0"), or survey::svyglm's without its n/(n - 1)
bootstrap  by patient, the score fitted anew each time; percentile interval
in_pairs   the mean difference within matched pairs, which no patient is in twice: the paired t, whose
           variance is that of the pairs (Austin PC. Stat Med 2011;30:1292-301; Abadie A, Spiess J.
           J Am Stat Assoc 2022;117:983-95)

The bootstrap is not for pairs (Abadie A, Imbens GW. Econometrica 2008;76:1537-57).
"""

from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np

from rwe.stats.balance import weighted_mean
from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.logistic import BoolArray, fit
from rwe.stats.matching import Matched
from rwe.stats.means import paired
from rwe.stats.summaries import FloatArray
from rwe.stats.wald import Named, normal
from rwe.stats.weights import Weighting, weights

NAME = "difference of weighted means"
TESTS = {
    "overlap": "Wald z, two-sided, means under overlap weights of a logistic propensity score",
    "att": "Wald z, two-sided, means under weights for the treated (ATT) of a logistic propensity score",
    "match": "paired t, two-sided, pairs matched on a logistic propensity score",
}
HC0 = "normal, HC0 sandwich, the score taken as known"
FAILED = 0.05
"""The share of replicates without a fit beyond which there is no interval."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A row a patient in all three: covariates (n, k), treated (n,), outcome (n,); nothing missing."""

    covariates: FloatArray
    treated: BoolArray
    outcome: FloatArray

    def arms(self) -> tuple[int, int]:
        n = int(self.treated.sum())
        return n, len(self.treated) - n

    def ordered(self) -> "Sample":
        """By what is in the rows, so that the order they came in draws no other resample."""
        return self.at(np.lexsort([*self.covariates.T, self.outcome, self.treated]))

    def at(self, rows: "np.typing.NDArray[np.intp]") -> "Sample":
        return Sample(
            covariates=self.covariates[rows], treated=self.treated[rows], outcome=self.outcome[rows]
        )


def sandwich(sample: Sample, weighting: Weighting, *, level: float = LEVEL) -> Estimate:
    test, arms = TESTS[weighting], sample.arms()
    nothing = partial(Estimate.not_estimable, name=NAME, test=test, arms=arms)
    found = fit(sample.covariates, sample.treated)
    if found.reason:
        return nothing(found.reason)
    return weighted(sample, weights(found.probabilities, sample.treated, weighting), weighting, level=level)


def weighted(sample: Sample, w: FloatArray, weighting: Weighting, *, level: float = LEVEL) -> Estimate:
    """Under weights that are had already; one patient in an arm has no variance to show."""
    test, arms = TESTS[weighting], sample.arms()
    nothing = partial(Estimate.not_estimable, name=NAME, test=test, arms=arms)
    value, se = difference(sample, w)
    if min(arms) < 2:
        return nothing("not_identified", value=value)
    if se == 0:
        return nothing("no_variation", value=value)
    named = Named(name=NAME, test=test, interval=HC0, n_treated=arms[0], n_control=arms[1])
    return normal(value, se, level=level, **named)


def difference(sample: Sample, w: FloatArray) -> tuple[float, float]:
    """The difference and its HC0 standard error; weights must be left in both arms.

    Each arm about a value of its own, so that equal values have no variance of rounding.
    """
    value, variance = 0.0, 0.0
    for arm, sign in ((sample.treated, 1), (~sample.treated, -1)):
        centre, here = float(sample.outcome[arm][0]), w[arm]
        y = sample.outcome[arm] - centre
        mean = weighted_mean(y, here)
        assert mean is not None
        value += sign * (centre + mean)
        variance += float(((here * (y - mean)) ** 2).sum() / here.sum() ** 2)
    return value, sqrt(variance)


def in_pairs(outcome: FloatArray, matched: Matched, *, level: float = LEVEL) -> Estimate:
    """outcome: of the rows that the pairs count."""
    treated, control = (outcome[[pair[arm] for pair in matched.pairs]] for arm in (0, 1))
    return paired(treated, control, test=TESTS["match"], level=level)


def bootstrap(
    sample: Sample, weighting: Weighting, *, replicates: int, seed: int, level: float = LEVEL
) -> Estimate:
    """No P.  Replicates without a fit are counted in `interval`; with too many of them there is none."""
    test, arms = TESTS[weighting], sample.arms()
    nothing = partial(Estimate.not_estimable, name=NAME, test=test, arms=arms)
    sample, rng = sample.ordered(), np.random.default_rng(seed)
    found = fit(sample.covariates, sample.treated)
    if found.reason:
        return nothing(found.reason)
    value, _ = difference(sample, weights(found.probabilities, sample.treated, weighting))
    drawn = [_replicate(sample, weighting, rng) for _ in range(replicates)]
    values = [v for v in drawn if v is not None]
    failed = replicates - len(values)
    if failed > FAILED * replicates or not values:
        return nothing("not_identified", value=value)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]).tolist()
    if low == high:
        return nothing("no_variation", value=value)
    return Estimate(
        name=NAME,
        value=value,
        ci_low=low,
        ci_high=high,
        level=level,
        interval=f"percentile of {replicates} bootstraps by patient, seed {seed}, the score refitted; "
        f"{failed} without a fit left out",
        test=test,
        n_treated=arms[0],
        n_control=arms[1],
    )


def _replicate(sample: Sample, weighting: Weighting, rng: np.random.Generator) -> float | None:
    n = len(sample.treated)
    drawn = sample.at(rng.integers(n, size=n))
    found = fit(drawn.covariates, drawn.treated)
    if found.reason:
        return None
    return difference(drawn, weights(found.probabilities, drawn.treated, weighting))[0]
