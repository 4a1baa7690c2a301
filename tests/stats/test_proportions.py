import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from rwe.stats.proportions import (
    FISHER,
    PEARSON,
    clopper_pearson,
    fisher_p,
    newcombe,
    pearson,
    rule_of_three,
    smallest_expected,
    two_by_two,
    wilson,
)
from rwe.stats.summaries import ArmEvents, Events

SIDE = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def table(a, m, b, n):
    arms = (ArmEvents(patients=k, events=k, n=size, person_days=0.0) for k, size in ((a, m), (b, n)))
    return two_by_two(Events(treated=next(arms), control=next(arms)))


@given(SIDE, SIDE)
def test_fisher_is_scipy(treated, control):
    (a, m), (b, n) = treated, control
    want = stats.fisher_exact([[a, m - a], [b, n - b]]).pvalue
    assert fisher_p(a, m, b=b, n=n) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize(("a", "m", "b", "n"), [(3, 50_000, 9, 40_000), (900, 1000, 700, 1000), (0, 9, 9, 9)])
def test_fisher_of_large_and_extreme_tables_is_scipy(a, m, b, n):
    want = stats.fisher_exact([[a, m - a], [b, n - b]]).pvalue
    assert fisher_p(a, m, b=b, n=n) == pytest.approx(want, rel=1e-8)


@given(SIDE, SIDE)
def test_pearson_is_scipy(treated, control):
    (a, m), (b, n) = treated, control
    assume(0 < a + b < m + n)
    want = stats.chi2_contingency([[a, m - a], [b, n - b]], correction=False)
    assert pearson(a, m, b=b, n=n) == pytest.approx((want.statistic, want.pvalue), rel=1e-9, abs=1e-12)
    assert smallest_expected(a, m, b=b, n=n) == pytest.approx(want.expected_freq.min())


@given(SIDE, st.sampled_from([0.8, 0.95, 0.99]))
def test_limits_of_one_proportion_are_scipy(side, level):
    found = stats.binomtest(*side)
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        want = found.proportion_ci(level, method=method)
        assert ours(*side, level=level) == pytest.approx((want.low, want.high), rel=1e-9, abs=1e-12)
        assert 0 <= ours(*side)[0] <= side[0] / side[1] <= ours(*side)[1] <= 1


@given(SIDE, SIDE)
def test_swapped_arms_flip_signs_and_keep_p(treated, control):
    one, other = table(*treated, *control), table(*control, *treated)
    assert one.p == (None if other.p is None else pytest.approx(other.p, rel=1e-9))
    assert (one.value, one.ci_low, one.ci_high) == pytest.approx(
        (-other.value, -other.ci_high, -other.ci_low), abs=1e-12
    )
    assert -1 <= one.ci_low <= one.value <= one.ci_high <= 1


@pytest.mark.parametrize(
    ("counts", "test"),
    [
        ((30, 60, 20, 60), PEARSON),
        ((10, 20, 10, 19), FISHER),  # 39 patients
        ((10, 20, 10, 20), PEARSON),
        ((4, 50, 5, 50), FISHER),  # 4.5 expected
        ((5, 50, 5, 50), PEARSON),
        ((45, 50, 46, 50), FISHER),  # 4.5 expected without an event
    ],
)
def test_the_rule_and_its_name(counts, test):
    found = table(*counts)
    assert (found.test, found.status, found.reason) == (test, "estimated", None)
    assert (found.statistic is None) == (test == FISHER)


@pytest.mark.parametrize("counts", [(0, 60, 0, 58), (60, 60, 58, 58), (0, 2, 0, 3)])
def test_without_events_the_difference_keeps_its_interval(counts):
    a, m, b, n = counts
    found = table(*counts)
    assert (found.status, found.reason) == ("not_estimable", "no_events")
    assert (found.value, found.p, found.statistic) == (0.0, None, None)
    assert (found.ci_low, found.ci_high) == newcombe(a, m, b=b, n=n)


@pytest.mark.parametrize("counts", [(0, 0, 1, 5), (1, 5, 0, 0), (0, 0, 0, 0)])
def test_an_empty_arm_is_a_result(counts):
    found = table(*counts)
    assert (found.status, found.reason, found.p, found.value) == ("not_estimable", "empty_arm", None, None)
    assert (found.n_treated, found.n_control) == counts[1::2]


def test_three_over_n_only_where_nothing_happened():
    assert (rule_of_three(0, 52), rule_of_three(1, 52)) == (3 / 52, None)
