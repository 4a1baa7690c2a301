"""The variants of the main analysis: what each changes, whom it leaves out, and when it cannot be run."""

import dataclasses

import pytest

from rwe import data
from rwe.errors import StudyError
from rwe.stats import TESTS
from rwe.stats.summaries import TwoSamples
from rwe.steps.compare import check_tests
from rwe.steps.comparisons import comparisons
from rwe.steps.variants import variants
from tests.spec.conftest import insert, load, run_sql
from tests.spec.test_propensity import people, value

MSC = (data.demo_study() / "study.toml").read_text(encoding="utf-8")

COHORT = """
arm     | patient | site  | age | infusions | d28 | d90 | missing
treated | a       | north | 40  | 3         | 2.1 | 2.6 |
treated | b       | north | 50  | 3         | 2.5 |     | not_measured
treated | c       | south | 60  | 3         | 2.9 | 3.1 |
treated | d       | south | 70  | 2         | 3.3 |     | dead
control | e       | north | 45  | 0         | 1.9 | 2.0 |
control | f       | north | 55  | 0         | 2.2 |     | dead
control | g       | south | 65  | 0         | 2.0 | 2.4 |
control | h       | south | 75  | 0         | 2.6 | 2.7 |
"""


@pytest.fixture
def plan(written):
    def plan(more="", text=MSC):
        found = written(f"{text}\n{more}")
        visits = [v for v in found.file.visit if v.name in ("d28", "d90")]
        file = found.file.model_copy(update={"visit": tuple(visits)})
        return dataclasses.replace(found, file=file)

    return plan


def fill(db, table=COHORT):
    for line in table.strip().splitlines()[1:]:
        arm, patient, site, age, infusions, *values, missing = (cell.strip() for cell in line.split("|"))
        key = {"site_id": site, "patient_id": patient, "arm": arm, "stratum": "moderate"}
        insert(db, "cohort", [{**key, "age_years": age, "n_infusions": infusions}])
        for visit, number in zip(("d28", "d90"), values, strict=True):
            slot = {**key, "endpoint": "FEV1", "visit": visit, "is_baseline": "false"}
            insert(db, "endpoint_value", [{**slot, "value": number, "missing": "" if number else missing}])
    return db


def found(db, plan):
    return {v.name: v for v in variants(db, plan)}


def at(db, variant, visit="d28", endpoint="FEV1"):
    if variant.prepare is not None:
        variant.prepare(db)
    rows = [c for c in variant.compare(db, variant.plan) if c.stratum == "moderate"]
    (c,) = [c for c in rows if (c.endpoint, c.visit) == (endpoint, visit)]
    return c


def main(db, plan, visit="d28"):
    rows = [c for c in comparisons(db, plan) if (c.endpoint, c.stratum) == ("FEV1", "moderate")]
    (c,) = [c for c in rows if c.visit == visit]
    return c


def test_each_variant_changes_one_thing_and_is_named_once(cohort, plan):
    names = [v.name for v in variants(fill(cohort), plan())]
    assert names == [
        *("windows_narrower", "windows_wider", "quartiles_type_2", "quartiles_type_6"),
        *("test_mann_whitney_exact", "test_welch", "per_protocol", "stopped_infusions"),
        *("overlap_weights", "ATT_weights", "matched_pairs", "without_north", "without_south"),
        *("measured_at_every_visit", "death_worst_rank", "imputed"),
    ]


def test_another_quartile_type_changes_quartiles_alone(cohort, plan):
    """quantile(c(2.1, 2.5, 2.9, 3.3), 1:3 / 4, type = 6)  # 2.2 2.7 3.2"""
    study = plan()
    c, before = at(fill(cohort), found(cohort, study)["quartiles_type_6"]), main(cohort, study)
    assert (c.treated.q1, c.treated.median, c.treated.q3) == pytest.approx((2.2, 2.7, 3.2))
    assert (before.treated.q1, before.treated.q3) == pytest.approx((2.4, 3.0))
    assert (c.estimate, c.test.p) == (before.estimate, before.test.p)


def test_another_test_is_that_test(cohort, plan):
    c = at(fill(cohort), found(cohort, plan())["test_welch"])
    want = TESTS["welch"](TwoSamples.of([2.1, 2.5, 2.9, 3.3], [1.9, 2.2, 2.0, 2.6]))
    assert (c.test.name, c.test.p, c.estimate.ci_low) == (want.test, want.p, want.ci_low)


def test_per_protocol_leaves_out_the_treated_of_another_number_and_no_control(cohort, plan):
    variant = found(fill(cohort), plan())["per_protocol"]
    c = at(cohort, variant)
    assert (c.treated.n, c.treated.median, c.control.n) == (3, 2.5, 4)
    assert "conditions on survival" in variant.caution


