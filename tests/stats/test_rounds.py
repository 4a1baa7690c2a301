"""In rounds of sums over sites: what the same method gives of all rows in one table."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.stats import adjusted, cox, survival
from rwe.stats.ancova import ancova
from rwe.stats.logistic import fit
from rwe.stats.rounds import cox as times_in_rounds
from rwe.stats.rounds.ancova import Sizes
from rwe.stats.rounds.score import Levels, Score, Term
from rwe.stats.rounds.step import Ended, Least, Rows
from rwe.stats.survival import Times
from rwe.stats.weights import effective_size, weights

LEAST = Least(arm=5, group=5, parameters=0.33)
ANY = Least(arm=0, group=0, parameters=np.inf)
TERMS = (
    Term(variable="age"),
    Term(variable="sex", level="female"),
    Term(variable="sex", level="male"),
    Term(variable="sex", level="other"),
    Term(variable="fev1"),
)
SLOPES = ("age", "sex: male", "fev1")


def pooled(step, sites):
    """Summed as a coordinator would; the end, and after how many rounds."""
    rounds = 0
    while not isinstance(step, Ended):
        sums = [step.sums(rows) for rows in sites]
        assert {s.shape for s in sums} == {(step.size,)}
        step, rounds = step.after(np.sum(sums, axis=0)), rounds + 1
        assert rounds < 40
    return step, rounds


def rows(values, treated, group):
    return Rows(
        treated=np.asarray(treated, dtype=bool),
        group=np.asarray(group, dtype=np.int64),
        values=np.asarray(values),
    )


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
    after = fev1 + 0.2 * treated + 0.1 * group + 0.3 * chance.normal(size=n)
    return group, age, male, fev1, treated, after


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
    group, _, _, before, treated, after = draw(seed)
    found, rounds = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([after, before]), treated, group)))
    near(found.estimate, ancova(after, before, treated, dummies(group)))
    assert rounds == 3
    assert "an intercept for each site" in found.estimate.test


def test_ancova_that_cannot_be_had_is_not_had_in_rounds():
    group, _, _, before, treated, after = draw(1)
    flat = np.full_like(before, 3.1)
    found, _ = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([after, flat]), treated, group)))
    assert found.estimate.reason == "not_identified"
    alone = group.copy()
    alone[0] = 9  # a site of one patient
    found, _ = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([after, before]), treated, alone)))
    near(found.estimate, ancova(after, before, treated, dummies(alone)))
    assert found.estimate.reason == "not_identified"
    found, _ = pooled(Sizes(least=LEAST), apart(rows(np.column_stack([before, before]), treated, group)))
    assert found.estimate.reason == "no_variation"


def of_score(seed, *, by_site=False, weighting="overlap", n=90):
    group, age, male, fev1, treated, after = draw(seed, n)
    values = np.column_stack([after, age, ~male, male, np.zeros(n), fev1])
    score = Score(terms=TERMS, by_site=by_site, weighting=weighting, least=LEAST)
    covariates = np.column_stack([age, male, fev1, *(dummies(group).values() if by_site else ())])
    sample = adjusted.Sample(covariates=covariates, treated=treated, outcome=after)
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
    group, age, male, fev1, treated, after = draw(2)
    values = np.column_stack([after, age + 100 * treated, ~male, male, 0 * age, fev1])
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=LEAST)
    found, rounds = pooled(Levels(score=score), apart(rows(values, treated, group)))
    assert (found.estimate.reason, found.coefficients) == ("not_identified", {})
    assert rounds <= 28


@pytest.mark.parametrize("by_site", [False, True])
def test_columns_that_follow_from_others_or_a_site_without_an_arm_have_no_score(by_site):
    group, age, male, fev1, treated, after = draw(3)
    alike = np.column_stack([after, age, ~male, male, 0 * age, 2 * age + 1])
    score = Score(terms=TERMS, by_site=by_site, weighting="overlap", least=LEAST)
    assert (
        pooled(Levels(score=score), apart(rows(alike, treated, group)))[0].estimate.reason == "not_identified"
    )
    flat = np.column_stack([after, age, ~male, male, 0 * age, 0 * age + 2.7])
    assert (
        pooled(Levels(score=score), apart(rows(flat, treated, group)))[0].estimate.reason == "not_identified"
    )
    sound = np.column_stack([after, age, ~male, male, 0 * age, fev1])
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
    group, age, male, fev1, treated, after = draw(4)
    n = np.arange(90)
    treated = n < change["treated"] if "treated" in change else treated
    male = n < change["male"] if "male" in change else male
    least = replace(LEAST, parameters=change.get("parameters", 0.33))
    score = Score(terms=TERMS, by_site=False, weighting="overlap", least=least)
    whole = rows(np.column_stack([after, age, ~male, male, 0 * age, fev1]), treated, group)
    found, rounds = pooled(Levels(score=score), apart(whole))
    assert (found.held, found.estimate, rounds) == (held, None, 1)


def test_ancova_and_times_have_the_limits_too():
    group, _, _, before, treated, after = draw(5)
    few = np.arange(90) < 4
    assert (
        pooled(Sizes(least=LEAST), apart(rows(np.column_stack([after, before]), few, group)))[0].held
        == "small_arm"
    )
    rich = replace(LEAST, parameters=0.05)
    whole = rows(np.column_stack([after, before]), treated, group)
    assert pooled(Sizes(least=rich), apart(whole))[0].held == "too_rich"
    days = rows(np.column_stack([after, before > 2.5]), few, group)
    for step in (times_in_rounds.hazard_ratio(LEAST), times_in_rounds.log_rank(LEAST)):
        found, rounds = pooled(step, apart(days))
        assert (found.held, found.estimate, rounds) == ("small_arm", None, 1)


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
