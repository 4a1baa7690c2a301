import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rwe.stats.multiplicity import benjamini_hochberg, holm

PS = st.lists(st.none() | st.floats(0, 1), max_size=12)
BOTH = pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])


@BOTH
def test_what_has_no_p_is_not_counted(adjust):
    first, second = adjust([0.01, 0.04])
    assert adjust([None, 0.01, None, 0.04]) == [None, first, None, second]
    assert adjust([None, None]) == [None, None]
    assert adjust([]) == []


def test_holm_does_not_count_a_missing_p():
    """Left in, m is 4 and the first is 0.04."""
    assert holm([0.01, 0.02, None, 0.03]) == pytest.approx([0.03, 0.04, None, 0.04])


@BOTH
@given(PS)
def test_order_and_bounds(adjust, ps):
    adjusted = adjust(ps)
    assert [p is None for p in ps] == [p is None for p in adjusted]
    known = sorted((p, q) for p, q in zip(ps, adjusted, strict=True) if p is not None)
    assert all(p <= q <= min(1, p * len(known)) for p, q in known)
    assert [q for _, q in known] == sorted(q for _, q in known)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg_is_scipy(ps):
    assert benjamini_hochberg(ps) == pytest.approx(stats.false_discovery_control(ps).tolist(), rel=1e-12)
