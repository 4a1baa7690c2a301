"""In rounds of sums over sites: what the same method gives of all rows in one table."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.federate.rounds import vector
from rwe.stats import adjusted, cox, survival
from rwe.stats.ancova import ancova
from rwe.stats.logistic import fit
from rwe.stats.rounds import cox as times_in_rounds
from rwe.stats.rounds.ancova import Sizes
from rwe.stats.rounds.score import Levels, Score, Term, Weighted
from rwe.stats.rounds.step import HIDDEN, Ended, Least, Rows, after
from rwe.stats.survival import Times
from rwe.stats.weights import effective_size, weights

LEAST = Least(sites=3, arm=5, group=5, parameters=0.33)
ANY = Least(sites=0, arm=0, group=0, parameters=np.inf)
TERMS = (
    Term(variable="age"),
    Term(variable="sex", level="female"),
    Term(variable="sex", level="male"),
    Term(variable="sex", level="other"),
    Term(variable="fev1"),
)
SLOPES = ("age", "sex: male", "fev1")


def pooled(step, sites):
    """Summed as a coordinator would; the end, and later how many rounds."""
    rounds = 0
    while not isinstance(step, Ended):
        sums = [step.sums(rows) for rows in sites]
        assert {s.shape for s in sums} == {(step.size,)}
        step, rounds = after(step, np.sum(sums, axis=0)), rounds + 1
        assert rounds < 40
    return step, rounds


def rows(values, treated, group):
    return Rows(
        treated=np.asarray(treated, dtype=bool),
        group=np.asarray(group, dtype=np.int64),
        values=np.asarray(values),
    )


def total(step, whole):
    return np.sum([step.sums(site) for site in apart(whole)], axis=0)


def apart(whole):
    """A site each; and one with nobody."""
    return [
        replace(whole, treated=whole.treated[at], group=whole.group[at], values=whole.values[at])
        for name in (*np.unique(whole.group), -1)
        for at in [whole.group == name]
    ]


def draw(seed, n=90, sites=3):
    """Sites that differ, in outcome as in who is treated."""
    chance = np.random.default_rng(seed)
    group = chance.integers(sites, size=n)
    age, male = 60 + 10 * chance.normal(size=n), chance.random(n) < 0.6
    fev1 = 2.5 + 0.02 * (60 - age) + 0.4 * male + 0.5 * chance.normal(size=n)
    treated = chance.random(n) < 1 / (1 + np.exp(-0.05 * (age - 60) + 0.3 * group))
    later = fev1 + 0.2 * treated + 0.1 * group + 0.3 * chance.normal(size=n)
    return group, age, male, fev1, treated, later


def near(found, wanted):
    assert (found.status, found.reason, found.name) == (wanted.status, wanted.reason, wanted.name)
    assert (found.n_treated, found.n_control) == (wanted.n_treated, wanted.n_control)
    for key in ("value", "ci_low", "ci_high", "statistic", "p"):
        number = getattr(wanted, key)
        near_it = None if number is None else pytest.approx(number, rel=1e-9, abs=1e-9)
        assert getattr(found, key) == near_it, key


def dummies(group):
    return {f"site {name}": (group == name).astype(float) for name in np.unique(group)[1:]}


@pytest.mark.parametrize("seed", range(5))
def test_ancova_with_an_intercept_a_site_is_that_of_all_rows(seed):
    group, _, _, before, treated, later = draw(seed)
    found, rounds = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([later, before]), treated, group)))
    near(found.estimate, ancova(later, before, treated, dummies(group)))
    assert rounds == 3
    assert "an intercept for each site" in found.estimate.test


def test_ancova_that_cannot_be_had_is_not_had_in_rounds():
    group, _, _, before, treated, later = draw(1)
    flat = np.full_like(before, 3.1)
    found, _ = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([later, flat]), treated, group)))
    assert found.estimate.reason == "not_identified"
    alone = group.copy()
    alone[0] = 9  # a site of one patient
    found, _ = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([later, before]), treated, alone)))
    near(found.estimate, ancova(later, before, treated, dummies(alone)))
    assert found.estimate.reason == "not_identified"
    found, _ = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([before, before]), treated, group)))
    assert found.estimate.reason == "no_variation"


def of_score(seed, *, by_site=False, weighting="overlap", n=90):
    group, age, male, fev1, treated, later = draw(seed, n)
    values = np.column_stack([later, age, ~male, male, np.zeros(n), fev1])
    score = Score(terms=TERMS, by_site=by_site, weighting=weighting, least=LEAST)
    covariates = np.column_stack([age, male, fev1, *(dummies(group).values() if by_site else ())])
    sample = adjusted.Sample(covariates=covariates, treated=treated, outcome=later)
    return pooled(Levels(score=score), apart(rows(values, treated, group))), sample


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("by_site", [False, True])
@pytest.mark.parametrize("weighting", ["overlap", "att"])
def test_a_weighted_difference_is_that_of_all_rows(seed, by_site, weighting):
    (found, rounds), sample = of_score(seed, by_site=by_site, weighting=weighting)
    near(found.estimate, adjusted.sandwich(sample, weighting))
    whole = fit(sample.covariates, sample.treated)
    slopes = dict(zip(SLOPES, whole.coefficients[1:], strict=False))
    assert {name: found.coefficients[name] for name in SLOPES} == pytest.approx(slopes, abs=1e-9)
    assert found.coefficients.get("intercept") == (None if by_site else pytest.approx(whole.coefficients[0]))
    w = weights(whole.probabilities, sample.treated, weighting)
    arms = (sample.treated, ~sample.treated)
    assert found.effective == pytest.approx([effective_size(w[arm]) for arm in arms])
    assert rounds <= 10


def test_arms_that_a_covariate_separates_have_no_score_and_it_ends():
    group, age, male, fev1, treated, later = draw(2)
    values = np.column_stack([later, age + 100 * treated, ~male, male, 0 * age, fev1])
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=LEAST)
    found, rounds = pooled(Levels(score=score), apart(rows(values, treated, group)))
    assert found.held == "held_at_site" or found.estimate.reason == "not_identified"
    assert found.coefficients == {}
    assert rounds <= 15


@pytest.mark.parametrize("by_site", [False, True])
def test_columns_that_follow_from_others_or_a_site_without_an_arm_have_no_score(by_site):
    group, age, male, fev1, treated, later = draw(3)
    alike = np.column_stack([later, age, ~male, male, 0 * age, 2 * age + 1])
    score = Score(terms=TERMS, by_site=by_site, weighting="overlap", least=LEAST)
    assert (
        pooled(Levels(score=score), apart(rows(alike, treated, group)))[0].estimate.reason == "not_identified"
    )
    flat = np.column_stack([later, age, ~male, male, 0 * age, 0 * age + 2.7])
    assert (
        pooled(Levels(score=score), apart(rows(flat, treated, group)))[0].estimate.reason == "not_identified"
    )
    sound = np.column_stack([later, age, ~male, male, 0 * age, fev1])
    found, _ = pooled(Levels(score=score), apart(rows(sound, treated | (group == 1), group)))
    assert (found.estimate.reason == "not_identified") == by_site


@pytest.mark.parametrize(
    ("held", "change"),
    [
        ("small_arm", {"treated": 4}),
        ("small_group", {"male": 4}),
        ("small_group", {"male": 86}),
        ("too_rich", {"parameters": 0.04}),
    ],
)
def test_over_all_sites_too_there_are_limits_and_then_no_more_sums(held, change):
    group, age, male, fev1, treated, later = draw(4)
    n = np.arange(90)
    treated = n < change["treated"] if "treated" in change else treated
    male = n < change["male"] if "male" in change else male
    least = replace(LEAST, parameters=change.get("parameters", 0.33))
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=least)
    whole = rows(np.column_stack([later, age, ~male, male, 0 * age, fev1]), treated, group)
    found, rounds = pooled(Levels(score=score), apart(whole))
    assert (found.held, found.estimate, rounds) == (held, None, 1)


def test_ancova_and_times_have_the_limits_too():
    group, _, _, before, treated, later = draw(5)
    few = np.arange(90) < 4
    assert (
        pooled(Sizes(least=LEAST), apart(rows(np.column_stack([later, before]), few, group)))[0].held
        == "small_arm"
    )
    rich = replace(LEAST, parameters=0.05)
    whole = rows(np.column_stack([later, before]), treated, group)
    assert pooled(Sizes(least=rich), apart(whole))[0].held == "too_rich"
    days = rows(np.column_stack([later, before > 2.5]), few, group)
    for step in (times_in_rounds.hazard_ratio(LEAST), times_in_rounds.log_rank(LEAST)):
        found, rounds = pooled(step, apart(days))
        assert (found.held, found.estimate, rounds) == ("small_arm", None, 1)


def test_one_sites_patients_alone_are_that_sites_own():
    group, age, male, fev1, treated, later = draw(6)
    two = np.where(group == 2, 1, group)  # at the third there is nobody
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=LEAST)
    values = np.column_stack([later, age, ~male, male, 0 * age, fev1])
    for step, of in (
        (Levels(score=score), values),
        (Sizes(least=LEAST), values[:, [0, 5]]),
        (times_in_rounds.hazard_ratio(LEAST), np.column_stack([age, male])),
    ):
        assert pooled(step, apart(rows(of, treated, two)))[0].held == "few_sites"


def test_the_first_level_has_limits_too():
    """Its sums are what the other levels leave."""
    group, age, _, fev1, treated, later = draw(7)
    sex = np.where(np.arange(90) == 0, "female", np.where(np.arange(90) % 2, "male", "other"))
    columns = [(sex == level).astype(float) for level in ("female", "male", "other")]
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=LEAST)
    whole = rows(np.column_stack([later, age, *columns, fev1]), treated, group)
    assert pooled(Levels(score=score), apart(whole))[0].held == "small_group"


def test_more_numbers_than_the_patients_have_are_not_told():
    group, age, male, fev1, treated, later = draw(8, n=24)
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=replace(LEAST, group=1))
    whole = rows(np.column_stack([later, age, ~male, male, 0 * age, fev1]), treated, group)
    assert pooled(Levels(score=score), apart(whole))[0].held == "too_rich"


def fitting(seed=9):
    group, age, male, fev1, treated, later = draw(seed)
    whole = rows(np.column_stack([later, age, ~male, male, 0 * age, fev1]), treated, group)
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=LEAST)
    step = Levels(score=score)
    for _ in range(2):
        step = step.after(total(step, whole))
    return step, whole


def test_no_site_is_led_to_where_few_of_its_patients_weigh():
    """A site that has seen the totals can add what leads all others to any coefficients."""
    step, whole = fitting()
    sound = total(step, whole)
    assert np.abs(sound).max() < HIDDEN
    led = replace(step, newton=replace(step.newton, b=np.array([-100.0, 50.0, 0.0, 0.0])))
    assert np.isinf(led.sums(whole)).all()
    weighted = Weighted(found=step.found, centre=0.0, newton=led.newton)
    assert np.isinf(weighted.sums(whole)).all()
    for held in (led, weighted):
        assert after(held, np.full(held.size, np.inf)).held == "held_at_site"
    many = rows(np.tile(whole.values, (3, 1)), np.tile(whole.treated, 3), np.tile(whole.group, 3))
    assert np.isinf(
        replace(led, newton=replace(led.newton, b=np.array([-40.0, 1.0, 0.0, 0.0]))).sums(many)
    ).all()


def test_nothing_is_told_of_coefficients_too_far_away():
    step, whole = fitting()
    sound = total(step, whole)
    flat = sound.copy()
    flat[5:] /= 500  # the step would be as much longer
    assert np.abs(step.after(sound).newton.b).max() < 10
    assert step.after(flat).estimate.reason == "not_identified"


def test_ancova_is_not_led_to_where_one_patient_weighs():
    group, _, _, before, treated, later = draw(10)
    whole = rows(np.column_stack([later, before]), treated, group)
    step = Sizes(least=LEAST)
    for _ in range(2):
        step = step.after(total(step, whole))
    x = whole.within(np.column_stack([treated, before]))
    longest = np.einsum("ij,jk,ik->i", x, step.inverse, x).max()
    led = replace(step, inverse=step.inverse * 0.98 / longest)
    assert after(led, led.sums(whole)).held == "held_at_site"
    assert step.after(total(step, whole)).estimate.status == "estimated"


@pytest.mark.parametrize("wrong", ["likelihood", "score", "information", "indefinite"])
def test_sums_that_no_patients_have_are_none(wrong):
    step, whole = fitting()
    place, number = {
        "likelihood": (0, 1.0),
        "score": (2, 91.0),
        "information": (5, 24.0),
        "indefinite": (5, -1.0),
    }[wrong]
    found = total(step, whole)
    found[place] = number
    with pytest.raises(ValueError, match="no sums"):
        step.after(found)


@pytest.mark.parametrize(
    ("step", "sums"),
    [
        (Sizes(least=LEAST), [40, 50, 3, -1000]),
        (Sizes(least=LEAST), [40, 50, 3, 2.5]),
        (times_in_rounds.hazard_ratio(LEAST), [40, 50, 3, -1, 2]),
        (times_in_rounds.Slopes(arms=(40, 50), events=9), [0.0, 1e-18 - 1]),
        (times_in_rounds.Slopes(arms=(40, 50), events=9), [10.0, 1.0]),
        (times_in_rounds.Slopes(arms=(40, 50), events=9), [1.0, 9.0]),
        (times_in_rounds.Excess(arms=(40, 50)), [1.0, -1.0]),
    ],
)
def test_counts_and_sums_of_events_that_there_cannot_be_are_none(step, sums):
    with pytest.raises(ValueError, match="no "):
        step.after(np.array(sums, dtype=float))


@pytest.mark.parametrize("unit", [1e-9, 1e-4, 1.0, 1e5, 1e9])
def test_the_unit_of_what_is_measured_changes_nothing_but_the_unit(unit):
    """Through the fixed point that goes over the wire, where ANCOVA multiplies four values."""
    group, _, _, fev1, treated, later = draw(11)
    sites = apart(rows(np.column_stack([later, fev1]) * unit, treated, group))
    step = Sizes(least=LEAST)
    while not isinstance(step, Ended):
        step = step.after(np.array([sent(x) for x in zip(*(step.sums(r) for r in sites), strict=True)]))
    wanted = ancova(later, fev1, treated, dummies(group))
    assert step.estimate.value / unit == pytest.approx(wanted.value, rel=1e-9)
    assert step.estimate.p == pytest.approx(wanted.p, rel=1e-9)


def test_what_all_others_have_is_not_of_few_either():
    step, whole = fitting()
    score = step.found.score
    own = Levels(score=score).sums(whole)
    assert not Levels(score=score).few(own)
    for place in (0, 1, 7, 8):  # an arm, a level
        rest = own.copy()
        rest[place] = 4
        assert Levels(score=score).few(rest)
    assert Sizes(least=LEAST).few(np.array([4.0, 9, 2, 2]))
    assert not Sizes(least=LEAST).few(np.array([5.0, 9, 2, 2]))
    assert times_in_rounds.hazard_ratio(LEAST).few(np.array([9.0, 4, 2, 1, 1]))


def test_less_what_a_site_says_instead_of_its_sums_the_total_is_noise():
    """A constant, taken from the total, would leave the sums of the others."""
    said = [vector._anything() for _ in range(200)]
    assert len({*said}) == 200
    assert min(said) >= HIDDEN * vector.POINT
    assert max(said) - min(said) > 2**200 * vector.POINT
    assert max(said) < vector.LARGEST_SUM * vector.POINT


def sent(numbers):
    return vector._number(sum(vector._fixed(float(x)) for x in numbers) % vector.MODULUS)


def test_an_endpoint_that_never_varies_has_no_error_in_either_way():
    group, _, _, before, treated, _ = draw(12)
    flat = np.full(90, 5.3)
    assert ancova(flat, before, treated, dummies(group)).reason == "no_variation"
    found, _ = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([flat, before]), treated, group)))
    assert found.estimate.reason == "no_variation"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 12), st.booleans(), st.booleans(), st.integers(0, 3)),
        min_size=1,
        max_size=40,
    )
)
def test_a_hazard_ratio_and_log_rank_within_sites_are_those_of_all_rows(patients):
    days, event, treated, group = map(np.array, zip(*patients, strict=True))
    whole = rows(np.column_stack([days, event]).astype(float), treated, group)
    strata = [Times.of(days[here], event[here], treated[here]) for here in whole.groups()]
    found, _ = pooled(times_in_rounds.hazard_ratio(ANY), apart(whole))
    near(found.estimate, cox.cox(strata))
    found, rounds = pooled(times_in_rounds.log_rank(ANY), apart(whole))
    near(found.estimate, survival.log_rank(strata))
    assert rounds == 2
