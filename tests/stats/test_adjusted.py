from math import sqrt

import numpy as np
import pytest

from rwe.stats.adjusted import Sample, bootstrap, difference, in_pairs, sandwich
from rwe.stats.matching import Matched
from rwe.stats.means import paired


def sample(seed=0, n=80, effect=1.0):
    """An outcome that rises with a covariate, as the chance of treatment does."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    treated = rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))
    outcome = effect * treated + 3 * x[:, 0] + rng.normal(size=n) * 0.1
    return Sample(covariates=x, treated=treated, outcome=outcome)


def permuted(s, seed):
    return s.at(np.random.default_rng(seed).permutation(len(s.treated)))


def test_weighted_regression_on_the_arm_has_this_slope_and_this_sandwich():
    """(X'WX)^-1 X'W diag(e^2) W X (X'WX)^-1, in matrices."""
    s, w = sample(), np.random.default_rng(3).random(80)
    x = np.column_stack([np.ones(80), s.treated])
    bread = np.linalg.inv(x.T * w @ x)
    b = bread @ (x.T * w @ s.outcome)
    meat = x.T * (w * (s.outcome - x @ b)) ** 2 @ x
    assert difference(s, w) == pytest.approx((b[1], sqrt((bread @ meat @ bread)[1, 1])))


@pytest.mark.parametrize("weighting", ["overlap", "att"])
def test_confounding_is_taken_out_and_the_naive_difference_is_far(weighting):
    s = sample(n=400)
    found = sandwich(s, weighting)
    naive, _ = difference(s, np.ones(400))
    assert naive > 2.5
    assert found.value == pytest.approx(1, abs=0.1 if weighting == "overlap" else 0.6)
    assert found.ci_low < found.value < found.ci_high


def test_limits_and_p_are_of_the_normal():
    found = sandwich(sample(effect=0.3), "overlap")
    assert (found.value - found.ci_low) * found.statistic / found.value == pytest.approx(1.959964, abs=1e-6)
    assert 0.01 < found.p < 0.9
    assert found.p == pytest.approx(1 - _normal(abs(found.statistic)), abs=1e-9)


def _normal(z):
    """P(|Z| < z) by the middle rule."""
    points = (np.arange(200_000) + 0.5) / 200_000 * z
    return float(np.exp(-points * points / 2).sum() * z / 200_000 * 2 / sqrt(2 * np.pi))


def test_swapped_arms_turn_the_sign():
    s = sample()
    other = Sample(covariates=s.covariates, treated=~s.treated, outcome=s.outcome)
    one, swapped = sandwich(s, "overlap"), sandwich(other, "overlap")
    assert (swapped.value, swapped.ci_low, swapped.p) == pytest.approx((-one.value, -one.ci_high, one.p))


def test_no_score_no_estimate():
    s = sample()
    apart = Sample(covariates=s.covariates, treated=s.covariates[:, 0] > 0, outcome=s.outcome)
    for found in (sandwich(apart, "overlap"), bootstrap(apart, "overlap", replicates=3, seed=1)):
        assert (found.status, found.reason, found.value) == ("not_estimable", "not_identified", None)


def test_equal_outcomes_have_no_interval():
    s = sample()
    flat = Sample(covariates=s.covariates, treated=s.treated, outcome=np.zeros(80))
    for found in (sandwich(flat, "att"), bootstrap(flat, "att", replicates=9, seed=1)):
        assert (found.reason, found.value, found.ci_low) == ("no_variation", 0, None)


def test_a_seed_draws_the_same_in_any_order_of_rows():
    s = sample()
    one = bootstrap(s, "overlap", replicates=40, seed=5)
    other = bootstrap(permuted(s, 9), "overlap", replicates=40, seed=5)
    assert (other.ci_low, other.ci_high) == (one.ci_low, one.ci_high)
    assert bootstrap(s, "overlap", replicates=40, seed=6).ci_low != one.ci_low


def test_the_bootstrap_knows_that_the_score_was_fitted():
    """Overlap weights balance the covariate each time, which a score taken as known does not see."""
    s = sample()
    known, refitted = sandwich(s, "overlap"), bootstrap(s, "overlap", replicates=200, seed=1)
    assert refitted.value == pytest.approx(known.value)
    assert refitted.ci_high - refitted.ci_low < (known.ci_high - known.ci_low) / 3
    assert refitted.p is None


def test_replicates_without_a_score_are_counted_and_too_many_are_no_interval():
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])[:, None]
    treated = np.array([0, 0, 0, 1, 0, 1, 1, 1], dtype=bool)
    few = Sample(covariates=x, treated=treated, outcome=x[:, 0] ** 2)
    found = bootstrap(few, "overlap", replicates=50, seed=1)
    assert (found.status, found.reason) == ("not_estimable", "not_identified")
    assert "; 0 without a fit" in bootstrap(sample(), "overlap", replicates=20, seed=1).interval


def test_equal_values_have_no_variance_of_rounding():
    s = sample()
    apart = Sample(covariates=s.covariates, treated=s.treated, outcome=np.where(s.treated, 0.3, 0.1))
    found = sandwich(apart, "overlap")
    assert (found.reason, found.value, found.p) == ("no_variation", pytest.approx(0.2), None)


def test_one_patient_in_an_arm_has_no_variance():
    alone = np.array([True, False, False, False])
    one = Sample(covariates=np.empty((4, 0)), treated=alone, outcome=np.array([5.0, 1, 2, 3]))
    found = sandwich(one, "overlap")
    assert (found.reason, found.value, found.p) == ("not_identified", 3, None)


SLEEP = (
    (0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0),
    (1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4),
)


def test_pairs_have_the_paired_t_of_r():
    """with(sleep, t.test(extra[group == 1], extra[group == 2], paired = TRUE)); pairs in two rows."""
    outcome = np.column_stack(SLEEP).ravel()
    matched = Matched(pairs=tuple((2 * i, 2 * i + 1) for i in range(10)), width=1.0)
    found = in_pairs(outcome, matched)
    assert (found.statistic, found.p) == pytest.approx((-4.0621, 0.002833), rel=1e-4)
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((-1.58, -2.4598858, -0.7001142))
    assert (found.n_treated, found.n_control) == (10, 10)


@pytest.mark.parametrize(
    ("treated", "control", "reason", "shown"),
    [
        ([], [], "empty_arm", None),
        ([3], [1], "not_identified", 2),
        ([2.2, 2.4, 1.2], [1.9, 2.1, 0.9], "no_variation", pytest.approx(0.3)),
    ],
)
def test_pairs_without_spread_have_no_interval(treated, control, reason, shown):
    found = paired(treated, control)
    assert (found.status, found.reason, found.value, found.p) == ("not_estimable", reason, shown, None)
