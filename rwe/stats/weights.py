"""Weights from the propensity score e, and what is left of the sample under them.

    overlap  treated 1 - e, control e            of those who might have had either (ATO)
    att      treated 1,     control e / (1 - e)  of those who were treated

Overlap weights of a logistic score with an intercept make the weighted means of its covariates equal:
that is the likelihood's own equation.  They never exceed 1.
Source: Li F, Morgan KL, Zaslavsky AM. J Am Stat Assoc 2018;113:390-400.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from rwe.stats.logistic import BoolArray
from rwe.stats.summaries import FloatArray

Weighting = Literal["overlap", "att"]
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def weights(score: FloatArray, treated: BoolArray, weighting: Weighting) -> FloatArray:
    if weighting == "overlap":
        return np.where(treated, 1 - score, score)
    return np.where(treated, 1.0, score / (1 - score))


def effective_size(w: ArrayLike) -> float:
    """Kish: as many patients of equal weight would tell as much; 0 where no weight is left."""
    w = np.asarray(w, dtype=np.float64)
    top = w.max(initial=0)  # against underflow of the squares
    return float((w / top).sum() ** 2 / ((w / top) ** 2).sum()) if top > 0 else 0.0


def in_bins(score: FloatArray, bins: int) -> list[int]:
    """Patients in equal bins of [0, 1], each with its lower end; the last with 1 too."""
    places = np.minimum((score * bins).astype(int), bins - 1)
    counts: list[int] = np.bincount(places, minlength=bins).tolist()
    return counts
