from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats.balance import smd, smd_level
from rwe.stats.quantile import Description

ARM = st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=12)
ZEROS_AND_ONES = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=12)


def of(treated, control):
    return smd(Description.of(treated), Description.of(control))


def test_by_hand():
    assert of([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == pytest.approx(-2 / sqrt(2.5))


@pytest.mark.parametrize(
    ("treated", "control"), [([2.0, 2.0], [2.0]), ([2.0] * 3, [2.0] * 2), ([0.1] * 3, [0.3] * 3), ([], [1.0])]
)
def test_no_spread_no_smd(treated, control):
    assert of(treated, control) is None


@pytest.mark.parametrize("counts", [(0, 9, 0, 8), (9, 9, 8, 8), (9, 9, 0, 8), (0, 0, 1, 8), (1, 8, 0, 0)])
def test_no_spread_of_a_level(counts):
    a, m, b, n = counts
    assert smd_level(a, m, control=b, n_control=n) is None


@given(ARM, ARM, st.integers(-9, 9), st.sampled_from([0.5, 3.0]))
def test_units_do_not_matter_and_swapping_flips(treated, control, move, factor):
    one = of(treated, control)
    if one is None:
        assert of(control, treated) is None
        return
    assert of(control, treated) == -one
    moved = of([v * factor + move for v in treated], [v * factor + move for v in control])
    assert moved == pytest.approx(one, abs=1e-9)


@given(ZEROS_AND_ONES, ZEROS_AND_ONES)
def test_a_level_is_a_variable_of_zeros_and_ones(treated, control):
    """With the variance over n: p(1 - p)."""
    found = smd_level(int(sum(treated)), len(treated), control=int(sum(control)), n_control=len(control))
    p1, p0 = sum(treated) / len(treated), sum(control) / len(control)
    variance = (p1 * (1 - p1) + p0 * (1 - p0)) / 2
    assert found == (pytest.approx((p1 - p0) / sqrt(variance)) if variance else None)
