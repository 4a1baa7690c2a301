from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats.ranks import mann_whitney
from rwe.stats.shift import EXACT, NORMAL, TIED, hodges_lehmann, moses, null_counts
from rwe.stats.summaries import TwoSamples

ARM = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=9)


@given(ARM, ARM)
def test_all_differences_in_order(treated, control):
    differences = sorted(t - c for t in treated for c in control)
    found = hodges_lehmann(TwoSamples.of(treated, control))
    k, level = moses(len(treated), len(control))
    assert found.value == np.median(differences)
    if level:
        assert (found.low, found.high, found.level) == (differences[k - 1], differences[-k], level)


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 6), (3, 3), (4, 2), (5, 5), (6, 4)])
def test_null_distribution_is_every_arrangement(m, n):
    us = [sum(chosen) - m * (m - 1) // 2 for chosen in combinations(range(m + n), m)]
    assert null_counts(m, n).tolist() == [us.count(u) for u in range(m * n // 2 + 1)]


@pytest.mark.parametrize(("m", "n"), [(21, 26), (52, 58), (200, 200), (40, 1000), (2, 20000)])
def test_null_distribution_against_whole_numbers(m, n):
    whole = np.array([1] + [0] * (m * n // 2), dtype=object)
    for i in range(1, m + 1):
        whole[n + i :] -= whole[: max(0, whole.size - n - i)].copy()
        for start in range(i):
            whole[start::i] = np.cumsum(whole[start::i])
    mirrored = whole[: (m * n + 1) // 2].sum()
    assert whole.sum() + mirrored == comb(m + n, m)
    found, upto = np.cumsum(null_counts(m, n)), np.cumsum(whole).astype(float)
    assert found == pytest.approx(upto, rel=1e-12)


def test_too_few_for_the_level_still_compares():
    found = mann_whitney(TwoSamples.of([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]))
    assert (found.status, found.reason) == ("estimated", "level_not_attained")
    assert (found.ci_low, found.ci_high, found.level) == pytest.approx((1.0, 5.0, 0.9))
    assert found.p == pytest.approx(0.1)


def test_one_patient_an_arm_has_no_interval():
    found = mann_whitney(TwoSamples.of([4.0], [1.0]))
    assert (found.value, found.ci_low, found.ci_high, found.level) == (3.0, None, None, None)
    assert (found.status, found.reason, found.p) == ("estimated", "level_not_attained", 1.0)


def test_a_tail_of_exactly_half_of_what_is_left_is_enough():
    assert moses(3, 3, level=0.9) == (1, pytest.approx(0.9))
    assert mann_whitney(TwoSamples.of([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]), level=0.9).reason is None


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_k_is_the_largest_that_keeps_the_level(m, n, level):
    k, attained = moses(m, n, level=level)
    upto = np.cumsum(null_counts(m, n)) / comb(m + n, m)
    assert attained >= level - 1e-12 or k == 1
    assert k > upto.size - 1 or 1 - 2 * upto[k] <= level + 1e-12 or k == 1


def test_the_interval_names_its_method():
    plain, tied = TwoSamples.of([1.0, 4.0], [2.0, 3.0]), TwoSamples.of([1.0, 2.0], [2.0, 3.0])
    large = TwoSamples.of(np.arange(201.0), np.arange(200.0) + 0.5)
    assert [hodges_lehmann(s).interval for s in (plain, tied, large)] == [EXACT, TIED, NORMAL]


@pytest.mark.parametrize(("m", "n"), [(200, 201), (100, 500), (1, 50000)])
def test_beyond_40000_pairs_the_normal_distribution_is_close(m, n):
    k, attained = moses(m, n)
    assert k >= 1
    if m > 1:
        exact = 1 - 2 * np.cumsum(null_counts(m, n))[k - 1] / comb(m + n, m)
        assert attained == pytest.approx(exact, abs=2e-4)


def test_no_normal_interval_below_the_least_difference():
    k, attained = moses(1, 50000, level=0.99)
    assert (k, attained < 0.99) == (1, True)
