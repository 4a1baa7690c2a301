"""Comparisons with what is missing imputed: who is in them, and what is not made up."""

import pytest

from rwe.stats import TESTS
from rwe.stats.summaries import TwoSamples
from rwe.steps.imputed import imputed
from tests.spec.conftest import insert
from tests.spec.test_propensity import people, value

ROWS = [{**r, "stratum": "moderate"} for r in people(24)]
TREATED = [r["patient_id"] for r in ROWS if r["arm"] == "treated"]


def fill(db, missing):
    """Baseline and d28 of 24 patients; missing: the reason of each who has no value at d28."""
    insert(db, "cohort", ROWS)
    for r in ROWS:
        slot = value(r, "d28", number=r["arm"] == "treated")
        if reason := missing.get(r["patient_id"]):
            slot = {**slot, "value": "", "missing": reason}
        insert(db, "endpoint_value", [value(r), slot])
    return db


def at_d28(db, plan):
    (c,) = [c for c in imputed(db, plan) if (c.endpoint, c.stratum, c.visit) == ("FEV1", "moderate", "d28")]
    return c


def test_the_living_are_imputed_and_the_dead_stay_out_and_all_add_up(cohort, plan):
    a, b, c, *_ = TREATED
    found = at_d28(fill(cohort, {a: "dead", b: "not_measured", c: "set_aside"}), plan(""))
    n = len(TREATED)
    assert (found.treated.n, found.treated.n_imputed, found.treated.missing) == (n - 1, 2, {"dead": 1})
    assert (found.control.n, found.control.n_imputed, found.control.missing) == (24 - n, 0, {})
    assert found.status == "estimated"
    assert (found.treated.median, found.treated.sd) == (None, None)
    assert found.estimate.value == pytest.approx(found.treated.mean - found.control.mean)
    assert (found.test.p_holm, found.test.p_bh) == (None, None)
    assert found.test.name.startswith("t on 20 imputed sets")


def test_nothing_missing_is_the_difference_of_means(cohort, plan):
    fill(cohort, {})
    arms = [
        [v for (v,) in cohort.rows(f"SELECT value FROM endpoint_value WHERE arm = '{arm}' AND visit = 'd28'")]
        for arm in ("treated", "control")
    ]
    found, want = at_d28(cohort, plan("")), TESTS["welch"](TwoSamples.of(*arms))
    assert found.estimate.value == pytest.approx(want.value)
    assert found.test.statistic == pytest.approx(want.statistic)


def test_the_seed_of_the_study_decides_and_the_order_of_rows_does_not(cohort, plan, tmp_path):
    study = plan("")
    fill(cohort, dict.fromkeys(TREATED[:4], "not_measured"))
    first = imputed(cohort, study)
    cohort.run("CREATE OR REPLACE TABLE endpoint_value AS FROM endpoint_value ORDER BY hash(patient_id)")
    assert imputed(cohort, study) == first
    keys = study.file.sensitivity.model_copy(update={"seed": 1})
    object.__setattr__(study, "file", study.file.model_copy(update={"sensitivity": keys}))
    assert imputed(cohort, study) != first


def test_an_age_that_is_not_known_takes_age_out_of_the_model(cohort, plan):
    fill(cohort, {TREATED[0]: "not_measured"})
    cohort.run(f"UPDATE cohort SET age_years = NULL WHERE patient_id = '{TREATED[1]}'")
    assert at_d28(cohort, plan("")).status == "estimated"


def test_an_arm_without_a_value_is_not_made_up(cohort, plan):
    found = at_d28(fill(cohort, dict.fromkeys(TREATED, "not_measured")), plan(""))
    assert (found.status, found.reason, found.treated.n) == ("not_estimable", "empty_arm", 0)
    assert (found.treated.missing, found.treated.n_imputed) == ({"not_measured": len(TREATED)}, 0)


def test_too_few_for_the_model_are_not_identified(cohort, plan):
    kept = {TREATED[0], TREATED[1], *[r["patient_id"] for r in ROWS if r["arm"] == "control"][:3]}
    gone = {r["patient_id"]: "not_measured" for r in ROWS if r["patient_id"] not in kept}
    found = at_d28(fill(cohort, gone), plan(""))
    assert (found.status, found.reason) == ("not_estimable", "not_identified")
    assert (found.treated.n, found.control.n) == (2, 3)


def test_a_stratum_without_anybody_has_rows_too(cohort, plan):
    found = [c for c in imputed(fill(cohort, {}), plan("")) if c.stratum == "severe"]
    assert {(c.status, c.reason, c.treated.n, c.control.n) for c in found} == {
        ("not_estimable", "empty_arm", 0, 0)
    }
