"""Multiple imputation of one endpoint over its visits, and the difference of means pooled from it.

Model   chained equations: each visit in turn is regressed on the arm, what is known of everybody, and the
        visits just before and after it.  Bayesian linear regression under a flat prior: the slopes and
        the spread are drawn anew for each set, then each missing value with its noise.
        mice(method = "norm") with a predictorMatrix of these, but for its random numbers
Pooled  difference of means with Welch's variance in each set; Rubin's rules, the degrees of freedom of
        Barnard and Rubin with n - 2 in complete data: mice::pool.scalar(Q, U, n, k = 2)
Holds   where, given what the model knows, a value is missing whatever it would have been (MAR)
Sources: Rubin DB. Multiple Imputation for Nonresponse in Surveys. Wiley 1987, section 5.3; van Buuren S,
Groothuis-Oudshoorn K. J Stat Softw 2011;45(3).

The model does not know which arm is which: with the arms' names exchanged it draws the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np

from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.logistic import BoolArray
from rwe.stats.means import DIFFERENCE
from rwe.stats.rubin import pool
from rwe.stats.summaries import FloatArray
from rwe.stats.wald import Named, student

NAME = f"{DIFFERENCE}, pooled over imputations"
TEST = "t on {sets} imputed sets, two-sided, variances not assumed equal, Rubin's rules"
INTERVAL = "t, Rubin's rules, Barnard–Rubin degrees of freedom"
ROUNDS = 10
SPARE = 3
"""Degrees of freedom that a regression must leave."""
RIDGE = 1e-5


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A row a patient: values (n, visits) in the order of time, NaN where missing; known (n, k): nothing
    missing in it."""

    values: FloatArray
    treated: BoolArray
    known: FloatArray

    def usable(self, visit: int) -> bool:
        """Can a regression be made of it: both arms, some spread, and patients enough?"""
        seen = ~np.isnan(self.values[:, visit])
        y, arm = self.values[seen, visit], self.treated[seen]
        most = 4 + self.known.shape[1]  # intercept, arm, two neighbours
        return bool(y.size >= most + SPARE and 0 < arm.sum() < y.size and np.ptp(y) > 0)


def impute(panel: Panel, *, sets: int, seed: Sequence[int]) -> list[FloatArray]:
    """values with no gap at the usable visits; the others are as they were."""
    rng = np.random.default_rng(list(seed))
    return [_chain(panel, rng) for _ in range(sets)]


def _chain(panel: Panel, rng: np.random.Generator) -> FloatArray:
    filled, gaps = panel.values.copy(), np.isnan(panel.values)
    visits = [v for v in range(filled.shape[1]) if panel.usable(v)]
    for v in visits:
        filled[gaps[:, v], v] = rng.choice(filled[~gaps[:, v], v], size=int(gaps[:, v].sum()))
    for _ in range(ROUNDS if gaps[:, visits].any() else 0):
        for place, v in enumerate(visits):
            near = visits[max(0, place - 1) : place] + visits[place + 1 : place + 2]
            x = _design(panel, filled[:, near])
            filled[gaps[:, v], v] = _draw(filled[~gaps[:, v], v], x[~gaps[:, v]], x[gaps[:, v]], rng)
    return filled


def _design(panel: Panel, near: FloatArray) -> FloatArray:
    """Intercept, arm (of the first patient or not), known, neighbours; centred, of spread 1 or 0."""
    first = panel.treated == panel.treated[0]
    x = np.column_stack([first, panel.known, near])
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    return np.column_stack([np.ones(len(x)), x / np.where(spread > 0, spread, 1)])


def _draw(y: FloatArray, x: FloatArray, at: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Values for the rows `at`, of slopes and spread drawn once."""
    n, k = x.shape
    inverse = np.linalg.inv(x.T @ x + RIDGE * n * np.eye(k))
    slopes = inverse @ x.T @ y
    residual = y - x @ slopes
    spread = sqrt(float(residual @ residual) / rng.chisquare(n - k))
    slopes = slopes + spread * np.linalg.cholesky((inverse + inverse.T) / 2) @ rng.standard_normal(k)
    drawn: FloatArray = at @ slopes + spread * rng.standard_normal(len(at))
    return drawn


def pooled_difference(sets: Sequence[FloatArray], treated: BoolArray, *, level: float = LEVEL) -> Estimate:
    """sets: two or more, of one visit, each (n,) with nothing missing."""
    arms = int(treated.sum()), int((~treated).sum())
    test = TEST.format(sets=len(sets))
    nothing = partial(Estimate.not_estimable, name=NAME, test=test, arms=arms)
    if not all(arms):
        return nothing("empty_arm")
    if min(arms) < 2:
        return nothing("not_identified")
    values = [float(y[treated].mean() - y[~treated].mean()) for y in sets]
    variances = [float(y[treated].var(ddof=1) / arms[0] + y[~treated].var(ddof=1) / arms[1]) for y in sets]
    if not all(np.ptp(y) for y in sets):
        return nothing("no_variation", value=values[0])
    if not all(variances):
        return nothing("no_variation", value=float(np.mean(values)))
    found = pool(values, variances, df=sum(arms) - 2)
    named = Named(name=NAME, test=test, interval=INTERVAL, n_treated=arms[0], n_control=arms[1])
    return student(found.estimate, sqrt(found.total), found.df, level=level, **named)