def test_per_protocol_leaves_out_who_was_off_schedule_too(cohort, plan):
    fill(cohort).run("INSERT INTO off_schedule SELECT site_id, patient_id FROM cohort WHERE patient_id = 'a'")
    variant = found(cohort, plan())["per_protocol"]
    assert at(cohort, variant).treated.n == 2
    assert variant.varied.endswith("the planned infusions (3 on days 0, 3, 6 ± 1)")


def test_who_was_a_control_before_leaves_as_treated_alone(cohort, plan):
    both = "control | d       | south | 70  | 0         | 3.0 | 3.2 |"
    c = at(fill(cohort, f"{COHORT.rstrip()}\n{both}"), found(cohort, plan())["per_protocol"])
    assert (c.treated.n, c.control.n) == (3, 5)


def test_where_nobody_had_all_infusions_the_arm_is_empty(cohort, plan):
    fill(cohort).run("UPDATE cohort SET n_infusions = 1 WHERE arm = 'treated'")
    c = at(cohort, found(cohort, plan())["per_protocol"])
    assert (c.status, c.reason, c.treated.n, c.test.p) == ("not_estimable", "empty_arm", 0, None)


def test_a_study_without_a_number_of_infusions_has_no_protocol_to_keep(cohort, plan):
    without = plan(text=MSC.replace("infusions = 3\n", "").replace("days = [0, 3, 6]\n", ""))
    assert found(fill(cohort), without)["per_protocol"].lacking == "no_planned_infusions"


def test_stopped_infusions_count_or_where_they_do_already_no_longer(cohort, plan):
    statuses = found(fill(cohort), plan())["stopped_infusions"].plan.file.exposure.statuses
    assert statuses == ("completed", "stopped")
    text = MSC.replace('statuses = ["completed"]', 'statuses = ["completed", "stopped"]')
    assert found(cohort, plan(text=text))["stopped_infusions"].plan.file.exposure.statuses == ("completed",)
    only = MSC.replace('statuses = ["completed"]', 'statuses = ["stopped"]')
    assert "stopped_infusions" not in found(cohort, plan(text=only))


def test_each_site_is_left_out_once(cohort, plan):
    c = at(fill(cohort), found(cohort, plan())["without_north"])
    assert (c.treated.n, c.control.n, c.treated.median) == (2, 2, pytest.approx(3.1))


def test_a_cohort_of_one_site_has_none_to_leave_out(cohort, plan):
    fill(cohort, COHORT.replace("south", "north"))
    (variant,) = [v for v in variants(cohort, plan()) if v.theme == "sites"]
    assert (variant.name, variant.lacking) == ("without_north", "one_site")


def test_a_site_that_has_an_arm_to_itself_leaves_the_others_without(cohort, plan):
    fill(cohort, "\n".join(line for line in COHORT.splitlines() if "treated | a" not in line))
    cohort.run("DELETE FROM endpoint_value WHERE patient_id = 'b'")
    c = at(cohort, found(cohort, plan())["without_south"])
    assert (c.status, c.reason) == ("not_estimable", "empty_arm")


def test_measured_at_every_visit_leaves_out_and_counts_the_others(cohort, plan):
    variant = found(fill(cohort), plan())["measured_at_every_visit"]
    c = at(cohort, variant)
    assert (c.treated.n, c.treated.missing) == (2, {"not_at_every_visit": 2})
    assert (c.control.n, c.control.missing) == (3, {"not_at_every_visit": 1})
    last = at(cohort, variant, "d90")
    assert (last.treated.n, last.treated.missing) == (2, {"dead": 1, "not_measured": 1})


def test_the_dead_are_ranked_worst_where_the_study_says_which_end_that_is(cohort, plan):
    c = at(fill(cohort), found(cohort, plan())["death_worst_rank"], "d90")
    assert (c.treated.n, c.treated.n_dead, c.treated.missing) == (3, 1, {"not_measured": 1})
    assert (c.control.n, c.control.n_dead) == (4, 1)
    silent = plan(text=MSC.replace('worse = "low"\n', ""))
    one = at(cohort, found(cohort, silent)["death_worst_rank"], "d90")
    assert (one.status, one.reason) == ("not_estimable", "no_direction")
    mute = plan(text=MSC.replace('worse = "low"\n', "").replace('worse = "high"\n', ""))
    assert found(cohort, mute)["death_worst_rank"].lacking == "no_direction"


def test_nobody_dead_ranks_as_the_main_analysis(cohort, plan):
    study, alive = plan(), COHORT.replace("dead", "not_measured")
    c = at(fill(cohort, alive), found(cohort, study)["death_worst_rank"], "d90")
    before = main(cohort, study, "d90")
    assert (c.estimate.value, c.test.p, c.treated) == (before.estimate.value, before.test.p, before.treated)


