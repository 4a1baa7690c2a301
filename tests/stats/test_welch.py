import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from rwe.stats import TESTS
from rwe.stats.summaries import TwoSamples

ARM = st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=12)


def welch(treated, control):
    return TESTS["welch"](TwoSamples.of(treated, control))


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy, of an arm that does not vary
@given(ARM, ARM)
def test_welch_is_scipy(treated, control):
    assume(len(set(treated)) > 1 or len(set(control)) > 1)
    found, want = welch(treated, control), stats.ttest_ind(treated, control, equal_var=False)
    limits = want.confidence_interval(0.95)
    assert (found.statistic, found.p) == pytest.approx((want.statistic, want.pvalue), rel=1e-9, abs=1e-12)
    assert (found.ci_low, found.ci_high) == pytest.approx((limits.low, limits.high), rel=1e-9, abs=1e-9)
    swapped = welch(control, treated)
    assert (found.value, found.p) == pytest.approx((-swapped.value, swapped.p))
    assert found.version.startswith("scipy ")


def test_two_constants_have_nothing_to_scale_by():
    found = welch([0.1] * 3, [0.3] * 3)
    assert (found.status, found.reason, found.p) == ("not_estimable", "no_variation", None)
    assert found.value == pytest.approx(-0.2)


@pytest.mark.parametrize(("treated", "control"), [([1.0], [2.0, 3.0]), ([1.0, 2.0], [3.0])])
def test_one_patient_has_no_variance(treated, control):
    found = welch(treated, control)
    assert (found.status, found.reason) == ("not_estimable", "not_identified")
    assert found.value is not None
