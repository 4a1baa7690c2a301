"""The propensity score: the chance of being treated given what was known at time zero.

    covariates (n, k), who was treated (n,)  ──▶  Fit

R's glm(treated ~ x, family = binomial): maximum likelihood, no penalty, by Newton's method.  Columns are
brought to mean 0 and SD 1 first, so that the unit of a covariate changes no score.

A finite maximum exists only if no direction separates the arms (Albert A, Anderson JA. Biometrika
1984;71:1-10).  The fit proves it: let z be a patient's row, signed by the arm, r the distance of the
fitted chance p from what happened, and H the sum of p(1 - p) z z'.  For a direction d of length 1 with
z·d >= 0 for all, as p(1 - p) <= r,

    least eigenvalue of H  <=  d'Hd  <=  max(z·d) · sum(r z·d)  =  max(z·d) · gradient·d

so a gradient of nothing beside that eigenvalue leaves no such direction.  Where this cannot be shown,
there is no score: never a huge coefficient.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rwe.errors import DataError
from rwe.stats.estimate import Reason, Status
from rwe.stats.summaries import LARGEST, FloatArray

BoolArray = NDArray[np.bool_]
Detail = Literal["separation", "collinear", "constant", "no_convergence", "too_many_terms", "no_pairs"]

MOST_COLUMNS = 6
STEPS = 60
CONVERGED = 1e-12
"""Of the gradient, a patient and an SD of each column."""
COLLINEAR = 1e-5
"""The least that a direction may vary over the patients, in SDs."""
PROVED = 1e-6
"""Of the gradient beside the least eigenvalue, with room for rounding."""
CERTAIN = 1e-6
"""A chance this near to what happened, in a fit that does not end, is on its way to 0 or 1."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """coefficients: the intercept, then the columns in their units; probabilities: one a patient.

    Both are empty where there is no fit; `columns` then are those at fault, counted from 0.
    """

    coefficients: FloatArray
    probabilities: FloatArray
    steps: int
    status: Status = "estimated"
    reason: Reason | None = None
    detail: Detail | None = None
    columns: tuple[int, ...] = ()


def fit(covariates: ArrayLike, treated: ArrayLike) -> Fit:
    """Without columns the score is the share of the treated."""
    x, y = checked(covariates, treated)
    if y.all() or not y.any():
        return none("empty_arm")
    if x.shape[1] > MOST_COLUMNS:
        return none("not_identified", "too_many_terms", range(x.shape[1]))
    if constant := np.flatnonzero(np.ptp(x, axis=0) == 0).tolist():
        return none("not_identified", "constant", constant)
    mean, sd = x.mean(axis=0), x.std(axis=0)
    z = np.column_stack([np.ones(len(y)), (x - mean) / sd])
    if alike := _collinear(z):
        return none("not_identified", "collinear", alike)
    return _in_units(_newton(z, y), mean, sd)


def none(
    reason: Reason, detail: Detail | None = None, columns: "ArrayLike | range" = (), steps: int = 0
) -> Fit:
    nothing = np.empty(0)
    return Fit(
        coefficients=nothing,
        probabilities=nothing,
        steps=steps,
        status="not_estimable",
        reason=reason,
        detail=detail,
        columns=tuple(int(c) for c in np.asarray(columns, dtype=int)),
    )


def checked(covariates: ArrayLike, treated: ArrayLike) -> tuple[FloatArray, BoolArray]:
    x, y = np.asarray(covariates, dtype=np.float64), np.asarray(treated, dtype=np.bool_)
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y):
        raise DataError("covariates must be a row a patient", hint="pass arrays of shape (n, k) and (n,)")
    if not (np.abs(x) <= LARGEST).all():  # NaN fails this too
        raise DataError(
            "a covariate is missing, infinite or beyond 1e150",
            hint="patients with a missing covariate leave before the fit and are counted",
        )
    return x, y


def _collinear(z: FloatArray) -> list[int]:
    """The columns of a direction along which the patients hardly differ."""
    _, sizes, directions = np.linalg.svd(z, full_matrices=len(z) < z.shape[1])
    if len(z) >= z.shape[1] and sizes[-1] > COLLINEAR * np.sqrt(len(z)):
        return []
    return _named(directions[-1])


def _named(direction: FloatArray) -> list[int]:
    """Without the intercept."""
    parts = np.abs(direction[1:])
    return np.flatnonzero(parts > 0.25 * parts.max(initial=0)).tolist()


def _newton(z: FloatArray, y: BoolArray) -> Fit:
    b = np.zeros(z.shape[1])
    b[0] = np.log(y.mean() / (1 - y.mean()))
    for step in range(STEPS):
        p = chance(z @ b)
        off = np.where(y, chance(-z @ b), p)
        gradient = z.T @ np.where(y, off, -off)
        hessian = z.T * (p * (1 - p)) @ z
        if _proved(z, gradient, hessian):
            return Fit(coefficients=b, probabilities=p, steps=step)
        try:
            move = np.linalg.solve(hessian, gradient)
        except np.linalg.LinAlgError:
            break
        b = _uphill(z, y, b, np.asarray(move, dtype=np.float64))
    return none("not_identified", "separation" if off.min() < CERTAIN else "no_convergence", _named(b), step)


def _proved(z: FloatArray, gradient: FloatArray, hessian: FloatArray) -> bool:
    """Is this the maximum, and a finite one?"""
    size, farthest = np.abs(gradient).sum(), np.abs(z).sum(axis=1).max()
    if size > CONVERGED * len(z):
        return False
    return bool(size * farthest < PROVED * np.linalg.eigvalsh(hessian)[0])


def _uphill(z: FloatArray, y: BoolArray, b: FloatArray, step: FloatArray) -> FloatArray:
    """The whole step, or the half of it, and so on, until the likelihood does not fall."""
    before = _likelihood(z, y, b)
    for _ in range(STEPS):
        if _likelihood(z, y, b + step) >= before - 1e-9 * abs(before):
            break
        step = step / 2
    return b + step


def _likelihood(z: FloatArray, y: BoolArray, b: FloatArray) -> float:
    return -float(np.logaddexp(0, np.where(y, -z @ b, z @ b)).sum())


def chance(logit: FloatArray) -> FloatArray:
    """1 / (1 + exp(-logit)), without overflow at either end."""
    small = np.exp(-np.abs(logit))
    answer: FloatArray = np.where(logit >= 0, 1, small) / (1 + small)
    return answer


def _in_units(found: Fit, mean: FloatArray, sd: FloatArray) -> Fit:
    if found.status != "estimated":
        return found
    slopes = found.coefficients[1:] / sd
    whole = np.concatenate([[found.coefficients[0] - slopes @ mean], slopes])
    return Fit(coefficients=whole, probabilities=found.probabilities, steps=found.steps)
