"""How the values of an arm are summarised where some are limits."""

from math import inf, nextafter

import pytest

from rwe.steps.comparisons import Values, arm_result


def arm(*values, kind=7):
    """5 is measured; "<5" and ">5" are limits, as sql/cohort/40_measurement.sql keeps them."""
    found = Values()
    for v in values:
        text = str(v)
        sign = text.rstrip("0123456789.")
        number = float(text.removeprefix(sign))
        kept = {"<": nextafter(number, -inf), ">": nextafter(number, inf)}.get(sign, number)
        found.add("north", kept, sign or None, None)
    return arm_result(found, kind)


@pytest.mark.parametrize(
    ("values", "median", "sign"),
    [
        (("<5", "<5", "<5", 7), 5, "<"),
        (("<5", "<5", 7, 9), 6, "<"),
        ((3, 5, ">9", ">9"), 7, ">"),
        (("<5", 6, 7, 9), 6.5, None),
        (("<=5", "<=5", "<=5", 6), 5, None),
        ((5, 5, 5, 6), 5, None),
    ],
)
def test_a_median_that_rests_on_a_limit_says_on_which_side_the_true_one_lies(values, median, sign):
    found = arm(*values)
    assert (found.median, found.bounds.get("median")) == (median, sign)


def test_limits_are_counted_and_print_as_the_limit():
    found = arm("<5", "<5", "<=5", 5, 7)
    assert (found.n, found.n_censored, found.q1, found.bounds) == (5, 3, 5, {"q1": "<"})


@pytest.mark.parametrize("kind", range(1, 10))
def test_the_places_of_any_quantile_type_are_found(kind):
    found = arm("<5", *range(6, 16), kind=kind)
    assert "median" not in found.bounds
    assert arm("<5", kind=kind).bounds == {"median": "<", "q1": "<", "q3": "<"}


def test_an_arm_without_a_value_has_no_bounds():
    assert arm().bounds == {}
