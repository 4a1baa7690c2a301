"""Laws of what is stratified, paired or in time: arms swapped, sites pooled, and nothing to estimate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats import mantel_haenszel as mh
from rwe.stats.ancova import ancova
from rwe.stats.ancova import fit as fit_ancova
from rwe.stats.conditional import Conditional
from rwe.stats.cox import cox
from rwe.stats.mixed import fit as fit_mixed
from rwe.stats.paired import Differences, signed_rank
from rwe.stats.ratios import odds_ratio, rate_ratio, risk_ratio
from rwe.stats.rubin import pool
from rwe.stats.summaries import ArmEvents, Events, TwoSamples
from rwe.stats.survival import Times, log_rank, median, rmst, survival
from rwe.stats.van_elteren import Ranked, van_elteren
from tests.stats.stratified import table

ROWS = st.lists(
    st.tuples(st.integers(1, 9), st.booleans(), st.booleans()), min_size=2, max_size=30
)  # day, event, treated
COUNTS = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))


def times(rows):
    return Times.of(*zip(*rows, strict=True)) if rows else Times.of([], [], [])


def swapped(rows):
    return [(day, event, not treated) for day, event, treated in rows]


@given(ROWS)
def test_swapping_the_arms_turns_hazards_and_differences_round(rows):
    for method, turn in ((cox, lambda v: 1 / v), (log_rank, lambda v: -v)):
        one, other = method([times(rows)]), method([times(swapped(rows))])
        assert (one.status, one.reason) == (other.status, other.reason)
        if one.status == "estimated":
            assert one.value == pytest.approx(turn(other.value), rel=1e-6, abs=1e-9)
            assert one.p == pytest.approx(other.p, rel=1e-6, abs=1e-12)
    one, other = rmst(times(rows)), rmst(times(swapped(rows)))
    assert one.value == (None if other.value is None else pytest.approx(-other.value))


@given(ROWS, ROWS)
def test_times_of_two_sites_added_are_those_of_all_rows(first, second):
    added, together = times(first) + times(second), times(first + second)
    for one, other in ((added.treated, together.treated), (added.control, together.control)):
        assert one.days.tolist() == other.days.tolist()
        assert one.events.tolist() == other.events.tolist()
        assert one.lost.tolist() == other.lost.tolist()


@given(ROWS)
def test_a_stratum_beside_one_like_it_keeps_the_hazard_ratio(rows):
    one, two = cox([times(rows)]), cox([times(rows)] * 2)
    assert one.status == two.status
    if one.status == "estimated":
        assert two.value == pytest.approx(one.value, rel=1e-6)


STRATIFIED = """
    16Cm 2Tm 4+Cs 5+Cm 4Cm 16+Cm 17Cm 12+Ts 1+Tm 2Tm 7+Ts 9+Cm 12+Cs 10+Tm 6Tm 4+Cm 14+Ts 14Cs 1+Tm
    3Tm 9Cs 8Tm 17+Tm 10Ts 8+Tm 9Ts 13Cs 12Cm 4+Cm 15Cm 15Cm 19+Cs 15+Cm 6Cm 7+Cm 13Tm 13+Ts 14Ts
    17+Tm 6+Cm 18+Tm 1+Cm 2+Cm 19+Tm 18Tm 6Tm 3Cm 6Ts 1Tm 17+Cm 13Tm 12Cm 5Ts 9+Tm 4+Cm 15+Tm 10Tm
    1Ts 5+Ts 14Tm
