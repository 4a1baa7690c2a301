import pytest

import rwe
from rwe.stats import TESTS
from rwe.stats.estimate import Estimate
from rwe.stats.summaries import TwoSamples

NAMED = {"name": "shift", "test": "a test", "n_treated": 1, "n_control": 1}


@pytest.mark.parametrize("field", ["value", "ci_low", "ci_high", "level", "statistic", "p"])
def test_nan_is_no_result(field):
    with pytest.raises(ValueError, match="NaN"):
        Estimate(**NAMED, **{field: float("nan")})


@pytest.mark.parametrize("status", ["not_estimable", "suppressed"])
def test_no_result_has_a_reason(status):
    with pytest.raises(ValueError, match="without a reason"):
        Estimate(**NAMED, status=status)


def test_an_infinite_limit_is_a_limit():
    assert Estimate(**NAMED, ci_low=float("-inf")).ci_low == float("-inf")


def test_ours_carries_our_version():
    found = TESTS["mann_whitney"](TwoSamples.of([1.0, 2.0], [3.0, 4.0]))
    assert found.version == f"rwe {rwe.__version__}"
