import pytest
import results_sample as sample
from hypothesis import given
from hypothesis import strategies as st

from rwe.output import numbers, words
from rwe.output.arrange import in_order
from rwe.results import EstimateResult


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 2, "–"),
        ("Inf", 2, "∞"),
        ("-Inf", 2, "−∞"),
        (0.615, 1, "0.6"),
        (-0.004, 2, "0.00"),
        (-0.5, 1, "−0.5"),
        (12.0, 0, "12"),
        (-0.4, 0, "0"),
        (10.0, 0, "10"),
    ],
)
def test_fixed(value, digits, text):
    assert numbers.fixed(value, digits) == text


@pytest.mark.parametrize(
    ("p", "text"), [(None, "–"), (0.000999, "< 0.001"), (0.001, "0.001"), (0.0079, "0.008"), (1.0, "1.000")]
)
def test_p_value(p, text):
    assert numbers.p_value(p) == text


def test_p_phrase():
    assert [numbers.p_phrase(p) for p in (0.0079, 1e-9, None)] == ["P = 0.008", "P < 0.001", "P –"]


def test_share():
    assert numbers.share(3, 52) == "3/52 (5.8 %)"
    assert numbers.share(0, 0) == "0/0"
    assert numbers.share(None, 5) == "–"


@pytest.mark.parametrize(
    ("low", "high", "level", "text"),
    [
        (0.15, 0.95, 0.95, "0.61 [0.15, 0.95]"),
        (0.15, 0.95, 0.9503, "0.61 [0.15, 0.95]"),
        (0.15, "Inf", 0.9375, "0.61 [0.15, ∞] (93.8 % CI)"),
        (0.15, None, None, "0.61 [0.15, –] (level unknown)"),
        (None, None, None, "0.61 (no interval)"),
    ],
)
def test_interval(low, high, level, text):
    estimate = EstimateResult(name="shift", value=0.61, ci_low=low, ci_high=high, level=level, interval=None)
    assert numbers.interval(estimate, 2) == text


def test_digits_for():
    assert [numbers.digits_for([v, None]) for v in (0.5, 54.0, 5400.0, None)] == [2, 1, 0, 2]


@given(st.text())
def test_plain_text_can_be_printed_and_keeps_its_length(text):
    assert words.plain(text).isprintable()
    assert len(words.plain(text)) == len(text)


@given(st.text())
def test_a_css_string_cannot_be_left(text):
    inside = words.css_string(text)[1:-1]
    assert not set(inside) & set("\"'<>{}();\n")


@given(st.text())
def test_a_slug_is_a_file_name(text):
    assert set(words.slug(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 0 < len(words.slug(text)) <= 60


@given(st.lists(st.text(max_size=2)), st.lists(st.text(max_size=2)))
def test_in_order_loses_nothing(values, declared):
    ordered = in_order(values, declared)
    assert sorted(ordered) == sorted(set(values))
    known = [name for name in dict.fromkeys(declared) if name in values]
    assert ordered[: len(known)] == known


def test_words():
    assert words.spoken("some_new_code") == "some new code"
    assert words.counted({"dead": 1, "lost": 0, "set_aside": 2}) == "1 dead, 2 set aside"
    assert [words.plural(n, "row") for n in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert words.verdict(sample.comparisons()[0]) == ""
