"""Death as the worst rank, declared as an analysis: who counts, and what of the dead is shown."""

import pytest

from rwe import data
from rwe.errors import StudyError
from rwe.steps.compare import check_tests
from rwe.steps.comparisons import comparisons
from tests.spec.conftest import insert

MSC = (data.demo_study() / "study.toml").read_text(encoding="utf-8")
ANALYSIS = '[[analysis]]\nname = "composite"\ntest = "worst_rank"\n'
KEYS = ("site_id", "patient_id", "arm", "endpoint", "stratum", "visit", "is_baseline")

VALUES = """
arm     | patient | value | missing
treated | a       | 2.1   |
treated | b       | 2.5   |
treated | c       | 2.9   |
treated | d       | 3.3   |
treated | e       | 2.7   |
treated | f       |       | dead
treated | g       |       | not_measured
control | h       | 1.9   |
control | i       | 2.2   |
control | j       | 2.0   |
control | k       | 2.6   |
control | l       | 2.4   |
control | m       | 2.5   |
control | n       |       | dead
control | o       |       | dead
control | p       |       | dead
"""


@pytest.fixture
def plan(written):
    def plan(text=MSC):
        return written(text + "\n" + ANALYSIS)

    return plan


@pytest.fixture
def store(db):
    db.run("CREATE OR REPLACE TABLE endpoint_value AS SELECT * FROM quantity WHERE FALSE")
    for line in VALUES.strip().splitlines()[1:]:
        arm, patient, *found = (cell.strip() for cell in line.split("|"))
        for endpoint in ("FEV1", "lesion"):
            key = dict(zip(KEYS, ("north", patient, arm, endpoint, "moderate", "d28", "false"), strict=True))
            insert(db, "endpoint_value", [{**key, **dict(zip(("value", "missing"), found, strict=True))}])
    return db


def at_d28(db, plan, endpoint="FEV1", analysis="composite"):
    found = [c for c in comparisons(db, plan) if (c.analysis, c.stratum) == (analysis, "moderate")]
    (c,) = [c for c in found if (c.endpoint, c.visit) == (endpoint, "d28")]
    return c


def test_the_dead_count_and_the_numbers_are_those_of_r(store, plan):
    """As in tests/stats/test_worst_rank.py."""
    c = at_d28(store, plan())
    assert c.test.p == pytest.approx(0.10808725706135014, rel=1e-12)
    assert (c.estimate.value, c.estimate.ci_low) == (pytest.approx(0.55), pytest.approx(-0.1))
    assert c.estimate.ci_high == "Inf"
    assert (c.treated.n, c.treated.n_dead, c.treated.missing) == (6, 1, {"not_measured": 1})
    assert (c.control.n, c.control.n_dead, c.control.missing) == (9, 3, {})
    value = at_d28(store, plan(), analysis="published")
    for counted, whole in ((c.treated, value.treated), (c.control, value.control)):
        assert counted.n + counted.n_missing == whole.n + whole.n_missing


def test_a_quartile_that_falls_on_the_dead_is_not_there(store, plan):
    """quantile(c(-Inf, -Inf, -Inf, 1.9, 2, 2.2, 2.4, 2.5, 2.6), 1:3 / 4)  # -Inf 2.0 2.4"""
    c = at_d28(store, plan())
    assert (c.control.q1, c.control.median, c.control.q3) == (None, 2.0, 2.4)
    assert (c.control.mean, c.control.sd) == (None, None)
    assert (c.treated.q1, c.treated.median, c.treated.q3) == (pytest.approx(2.2), 2.6, pytest.approx(2.85))


def test_where_high_values_are_worse_the_dead_are_above_all(store, plan):
    """quantile(c(1.9, 2, 2.2, 2.4, 2.5, 2.6, Inf, Inf, Inf), 1:3 / 4)  # 2.2 2.5 Inf"""
    c = at_d28(store, plan(), "lesion")
    assert (c.control.q1, c.control.median, c.control.q3) == (2.2, 2.5, None)
    assert "high values are worse" in c.test.name
    assert c.estimate.ci_low == "-Inf"


def test_nobody_dead_is_the_published_comparison(store, plan):
    store.run("DELETE FROM endpoint_value WHERE missing = 'dead'")
    c, value = at_d28(store, plan()), at_d28(store, plan(), analysis="published")
    assert (c.treated, c.control) == (value.treated, value.control)
    assert (c.test.p, c.estimate.value) == (value.test.p, value.estimate.value)


def test_an_arm_of_the_dead_alone_has_ranks_and_no_quartiles(store, plan):
    store.run("DELETE FROM endpoint_value WHERE arm = 'control' AND value IS NOT NULL")
    c = at_d28(store, plan())
    assert (c.control.n, c.control.median, c.status, c.reason) == (3, None, "estimated", "decided_by_death")
    assert 0 < c.test.p < 0.1


def test_an_endpoint_that_does_not_say_which_end_is_worse_is_named(plan):
    check_tests(plan())
    text = MSC.replace('worse = "low"\n', "", 1)
    head, _, tail = text.rpartition('worse = "high"\n')
    without = plan(head + tail)
    with pytest.raises(StudyError, match=r"composite: worst_rank needs `worse` of FEV1, il6"):
        check_tests(without)
