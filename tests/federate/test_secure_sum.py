"""A secure sum is that of all values together, to the last bit; what one site sends is noise."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.federate import rules, secure_sum, sketch
from rwe.federate.keys import Secret
from rwe.federate.masks import Site
from rwe.federate.messages import Ask, Part, Request
from rwe.federate.pooled_sums import Sums, summed_rows
from rwe.federate.secure_sum import Slot, key_of, masked, total, value_of
from rwe.federate.seen import Seen
from rwe.federate.tallies import keys
from rwe.stats import TESTS
from rwe.stats.quantile import Description
from rwe.stats.summaries import TwoSamples
from rwe.stats.survival import Times, log_rank, median, survival
from rwe.steps.events import Watched

EXACT = 1e-9
NAMES = ("a", "b", "c", "d")
SECRETS = {name: Secret.make() for name in NAMES}
SLOT = Slot(request="ab" * 32, ask=0, stratum="all", patients=40)
KEYS = st.integers(0, 2**sketch.KEY - 1)
VALUES = st.lists(st.sampled_from([0.1, 0.2, 0.30000000000000004, 1.5, 2.5, 7.0]), max_size=9)
"""Of one arm at one site: with ties, and with values that no grid has."""
FORM = sketch.Sketch(capacity=40, salt=b"salt")
RANKS = sorted(name for name in TESTS if name.startswith("mann_whitney"))


def sent(own, name, slot=SLOT, names=NAMES):
    others = {other: SECRETS[other].public for other in names if other != name}
    return masked(own, slot, Site(name=name, own=SECRETS[name], others=others))


def rows_of(treated, control):
    rows = {"treated": treated, "control": control}
    return {
        arm: [Seen(patient=(str(n),), stratum="all", arm=arm, value=v) for n, v in enumerate(values)]
        for arm, values in rows.items()
    }


def pooled(statistic, variable, sites):
    """sites: the rows of each."""
    ask = Ask(statistic=statistic, variable=variable)
    asked = Request(
        study="s",
        plan={},
        query="",
        asks=[ask],
        sites=[*NAMES[: len(sites)]],
        tier="agreement",
        agreement="DUA",
        min_arm=5,
        created="",
        not_after="",
        software="",
        patients=100,
    )
    sums = Sums(asked=asked, digest="cd" * 32, place=0, quantile_type=7)
    parts = {
        name: [Part(stratum="all", masked=sent(keys(rows), name, sums.slot("all"), asked.sites))]
        for name, rows in zip(asked.sites, sites, strict=True)
    }
    (row,) = summed_rows(sums, parts)
    return row


@given(st.lists(st.lists(KEYS, max_size=10), min_size=1, max_size=4))
def test_the_sum_of_sketches_is_the_sketch_of_all_and_reads_as_them(parts):
    summed = [sum(column) % FORM.modulus for column in zip(*map(FORM.of, parts), strict=True)]
    together = [key for part in parts for key in part]
    assert summed == FORM.of(together)
    assert FORM.read(summed) == Counter(together)


@pytest.mark.parametrize("keys", [range(400), range(41), [7] * 41, [7] * 64, [7] * 1000])
def test_more_keys_than_there_is_room_for_are_not_read(keys):
    assert FORM.read(FORM.of(keys)) is None


def test_one_key_may_be_all_there_is_room_for():
    assert FORM.read(FORM.of([2**sketch.KEY - 1] * 40)) == Counter({2**sketch.KEY - 1: 40})


def test_cells_that_give_up_another_multiset_are_not_read():
    """But for the last cell these are the cells of one key: a mistake that every other check has passed."""
    mistaken = FORM.of([7])
    mistaken[-1] = FORM.of([8])[-1]
    assert FORM.read(mistaken) is None


@settings(max_examples=60)
@given(st.lists(KEYS, max_size=30), st.integers(0, FORM.size - 1), st.integers(1, FORM.modulus - 1))
def test_cells_of_which_one_is_another_are_not_read(keys, at, more):
    cells = FORM.of(keys)
    cells[at] = (cells[at] + more) % FORM.modulus
    assert FORM.read(cells) is None


@pytest.mark.parametrize("capacity", [20, 100, 500, rules.MOST_PATIENTS])
def test_as_many_keys_as_there_is_room_for_are_read(capacity):
    form = sketch.Sketch(capacity=capacity, salt=b"")
    keys = range(2**sketch.KEY - capacity, 2**sketch.KEY)
    assert form.read(form.of(keys)) == Counter(keys)
    assert form.bytes * 8 >= 104


@pytest.mark.parametrize("value", [0.0, -1.5, 1e-300, 0.1 + 0.2, 1e5])
def test_a_value_comes_back_to_its_last_bit(value):
    for treated in (False, True):
        for event in (False, True):
            assert value_of(key_of(value, treated=treated, event=event)) == (value, treated, event)
    assert key_of(-0.0, treated=True) == key_of(0.0, treated=True)


def test_masks_cancel_over_all_sites_and_over_no_fewer():
    own = {name: [n, n + 1, 7] for n, name in enumerate(NAMES)}
    texts = [sent(own[name], name) for name in NAMES]
    assert total(texts, SLOT).keys == Counter(key for found in own.values() for key in found)
    assert total(texts[:3], SLOT).keys is None
    assert total(texts[:1], SLOT).keys is None


def test_a_coordinator_that_shows_each_site_another_request_reads_nothing():
    other = Slot(request="ac" * 32, ask=0, stratum="all", patients=40)
    texts = [sent([n], name, SLOT if name == "a" else other) for n, name in enumerate(NAMES)]
    assert total(texts, SLOT).keys is None
    assert total(texts, other).keys is None


def test_no_mask_serves_twice():
    """Nobody's values under two masks that are one: not in another request, statistic or stratum."""
    others = [
        Slot(request="ac" * 32, ask=0, stratum="all", patients=40),
        Slot(request="ab" * 32, ask=1, stratum="all", patients=40),
        Slot(request="ab" * 32, ask=0, stratum="severe", patients=40),
    ]
    texts = [sent([], "a", slot) for slot in (SLOT, *others)]
    assert len({*texts}) == len(texts)
    assert sent([], "a") == texts[0]


