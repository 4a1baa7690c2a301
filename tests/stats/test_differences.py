"""Places among all differences: equal to the bit to sorting all, however many there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats import differences
from rwe.stats.differences import Differences

ARM = st.lists(st.floats(-1e9, 1e9) | st.integers(-3, 3).map(float), min_size=1, max_size=12)


def counted(arm):
    values, n = np.unique(np.array(arm, dtype=np.float64), return_counts=True)
    return values, n.astype(np.int64)


def sorted_all(first, second):
    return np.sort(np.subtract.outer(np.array(first), np.array(second)).ravel()).tolist()


@given(ARM, ARM, st.sampled_from([0, 1, 4, 30]))
def test_every_place_is_that_of_sorting_all(first, second, few):
    found = Differences.of(*counted(first), *counted(second))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "FEW", few)
        everywhere = found.in_order([*range(1, len(first) * len(second) + 1)])
    assert everywhere == sorted_all(first, second)


@pytest.mark.parametrize(("digits", "shift"), [(15, 0.0), (2, 0.3), (2, 1e6), (15, 1e-9)])
def test_of_more_pairs_than_are_sorted_at_once(digits, shift):
    random = np.random.default_rng(20200320)
    first = random.normal(3 + shift, 1, 300).round(digits)
    second = np.concatenate([random.normal(3, 1, 500).round(digits), np.zeros(40)])
    pairs = first.size * second.size
    assert pairs > differences.FEW
    places = [1, 2, pairs // 40, pairs // 2, pairs // 2 + 1, pairs - 1, pairs]
    found = Differences.of(*counted(first), *counted(second)).in_order(places)
    assert found == [sorted_all(first, second)[place - 1] for place in places]
