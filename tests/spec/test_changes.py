"""Comparisons of changes from baseline, from a made-up cohort: what a change is, and who has none."""

import numpy as np
import pytest

from rwe import data
from rwe.errors import StudyError
from rwe.stats.ancova import ancova
from rwe.steps.compare import check_tests
from rwe.steps.comparisons import comparisons
from tests.spec.conftest import insert

MSC = (data.demo_study() / "study.toml").read_text(encoding="utf-8")
CHANGE = '[[analysis]]\nname = "change"\nmeasure = "change"\ntest = "{test}"\n'
KEYS = ("site_id", "patient_id", "arm", "endpoint", "stratum", "visit", "is_baseline")

VALUES = """
arm     | patient | baseline | d28  | missing
treated | a       | 1.9      | 2.2  |
treated | b       | 2.1      | 2.4  |
treated | c       | 2.0      | 2.9  |
treated | d       |          | 2.6  |
treated | e       | <0.5     | 2.6  |
treated | f       | 2.0      |      | dead
control | g       | 2.5      | 2.5  |
control | h       | 2.2      | 2.1  |
control | i       | 3.1      | 3.3  |
control | j       | 2.4      | >9.0 |
"""


@pytest.fixture
def plan(written):
    def plan(test="mann_whitney", text=MSC):
        return written(text + "\n" + CHANGE.format(test=test))

    return plan


@pytest.fixture
def store(db):
    db.run("CREATE OR REPLACE TABLE endpoint_value AS SELECT * FROM quantity WHERE FALSE")
    for line in VALUES.strip().splitlines()[1:]:
        arm, patient, *values, missing = (cell.strip() for cell in line.split("|"))
        for visit, value in zip(("baseline", "d28"), values, strict=True):
            row = ("north", patient, arm, "FEV1", "moderate", visit, str(visit == "baseline"))
            limit = {"comparator": value[0], "value": value[1:]} if value[:1] in ("<", ">") else {}
            known = {"value": value} if value else {"missing": missing or "not_measured"}
            insert(db, "endpoint_value", [{**dict(zip(KEYS, row, strict=True)), **known, **limit}])
    return db


def at_d28(db, plan, analysis="change"):
    found = [c for c in comparisons(db, plan) if (c.analysis, c.stratum) == (analysis, "moderate")]
    (c,) = [c for c in found if (c.endpoint, c.visit) == ("FEV1", "d28")]
    return c


def test_a_change_is_the_value_less_the_patients_own_baseline(store, plan):
    c = at_d28(store, plan())
    assert (c.measure, c.unit) == ("change", "L")
    assert (c.treated.n, c.treated.median, c.treated.q1) == (3, 0.3, 0.3)  # of 0.3, 0.3 and 0.9
    assert (c.control.n, c.control.median) == (3, 0)


def test_who_has_no_change_is_counted_with_the_reason(store, plan):
    c = at_d28(store, plan())
    assert c.treated.missing == {"beyond_limit": 1, "dead": 1, "no_baseline": 1}
    assert c.control.missing == {"beyond_limit": 1}
    value = at_d28(store, plan(), "published")
    assert value.measure == "value"
    for changed, whole in ((c.treated, value.treated), (c.control, value.control)):
        assert changed.n + changed.n_missing == whole.n + whole.n_missing


def test_changes_adjusted_for_the_baseline(store, plan):
    c = at_d28(store, plan("ancova"))
    y, before = np.array([2.2, 2.4, 2.9, 2.5, 2.1, 3.3]), np.array([1.9, 2.1, 2.0, 2.5, 2.2, 3.1])
    want = ancova(y, before, np.arange(6) < 3, {})
    assert c.estimate.value == pytest.approx(want.value)
    assert (c.test.name, c.test.p) == (want.test, pytest.approx(want.p))
    assert c.treated.n == 3


def test_a_change_of_nobody_says_why(store, plan):
    nothing = [
        c for c in comparisons(store, plan("ancova")) if c.analysis == "change" and c.endpoint != "FEV1"
    ]
    assert {c.reason for c in nothing} == {"empty_arm"}


def test_only_a_change_is_adjusted_for_its_baseline(plan):
    with pytest.raises(StudyError, match="there is no test 'ancova' of a value") as e:
        check_tests(plan("ancova", MSC.replace('"mann_whitney_asymptotic"', '"ancova"')))
    assert "welch" in e.value.hint


def test_a_change_needs_a_baseline(plan):
    table = MSC[MSC.index("[baseline]") : MSC.index("# Half-open windows")]
    with pytest.raises(StudyError, match=r"analysis change: a change needs a \[baseline\]"):
        plan(text=MSC.replace(table, ""))
