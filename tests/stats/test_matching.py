import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.stats.matching import Caliper, match

WIDE = Caliper(sds=100)
PEOPLE = st.lists(
    st.tuples(st.booleans(), st.integers(0, 9).map(lambda k: k / 10), st.sampled_from("ab")),
    min_size=2,
    max_size=14,
)


def pairs(people, caliper=WIDE, order=None):
    """By name, of people (treated, score, group)."""
    rows = [(f"p{i}", *person) for i, person in enumerate(people)]
    rows = [rows[i] for i in order] if order is not None else rows
    names, treated, score, groups = zip(*rows, strict=True)
    found = match(np.array(score), np.array(treated), ids=names, groups=groups, caliper=caliper)
    return [(names[a], names[b]) for a, b in found.pairs], found


def test_the_highest_score_chooses_first_and_no_control_serves_twice():
    people = [(True, 0.5, "a"), (True, 0.6, "a"), (False, 0.55, "a"), (False, 0.1, "a")]
    assert pairs(people)[0] == [("p1", "p2"), ("p0", "p3")]


def test_nobody_is_paired_beyond_the_caliper_or_outside_of_the_group():
    people = [(True, 0.5, "a"), (True, 0.9, "b"), (False, 0.5, "b"), (False, 0.55, "a"), (False, 0.1, "a")]
    found, matched = pairs(people, Caliper(sds=0.2))
    assert matched.width == pytest.approx(0.2 * np.std([0.5, 0.9, 0.5, 0.55, 0.1], ddof=1))
    assert found == [("p0", "p3")]
    assert pairs(people, Caliper(sds=0.1))[0] == []


def test_a_pair_weighs_one_each_and_others_nothing():
    people = [(True, 0.5, "a"), (False, 0.5, "b"), (False, 0.5, "a")]
    assert pairs(people)[1].weights(3).tolist() == [1, 0, 1]


def test_one_patient_alone_has_no_pair():
    assert pairs([(True, 0.5, "a")])[0] == []


@given(PEOPLE, st.data(), st.integers(0, 3))
def test_no_order_of_the_rows_changes_a_pair(people, data, seed):
    order = data.draw(st.permutations(range(len(people))))
    caliper = Caliper(sds=1, seed=seed)
    assert pairs(people, caliper)[0] == pairs(people, caliper, order)[0]


@given(PEOPLE, st.sampled_from([0.0, 0.2, 1.0]))
def test_pairs_hold_what_they_promise(people, sds):
    found, matched = pairs(people, Caliper(sds=sds))
    flat = [name for pair in found for name in pair]
    assert len(flat) == len(set(flat))
    for a, b in matched.pairs:
        assert (people[a][0], people[b][0]) == (True, False)
        assert people[a][2] == people[b][2]
        assert abs(people[a][1] - people[b][1]) <= matched.width + 1e-12


def test_the_seed_decides_between_equals():
    people = [(True, 0.5, "a"), *[(False, 0.5, "a")] * 9]
    assert len({pairs(people, Caliper(seed=seed))[0][0] for seed in range(20)}) > 3
    assert pairs(people, Caliper(seed=4))[0] == pairs(people, Caliper(seed=4))[0]