def test_a_main_analysis_by_worst_rank_has_no_variant_of_it(cohort, plan):
    text = MSC.replace('test = "mann_whitney_asymptotic"\n', 'test = "worst_rank"\n')
    ranked = found(fill(cohort), plan(text=text))
    assert "death_worst_rank" not in ranked
    assert ranked["measured_at_every_visit"].lacking == "ranks_death"


def test_the_means_of_a_change_are_no_means_of_a_value(cohort, plan):
    text = MSC.replace('test = "mann_whitney_asymptotic"\n', 'test = "welch"\nmeasure = "change"\n')
    more = '[propensity]\nterms = ["age", "sex"]\nestimand = "overlap"\n'
    of_a_change = found(fill(cohort), plan(more, text=text))
    names = ("overlap_weights", "ATT_weights", "matched_pairs", "imputed")
    assert {of_a_change[name].lacking for name in names} == {"of_a_change"}
    assert "test_mann_whitney_asymptotic" in found(cohort, plan(text=text))


def test_all_equal_is_not_estimable_in_every_variant_of_the_values(cohort, plan):
    study = plan()
    fill(cohort).run("UPDATE endpoint_value SET value = 2 WHERE value IS NOT NULL")
    for name in ("test_welch", "test_mann_whitney_exact", "imputed", "per_protocol", "without_north"):
        c = at(cohort, found(cohort, study)[name])
        assert (c.status, c.reason, c.test.p) == ("not_estimable", "no_variation", None), name


def test_weights_and_pairs_are_of_the_declared_score(cohort, plan):
    rows = list(people())
    insert(cohort, "cohort", rows)
    insert(cohort, "endpoint_value", [value(r, "d28") for r in rows])
    scored = plan('[propensity]\nterms = ["age", "sex"]\nestimand = "att"\nstrata = "together"\n')
    by_name = found(cohort, scored)
    tests = {}
    for name in ("overlap_weights", "ATT_weights", "matched_pairs"):
        (c,) = [
            c
            for c in by_name[name].compare(cohort, by_name[name].plan)
            if (c.endpoint, c.visit) == ("FEV1", "d28")
        ]
        tests[name] = (c.adjusted.estimand, c.stratum)
    assert tests == {
        "overlap_weights": ("overlap", "all"),
        "ATT_weights": ("att", "all"),
        "matched_pairs": ("match", "all"),
    }
    assert {found(cohort, plan())[name].lacking for name in tests} == {"no_propensity"}


def test_other_windows_read_other_values(db, plan):
    """Day 36 is outside of [21, 35) and inside of [17.5, 38.5); day 23 is outside of [24.5, 31.5)."""
    load(
        db,
        "cohort",
        """
        patient_id | arm     | stratum  | zero_at              | zero_date
        p          | treated | moderate | 2020-04-01T08:00:00Z | 2020-04-01
        q          | control | moderate | 2020-04-01T08:00:00Z | 2020-04-01""",
    )
    load(db, "site", "site_id | pulled_at\nnorth | 2021-01-01")
    load(
        db,
        "measurement",
        """
        patient_id | arm     | endpoint | day | value
        p          | treated | FEV1     | 36  | 2.5
        q          | control | FEV1     | 23  | 2.0""",
    )
    study = plan()
    run_sql(db, "endpoint/quantity.sql")
    db.run("CREATE OR REPLACE TABLE endpoint_value AS FROM quantity")
    by_name = found(db, study)
    assert [(main(db, study).treated.n, main(db, study).control.n)] == [(0, 1)]
    wide = at(db, by_name["windows_wider"])
    assert (wide.treated.n, wide.control.n) == (1, 1)
    narrow = at(db, by_name["windows_narrower"])
    assert (narrow.treated.n, narrow.control.n) == (0, 0)


def test_swapped_arms_turn_the_sign_of_every_estimate(cohort, plan):
    fill(cohort)
    study = plan()
    names = ("test_welch", "test_mann_whitney_exact", "quartiles_type_2", "death_worst_rank", "imputed")
    before = {name: at(cohort, found(cohort, study)[name], "d90") for name in names}
    for table in ("cohort", "endpoint_value"):
        cohort.run(f"UPDATE {table} SET arm = IF(arm = 'treated', 'control', 'treated')")
    for name, one in before.items():
        other = at(cohort, found(cohort, study)[name], "d90")
        assert (other.status, other.reason) == (one.status, one.reason)
        assert (other.treated.n, other.control.n) == (one.control.n, one.treated.n)
        if one.estimate.value is not None:
            assert other.estimate.value == pytest.approx(-one.estimate.value), name
        assert other.test.p == (None if one.test.p is None else pytest.approx(one.test.p))


def test_a_test_that_does_not_exist_is_named(plan):
    study = plan('[sensitivity]\ntests = ["welch", "sign"]\n')
    with pytest.raises(StudyError, match=r"sensitivity\.tests: there is no test 'sign'"):
        check_tests(study)
