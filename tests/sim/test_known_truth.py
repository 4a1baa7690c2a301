"""The planned analysis finds an effect that is known; the naive one does not.  truth.py says of what.

Over 1,000 replicates, from the mapped tables on.  The interval of the planned analysis covers the truth
in more than 97 of 100, for it is wider than the estimates are spread: HC0 takes the score as known, and
so counts what the covariates explain of FEV1, which the weights have taken out of the estimate by making
the means of the covariates equal (Lunceford JK, Davidian M. Stat Med 2004;23:2937-60).
"""

from statistics import NormalDist

import numpy as np
import pytest

from tests.sim.analyses import from_admission, planned
from tests.sim.stores import built, with_future_treated
from tests.sim.tables import site
from tests.sim.truth import EFFECT

NUMBERS = range(1, 1001)
FEW = range(1, 6)
SOME = range(1, 301)
NORMAL = NormalDist()


@pytest.fixture(scope="module")
def by_plan(tmp_path_factory):
    with built(NUMBERS, tmp_path_factory.mktemp("thousand")) as store:
        return dict(planned(store))


@pytest.fixture(scope="module")
def admitted():
    return [from_admission(n) for n in NUMBERS]


def covered(estimates):
    return float(np.mean([e.ci_low <= EFFECT <= e.ci_high for e in estimates]))


def bias(estimates):
    """With its standard error."""
    values = np.array([e.value for e in estimates])
    return values.mean() - EFFECT, values.std(ddof=1) / len(values) ** 0.5


def test_every_replicate_has_an_estimate(by_plan):
    assert sorted(by_plan) == [site(n) for n in NUMBERS]
    assert {e.status for pair in by_plan.values() for e in pair} == {"estimated"}


def test_the_interval_of_the_planned_analysis_covers_the_truth(by_plan):
    assert covered([pair.adjusted for pair in by_plan.values()]) >= 0.935


def test_the_planned_analysis_is_not_biased(by_plan):
    mean, error = bias([pair.adjusted for pair in by_plan.values()])
    assert error < 0.02 * EFFECT
    assert abs(mean) < 3 * error


def test_it_covers_more_than_it_says_as_far_as_it_is_wider_than_the_estimates_are_spread(by_plan):
    found = [pair.adjusted for pair in by_plan.values()]
    half = np.mean([e.ci_high - e.ci_low for e in found]) / 2
    spread = np.std([e.value for e in found], ddof=1)
    expected = 2 * NORMAL.cdf(half / spread) - 1
    assert expected > 0.97
    assert covered(found) == pytest.approx(expected, abs=0.01)


def test_the_naive_analysis_misses_the_truth(admitted):
    naive = [pair.crude for pair in admitted]
    mean, _ = bias(naive)
    assert covered(naive) < 0.3
    assert mean < -EFFECT, "it takes a benefit for a harm"


def test_to_adjust_does_not_mend_a_time_zero_at_admission(admitted):
    mean, error = bias([pair.adjusted for pair in admitted])
    assert mean < -0.3 * EFFECT
    assert mean < -20 * error


def test_a_right_time_zero_does_not_mend_the_confounding(by_plan):
    crude = [pair.crude for pair in by_plan.values()]
    assert bias(crude)[0] < -0.5 * EFFECT
    assert covered(crude) < 0.85


def test_controls_who_are_treated_later_bring_no_bias(tmp_path):
    """A third of the controls are in both arms: the interval, which takes them for two, holds the truth."""
    with built(SOME, tmp_path, plan=with_future_treated()) as store:
        both = store.rows("SELECT SUM(n) FROM check_result WHERE rule = 'treated_also_control'")[0][0]
        assert both > 10 * len(SOME)
        found = [pair.adjusted for _, pair in planned(store)]
    mean, error = bias(found)
    assert error < 0.04 * EFFECT
    assert abs(mean) < 3 * error
    assert covered(found) >= 0.935


def test_a_replicate_is_the_same_alone(by_plan, tmp_path):
    with built(FEW, tmp_path) as store:
        alone = dict(planned(store))
    assert alone == {site(n): by_plan[site(n)] for n in FEW}
