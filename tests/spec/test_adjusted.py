"""Adjusted comparisons from a made-up cohort: who is in them, that they add up, and when there is none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rwe import data
from rwe.stats.weights import weights
from rwe.steps.adjusted import Outcome, adjust, adjusted, compared, outcomes
from rwe.steps.comparisons import comparisons
from rwe.steps.covariates import People, people
from rwe.steps.propensity import propensity
from rwe.store import literal
from rwe.study import Propensity
from tests.spec.conftest import insert
from tests.spec.test_propensity import fill, value
from tests.spec.test_propensity import people as rows

AGE = 'terms = ["age", "sex"]'
TOGETHER = f'strata = "together"\n{AGE}'


def measured(db, visit="d28", without=(), number=0):
    for r in rows():
        if r["patient_id"] in without:
            gone = {k: v for k, v in value(r, visit).items() if k != "value"}
            insert(db, "endpoint_value", [{**gone, "missing": "dead"}])
        else:
            insert(db, "endpoint_value", [value(r, visit, number=number * (r["arm"] == "treated"))])


def at_d28(db, study):
    return [c for c in adjusted(db, study) if (c.endpoint, c.visit) == ("FEV1", "d28")]


def test_each_endpoint_stratum_and_visit_stands_beside_the_published_row(cohort, plan):
    fill(cohort, rows())
    measured(cohort)
    study = plan(AGE)
    published, mine = comparisons(cohort, study), adjusted(cohort, study)
    key = [(c.endpoint, c.stratum, c.visit, c.unit, c.primary) for c in published]
    assert [(c.endpoint, c.stratum, c.visit, c.unit, c.primary) for c in mine] == key
    assert {c.analysis for c in mine} == {"adjusted"}
    assert {c.adjusted for c in published} == {None}
    assert {c.test.name for c in mine}.isdisjoint({c.test.name for c in published})
    assert adjusted(cohort, plan("")) == []


def test_where_all_are_measured_the_score_is_that_of_the_cohort(cohort, plan):
    fill(cohort, rows())
    measured(cohort)
    study = plan(TOGETHER)
    (shown,), (c,) = propensity(cohort, study), at_d28(cohort, study)
    assert (c.stratum, c.treated.n, c.control.n) == ("all", shown.treated.n, shown.control.n)
    assert c.adjusted.treated.effective == shown.treated.effective
    assert c.adjusted.control.effective == shown.control.effective
    assert c.estimate.value == pytest.approx(c.adjusted.treated.mean - c.adjusted.control.mean)
    assert c.estimate.ci_low < c.estimate.value < c.estimate.ci_high
    assert 0 < c.test.p == c.test.p_holm == c.test.p_bh < 1


def test_an_effect_that_is_added_comes_out(cohort, plan):
    fill(cohort, rows())
    measured(cohort)
    (before,) = at_d28(cohort, plan(TOGETHER))
    cohort.run("DELETE FROM endpoint_value WHERE NOT is_baseline")
    measured(cohort, number=3)
    (after,) = at_d28(cohort, plan(TOGETHER))
    assert after.estimate.value == pytest.approx(before.estimate.value + 3)


def test_those_left_out_have_a_reason_and_add_up(cohort, plan):
    fill(cohort, rows())
    treated = [r["patient_id"] for r in rows() if r["arm"] == "treated"]
    measured(cohort, without=treated[:2])
    names = ", ".join(map(literal, treated[1:4]))
    cohort.run(f"UPDATE cohort SET sex = 'unknown' WHERE patient_id IN ({names})")
    (c,) = at_d28(cohort, plan(TOGETHER))
    assert c.treated.missing == {"dead": 2, "term_missing": 2}
    assert (c.treated.n, c.treated.n_missing) == (len(treated) - 4, 4)
    assert (c.control.n, c.control.missing) == (36 - len(treated), {})
    (nobody,) = [c for c in adjusted(cohort, plan(TOGETHER)) if (c.endpoint, c.visit) == ("FEV1", "d90")]
    assert (nobody.status, nobody.reason) == ("not_estimable", "empty_arm")
    assert nobody.treated.n_missing + nobody.control.n_missing == 36


def test_a_site_with_one_arm_is_named_and_no_number_given(cohort, plan):
    kept = [r for r in rows() if (r["site_id"], r["arm"]) != ("south", "treated")]
    fill(cohort, kept)
    insert(cohort, "endpoint_value", [value(r, "d28") for r in kept])
    (c,) = at_d28(cohort, plan('strata = "together"\nterms = ["age", "site"]'))
    assert (c.status, c.reason, c.adjusted.detail) == ("not_estimable", "not_identified", "separation")
    assert c.adjusted.at_fault == ["site: south"]
    assert (c.estimate.value, c.test.p, c.test.p_holm, c.adjusted.treated.mean) == (None,) * 4
    assert c.treated.n + c.control.n == len(kept)


def test_swapped_arms_turn_the_sign_and_keep_p(cohort, plan):
    fill(cohort, rows())
    measured(cohort)
    (one,) = at_d28(cohort, plan(TOGETHER))
    for table in ("cohort", "endpoint_value"):
        cohort.run(f"UPDATE {table} SET arm = IF(arm = 'treated', 'control', 'treated')")
    (other,) = at_d28(cohort, plan(TOGETHER))
    assert other.estimate.value == pytest.approx(-one.estimate.value)
    assert other.estimate.ci_low == pytest.approx(-one.estimate.ci_high)
    assert other.test.p == pytest.approx(one.test.p)


def test_pairs_are_compared_within_and_who_has_no_partner_is_counted(cohort, plan):
    fill(cohort, rows())
    measured(cohort)
    keys = f'{TOGETHER}\nestimand = "match"\ncaliper = 1'
    (c,) = at_d28(cohort, plan(keys))
    assert c.adjusted.pairs == c.treated.n == c.control.n > 3
    assert c.treated.n_missing + c.control.n_missing == 36 - 2 * c.adjusted.pairs
    assert set(c.treated.missing) | set(c.control.missing) == {"no_partner"}
    assert c.estimate.name == "mean difference within pairs"
    assert c.estimate.value == pytest.approx(c.treated.mean - c.control.mean)
    (none,) = at_d28(cohort, plan(keys.replace("caliper = 1", "caliper = 1e-9")))
    assert (none.reason, none.adjusted.detail, none.treated.n) == ("not_identified", "no_pairs", 0)


def test_p_values_are_adjusted_over_the_analysis_alone(cohort, plan):
    fill(cohort, rows())
    for number, visit in enumerate(("d28", "d90", "d180")):
        measured(cohort, visit, number=number / 2)
    known = [c for c in adjusted(cohort, plan(TOGETHER)) if c.test.p is not None]
    assert len(known) == 3
    least = min(known, key=lambda c: c.test.p)
    assert least.test.p_holm == pytest.approx(3 * least.test.p)


def test_people_of_one_site_are_compared_by_themselves(cohort, plan):
    fill(cohort, rows())
    measured(cohort)
    study = plan('strata = "together"\nterms = ["age"]')
    who = people(cohort, study)
    found = outcomes(cohort, who)
    north = [row for row, site in enumerate(who.variables["site"]) if site == "north"]
    mine = compared(who.at(north), {key: o.at(north) for key, o in found.items()}, study)
    for table in ("cohort", "endpoint_value"):
        cohort.run(f"DELETE FROM {table} WHERE site_id = 'south'")
    assert mine == adjusted(cohort, study)


CASES = json.loads((data.root() / "tests" / "stats" / "reference_cases.json").read_bytes())["cases"]


@pytest.mark.parametrize(("estimand", "name"), [("overlap", "ato"), ("att", "att")])
def test_numbers_are_those_of_r(estimand, name):
    """glm, then lm and sandwich::vcovHC(type = "HC0")."""
    (case,) = [c for c in CASES if c["family"] == "propensity"]
    given, want = case["input"], case["expected"][name]
    terms = ("age", "male", "severe", "baseline")
    n = len(given["arm"])
    who = People(
        ids=tuple(map(str, range(n))),
        strata=("all",) * n,
        treated=np.array(given["arm"], dtype=bool),
        variables={"site": ("north",) * n, **{term: tuple(map(float, given[term])) for term in terms}},
    )
    outcome = Outcome(values=np.array(given["y"]), comparators=(None,) * n, missing=(None,) * n)
    found = adjust(who, outcome, Propensity(terms=terms, estimand=estimand)).estimate
    assert found.value == pytest.approx(want["effect"], rel=1e-6)
    assert found.value / found.statistic == pytest.approx(want["se_HC0"], rel=1e-6)
    assert (found.ci_high - found.ci_low) / 2 == pytest.approx(1.959963985 * want["se_HC0"], rel=1e-6)


def drawn(n=4000):
    """No effect; the treated stay the likelier to be measured the larger x is, controls the smaller."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=n)
    treated = rng.random(n) < 1 / (1 + np.exp(-x))
    seen = rng.random(n) < 1 / (1 + np.exp(np.where(treated, -2, 2) * x))
    who = People(
        ids=tuple(map(str, range(n))),
        strata=("all",) * n,
        treated=treated,
        variables={"age": tuple(x.tolist()), "site": ("north",) * n},
    )
    values = np.where(seen, 2 * x + rng.normal(size=n), np.nan)
    return who, Outcome(values=values, comparators=(None,) * n, missing=(None,) * n)


def test_weights_of_those_measured_are_right_where_weights_of_everybody_are_not():
    """Missing by arm and term, which is at random given both."""
    who, outcome = drawn()
    asked = Propensity(terms=("age",))
    found = adjust(who, outcome, asked)
    assert abs(found.estimate.value) < 0.2
    everybody = adjust(who, replace(outcome, values=np.zeros(len(who.ids))), asked).scored.fit.probabilities
    w, seen = weights(everybody, who.treated, "overlap"), ~np.isnan(outcome.values)
    means = [
        np.average(outcome.values[seen & arm], weights=w[seen & arm]) for arm in (who.treated, ~who.treated)
    ]
    assert means[0] - means[1] > 1
