"""Multiple imputation: by Rubin's rules worked out by hand, and on data with a known truth."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats import TESTS
from rwe.stats.imputation import Panel, impute, pooled_difference
from rwe.stats.summaries import TwoSamples

SEED = (7, 1)


def panel(n=60, lost=0.3, seed=1):
    """Three visits of patients who stay alike; half are treated, which adds 1 from the second on."""
    rng = np.random.default_rng(seed)
    treated = np.arange(n) % 2 == 0
    own, age = rng.standard_normal((2, n))
    values = (own + 0.5 * age)[:, None] + 0.3 * rng.standard_normal((n, 3)) + np.outer(treated, [0, 1, 1])
    values[rng.random((n, 3)) < lost] = np.nan
    return Panel(values=values, treated=treated, known=age[:, None])


def at(found, visit):
    return [values[:, visit] for values in found]


def test_pooled_by_hand():
    """Two sets: treated 1 3 and 2 4, control 0 2 in both.  Q = 1, 2; U = 2/2 + 2/2 = 2 each; B = 0.5,
    T = 2 + 1.5 × 0.5 = 2.75; λ = 0.75/2.75, old = 1/λ², observed = 3/5 × 2 × (1 − λ),
    df = 1/(1/old + 1/observed)
    """
    treated = np.array([True, True, False, False])
    found = pooled_difference([np.array([1.0, 3, 0, 2]), np.array([2.0, 4, 0, 2])], treated)
    share = 0.75 / 2.75
    df = 1 / (share**2 + 1 / (0.6 * 2 * (1 - share)))
    assert found.value == 1.5
    assert found.statistic == pytest.approx(1.5 / sqrt(2.75))
    from scipy import stats

    assert found.p == pytest.approx(2 * stats.t.sf(1.5 / sqrt(2.75), df))
    assert found.ci_high == pytest.approx(1.5 + stats.t.ppf(0.975, df) * sqrt(2.75))


def test_nothing_missing_is_the_difference_of_means_with_welchs_error():
    whole = panel(lost=0)
    found = pooled_difference(at(impute(whole, sets=3, seed=SEED), 2), whole.treated)
    y = whole.values[:, 2]
    want = TESTS["welch"](TwoSamples.of(y[whole.treated], y[~whole.treated]))
    assert found.value == pytest.approx(want.value)
    assert found.statistic == pytest.approx(want.statistic)


def test_what_was_measured_stays_and_no_gap_is_left():
    made = panel()
    seen = ~np.isnan(made.values)
    sets = impute(made, sets=4, seed=SEED)
    assert all((s[seen] == made.values[seen]).all() and not np.isnan(s).any() for s in sets)
    assert not np.array_equal(sets[0], sets[1])


def test_the_same_seed_draws_the_same_and_another_does_not():
    made = panel()
    one, same, other = (impute(made, sets=2, seed=seed) for seed in (SEED, SEED, (8, 1)))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@given(st.integers(0, 20), st.floats(0.05, 0.5))
def test_swapped_arms_turn_the_sign_and_keep_p(seed, lost):
    made = panel(n=40, lost=lost, seed=seed)
    other = Panel(values=made.values, treated=~made.treated, known=made.known)
    if not made.usable(1):
        assert not other.usable(1)
        return
    one = pooled_difference(at(impute(made, sets=3, seed=SEED), 1), made.treated)
    two = pooled_difference(at(impute(other, sets=3, seed=SEED), 1), other.treated)
    assert two.value == pytest.approx(-one.value, abs=1e-12)
    assert two.p == pytest.approx(one.p)
    assert two.ci_low == pytest.approx(-one.ci_high)


def test_shift_and_scale_of_the_unit_go_through():
    made = panel()
    scaled = Panel(values=10 + 1000 * made.values, treated=made.treated, known=made.known)
    one, two = (pooled_difference(at(impute(p, sets=3, seed=SEED), 2), p.treated) for p in (made, scaled))
    assert two.value == pytest.approx(1000 * one.value, rel=1e-6)
    assert two.p == pytest.approx(one.p, rel=1e-6)


def test_who_is_lost_by_what_was_seen_before_biases_those_left_and_not_the_imputed():
    """The treated of low values at the first visit are lost to the second: measured means promise 1.5 and
    more for a truth of 1, and the earlier value knows why."""
    made = panel(n=4000, lost=0)
    made.values[made.treated & (made.values[:, 0] < 0), 1] = np.nan
    y, seen = made.values[:, 1], ~np.isnan(made.values[:, 1])
    naive = y[seen & made.treated].mean() - y[~made.treated].mean()
    found = pooled_difference(at(impute(made, sets=10, seed=SEED), 1), made.treated)
    assert naive > 1.5
    assert found.value == pytest.approx(1, abs=0.1)
    assert found.ci_low < 1 < found.ci_high


def test_a_visit_of_one_arm_of_few_or_of_one_value_is_not_made_up():
    made = panel()
    made.values[made.treated, 0] = np.nan
    made.values[8:, 1] = np.nan
    made.values[:, 2] = np.where(np.isnan(made.values[:, 2]), np.nan, 5.0)
    assert [made.usable(v) for v in range(3)] == [False, False, False]
    (same,) = impute(made, sets=1, seed=SEED)
    assert np.array_equal(same, made.values, equal_nan=True)


@pytest.mark.parametrize(
    ("values", "treated", "reason"),
    [
        ([1, 2], [True, True], "empty_arm"),
        ([1, 2, 3], [True, False, False], "not_identified"),
        ([1, 1, 1, 1], [True, True, False, False], "no_variation"),
        ([1, 1, 2, 2], [True, True, False, False], "no_variation"),
    ],
)
def test_what_cannot_be_estimated_has_a_reason(values, treated, reason):
    found = pooled_difference([np.array(values, dtype=float)] * 2, np.array(treated))
    assert (found.status, found.reason, found.p) == ("not_estimable", reason, None)
