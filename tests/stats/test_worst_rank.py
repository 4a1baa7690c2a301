"""Worst ranks against R 4.2.2 and against what can be counted by hand."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats import DEATH_TESTS, TESTS
from rwe.stats.summaries import TwoSamples
from rwe.stats.worst_rank import Composite

ARM = st.lists(st.integers(0, 9).map(float), max_size=7)
DEAD = st.integers(0, 4)


def ranked(treated, control, dead, *, worse="low", test="worst_rank"):
    return DEATH_TESTS[test](Composite(samples=TwoSamples.of(treated, control), dead=dead, worse=worse))


def test_one_death_against_three_as_in_r():
    """x <- c(2.1, 2.5, 2.9, 3.3, 2.7); y <- c(1.9, 2.2, 2.0, 2.6, 2.4, 2.5); w <- -1e6
    wilcox.test(c(x, w), c(y, w, w, w), exact = FALSE)  # W = 41, p = 0.10808725706135014
    d <- sort(outer(c(x, -Inf), c(y, rep(-Inf, 3)), function(a, b) ifelse(a == b, 0, a - b)))
    k <- qwilcox(.025, 6, 9); c(median(d), d[k], d[54 - k + 1])  # 0.55 -0.1 Inf
    1 - 2 * pwilcox(k - 1, 6, 9)  # 0.95044955044955048
    """
    arms = [2.1, 2.5, 2.9, 3.3, 2.7], [1.9, 2.2, 2.0, 2.6, 2.4, 2.5]
    found = ranked(*arms, (1, 3))
    assert (found.statistic, found.n_treated, found.n_control) == (41, 6, 9)
    assert found.p == pytest.approx(0.10808725706135014, rel=1e-12)
    assert found.value == pytest.approx(0.55)
    assert (found.ci_low, found.ci_high) == (pytest.approx(-0.1), inf)
    assert found.level == pytest.approx(0.95044955044955048)
    assert found.test.endswith("death the worst rank, deaths tied, low values are worse")
    exact = ranked(*arms, (1, 3), test="worst_rank_exact")  # of all 5005 ways: 513
    assert exact.p == pytest.approx(0.1024975024975025, rel=1e-12)


def test_nobody_dead_is_mann_whitney():
    arms = [3.0, 1.0, 4.0, 1.5], [2.0, 6.0, 5.0]
    for name, plain in (
        ("worst_rank", "mann_whitney_asymptotic"),
        ("worst_rank_exact", "mann_whitney_exact"),
    ):
        found, want = ranked(*arms, (0, 0), test=name), TESTS[plain](TwoSamples.of(*arms))
        assert (found.p, found.value, found.ci_low, found.ci_high) == (
            *(want.p, want.value, want.ci_low, want.ci_high),
        )


def test_where_half_of_the_pairs_are_decided_by_death_there_is_no_shift_but_a_p():
    found = ranked([1.0, 2.0, 3.0], [], (0, 4))
    assert (found.status, found.reason, found.value) == ("estimated", "decided_by_death", None)
    assert 0 < found.p < 0.1
    assert (found.ci_low, found.ci_high) == (inf, inf)


def test_all_dead_in_both_arms_do_not_vary_and_an_arm_of_nobody_is_empty():
    assert ranked([], [], (2, 3)).reason == "no_variation"
    assert ranked([], [1.0], (0, 1)).reason == "empty_arm"
    assert ranked([], [], (0, 0)).reason == "empty_arm"


@given(ARM, ARM, DEAD, DEAD, st.sampled_from(sorted(DEATH_TESTS)))
def test_swapped_arms_turn_the_sign_and_so_does_a_scale_turned_round(treated, control, a, b, name):
    one = ranked(treated, control, (a, b), test=name)
    swapped = ranked(control, treated, (b, a), test=name)
    turned = ranked([-x for x in treated], [-x for x in control], (a, b), worse="high", test=name)
    for other in (swapped, turned):
        assert (other.status, other.reason) == (one.status, one.reason)
        assert other.p == (None if one.p is None else pytest.approx(one.p))
        for here, there in (
            (one.value, other.value),
            (one.ci_low, other.ci_high),
            (one.ci_high, other.ci_low),
        ):
            assert there == (None if here is None else pytest.approx(-here))


@given(ARM, ARM, DEAD, DEAD)
def test_a_death_more_among_the_treated_never_helps_them(treated, control, a, b):
    if treated and (control or b):
        alive, less = ranked(treated, control, (a, b)), ranked(treated[1:], control, (a + 1, b))
        if alive.statistic is not None and less.statistic is not None:
            assert less.statistic <= alive.statistic
