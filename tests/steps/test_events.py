"""Adverse events by arm, from a small store: counts, exact limits, and what is not compared.

Limits by hand of exact formulas: of 1 event Garwood gives 0.025318 to 5.571643, of 2 0.242209 to 7.224688,
of none up to 3.688879; of 1 in 2 Clopper-Pearson gives 0.012579 to 0.987421 (R: poisson.test, binom.test).
"""

from types import SimpleNamespace

import pytest

from rwe.steps.events import adverse_events
from rwe.store import Store

TABLES = """
CREATE TABLE follow_up (site_id VARCHAR, patient_id VARCHAR, arm VARCHAR, stratum VARCHAR,
    days DOUBLE, ascertained BOOLEAN);
CREATE TABLE event (site_id VARCHAR, patient_id VARCHAR, arm VARCHAR, adverse_event_id VARCHAR,
    term VARCHAR, day INTEGER, seriousness_code VARCHAR, severity VARCHAR, grade VARCHAR, causality VARCHAR);
CREATE TABLE infusion_event (site_id VARCHAR, adverse_event_id VARCHAR, within_24_hours BOOLEAN,
    perhaps_within_24_hours BOOLEAN, suspected BOOLEAN, suspected_related BOOLEAN);
INSERT INTO follow_up VALUES
    ('n', 'a', 'treated', 'severe', 100, true), ('n', 'b', 'treated', 'severe', 200, true),
    ('n', 'c', 'control', 'severe', 300, true);
INSERT INTO event VALUES
    ('n', 'a', 'treated', '1', 'Fever', 10, 'serious', 'severe', NULL, 'possible'),
    ('n', 'a', 'treated', '2', 'Fever', 20, 'non-serious', NULL, NULL, 'other');
INSERT INTO infusion_event VALUES ('n', '1', true, true, true, false), ('n', '2', false, true, false, false);
"""


@pytest.fixture
def store(tmp_path):
    with Store.temporary(tmp_path) as store:
        store.run(TABLES)
        yield store


def results(store):
    file = SimpleNamespace(adverse_events=True, stratum=[SimpleNamespace(name="severe")])
    found = adverse_events(store, SimpleNamespace(file=file))
    assert [e.stratum for e in found] == ["all", "severe"] * (len(found) // 2)
    return {(e.theme, e.term): e for e in found if e.stratum == "all"}


def close(found, value, low, high):
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((value, low, high), rel=2e-5)


def test_first_events_and_all_events_have_their_own_time_and_exact_limits(store):
    arm = results(store)["total", "any adverse event"].treated
    assert (arm.patients, arm.events, arm.n, arm.person_days, arm.follow_up_days) == (1, 2, 2, 210, 300)
    close(arm.risk, 0.5, 0.012579, 0.987421)
    close(arm.first_rate, 36525 / 210, 36525 * 0.0253178 / 210, 36525 * 5.571643 / 210)
    close(arm.event_rate, 2 * 36525 / 300, 36525 * 0.242209 / 300, 36525 * 7.224688 / 300)


def test_an_arm_without_an_event_has_upper_bounds(store):
    arm = results(store)["total", "any adverse event"].control
    close(arm.risk, 0, 0, 0.975)
    for rate in (arm.first_rate, arm.event_rate):
        close(rate, 0, 0, 36525 * 3.688879 / 300)


def test_the_upper_limit_of_none_of_52_is_that_of_r(store):
    """
    > binom.test(0, 52)$conf.int
    [1] 0.00000000 0.06848279
    """
    store.run("DELETE FROM event; UPDATE follow_up SET arm = 'treated'")
    store.run(
        "INSERT INTO follow_up SELECT 'n', 'x' || i, 'treated', 'severe', 9, true FROM range(49) AS r(i)"
    )
    found = results(store)
    close(found["total", "any adverse event"].treated.risk, 0, 0, 0.06848279)
    assert {theme for theme, _ in found} == {"total", "infusion"}


def test_a_rate_ratio_without_an_event_of_the_controls_has_a_lower_limit_alone(store):
    e = results(store)["total", "any adverse event"]
    for ratio, low, p in ((e.event_rate_ratio, 0.187806, 0.5), (e.first_rate_ratio, 0.036630, 7 / 17)):
        assert (ratio.estimate.value, ratio.estimate.ci_high, ratio.status) == (None, "Inf", "estimated")
        assert (ratio.estimate.ci_low, ratio.test.p) == pytest.approx((low, p), rel=2e-5)


def test_each_event_is_in_one_row_of_a_theme_and_no_event_is_a_row_too(store):
    found = results(store)
    counted = {key: e.treated.events for key, e in found.items()}
    assert {k[1]: n for k, n in counted.items() if k[0] == "severity"} == {
        "mild": 0, "moderate": 0, "severe": 1, "not stated": 1
    }  # fmt: skip
    assert counted["causality", "possible"] == counted["causality", "at least possible"] == 1
    assert counted["causality", "stated in other codes"] == 1
    assert [key for key in counted if key[0] == "grade"] == [("grade", "not stated")]
    assert (counted["total", "any serious adverse event"], counted["term", "Fever"]) == (1, 2)


def test_what_is_not_stated_is_counted_and_not_compared(store):
    e = results(store)["severity", "not stated"]
    assert (e.treated.events, e.status, e.reason, e.test.p) == (1, "not_estimable", "not_stated", None)
    assert e.first_rate_ratio.reason == "not_stated"


def test_causes_are_counted_in_both_arms_and_not_compared(store):
    e = results(store)["causality", "at least possible"]
    assert (e.treated.patients, e.control.patients, e.control.n) == (1, 0, 1)
    assert (e.reason, e.estimate.value, e.test.p) == ("suspects_differ", None, None)
    assert e.event_rate_ratio.test.p is None


def test_infusion_related_events_are_of_the_treated_alone(store):
    found = {key[1]: e for key, e in results(store).items() if key[0] == "infusion"}
    assert [e.treated.events for e in found.values()] == [1, 2, 1, 0]
    for e in found.values():
        assert (e.control.n, e.control.risk, e.control.first_rate, e.reason) == (
            0,
            None,
            None,
            "treated_only",
        )


def test_an_arm_that_nobody_asked_is_not_ascertained_and_no_zero(store):
    store.run("UPDATE follow_up SET ascertained = false WHERE arm = 'control'")
    for (theme, _), e in results(store).items():
        assert (e.control.n, e.control.risk, e.control.event_rate) == (0, None, None)
        assert e.reason == ("treated_only" if theme == "infusion" else "not_ascertained")
    store.run("UPDATE follow_up SET ascertained = false")
    assert {e.reason for e in results(store).values()} == {"not_ascertained"}
