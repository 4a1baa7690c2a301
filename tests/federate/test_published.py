"""What is published: rounded, and no cell of 1 to 7 follows from all of it, whoever does the sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe import results
from rwe.federate import rules
from rwe.federate.messages import Ask, Count, Part
from rwe.federate.pooled import Arm, Row, rows
from rwe.federate.publish import published
from rwe.federate.rounding import count, rounded
from rwe.federate.rules import Limits
from rwe.stats.moments import Moments, TwoMoments
from rwe.stats.summaries import ArmEvents, Events

STRATA = ("moderate", "severe")
ARMS = ("treated", "control")
FEMALE, MALE, OTHER = rules.SEXES
ASKS = (
    *(("count", "cohort"), ("mean", "age")),
    *(("share", name) for name in (*rules.SEXES, "diabetes")),
    *((name, event) for name in ("two_by_two", "odds_ratio", "rate_ratio") for event in rules.EVENTS),
)
KINDS = ("n", FEMALE, MALE, OTHER, "diabetes", "watched", "any_event", "serious_event", "aged")
"""What an attacker does sums with: of each stratum of an arm."""
SMALL = range(1, rules.LEAST_PUBLISHED)


SIZES = st.sampled_from([0, 3, 5, 9, 14, 14, 20, 20, 31])
"""Of which some rows are shown beside some that are not."""


@st.composite
def arms(draw):
    """Of a site, stratum and arm, how many patients are of each kind."""
    sexes = {sex: draw(SIZES) for sex in rules.SEXES}
    n = sum(sexes.values()) + draw(st.integers(0, 3))
    watched = n - draw(st.integers(0, min(n, 3)))
    some = max(watched - draw(SIZES), 0)
    serious = max(some - draw(SIZES), 0)
    found = {"n": n, **sexes, "diabetes": max(n - draw(SIZES), 0), "watched": watched}
    return {**found, "any_event": some, "serious_event": serious, "aged": n}


COHORTS = st.lists(
    st.fixed_dictionaries({s: st.fixed_dictionaries(dict.fromkeys(ARMS, arms())) for s in STRATA}),
    min_size=1,
    max_size=2,
)


def known(variable):
    """Of whom it is told."""
    if variable in rules.SEXES:
        return rules.SEXES
    return {"age": ("aged",), "cohort": ("n",), "diabetes": ("n",)}.get(variable, ("watched",))


def summary(ask, arm):
    n = sum(arm[kind] for kind in known(ask.variable))
    if ask.statistic == "count":
        return n
    if ask.statistic == "mean":
        return Moments.of([60.0 + k for k in range(n)])
    return ArmEvents(patients=arm[ask.variable], events=arm[ask.variable], n=n, person_days=30.0 * n)


def part(ask, stratum, site):
    """What leaves a site under an agreement."""
    both = [summary(ask, site[stratum][arm]) for arm in ARMS]
    sizes = [x if isinstance(x, int) else x.n for x in both]
    form = {"count": Count, "mean": TwoMoments}.get(ask.statistic, Events)
    leaves = {"count": "count", "mean": "moments"}.get(ask.statistic, "events")
    made = Part(stratum=stratum, **{leaves: form(treated=both[0], control=both[1])})
    held = rules.held_back(ask, made, tuple(sizes), Limits(open_cells=True))
    return Part(stratum=stratum, suppressed=held) if held else made


def pooled(cohort, asks=ASKS):
    return [
        row
        for statistic, variable in asks
        for ask in [Ask(statistic=statistic, variable=variable)]
        for row in rows(ask, {f"s{k}": [part(ask, s, site) for s in STRATA] for k, site in enumerate(cohort)})
    ]


def vector(kinds, stratum):
    """A sum of kinds, of one stratum or of all."""
    found = np.zeros((len(STRATA), len(KINDS)))
    for kind in kinds:
        sign, name = (-1, kind[1:]) if kind.startswith("-") else (1, kind)
        found[[stratum in (s, "all") for s in STRATA], KINDS.index(name)] += sign
    return found.ravel()


def told(row):
    yield vector(known(row.variable), row.stratum)
    if row.treated.patients is not None:
        yield vector([row.variable], row.stratum)


CELLS = [
    *([kind] for kind in KINDS),
    *([*known(v), f"-{v}"] for v in (*rules.SEXES, "diabetes", "any_event", "serious_event")),
    ["any_event", "-serious_event"],
]
"""Each with what it leaves; not those whose value is missing: they are known as rounded alone."""


def worked_out(shown, cohort):
    """Cells of 1 to 7 that follow from the exact numbers of all rows shown, by any sums and differences."""
    if not (lines := [line for row in shown for line in told(row)]):
        return
    _, size, basis = np.linalg.svd(np.array(lines), full_matrices=False)
    basis = basis[size > 1e-9]
    for stratum in (*STRATA, "all"):
        for kinds in CELLS:
            wanted = vector(kinds, stratum)
            if np.abs(wanted - wanted @ basis.T @ basis).max() < 1e-9:
                for arm in ARMS:
                    numbers = np.array(
                        [[sum(site[s][arm][kind] for site in cohort) for kind in KINDS] for s in STRATA]
                    )
                    if (cell := wanted @ numbers.ravel()) in SMALL:
                        yield kinds, stratum, arm, int(cell)


@settings(max_examples=150)
@given(COHORTS, st.sets(st.sampled_from(ASKS), min_size=1))
def test_no_cell_of_1_to_7_follows_from_all_that_is_published(cohort, asks):
    """Whatever was asked, and were all its numbers exact."""
    shown = [row for row in published(pooled(cohort, sorted(asks))) if row.status != "suppressed"]
    assert not [*worked_out(shown, cohort)]


@settings(max_examples=50)
@given(COHORTS)
def test_each_count_that_is_published_is_a_multiple_of_5_and_none_is_of_fewer_than_8(cohort):
    found = pooled(cohort)
    for exact, row in zip(found, published(found), strict=True):
        for was, arm in ((exact.treated, row.treated), (exact.control, row.control)):
            if arm is None:
                assert row.status == "suppressed"
                continue
            for of, shown in ((was.n, arm.n), (was.patients, arm.patients), (was.events, arm.events)):
                assert shown is of is None or (shown % 5 == 0 and abs(shown - of) <= 2 and of not in SMALL)


def typical(**changed):
    arm = {"n": 40, FEMALE: 18, MALE: 22, OTHER: 0, "diabetes": 15, "watched": 38, "aged": 40}
    arm |= {"any_event": 20, "serious_event": 9} | changed
    return dict.fromkeys(ARMS, arm)


USUAL = dict.fromkeys(STRATA, typical())


def hidden(cohort, asks=ASKS):
    found = published(pooled(cohort, asks))
    return {(r.statistic, r.variable, r.stratum) for r in found if r.status == "suppressed"}


def test_of_large_cells_all_is_published_but_a_sex_that_nobody_has():
    some = {("share", OTHER, s) for s in (*STRATA, "all")}
    assert hidden([USUAL]) == some


def test_the_sexes_shown_do_not_give_the_one_held_back():
    """40 less 18 female and 19 male are 3."""
    cohort = [{**USUAL, "severe": typical(**{MALE: 19, OTHER: 3})}]
    assert {(sex, s) for _, sex, s in hidden(cohort) if sex in rules.SEXES} == {
        *((sex, s) for sex in rules.SEXES for s in ("severe", "all")),
        (OTHER, "moderate"),
    }


def test_a_table_that_is_held_back_goes_with_every_statistic_of_it():
    """Three without any event: of the table, the odds and the rates."""
    cohort = [{**USUAL, "severe": typical(any_event=35)}]
    assert {r for r in hidden(cohort) if r[1] == "any_event"} == {
        (name, "any_event", s)
        for name in ("two_by_two", "odds_ratio", "rate_ratio")
        for s in ("severe", "all")
    }


def test_a_statistic_of_what_another_holds_back_goes_too():
    """Of one variable and stratum: whatever held the other back."""
    of = {"variable": "any_event", "visit": None, "stratum": "severe", "sites": ["s"]}
    other = Row(statistic="exact", status="suppressed", reason="small_cell", **of)
    arm = Arm(n=40, patients=20, events=20, person_days=900.0)
    row = Row(statistic="two_by_two", status="counted", treated=arm, control=arm, **of)
    assert [r.reason for r in published([row, other])] == ["gives_back", "small_cell"]


def test_any_event_less_the_serious_ones_is_a_cell_whatever_statistic_tells_of_either():
    cohort = [{**USUAL, "severe": typical(serious_event=17)}]
    asks = (("odds_ratio", "any_event"), ("two_by_two", "serious_event"))
    assert hidden(cohort, asks) == {("two_by_two", "serious_event", s) for s in ("severe", "all")}


NUMBERS = Row(
    statistic="odds_ratio",
    variable="any_event",
    visit=None,
    stratum="all",
    sites=["s"],
    status="estimated",
    treated=Arm(n=37, patients=18, events=23, person_days=37 * 33.3333, median=61.2345),
    control=Arm(n=42, mean=61.2345, sd=8.7654, q1=55.55, q3=77.77, curve=[(3.0, 0.97)]),
    estimate=results.EstimateResult(
        name="OR", value=2.4567, ci_low=0.123456, ci_high="Inf", level=0.9523, interval="Woolf"
    ),
    test=results.TestResult(name="t", version="v", statistic=3.21, p=1e-7, p_holm=None, p_bh=None),
)


def test_what_is_no_count_has_few_digits_and_no_statistic_of_a_test_is_left():
    found = rounded(NUMBERS)
    assert found.treated == Arm(n=35, patients=20, events=25, person_days=35 * 33.3, median=61.2)
    assert found.control == Arm(n=40, mean=61.2, sd=8.77, q1=55.5, q3=77.8)
    e = found.estimate
    assert (e.value, e.ci_low, e.ci_high, e.level) == (2.5, 0.12, "Inf", 0.95)
    assert (found.test.statistic, found.test.p) == (None, 0.001)


def test_an_estimate_that_is_not_of_a_table_has_3_digits():
    found = rounded(
        Row(**{**{f: getattr(NUMBERS, f) for f in NUMBERS.__struct_fields__}, "treated": Arm(n=9)})
    )
    assert (found.estimate.value, found.estimate.ci_low) == (2.46, 0.123)


@pytest.mark.parametrize(("n", "shown"), [(0, 0), (8, 10), (12, 10), (13, 15), (17, 15), (18, 20)])
def test_a_count_is_rounded_to_5(n, shown):
    assert count(n) == shown