def test_what_a_site_sends_has_one_length_whatever_it_holds():
    assert len(sent([], "a")) == len(sent(range(40), "a"))
    assert secure_sum.fits(sent([], "a"), 40)
    assert not secure_sum.fits(sent([], "a"), 200)
    assert not secure_sum.fits("no Base64!", 40)


def why_not(sites):
    """Of the values of each."""
    if min(sum(len(site[arm]) for site in sites) for arm in (0, 1)) < 5:
        return "small_arm"
    return "few_sites" if min(sum(bool(site[arm]) for site in sites) for arm in (0, 1)) < 3 else None


@settings(max_examples=40)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=3, max_size=4), st.sampled_from(RANKS))
def test_mann_whitney_and_quartiles_are_those_of_the_merged_rows(sites, name):
    treated, control = ([v for site in sites for v in site[arm]] for arm in (0, 1))
    row = pooled(name, "FEV1", [rows_of(*site) for site in sites])
    if (reason := why_not(sites)) is not None:
        assert (row.status, row.reason, row.treated) == ("suppressed", reason, None)
        return
    wanted = TESTS[name](TwoSamples.of(treated, control))
    assert (row.status, row.reason, row.test.name) == (wanted.status, wanted.reason, wanted.test)
    assert (row.test.p, row.estimate.value, row.test.statistic) == pytest.approx(
        (wanted.p, wanted.value, wanted.statistic), abs=EXACT
    )
    assert (row.estimate.ci_low, row.estimate.ci_high) == (wanted.ci_low, wanted.ci_high)
    for arm, values in ((row.treated, treated), (row.control, control)):
        d = Description.of(values)
        assert (arm.n, arm.median, arm.q1, arm.q3) == (d.n, d.median, d.q1, d.q3)
        assert (arm.mean, arm.sd) == pytest.approx((d.mean, d.sd), abs=EXACT)


TIMES = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=2, max_size=6)


def followed(days, event):
    who = Watched(patient=("s", "p", "arm"), arm="arm", stratum="all", days=float(days))
    return who, ((float(days),) if event else ())


@settings(max_examples=40)
@given(st.lists(st.tuples(TIMES, TIMES), min_size=3, max_size=4))
def test_log_rank_and_kaplan_meier_are_those_of_the_merged_rows(sites):
    row = pooled(
        "log_rank", "any_event", [rows_of(*([followed(*t) for t in arm] for arm in site)) for site in sites]
    )
    arms = [[t for site in sites for t in site[arm]] for arm in (0, 1)]
    days, event = zip(*arms[0], *arms[1], strict=True)
    merged = Times.of(days, event, [True] * len(arms[0]) + [False] * len(arms[1]))
    wanted = log_rank([merged])
    assert (row.status, row.reason, row.test.name) == (wanted.status, wanted.reason, wanted.test)
    assert (row.test.p, row.test.statistic) == pytest.approx((wanted.p, wanted.statistic), abs=EXACT)
    for arm, own in ((row.treated, merged.treated), (row.control, merged.control)):
        assert (arm.n, arm.patients, arm.median) == (own.n, own.events.sum(), median(own))
        assert all(s == pytest.approx(survival(own, day)[0], abs=EXACT) for day, s in arm.curve)


def test_r1_holds_for_the_arms_of_all_sites_and_not_of_one():
    one = rows_of([1.0, 2.0], [1.0, 3.0])
    assert pooled("quartiles", "age", [one] * 3).status == "counted"
    row = pooled("quartiles", "age", [one, one, rows_of([], [2.0] * 9)])
    assert (row.status, row.reason, row.treated, row.control) == ("suppressed", "small_arm", None, None)


@pytest.mark.parametrize("away", ["treated", "control"])
def test_r11_of_fewer_than_3_sites_with_anybody_in_an_arm_nothing_is_shown(away):
    """Of the third arm's values alone, less one's own, another's are left."""
    site, other = rows_of([1.0] * 9, [2.0] * 9), rows_of([1.0] * 9, [2.0] * 9)
    other[away] = []
    row = pooled("quartiles", "age", [site, site, other])
    assert (row.status, row.reason, row.treated, row.control) == ("suppressed", "few_sites", None, None)
    assert pooled("quartiles", "age", [site, site, other, site]).status == "counted"


def test_the_number_of_sites_with_anybody_in_an_arm_is_summed_exactly():
    own = {"a": [], "b": [1], "c": [1, 2 | 1 << 64], "d": [3 | 1 << 64, 4 | 1 << 64]}
    assert total([sent(own[name], name) for name in NAMES], SLOT).sites == (2, 2)


def test_what_is_no_value_is_not_readable():
    """A site that puts in NaN: no traceback, and no number."""
    nan = rows_of([float("nan")] * 6, [1.0] * 6)
    row = pooled("quartiles", "age", [nan, rows_of([], []), rows_of([], [])])
    assert (row.status, row.reason) == ("suppressed", "not_readable")
