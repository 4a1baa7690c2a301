"""Change from baseline by arm, adjusted: y - baseline ~ arm + baseline + covariates, complete rows.

The arm's effect equals that of y ~ arm + baseline + covariates.
Sources: lm(); sandwich::vcovHC(type = "HC3"); emmeans (a covariate of two values is averaged over both,
another is at its mean).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from rwe.stats.estimate import LEVEL, Estimate
from rwe.stats.logistic import BoolArray
from rwe.stats.summaries import FloatArray
from rwe.stats.wald import Named, student

NAME = "adjusted difference of mean change from baseline"
TEST = "ANCOVA of change from baseline, t, two-sided, HC3 errors"
INTERVAL = "t, HC3 errors"
SINGULAR = 1e-10
ROUNDING = 1e-12
"""Of the baseline's SD: an error below it is none."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """coefficients: intercept, arm, then a column each; classical and HC3 standard error of the arm's.

    means: least squares means of control and treated.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    se: float
    hc3: float
    df: int
    means: tuple[float, float]


def fit(y: FloatArray, treated: BoolArray, columns: Mapping[str, FloatArray]) -> Model | None:
    """None where a column follows from the others, or no degree of freedom is left."""
    x = np.column_stack([np.ones(y.size), treated, *columns.values()])
    df = y.size - x.shape[1]
    scale = np.linalg.norm(x, axis=0)
    if df < 1 or not scale.all() or np.linalg.svd(x / scale, compute_uv=False)[-1] < SINGULAR:
        return None
    inverse = np.linalg.inv(x.T @ x)
    beta: FloatArray = inverse @ x.T @ y
    residual = y - x @ beta
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    if (leverage > 1 - SINGULAR).any():  # a patient that a coefficient fits alone
        return None
    meat = (x * ((residual / (1 - leverage)) ** 2)[:, None]).T @ x
    at = [_middle(column) for column in columns.values()]
    control = float(beta[0] + beta[2:] @ np.array(at))
    return Model(
        names=("intercept", "arm", *columns),
        coefficients=beta,
        se=sqrt(float(residual @ residual) / df * float(inverse[1, 1])),
        hc3=sqrt(float((inverse @ meat @ inverse)[1, 1])),
        df=df,
        means=(control, control + float(beta[1])),
    )


def _middle(column: FloatArray) -> float:
    distinct = np.unique(column)
    return float(distinct.mean() if distinct.size == 2 else column.mean())


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Baseline and value of each patient, by arm."""

    treated: Sequence[tuple[float, float]]
    control: Sequence[tuple[float, float]]


def ancova_of_change(changes: Changes, *, level: float = LEVEL) -> Estimate:
    """Adjusted for the baseline alone."""
    pairs = np.array([*changes.treated, *changes.control], dtype=np.float64).reshape(-1, 2)
    treated = np.arange(len(pairs)) < len(changes.treated)
    return ancova(pairs[:, 1], pairs[:, 0], treated, {}, level=level)


def ancova(
    y: FloatArray,
    baseline: FloatArray,
    treated: BoolArray,
    covariates: Mapping[str, FloatArray],
    *,
    level: float = LEVEL,
) -> Estimate:
    """Nothing missing; the baseline is no covariate beside itself."""
    assert "baseline" not in covariates
    arms = int(treated.sum()), int((~treated).sum())
    if not all(arms):
        return Estimate.not_estimable("empty_arm", name=NAME, test=TEST, arms=arms)
    found = fit(y - baseline, treated, {"baseline": baseline, **covariates})
    if found is None:
        return Estimate.not_estimable("not_identified", name=NAME, test=TEST, arms=arms)
    value = float(found.coefficients[1])
    if found.hc3 <= ROUNDING * float(baseline.std()):
        return Estimate.not_estimable("no_variation", name=NAME, test=TEST, arms=arms, value=value)
    named = Named(name=NAME, test=TEST, interval=INTERVAL, n_treated=arms[0], n_control=arms[1])
    return student(value, found.hc3, found.df, level=level, **named)
