import pytest
import results_sample as sample
from msgspec.structs import replace

from rwe.output.grid import columns
from rwe.output.terminal import comparison_text
from rwe.output.words import NOT_RANDOMISED


def squeezed(text):
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("make", [sample.build, sample.empty])
def test_label_first_and_a_hundred_columns(make):
    shown = comparison_text(make())
    assert " ".join(shown.split()).startswith(sample.LABEL)
    assert max(map(len, shown.splitlines())) <= 100
    assert shown == comparison_text(make())
    assert shown.endswith("\n")
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_no_control_character_reaches_the_terminal():
    assert all(c.isprintable() or c == "\n" for c in comparison_text(sample.build()))


def test_without_a_label_the_text_begins_at_once():
    assert comparison_text(sample.build(label=""))[0] not in " \n"


def test_rows_of_a_physician():
    results = sample.build()
    few = replace(results, comparisons=results.comparisons[:10] + results.comparisons[35:40])
    lines = squeezed(comparison_text(few))
    assert "FEV1 (L) d28* 13 2.75 [2.35, 3.23] 16 2.11 [1.96, 2.35] 0.61 [0.15, 0.95] 0.008 0.506" in lines
    assert "d90 11 2.93 [2.63, 3.27] 13 2.38 [2.24, 2.63] 0.50 [0.11, 0.91] 0.017 1.000" in lines
    assert lines.index("moderate (unadjusted)") < lines.index("severe (unadjusted)")
    assert NOT_RANDOMISED in " ".join(lines)
    assert "* primary comparison" in lines


def test_where_names_do_not_fit_they_have_their_own_line():
    lines = squeezed(comparison_text(sample.build()))
    at = lines.index("FEV1 (L)")
    assert lines[at + 1].startswith("d28* 13 2.75 [2.35, 3.23] 16")
    assert "d28 0 – 7 9.1 [4.4, 15.2] not estimable: an arm has no value" in lines
    assert "P: Mann–Whitney, two-sided, asymptotic, tie-corrected" in " ".join(lines)


def test_every_comparison_has_a_line():
    lines = comparison_text(sample.build()).splitlines()
    visits = ("d28 ", "d28*", "d90 ", "d180", "d270", "d360")
    assert sum(line.startswith(visits) for line in lines) == 70


def test_without_a_primary_comparison_there_is_no_star():
    results = sample.build()
    text = comparison_text(
        replace(results, comparisons=[replace(c, primary=False) for c in results.comparisons])
    )
    assert "*" not in text


def test_attrition_over_all_sites():
    lines = squeezed(comparison_text(sample.build()))
    assert "Hospitalised with confirmed COVID-19 620 → 402" in lines
    assert "Alive and in care at time zero 116 → 110 53 → 52 63 → 58" in lines


def test_adverse_events():
    text = comparison_text(sample.build())
    lines = squeezed(text)
    assert "any event 14/52 (26.9 %), 15 17/58 (29.3 %), 17 −2.4 [−18.5, 14.2] 0.831" in lines
    assert lines.index("By severity") + 1 == lines.index(
        "severe 2/52 (3.8 %), 3 0/58 (0.0 %), 0 3.9 [−3.5, 13.0] 0.221"
    )
    assert "possible 6/52 (11.5 %), 7 1/58 (1.7 %), 1 – –" in lines
    assert "No AdverseEvent resource came from: west." in lines
    assert "not estimable: an arm has no record of adverse events at all" in text


def test_columns():
    rows = [["a", "bb", "c"], ["a", "words that run on"], ["long name", "b", "c"]]
    assert columns(rows) == ["a          bb  c", "a          words that run on", "long name   b  c"]
    below = columns([["a", "b", "c"], ["a", "x" * 99]])[1]
    assert below == "a\n" + " " + "x" * 99
