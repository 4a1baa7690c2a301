import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats.balance import smd, smd_level, smd_weighted
from rwe.stats.quantile import Description
from rwe.stats.weights import effective_size, in_bins, weights

SCORES = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=20).map(np.array)
POSITIVE = st.lists(st.floats(1e-200, 1e200), min_size=1, max_size=20)


def test_by_hand():
    score, treated = np.array([0.2, 0.2, 0.8, 0.8]), np.array([True, False, True, False])
    assert weights(score, treated, "overlap") == pytest.approx([0.8, 0.2, 0.2, 0.8])
    assert weights(score, treated, "att") == pytest.approx([1, 0.25, 1, 4])


@given(SCORES)
def test_overlap_weights_know_no_arm_from_the_other(score):
    treated = np.arange(len(score)) % 2 == 0
    assert weights(score, treated, "overlap") == pytest.approx(weights(1 - score, ~treated, "overlap"))


@given(POSITIVE, st.sampled_from([1e-90, 3.0, 1e90]))
def test_the_effective_size_is_between_one_and_all_and_knows_no_scale(w, factor):
    found = effective_size(w)
    assert 1 - 1e-9 <= found <= len(w) * (1 + 1e-9)
    assert effective_size(np.array(w) * factor) == pytest.approx(found)


def test_equal_weights_count_everybody_and_none_nobody():
    assert effective_size([0.3] * 7) == pytest.approx(7)
    assert effective_size([1, 1, 0, 0]) == pytest.approx(2)
    assert effective_size([3, 1]) == pytest.approx(16 / 10)
    assert effective_size([]) == effective_size([0.0, 0.0]) == 0


def test_a_bin_holds_its_lower_end_and_the_last_one_both():
    assert in_bins(np.array([0.0, 0.0999, 0.1, 0.95, 1.0]), 10) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]


VALUES = st.lists(st.integers(-5, 5).map(float), min_size=4, max_size=20).map(np.array)


@given(VALUES, st.floats(0.1, 9))
def test_equal_weights_give_the_difference_without_weights(values, weight):
    treated = np.arange(len(values)) % 2 == 0
    found = smd_weighted(values, treated, np.full(len(values), weight), level=False)
    plain = smd(Description.of(values[treated]), Description.of(values[~treated]))
    assert found == (None if plain is None else pytest.approx(plain, abs=1e-12))


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=4, max_size=20).map(np.array))
def test_so_of_a_level(values):
    treated = np.arange(len(values)) % 2 == 0
    first, second = values[treated], values[~treated]
    plain = smd_level(int(first.sum()), first.size, control=int(second.sum()), n_control=second.size)
    found = smd_weighted(values, treated, np.ones(len(values)), level=True)
    assert found == (None if plain is None else pytest.approx(plain, abs=1e-12))


def test_weights_move_the_means_and_not_the_denominator():
    """Means 1.5 and 4; unweighted variances 1 and 4."""
    values, treated = np.array([1.0, 2, 3, 2, 4, 6]), np.array([True] * 3 + [False] * 3)
    found = smd_weighted(values, treated, np.array([1.0, 1, 0, 2, 2, 2]), level=False)
    assert found == pytest.approx((1.5 - 4) / 2.5**0.5)


@pytest.mark.parametrize("w", [[0.0, 0, 1, 1], [1.0, 1, 0, 0]])
def test_an_arm_without_weight_has_no_difference(w):
    treated = np.array([True, True, False, False])
    assert smd_weighted(np.array([1.0, 2, 3, 4]), treated, np.array(w), level=False) is None


def test_an_arm_without_a_value_has_no_difference():
    assert smd_weighted(np.ones(2), np.array([True, True]), np.ones(2), level=True) is None