"""
"""day, + where lost, arm, stratum."""


def test_stratified_log_rank_and_hazard_ratio_are_those_of_another_library():
    """statsmodels 0.14: survdiff(strata = ) and PHReg(strata = , ties = "efron")."""
    strata = {"m": [], "s": []}
    for word in STRATIFIED.split():
        strata[word[-1]].append((int(word[:-2].rstrip("+")), "+" not in word, word[-2] == "T"))
    both = [times(rows) for rows in strata.values()]
    assert log_rank(both).statistic == pytest.approx(0.2996924948456439, rel=1e-9)
    hazard = cox(both)
    assert np.log(hazard.value) == pytest.approx(0.19920378, rel=1e-6)
    assert np.log(hazard.value) / hazard.statistic == pytest.approx(0.37966454, rel=1e-6)


def test_strata_are_not_compared_with_each_other():
    """All of one stratum die late and all of the other early: within each the arms are alike."""
    early = [(day, True, arm) for day in (1, 2, 3) for arm in (True, False)]
    late = [(day, True, arm) for day in (11, 12, 13) for arm in (True, True, True, False)]
    apart, merged = log_rank([times(early), times(late)]), log_rank([times(early + late)])
    assert apart.value == pytest.approx(0, abs=1e-12)
    assert abs(merged.value) > 1


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(1, True, True), (2, True, True)], "empty_arm"),
        ([(1, False, True), (2, False, False)], "no_events"),
        ([(1, True, True), (2, False, False)], "no_events"),
        ([(1, True, True), (2, True, True), (3, True, False), (4, True, False)], "not_identified"),
    ],
)
def test_a_hazard_ratio_of_nothing_says_why(rows, reason):
    assert cox([times(rows)]).reason == reason


def test_a_curve_that_never_falls_to_half_has_no_median():
    arm = times([(1, True, True), (2, False, True), (3, False, True)]).treated
    assert median(arm) is None
    assert survival(arm, 2)[0] == pytest.approx(2 / 3)


@given(st.lists(COUNTS, min_size=1, max_size=4))
def test_swapping_the_arms_turns_common_effects_round(counts):
    strata = [table(min(a, m), m, b=min(b, n), n=n) for a, m, b, n in counts]
    other = [Events(treated=s.control, control=s.treated) for s in strata]
    for method, turn in (
        (mh.risk_difference, lambda v: -v),
        (mh.odds_ratio, lambda v: 1 / v),
        (mh.risk_ratio, lambda v: 1 / v),
    ):
        one, two = method(strata), method(other)
        assert (one.status, one.reason) == (two.status, two.reason)
        if one.status == "estimated":
            assert one.value == pytest.approx(turn(two.value), abs=1e-12)
            assert one.ci_low <= one.value <= one.ci_high
            assert one.p == pytest.approx(two.p)


@given(st.lists(COUNTS, min_size=1, max_size=4))
def test_a_stratum_without_an_arm_changes_nothing(counts):
    strata = [table(min(a, m), m, b=min(b, n), n=n) for a, m, b, n in counts]
    lonely = table(0, 0, b=3, n=5)
    assert mh.risk_difference([*strata, lonely]) == mh.risk_difference(strata)
    assert mh.exact([*strata, lonely]) == mh.exact(strata)


@pytest.mark.parametrize(
    "strata",
    [
        [table(2**52, 2**53, b=2**51, n=2**53)],
        [table(5000, 10000, b=3000, n=10000)] * 3,  # 24,003 numbers of treated events
        [table(4000, 8800, b=2100, n=8800)] * 2,  # P of 1e-300: estimate and limits would be lost in rounding
    ],
)
def test_an_exact_odds_ratio_of_too_many_is_not_estimable_and_ends(strata):
    found = mh.exact(strata)
    assert (found.status, found.reason, found.p) == ("not_estimable", "too_many", None)
    assert found.n_treated == sum(s.treated.n for s in strata)


def test_an_exact_odds_ratio_is_right_up_to_where_it_ends():
    """By the tables tilted to an odds ratio of 2, where nothing vanishes."""
    found = mh.exact([table(3900, 7800, b=2600, n=7800)] * 2)
    wanted = 1.9999095043311217, 1.9100051475657625, 2.0941490736886905
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx(wanted, rel=1e-9)


def test_a_rate_ratio_of_too_many_events_has_a_value_and_no_test():
    arms = {"treated": 2 * 10**9, "control": 10**9}
    found = rate_ratio(
        Events(**{arm: ArmEvents(patients=5, events=k, n=9, person_days=10.0) for arm, k in arms.items()})
    )
    assert (found.status, found.reason, found.value, found.p) == ("not_estimable", "too_many", 2.0, None)


def test_an_exact_odds_ratio_without_an_upper_limit_says_so():
    found = mh.exact([table(3, 5, b=0, n=5)])
    assert found.value is None
    assert found.ci_high is None
    assert found.ci_low > 0
    assert "no upper limit" in found.interval


def test_limits_leave_half_of_the_error_on_each_side():
    found = Conditional.of([(3, 9, 1, 9), (2, 7, 2, 8)])
    low, high = found.limits()
    here = found.observed - found.first
    assert found._at(np.log(low))[here:].sum() == pytest.approx(0.025, rel=1e-9)
    assert found._at(np.log(high))[: here + 1].sum() == pytest.approx(0.025, rel=1e-9)


@pytest.mark.parametrize("method", [risk_ratio, odds_ratio])
def test_a_ratio_without_patients_or_events_says_why(method):
    assert method(table(0, 0, b=1, n=4)).reason == "empty_arm"
    assert method(table(0, 4, b=0, n=4)).reason == "no_events"


def test_a_rate_ratio_does_not_depend_on_the_unit_of_time():
    def both(days):
        arm = {"patients": 0, "n": 9}
        return Events(
            treated=ArmEvents(events=4, person_days=3 * days, **arm),
            control=ArmEvents(events=7, person_days=2 * days, **arm),
        )

    assert rate_ratio(both(365)).ci_low == pytest.approx(rate_ratio(both(1)).ci_low, rel=1e-12)


@given(st.lists(st.integers(-5, 5), max_size=25))
def test_the_exact_signed_rank_counts_every_sign(differences):
    d = Differences.of([0] * len(differences), differences)
    found = signed_rank(d, "exact")
    changed = [v for v in differences if v]
    if not changed:
        assert found.reason == ("no_variation" if differences else "empty_arm")
        return
    rise = signed_rank(Differences.of([0] * len(differences), [-v for v in differences]), "exact")
    assert found.p == pytest.approx(rise.p)
    assert 2 ** (1 - len(changed)) <= found.p + 1e-12 <= 1 + 2e-12


def test_ties_that_a_subtraction_hides_are_ties():
    assert Differences.of([1.9, 2.1], [2.2, 2.4]).counts == (2,)


@given(st.lists(st.integers(0, 4), max_size=8), st.lists(st.integers(0, 4), max_size=8))
def test_differences_of_two_sites_added_are_those_of_all_pairs(first, second):
    apart = Differences.of([0] * len(first), first) + Differences.of([0] * len(second), second)
    assert apart == Differences.of([0] * len(first + second), first + second)


VALUES = st.lists(st.integers(0, 5), max_size=8)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=3))
def test_swapping_the_arms_turns_van_elteren_round(strata):
    one = van_elteren([Ranked.of(TwoSamples.of(a, b)) for a, b in strata])
    two = van_elteren([Ranked.of(TwoSamples.of(b, a)) for a, b in strata])
    assert (one.status, one.reason) == (two.status, two.reason)
    if one.status == "estimated":
        assert one.statistic == pytest.approx(-two.statistic, abs=1e-12)
        assert one.value == pytest.approx(1 - two.value)


def test_an_arm_effect_is_that_of_the_value_and_of_its_change():
    rng = np.random.default_rng(5)
    baseline, treated = rng.normal(2, 0.4, 40), rng.random(40) < 0.5
    y = baseline + 0.3 * treated + rng.normal(0, 0.2, 40)
    change = ancova(y, baseline, treated, {})
    value = fit_ancova(y, treated, {"baseline": baseline})
    assert change.value == pytest.approx(value.coefficients[1])
    assert change.value == pytest.approx(0.3, abs=0.15)
    assert change.ci_low < 0.3 < change.ci_high


@pytest.mark.parametrize(
    ("treated", "columns", "reason"),
    [
        ([True] * 5, {}, "empty_arm"),
        ([True, False, True, False, True], {"twice": [2.0, 1, 4, 5, 3]}, "not_identified"),
        ([True, False, False, False, False], {}, "not_identified"),  # fitted by its coefficient alone
    ],
)
def test_an_adjusted_change_of_nothing_says_why(treated, columns, reason):
    y, baseline = np.arange(5.0), np.array([2.0, 1, 4, 5, 3])
    covariates = {name: np.array(values) for name, values in columns.items()}
    assert ancova(y, baseline, np.array(treated), covariates).reason == reason


def test_visits_of_patients_who_do_not_differ_have_no_variance_between():
    y = np.array([1.0, 3, 1, 3, 1, 3])
    found = fit_mixed(y, np.ones((6, 1)), np.array([1, 1, 2, 2, 3, 3]))
    assert found.between == 0
    assert found.within == pytest.approx(np.var(y, ddof=1))


def test_imputed_sets_that_agree_have_no_variance_between():
    found = pool([2.0, 2.0, 2.0], [0.5, 0.5, 0.5], df=40)
    assert (found.between, found.total, found.rise) == (0, 0.5, 0)
    assert found.df == pytest.approx(41 / 43 * 40)
