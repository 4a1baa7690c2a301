"""Mann-Whitney: against scipy, against every permutation, and the laws that hold for any data."""

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from rwe.stats import TESTS
from rwe.stats.ranks import superiority
from rwe.stats.shift import null_counts
from rwe.stats.summaries import TwoSamples

MW = [name for name in TESTS if name.startswith("mann_whitney")]
ANY = st.lists(st.integers(-4, 4).map(float), max_size=9)
ARM = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=9)
FINE = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9)


def run(name, treated, control):
    return TESTS[name](TwoSamples.of(treated, control))


def varies(treated, control):
    return len({*treated, *control}) > 1


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize(("treated", "control"), [([], [1.0, 2.0]), ([1.0, 2.0], []), ([], [])])
def test_an_empty_arm_is_a_result(name, treated, control):
    found = run(name, treated, control)
    assert (found.status, found.reason) == ("not_estimable", "empty_arm")
    assert (found.n_treated, found.n_control) == (len(treated), len(control))
    assert (found.value, found.p, found.statistic, found.ci_low, found.level) == (None,) * 5


@pytest.mark.parametrize("name", TESTS)
def test_equal_values_are_not_p_1(name):
    found = run(name, [2.5] * 3, [2.5] * 4)
    assert (found.status, found.reason, found.p) == ("not_estimable", "no_variation", None)
    assert (found.value, found.ci_low, found.level) == (0.0, None, None)


@given(ANY, ANY)
def test_numbers_are_plain_floats_and_p_is_a_probability(treated, control):
    for name in TESTS:
        found = run(name, treated, control)
        numbers = (found.value, found.ci_low, found.ci_high, found.level, found.statistic, found.p)
        assert {type(number) for number in numbers} <= {float, type(None)}
        assert (found.p is None) == (found.status == "not_estimable")
        assert found.p is None or 0 <= found.p <= 1
        assert found.ci_low is None or found.ci_low <= found.value <= found.ci_high


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_huge_and_tiny_values_are_values(size):
    for name in TESTS:
        found = run(name, [0.1 * size, 0.9 * size, size], [-size, -0.5 * size, 0.2 * size])
        assert found.status == "estimated"
        assert found.p == pytest.approx(run(name, [0.1, 0.9, 1.0], [-1.0, -0.5, 0.2]).p)


@given(ARM, ARM)
def test_swapped_arms_flip_signs_and_keep_p(treated, control):
    assume(varies(treated, control))
    for name in MW:
        one, other = run(name, treated, control), run(name, control, treated)
        assert one.p == pytest.approx(other.p, rel=1e-12)
        assert one.value == -other.value
        assert one.statistic + other.statistic == len(treated) * len(control)
        if one.level:
            assert (one.ci_low, one.ci_high) == (-other.ci_high, -other.ci_low)


@given(ARM, ARM, st.integers(-9, 9), st.sampled_from([0.5, 2.0, 1024.0]))
def test_units_move_the_shift_and_not_p(treated, control, move, factor):
    assume(varies(treated, control))
    for name in MW:
        one = run(name, treated, control)
        moved = run(name, [v * factor + move for v in treated], [v * factor + move for v in control])
        assert (moved.p, moved.statistic, moved.value) == (one.p, one.statistic, one.value * factor)
        if one.level:
            assert (moved.ci_low, moved.ci_high) == (one.ci_low * factor, one.ci_high * factor)


@given(ARM, ARM, st.integers(-9, 9))
def test_a_treatment_that_adds_a_constant_shifts_by_it(treated, control, effect):
    more = [value + effect for value in treated]
    assume(varies(treated, control) and varies(more, control))
    one, other = run("mann_whitney", treated, control), run("mann_whitney", more, control)
    assert other.value == one.value + effect


