import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.errors import DataError
from rwe.stats.summaries import ArmEvents, Events, TwoSamples

GRID = st.lists(st.sampled_from([-1.5, 0.0, 0.1, 0.2, 0.30000000000000004, 7.0]), max_size=12)
COUNTS = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.floats(0, 1e4)).map(
    lambda c: ArmEvents(patients=c[0], events=c[0] + c[1], n=c[0] + c[2], person_days=c[3])
)


def test_counts_of_each_value_per_arm():
    assert TwoSamples.of([2, 1, 2], [2, 3]) == TwoSamples(
        values=(1.0, 2.0, 3.0), treated=(1, 2, 0), control=(0, 1, 1)
    )


@given(GRID, GRID, GRID, GRID)
def test_pooled_sites_are_one_site(treated1, control1, treated2, control2):
    sites = [TwoSamples.of(treated1, control1), TwoSamples.of(treated2, control2)]
    whole = TwoSamples.of(treated1 + treated2, control1 + control2)
    assert sites[0] + sites[1] == sites[1] + sites[0] == whole
    assert sum(sites, TwoSamples.of([], [])) == whole


@given(GRID, GRID)
def test_arms_come_back_in_order(treated, control):
    samples = TwoSamples.of(treated, control)
    assert [arm.tolist() for arm in samples.arms()] == [sorted(treated), sorted(control)]
    assert (samples.n_treated, samples.n_control) == (len(treated), len(control))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 1e151, None])
def test_only_finite_values(bad):
    for arms in ([1.0, bad], [2.0]), ([2.0], [bad]):
        with pytest.raises(DataError, match="missing, infinite") as caught:
            TwoSamples.of(*arms)
        assert caught.value.hint


def test_one_number_a_patient():
    with pytest.raises(DataError, match="one number a patient"):
        TwoSamples.of([[1.0, 2.0]], [1.0])


@pytest.mark.parametrize(
    ("values", "treated", "control"),
    [
        ((1.0, 2.0), (1,), (0, 1)),
        ((2.0, 1.0), (1, 1), (1, 1)),
        ((1.0, 1.0), (1, 1), (1, 1)),
        ((1.0,), (-1,), (2,)),
        ((1.0,), (0,), (0,)),
        ((float("nan"),), (1,), (1,)),
    ],
)
def test_a_summary_sent_by_a_site_is_checked(values, treated, control):
    with pytest.raises(DataError):
        TwoSamples(values=values, treated=treated, control=control)


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_events_add_up(a, b, c, d):
    pooled = Events(treated=a, control=b) + Events(treated=c, control=d)
    assert pooled == Events(treated=a + c, control=b + d)
    assert (pooled.treated.patients, pooled.control.n) == (a.patients + c.patients, b.n + d.n)
    assert pooled.control.events == b.events + d.events
    assert pooled.treated.person_days == a.person_days + c.person_days


@pytest.mark.parametrize(
    ("patients", "events", "n", "days"),
    [(3, 3, 2, 1.0), (-1, 0, 2, 1.0), (2, 1, 2, 1.0), (0, 0, 1, -1.0), (0, 0, 1, float("nan"))],
)
def test_impossible_counts_are_refused(patients, events, n, days):
    with pytest.raises(DataError):
        ArmEvents(patients=patients, events=events, n=n, person_days=days)
