"""The propensity score against closed forms, a maximiser that knows no Newton, and a linear programme."""

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from rwe.errors import DataError
from rwe.stats.logistic import MOST_COLUMNS, fit
from rwe.stats.weights import weights


def drawn(seed, n=60, k=3, strength=0.5):
    """Covariates, and arms that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k)) * [1, 20, 0.01, 5, 5, 5][:k] + [0, 2020, 0, 0, 9, 9][:k]
    logit = strength * ((x - x.mean(axis=0)) / x.std(axis=0)).sum(axis=1)
    return x, rng.random(n) < 1 / (1 + np.exp(-logit))


def why(x, treated):
    found = fit(x, treated)
    assert (found.probabilities.size, found.coefficients.size) == (0, 0)
    return found.status, found.reason, found.detail, found.columns


def test_one_yes_or_no_gives_the_log_odds_and_the_log_odds_ratio():
    """3 of 10 treated without it, 8 of 12 with it."""
    x = np.repeat([0.0, 1.0], [10, 12])[:, None]
    treated = np.concatenate([np.arange(10) < 3, np.arange(12) < 8])
    found = fit(x, treated)
    assert found.coefficients == pytest.approx([log(3 / 7), log((8 / 4) / (3 / 7))], abs=1e-10)
    assert found.probabilities == pytest.approx(np.repeat([0.3, 8 / 12], [10, 12]), abs=1e-12)


def test_without_covariates_the_score_is_the_share_of_the_treated():
    found = fit(np.empty((5, 0)), [True, False, False, True, True])
    assert found.probabilities == pytest.approx([0.6] * 5)


@pytest.mark.parametrize("seed", range(5))
def test_a_direct_maximiser_finds_the_same_scores(seed):
    x, treated = drawn(seed)
    z = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
    sign = np.where(treated, 1, -1)
    best = minimize(lambda b: np.logaddexp(0, -sign * (z @ b)).sum(), np.zeros(4), tol=1e-12, method="Powell")
    assert fit(x, treated).probabilities == pytest.approx(1 / (1 + np.exp(-z @ best.x)), abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_overlap_weights_make_the_means_of_all_terms_equal(seed):
    x, treated = drawn(seed, k=6, n=90)
    w = weights(fit(x, treated).probabilities, treated, "overlap")
    first, second = (np.average(x[arm], axis=0, weights=w[arm]) for arm in (treated, ~treated))
    assert (first - second) / x.std(axis=0) == pytest.approx(np.zeros(6), abs=1e-8)


def test_a_strong_score_of_many_and_a_patient_far_out_are_no_separation():
    x, treated = drawn(3, n=5000, k=2, strength=4)
    x[0], treated[0] = x[:, :2].mean(axis=0) + 30 * x.std(axis=0), True
    found = fit(x, treated)
    assert found.status == "estimated"
    assert min(found.probabilities.min(), 1 - found.probabilities.max()) < 1e-9


SEPARATED = {
    "by a number": ([[1], [2], [3], [4]], [0, 0, 1, 1], (0,)),
    "but for a tie": ([[1], [2], [2], [3]], [0, 0, 1, 1], (0,)),
    "a site without treated": ([[0, 5], [0, 7], [0, 6], [0, 8], [1, 6], [1, 7]], [1, 0, 0, 1, 0, 0], (0,)),
    "by two together": ([[0, 0], [1, 1], [2, 2], [0, 1], [1, 2], [2, 3]], [0, 0, 0, 1, 1, 1], (0, 1)),
    "far apart": ([[0], [1], [1e6], [1e6 + 1]], [0, 0, 1, 1], (0,)),
}


@pytest.mark.parametrize("case", SEPARATED)
def test_separation_is_named_and_no_huge_coefficient(case):
    x, treated, columns = SEPARATED[case]
    assert why(x, treated) == ("not_estimable", "not_identified", "separation", columns)


def test_what_cannot_be_told_apart_is_named():
    x, treated = drawn(1)
    twice = np.column_stack([x, 3 * x[:, 1] - 7])
    assert why(twice, treated)[2:] == ("collinear", (1, 3))
    assert why(np.column_stack([x, np.full(60, 0.1)]), treated)[2:] == ("constant", (3,))
    assert why([[1, 3], [2, 5]], [True, False])[2] == "collinear"


def test_more_than_six_columns_are_refused():
    x, treated = drawn(2, k=6)
    assert fit(x, treated).status == "estimated"
    found = why(np.column_stack([x, x[:, 0] ** 2]), treated)
    assert found[1:3] == ("not_identified", "too_many_terms")
    assert len(found[3]) == MOST_COLUMNS + 1


@pytest.mark.parametrize("treated", [[True] * 3, [False] * 3, []])
def test_an_empty_arm_has_no_score(treated):
    assert why(np.arange(len(treated), dtype=float)[:, None], treated)[:2] == ("not_estimable", "empty_arm")


@pytest.mark.parametrize("x", [[[1.0], [np.nan]], [[1.0], [np.inf]], [1.0, 2.0], [[1.0]]])
def test_a_missing_covariate_must_have_left_before(x):
    with pytest.raises(DataError):
        fit(x, [True, False])


ROWS = st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 1)), min_size=4, max_size=16)


@given(ROWS)
def test_there_is_a_score_just_where_no_direction_separates_the_arms(rows):
    """A linear programme looks for the direction (Konis K. DPhil thesis, Oxford 2007)."""
    treated = np.array([row[0] for row in rows])
    x = np.array([row[1:] for row in rows], dtype=float)
    z = np.column_stack([np.ones(len(x)), x])
    found = fit(x, treated)
    if treated.all() or not treated.any() or np.linalg.matrix_rank(z) < 3:
        assert found.reason in ("empty_arm", "not_identified")
        return
    signed = np.where(treated, 1, -1)[:, None] * z
    best = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(x)), bounds=(-1, 1))
    assert (found.detail == "separation") == (best.fun < -1e-9)
    assert (found.status == "estimated") == (best.fun >= -1e-9)


@given(st.integers(0, 99), st.permutations(range(40)))
def test_the_order_of_the_rows_changes_no_score(seed, order):
    x, treated = drawn(seed, n=40)
    one, other = fit(x, treated), fit(x[order], treated[order])
    assert one.detail == other.detail
    if one.reason is None:
        assert other.probabilities == pytest.approx(one.probabilities[order], abs=1e-10)


@given(st.integers(0, 99))
def test_swapped_arms_have_the_other_chance(seed):
    x, treated = drawn(seed, n=40)
    one, other = fit(x, treated), fit(x, ~treated)
    assert one.detail == other.detail
    if one.reason is None:
        assert other.probabilities == pytest.approx(1 - one.probabilities, abs=1e-10)
        assert other.coefficients == pytest.approx(-one.coefficients, rel=1e-6, abs=1e-8)


@given(st.integers(0, 99), st.sampled_from([1e-6, 0.3, 1e6]), st.integers(-100, 100))
def test_the_unit_of_a_covariate_changes_no_score(seed, factor, move):
    x, treated = drawn(seed, n=40)
    one, other = fit(x, treated), fit(x * factor + move * factor, treated)
    assert one.detail == other.detail
    if one.reason is None:
        assert other.probabilities == pytest.approx(one.probabilities, abs=1e-9)
