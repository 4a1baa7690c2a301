from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.errors import DataError
from rwe.stats.quantile import METHODS, Description, median_interval, quantiles
from rwe.stats.summaries import finite

VALUES = st.lists(st.integers(-99, 99).map(float), min_size=1, max_size=20)


def test_nobody():
    assert Description.of([]) == Description(n=0)


@pytest.mark.parametrize("kind", METHODS)
def test_one_value_is_given_thrice_and_has_no_sd(kind):
    assert Description.of([2.5], kind=kind) == Description(n=1, mean=2.5, median=2.5, q1=2.5, q3=2.5)


@pytest.mark.parametrize(("kind", "q1"), [(7, 1.75), (2, 1.5), (6, 1.25)])
def test_the_type_decides(kind, q1):
    assert Description.of([10.0, 1.0, 3.0, 2.0], kind=kind).q1 == q1


def test_equal_values_have_no_spread_to_the_last_bit():
    assert np.std([0.1] * 3, ddof=1) > 0
    assert Description.of([0.1] * 3) == Description(n=3, mean=0.1, sd=0.0, median=0.1, q1=0.1, q3=0.1)


@given(VALUES, st.sampled_from(sorted(METHODS)))
def test_quantiles_ascend_within_the_values(values, kind):
    found = [min(values), *quantiles(finite(values), (0.0, 0.25, 0.5, 0.75, 1.0), kind=kind), max(values)]
    assert all(low <= high + 1e-9 for low, high in pairwise(found))


@given(VALUES, st.integers(-9, 9), st.sampled_from([0.5, 2.0]))
def test_units_move_every_number(values, move, factor):
    one, other = Description.of(values), Description.of([v * factor + move for v in values])
    assert other.median == pytest.approx(one.median * factor + move)
    assert other.mean == pytest.approx(one.mean * factor + move)
    assert other.sd == (None if one.sd is None else pytest.approx(one.sd * factor, abs=1e-9))


def test_not_finite_is_an_error():
    with pytest.raises(DataError):
        Description.of([1.0, float("nan")])


@pytest.mark.parametrize("n", range(1, 40))
def test_median_interval_attains_its_level(n):
    """qbinom(0.025, n, 0.5) is 0 up to n = 5"""
    found = median_interval(np.arange(float(n)))
    assert (found is None) == (n < 6)
    if found:
        low, high, level = found
        assert low + high == n - 1
        assert level == pytest.approx(1 - 2 * sum(comb(n, i) for i in range(int(low) + 1)) / 2**n)
        assert level >= 0.95 > 1 - 2 * sum(comb(n, i) for i in range(int(low) + 2)) / 2**n


def test_median_interval_of_nobody():
    assert median_interval([]) is None
