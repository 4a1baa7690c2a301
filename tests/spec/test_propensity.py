"""Scores and balance from a made-up cohort: what counts, who is left out, and what is never read."""

from math import isclose

import msgspec
import pytest

from rwe.results import Propensity
from rwe.steps.baseline import baseline
from rwe.steps.propensity import propensity
from rwe.store import literal
from tests.spec.conftest import insert

WITH_CANCER = 'terms = ["age", "cancer"]'


def people(n=36):
    """Treated more often the older they are; the parts of a number serve for chance."""
    for i in range(n):
        yield {
            "site_id": ("north", "south")[i // 3 % 2],
            "patient_id": f"p{i:02}",
            "arm": "treated" if (7 * i) % 11 + i / 9 > 6 else "control",
            "stratum": ("moderate", "severe")[i % 2],
            "sex": ("female", "male")[i // 2 % 2],
            "age_years": str(40 + i),
            "days_from_anchor": str((5 * i) % 13),
        }


def value(person, visit="baseline", number=0):
    keys = ("site_id", "patient_id", "arm", "stratum")
    return {
        **{key: person[key] for key in keys},
        "endpoint": "FEV1",
        "visit": visit,
        "is_baseline": str(visit == "baseline"),
        "value": str(1 + int(person["patient_id"][1:]) * 17 % 10 / 5 + number),
    }


def fill(db, rows):
    rows = list(rows)
    insert(db, "cohort", rows)
    insert(db, "endpoint_value", [value(r) for r in rows])


def test_overlap_weights_balance_each_term_in_each_stratum(cohort, plan):
    fill(cohort, people())
    found = propensity(cohort, plan())
    assert [(p.stratum, p.status, p.estimand) for p in found] == [
        ("moderate", "estimated", "overlap"),
        ("severe", "estimated", "overlap"),
    ]
    for p in found:
        scored = [b for b in p.balance if b.in_score]
        assert [(b.variable, b.level) for b in scored] == [
            ("age", None),
            ("sex", "female"),
            ("sex", "male"),
            ("FEV1", None),
        ]
        assert all(abs(b.smd_after) < 1e-8 for b in scored)
        assert max(abs(b.smd_before) for b in scored) > 0.2
        assert [t.variable for t in p.terms] == [None, "age", "sex", "FEV1"]
        assert p.treated.n + p.control.n == 18
        for arm in (p.treated, p.control):
            assert 1 < arm.effective <= arm.n
            assert sum(arm.scores) == arm.n
            assert arm.weights == sorted(arm.weights)


def test_without_weights_the_differences_are_those_of_table_1(cohort, plan):
    fill(cohort, people())
    table = {(b.stratum, b.variable, b.level): b.smd for b in baseline(cohort, plan())}
    seen = 0
    for p in propensity(cohort, plan()):
        for b in p.balance:
            smd = table[p.stratum, b.variable, b.level]
            assert (smd is None) == (b.smd_before is None)
            seen += smd is not None and isclose(smd, b.smd_before, abs_tol=1e-12)
    assert seen == 2 * 5


def test_what_the_score_leaves_out_is_shown_and_marked(cohort, plan):
    fill(cohort, people())
    first = propensity(cohort, plan())[0]
    days = next(b for b in first.balance if b.variable == "days_from_anchor")
    assert not days.in_score
    assert days.smd_after != pytest.approx(0, abs=1e-6)


def test_no_value_after_time_zero_is_read(cohort, plan):
    fill(cohort, people())
    before = propensity(cohort, plan())
    insert(cohort, "endpoint_value", [value(r, "d28", number=5) for r in people()])
    assert propensity(cohort, plan()) == before
    cohort.run("UPDATE endpoint_value SET value = value * value WHERE is_baseline")
    assert propensity(cohort, plan()) != before


def test_who_lacks_a_term_is_left_out_and_counted(cohort, plan):
    rows = list(people())
    fill(cohort, rows)
    treated = [r["patient_id"] for r in rows if r["arm"] == "treated" and r["stratum"] == "severe"]
    cohort.run(f"DELETE FROM endpoint_value WHERE patient_id = {literal(treated[0])}")
    names = ", ".join(map(literal, treated[:2]))
    cohort.run(f"UPDATE cohort SET sex = 'unknown' WHERE patient_id IN ({names})")
    _, severe = propensity(cohort, plan())
    assert (severe.treated.n, severe.treated.n_missing) == (len(treated) - 2, 2)
    assert severe.treated.missing == {"sex": 2, "FEV1": 1}
    assert (severe.control.n_missing, severe.control.missing) == (0, {})


def test_a_site_with_one_arm_has_no_score_but_a_balance(cohort, plan):
    rows = [r for r in people() if (r["site_id"], r["arm"]) != ("south", "treated")]
    fill(cohort, rows)
    for p in propensity(cohort, plan('terms = ["age", "site"]')):
        assert (p.status, p.reason, p.detail) == ("not_estimable", "not_identified", "separation")
        assert p.at_fault == ["site: south"]
        assert (p.terms, p.treated.effective, p.treated.weights) == ([], None, None)
        assert [b.smd_after for b in p.balance] == [None] * len(p.balance)
        assert p.balance[0].smd_before is not None


def test_an_empty_cohort_has_no_score(cohort, plan):
    found = propensity(cohort, plan())
    assert [(p.status, p.reason, p.detail) for p in found] == [("not_estimable", "empty_arm", None)] * 2


def test_over_all_strata_severity_is_a_term(cohort, plan):
    fill(cohort, people())
    (found,) = propensity(cohort, plan('strata = "together"\nterms = ["age", "severity", "site"]'))
    assert (found.stratum, found.treated.n + found.control.n) == ("all", 36)
    assert [(t.variable, t.level) for t in found.terms[1:]] == [
        ("age", None),
        ("severity", "severe"),
        ("site", "south"),
    ]
    assert all(abs(b.smd_after) < 1e-8 for b in found.balance if b.in_score)


def test_pairs_are_of_one_site_and_stratum(cohort, plan):
    fill(cohort, people())
    keys = 'strata = "together"\nterms = ["age"]\nestimand = "match"\ncaliper = 1'
    (found,) = propensity(cohort, plan(keys))
    assert found.pairs > 3
    assert found.treated.effective == found.control.effective == pytest.approx(found.pairs)
    keys = 'strata = "together"\nterms = ["age", "site", "severity"]\nestimand = "match"\ncaliper = 1'
    (exact,) = propensity(cohort, plan(keys))
    for b in exact.balance:
        if b.variable in ("site", "severity"):
            assert b.treated_after == pytest.approx(b.control_after)
    (none,) = propensity(cohort, plan(keys.replace("caliper = 1", "caliper = 1e-9")))
    assert (none.status, none.detail, none.pairs) == ("not_estimable", "no_pairs", 0)


def test_the_order_in_the_store_changes_nothing(cohort, plan):
    fill(cohort, people())
    keys = 'strata = "together"\nterms = ["age", "sex"]\nestimand = "match"\nseed = 3'
    before = propensity(cohort, plan(keys))
    cohort.run("DELETE FROM cohort; DELETE FROM endpoint_value")
    fill(cohort, reversed(list(people())))
    assert propensity(cohort, plan(keys)) == before


def test_a_study_that_declares_none_has_none(cohort, plan):
    fill(cohort, people())
    assert propensity(cohort, plan("")) == []


def test_it_is_written_and_read_as_it_is(cohort, plan):
    fill(cohort, people())
    found = propensity(cohort, plan())
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[Propensity]) == found


def recorded(db, rows, who):
    """history, in which those of `who` are recorded."""
    keys = ("site_id", "patient_id", "arm")
    found = [{k: r[k] for k in keys} | {"covariate": "cancer", "is_recorded": str(who(r))} for r in rows]
    insert(db, "history", found)


def test_a_covariate_is_balanced_like_another_term_and_stands_in_table_1(cohort, plan):
    rows = list(people())
    fill(cohort, rows)
    recorded(cohort, rows, lambda r: int(r["patient_id"][1:]) % 3 == 0)
    for p in propensity(cohort, plan(WITH_CANCER)):
        assert [(t.variable, t.level) for t in p.terms] == [(None, None), ("age", None), ("cancer", "yes")]
        (yes,) = [b for b in p.balance if (b.variable, b.level) == ("cancer", "yes")]
        assert abs(yes.smd_after) < 1e-8
    table = [b for b in baseline(cohort, plan(WITH_CANCER)) if b.variable == "cancer"]
    assert [(b.level, b.stratum) for b in table] == [("yes", "moderate"), ("yes", "severe")]
    assert [b.treated.n + b.control.n for b in table] == [18, 18]
    assert sum(arm.count for b in table for arm in (b.treated, b.control)) == 12
    assert [b.n_missing for b in table] == [0, 0]


def test_a_covariate_that_tells_the_arms_apart_leaves_nothing_to_estimate(cohort, plan):
    rows = list(people())
    fill(cohort, rows)
    recorded(cohort, rows, lambda r: r["arm"] == "treated")
    for p in propensity(cohort, plan(WITH_CANCER)):
        assert (p.status, p.detail, p.at_fault) == ("not_estimable", "separation", ["cancer: yes"])
    assert {b.smd for b in baseline(cohort, plan(WITH_CANCER)) if b.variable == "cancer"} == {None}
