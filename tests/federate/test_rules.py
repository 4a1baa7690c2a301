"""R1 to R12, a rule a test: what may leave a site, and what may not."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from rwe import study
from rwe.federate import ledger, members, rules
from rwe.federate.keys import Public, Secret
from rwe.federate.messages import Ask, Count, Part, Request
from rwe.federate.refusals import REFUSALS
from rwe.federate.rules import Limits
from rwe.federate.seen import Seen
from rwe.federate.statistics import STATISTICS
from rwe.stats.summaries import ArmEvents, Events
from tests.cli import folders

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILE = study.load(folders.FIXTURES / "msc").file


def ask(statistic, variable="any_event", visit=None):
    return Ask(statistic=statistic, variable=variable, visit=visit)


def table(a, m, b, n):
    """a of m treated and b of n controls."""
    arms = (ArmEvents(patients=k, events=k, n=size, person_days=0.0) for k, size in ((a, m), (b, n)))
    return Part(stratum="all", events=Events(**dict(zip(("treated", "control"), arms, strict=True))))


def held(part, arms, statistic="two_by_two", **limits):
    return rules.held_back(ask(statistic), part, arms, Limits(**limits))


def request(**changed):
    made = Request(
        study="s",
        plan={},
        query="0" * 32,
        asks=[],
        sites=["north"],
        tier="publish",
        agreement="",
        min_arm=5,
        created="2026-03-01T12:00:00.000Z",
        not_after="2026-03-15T12:00:00.000Z",
        software="rwe",
    )
    return msgspec.structs.replace(made, **changed)


@pytest.mark.parametrize(
    ("arms", "stays"), [((4, 50), True), ((50, 4), True), ((0, 9), True), ((5, 5), False)]
)
def test_r1_nothing_leaves_of_an_arm_below_5(arms, stays):
    part = Part(stratum="all", count=Count(treated=arms[0], control=arms[1]))
    assert (held(part, arms, "count") == "small_arm") == stays


def test_r1_holds_also_where_an_agreement_opens_cells():
    assert held(table(1, 4, 2, 9), (4, 9), open_cells=True) == "small_arm"


@pytest.mark.parametrize("cell", [1, 2, 3, 4])
def test_r2_a_cell_of_1_to_4_stays_and_0_and_5_leave(cell):
    assert held(table(cell, 20, 9, 20), (20, 20)) == "small_cell"
    assert held(table(9, 20, 20 - cell, 20), (20, 20)) == "small_cell"
    assert held(table(0, 20, 5, 20), (20, 20)) is None


def test_r2_under_an_agreement_a_cell_goes_to_the_coordinator():
    assert held(table(1, 20, 2, 20), (20, 20), open_cells=True) is None


@pytest.mark.parametrize(
    ("missing", "stays"), [((0, 4), True), ((1, 9), True), ((0, 5), False), ((0, 0), False)]
)
def test_r2_how_many_have_no_value_is_a_cell(missing, stays):
    """Whatever is told of those who have one."""
    part = Part(stratum="all", count=Count(treated=20, control=20))
    for statistic in ("mean", "van_elteren", "share"):
        found = rules.held_back(ask(statistic), part, (20, 20), Limits(), missing=missing)
        assert (found == "few_missing") == stays
    assert rules.held_back(ask("mean"), part, (20, 20), Limits(open_cells=True), missing=missing) is None


def test_r3_of_a_table_with_a_small_cell_no_margin_leaves():
    """The part that takes its place has nothing but a reason: see test_answer."""
    assert held(table(16, 20, 9, 20), (20, 20)) == "small_cell"  # 4 of 20 have none


@pytest.mark.parametrize(
    ("variable", "tables", "gives"),
    [
        ("serious_event", {"any_event": (10, 9), "serious_event": (7, 9)}, True),
        ("serious_event", {"any_event": (10, 9), "serious_event": (5, 9)}, False),
        ("serious_event", {"any_event": (10, 9), "serious_event": (10, 9)}, False),
        ("any_event", {"any_event": (10, 9)}, False),
        ("sex=female", {"sex=female": (10, 9), "sex=male": (9, 9), "sex=other": (0, 2)}, True),
        ("sex=female", {"sex=female": (10, 9), "sex=male": (9, 9), "sex=other": (0, 0)}, False),
    ],
)
def test_r3_what_would_give_a_small_cell_back_stays_too(variable, tables, gives):
    assert rules.gives_back(variable, tables) == gives


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (ask("van_elteren", "il6", "d28"), None),
        (ask("van_elteren", "il6", "baseline"), "not_in_study"),
        (ask("van_elteren", "il6 WHERE age > 80", "d28"), "not_in_study"),
        (ask("mean", "age"), None),
        (ask("mean", "age; SELECT 1"), "not_in_study"),
        (ask("share", "sex=male' OR '1'='1"), "not_in_study"),
        (ask("share", "malignancy"), "not_in_study"),
        (ask("two_by_two", "Pneumonia"), "not_in_study"),
        (ask("propensity", "age"), "unknown_statistic"),
    ],
)
def test_r4_endpoints_and_covariates_of_the_study_alone(asked, code):
    assert rules.named(asked, FILE) == code


def test_r4_every_statistic_can_be_asked_of_something_in_the_example():
    nothing = [name for name in STATISTICS if not rules.variables(name, FILE)]
    assert nothing == ["weighted_difference"]  # of a [propensity]


@pytest.mark.parametrize(
    ("n", "digest", "refused"),
    [
        (10, "same", False),
        (10, "other", True),
        (11, "other", True),
        (14, "other", True),
        (15, "other", False),
    ],
)
def test_r5_what_differs_by_fewer_than_5_patients_is_refused(n, digest, refused):
    assert (
        rules.differs_by_few({"age|all|treated": (n, digest)}, {"age|all|treated": (10, "same")}) == refused
    )
    assert not rules.differs_by_few({"sex|all|treated": (n, digest)}, {"age|all|treated": (10, "same")})


COHORT = {"mild|treated": (20, "a"), "mild|control": (30, "b")}


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        ({}, False),
        ({"mild|treated": (20, "other")}, True),
        ({"mild|control": (34, "other")}, True),
        ({"mild|treated": (25, "other"), "mild|control": (25, "other")}, False),
        ({"severe|treated": (0, "")}, True),
    ],
)
def test_r5_who_is_in_the_cohort_is_the_same_or_differs_by_5(now, refused):
    """In the arms and strata of before: by other names nobody can tell."""
    assert rules.cohort_differs(COHORT | now, COHORT) == refused


def test_r5_the_cohort_is_compared_where_something_has_left_of_it():
    before = COHORT | {"mild|control": rules.UNTOLD}
    assert not rules.cohort_differs(COHORT | {"mild|control": (31, "other")}, before)
    assert rules.cohort_differs(COHORT | {"mild|treated": (21, "other")}, before)
    assert not rules.cohort_differs({"severe|treated": (9, "c")}, dict.fromkeys(COHORT, rules.UNTOLD))


def test_r5_of_a_secure_sum_any_difference_is_the_values_of_those_who_came():
    now, before = {"age||all|treated": (30, "other")}, {"age||all|treated": (10, "same")}
    assert not rules.differs_by_few(now, before)
    assert rules.differs_by_few(now, before, summed={rules.group("age", None)})
    assert not rules.differs_by_few(now, before, summed={rules.group("FEV1", "d28")})


@pytest.mark.parametrize("centre", [1e9, -1e9, float("nan"), float("inf")])
def test_r7_a_centre_far_away_would_round_at_a_threshold(centre):
    ask = Ask(statistic="mean", variable="age", centre=centre)
    assert rules.named(ask, FILE) == "bad_form"


def test_half_a_key_is_of_one_too():
    ours, other, *more = (Secret.make().public for _ in range(5))
    mixed = Public(raw=ours.halves[0] + other.halves[1])
    keys = {"coordinator": more[0].text, "site": {"north": {"site": ours.text, "steward": mixed.text}}}
    with pytest.raises(ValueError, match="a key stands twice"):
        members.Members.model_validate(keys)


def test_r5_who_they_are_is_kept_as_a_hash_of_the_sites_own_key():
    rows = [Seen(patient=("north", f"p{n}"), stratum="all", arm="treated", value=float(n)) for n in range(6)]
    anne, bert = Secret.make(), Secret.make()
    n, digest = ledger.cell(rows, anne)
    assert n == 6
    assert ledger.cell(reversed(rows), anne) == (n, digest)
    assert ledger.cell(rows, bert) != (n, digest)
    assert ledger.cell(rows[:5], anne)[1] != digest
    changed = [*rows[:5], Seen(patient=("north", "p5"), stratum="all", arm="treated", value=5.5)]
    assert ledger.cell(changed, anne)[1] != digest


@pytest.mark.parametrize(
    ("ones", "zeros", "small"), [(1, 9, True), (9, 4, True), (5, 5, False), (0, 9, True)]
)
def test_r6_a_yes_or_no_needs_5_of_each(ones, zeros, small):
    assert rules.small_group(ones, zeros) == small


def test_r6_a_dummy_of_one_patient_stays_even_under_an_agreement():
    assert held(table(1, 20, 0, 20), (20, 20), "share", open_cells=True) == "small_group"


@pytest.mark.parametrize("name", ["minimum", "max", "range", "median", "quantile_below", "rows", "sql"])
def test_r7_no_minimum_maximum_quantile_or_row(name):
    assert rules.named(ask(name, "age"), FILE) == "never_leaves"


def test_r8_a_study_has_50_requests():
    assert rules.in_budget(49, most=50)
    assert not rules.in_budget(50, most=50)


@pytest.mark.parametrize(
    ("changed", "now", "code"),
    [
        ({}, NOW, None),
        ({}, NOW - timedelta(minutes=4), None),
        ({}, NOW - timedelta(days=1), "not_yet"),
        ({}, NOW + timedelta(days=14), None),
        ({}, NOW + timedelta(days=14, seconds=1), "expired"),
        ({"not_after": "2027-03-01T12:00:00.000Z"}, NOW, "too_long_valid"),
    ],
)
def test_r8_every_request_expires(changed, now, code):
    assert rules.in_time(request(**changed), now) == code


def test_r11_a_secure_sum_is_over_at_least_3_sites():
    assert not rules.enough_sites(2)
    assert rules.enough_sites(3)


@pytest.mark.parametrize(
    ("told", "most"),
    [
        ({"count": {"treated": rules.MOST_IN_ARM}}, {"count": {"treated": rules.MOST_IN_ARM + 1}}),
        ({"x": [1.0, [-1e60]]}, {"x": [1.0, [-1.1e60]]}),
        ({"ranks": {"ties": 10**15}}, {"ranks": {"u": 1e61}}),
        ({"stratum": "all", "suppressed": None}, {"x": float("inf")}),
    ],
)
def test_what_no_site_has_is_beyond_wherever_it_stands(told, most):
    assert not rules.beyond(told)
    assert rules.beyond(most)


def test_r12_who_is_missing_is_named():
    assert rules.partial(["a", "b", "c"], ["c", "a"]) == "2 of 3; without b"
    assert rules.partial(["a", "b", "c"], ["c", "b", "a"]) is None


def test_every_refusal_says_what_to_do_next():
    assert all(what and todo for what, todo in REFUSALS.values())
