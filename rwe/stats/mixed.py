"""Repeated visits: a linear model with a random intercept a patient, by restricted maximum likelihood.

Not an MMRM: visits of one patient share one correlation.  lme4::lmer(y ~ x + (1 | patient)), to 1e-4.
Source: Bates D et al. J Stat Softw 2015;67(1):1-48.

Given the ratio of the two variances the rest has a closed form, so the search is along one line.
"""

from dataclasses import dataclass
from math import inf, log

import numpy as np

from rwe.stats.summaries import FloatArray, IntArray

GOLDEN = (5**0.5 - 1) / 2
RATIOS = np.concatenate([[0.0], np.logspace(-8, 8, 65)])
"""Of the variance between patients to that within, where the search begins."""
STEPS, SINGULAR = 200, 1e-10


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """between, within: variances of patients, and of visits of one patient."""

    coefficients: FloatArray
    covariance: FloatArray
    between: float
    within: float


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """x, y and their sums a patient, which is all that the patients' part of the model needs."""

    x: FloatArray
    y: FloatArray
    sums: FloatArray
    totals: FloatArray
    sizes: FloatArray

    @classmethod
    def of(cls, y: FloatArray, x: FloatArray, patient: IntArray) -> "_Rows":
        _, who = np.unique(patient, return_inverse=True)
        sizes = np.bincount(who).astype(np.float64)
        sums = np.zeros((sizes.size, x.shape[1]))
        np.add.at(sums, who, x)
        return cls(x=x, y=y, sums=sums, totals=np.bincount(who, weights=y).astype(np.float64), sizes=sizes)

    def solved(self, ratio: float) -> tuple[FloatArray, FloatArray, float]:
        """Coefficients, (X'V⁻¹X)⁻¹ and the weighted sum of squares, V in units of the variance within."""
        shrunk = ratio / (1 + ratio * self.sizes)
        inverse = np.linalg.inv(self.x.T @ self.x - (self.sums.T * shrunk) @ self.sums).astype(np.float64)
        beta: FloatArray = inverse @ (self.x.T @ self.y - self.sums.T @ (shrunk * self.totals))
        residual = self.y - self.x @ beta
        patients = self.totals - self.sums @ beta
        return beta, inverse, float(residual @ residual - shrunk @ patients**2)

    def criterion(self, ratio: float) -> float:
        """Minus twice the restricted log likelihood, but for a constant."""
        _, inverse, squares = self.solved(ratio)
        left = self.y.size - self.x.shape[1]
        spread = float(np.log1p(ratio * self.sizes).sum())
        return spread - float(np.linalg.slogdet(inverse)[1]) + left * log(squares) if squares > 0 else inf


def fit(y: FloatArray, x: FloatArray, patient: IntArray) -> Mixed | None:
    """A row a visit that was seen.  None where a column follows from the others or nothing varies within."""
    rows = _Rows.of(y, x, patient)
    scale = np.linalg.norm(x, axis=0)
    left = y.size - x.shape[1]
    if left < 1 or not scale.all() or np.linalg.svd(x / scale, compute_uv=False)[-1] < SINGULAR:
        return None
    ratio = _least(rows)
    beta, inverse, squares = rows.solved(ratio)
    if squares <= 0:
        return None
    within = squares / left
    return Mixed(coefficients=beta, covariance=inverse * within, between=ratio * within, within=within)


def _least(rows: _Rows) -> float:
    """The best of a grid, then the golden section between its neighbours."""
    best = int(np.argmin([rows.criterion(r) for r in RATIOS.tolist()]))
    low, high = float(RATIOS[max(best - 1, 0)]), float(RATIOS[min(best + 1, RATIOS.size - 1)])
    for _ in range(STEPS):
        a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, b) if rows.criterion(a) <= rows.criterion(b) else (a, high)
    middle = (low + high) / 2
    return 0.0 if rows.criterion(0.0) <= rows.criterion(middle) else middle