@given(ARM, ARM, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(treated, control, random):
    shuffled = random.sample(treated, len(treated)), random.sample(control, len(control))
    for name in TESTS:
        assert run(name, *shuffled) == run(name, treated, control)


@given(ARM, ARM)
def test_duplicated_patients_change_p(treated, control):
    one = run("mann_whitney_asymptotic_no_continuity", treated, control)
    assume(one.p is not None and one.statistic != len(treated) * len(control) / 2)
    for name in ("mann_whitney_asymptotic", "mann_whitney_asymptotic_no_continuity"):
        assert run(name, treated * 2, control * 2).p < run(name, treated, control).p


def test_duplicated_patients_change_the_exact_p():
    one, two = ([1.0, 2.0, 4.0], [3.0, 5.0, 6.0]), ([1.0, 2.0, 4.0] * 2, [3.0, 5.0, 6.0] * 2)
    assert run("mann_whitney_exact", *two).p < run("mann_whitney_exact", *one).p


@given(st.data(), st.integers(2, 10))
def test_exact_is_every_permutation(data, total):
    m = data.draw(st.integers(1, total - 1))
    values = data.draw(st.lists(st.integers(0, 5).map(float), min_size=total, max_size=total))
    assume(len(set(values)) > 1)
    ranks = stats.rankdata(values)
    far = [abs(ranks[list(chosen)].sum() - m * (total + 1) / 2) for chosen in combinations(range(total), m)]
    want = sum(distance >= far[0] - 1e-9 for distance in far) / len(far)
    assert run("mann_whitney_exact", values[:m], values[m:]).p == pytest.approx(want, rel=1e-12)


def by_dictionary(treated, control):
    """The definition, in whole numbers: slow, and written down twice on purpose."""
    ranks = [int(r) for r in np.rint(2 * stats.rankdata([*treated, *control]))]
    m, total = len(treated), len(ranks)
    ways = [{0: 1}] + [{} for _ in range(m)]
    for rank in ranks:
        for k in range(m - 1, -1, -1):
            for s, w in ways[k].items():
                ways[k + 1][s + rank] = ways[k + 1].get(s + rank, 0) + w
    far = abs(total * sum(ranks[:m]) - m * sum(ranks))
    return Fraction(
        sum(w for s, w in ways[m].items() if abs(total * s - m * sum(ranks)) >= far), comb(total, m)
    )


@pytest.mark.parametrize(
    ("m", "n", "levels"), [(13, 16, 12), (16, 13, 30), (21, 26, 4), (2, 30, 9), (30, 1, 9)]
)
def test_exact_with_ties_against_whole_numbers(m, n, levels):
    rng = np.random.default_rng(m * n)
    treated, control = rng.integers(0, levels, m) + 2, rng.integers(0, levels, n)
    found = run("mann_whitney_exact", treated, control)
    assert found.p == pytest.approx(float(by_dictionary(treated, control)), rel=1e-12)


@pytest.mark.parametrize(("m", "n"), [(5, 60), (60, 45), (120, 150), (1, 3000)])
def test_exact_without_ties_is_the_null_distribution_of_u(m, n):
    order = np.random.default_rng(7).permutation(m + n).astype(float)
    found = run("mann_whitney_exact", order[:m] + n // 10 + 0.5, order[m:])
    counts, u = null_counts(m, n), int(min(found.statistic, m * n - found.statistic))
    want = min(1.0, 2 * counts[: u + 1].sum() / comb(m + n, m))
    assert found.p == pytest.approx(want, rel=1e-10)


@given(FINE, FINE)
def test_asymptotic_is_scipy(treated, control):
    assume(varies(treated, control))
    for name, continuity in (
        ("mann_whitney_asymptotic", True),
        ("mann_whitney_asymptotic_no_continuity", False),
    ):
        found = run(name, treated, control)
        want = stats.mannwhitneyu(treated, control, method="asymptotic", use_continuity=continuity)
        assert (found.statistic, found.p) == pytest.approx((want.statistic, want.pvalue), rel=1e-9)


@given(FINE, FINE)
def test_exact_without_ties_is_scipy(treated, control):
    assume(len({*treated, *control}) == len(treated) + len(control))
    want = stats.mannwhitneyu(treated, control, method="exact")
    assert run("mann_whitney_exact", treated, control).p == pytest.approx(want.pvalue, rel=1e-9)


def test_rule_for_a_study_that_declares_nothing():
    values = np.arange(99.0)
    assert "exact" in run("mann_whitney", values[:49], values[49:98]).test
    assert (
        run("mann_whitney", values[:49], values[49:]).test
        == run("mann_whitney_asymptotic", values[:49], values[49:]).test
    )
    assert "normal" in run("mann_whitney", values[:50], values[50:]).test


def test_beyond_200_v_200_exact_says_that_it_is_not():
    values = np.arange(402.0)
    found = run("mann_whitney_exact", values[:201], values[201:])
    assert found.test.startswith("Mann–Whitney, two-sided, normal approximation")
    assert "exact up to 40000 pairs" in found.test
    assert found.p == run("mann_whitney_asymptotic", values[:201], values[201:]).p


def test_the_test_as_a_paper_would_print_it():
    names = {name: run(name, [1.0, 2.0], [3.0]).test for name in MW}
    assert names == {
        "mann_whitney": "Mann–Whitney, two-sided, exact conditional on the observed ranks",
        "mann_whitney_asymptotic": (
            "Mann–Whitney, two-sided, normal approximation, tie- and continuity-corrected"
        ),
        "mann_whitney_asymptotic_no_continuity": (
            "Mann–Whitney, two-sided, normal approximation, tie-corrected, no continuity correction"
        ),
        "mann_whitney_exact": "Mann–Whitney, two-sided, exact conditional on the observed ranks",
    }


@given(ANY, ANY)
def test_superiority_is_the_share_of_pairs_won(treated, control):
    wins = [(t > c) + (t == c) / 2 for t in treated for c in control]
    found = superiority(TwoSamples.of(treated, control))
    assert found == (pytest.approx(sum(wins) / len(wins)) if wins else None)
