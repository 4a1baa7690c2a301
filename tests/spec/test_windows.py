"""Narrower and wider visit windows: what is declared, and what is made where nothing is."""

import pytest

from rwe import data
from rwe.errors import StudyError
from rwe.steps import windows

MSC = (data.demo_study() / "study.toml").read_text(encoding="utf-8")
HEAD, TAIL = MSC.partition("[[visit]]")[0], MSC.partition("# kind names the SQL")[2]


@pytest.fixture
def plan(written):
    def plan(table, more=""):
        visits = []
        for line in table.strip().splitlines()[1:]:
            name, target, ends, narrower, wider = (cell.strip() for cell in line.split("|"))
            start, end = ends.split()
            visits.append(f'[[visit]]\nname = "{name}"\ntarget = {target}\nfrom = {start}\nto = {end}\n')
            for key, window in (("narrower", narrower), ("wider", wider)):
                if window:
                    first, last = window.split()
                    visits[-1] += f"{key} = {{ from = {first}, to = {last} }}\n"
        text = "".join([HEAD, *visits, "# kind names the SQL", TAIL, more])
        return written(text).file

    return plan


def ends(visits):
    return [(v.name, v.start, v.end) for v in visits]


APART = """
visit | target | window  | narrower | wider
d28   | 28     | 21 35   |          |
d90   | 90     | 69 111  |          |
"""


def test_by_default_half_as_wide_and_half_as_wide_again(plan):
    file = plan(APART)
    assert ends(windows.narrower(file)) == [("d28", 24.5, 31.5), ("d90", 79.5, 100.5)]
    assert ends(windows.wider(file)) == [("d28", 17.5, 38.5), ("d90", 58.5, 121.5)]


def test_no_wider_window_reaches_before_time_zero(plan):
    file = plan(APART)
    first = file.visit[0].model_copy(update={"target": 1, "start": 0, "end": 2})
    file = file.model_copy(update={"baseline": None, "visit": (first, file.visit[1])})
    assert ends(windows.wider(file))[0] == ("d28", 0, 2.5)


def test_the_study_may_say_how_much(plan):
    file = plan(APART, "\n[sensitivity]\nnarrower = 0.25\nwider = 2\n")
    assert ends(windows.narrower(file))[0] == ("d28", 26.25, 29.75)
    assert ends(windows.wider(file))[0] == ("d28", 14, 42)


def test_a_wider_window_ends_midway_to_its_neighbour_and_to_the_baseline(plan):
    table = """
    visit | target | window | narrower | wider
    d14   | 14     | 11 18  |          |
    d3    | 3      | 1 5    |          |
    d7    | 7      | 5 10   |          |"""
    file = plan(table, "\n[sensitivity]\nwider = 10\n")
    assert ends(windows.wider(file)) == [("d14", 10.5, 54), ("d3", 0.5, 5), ("d7", 5, 10.5)]


def test_what_a_visit_declares_is_taken(plan):
    table = """
    visit | target | window | narrower | wider
    d28   | 28     | 21 35  | 27 29.5  | 7 42
    d90   | 90     | 69 111 |          | 42 120"""
    file = plan(table)
    assert ends(windows.narrower(file)) == [("d28", 27, 29.5), ("d90", 79.5, 100.5)]
    assert ends(windows.wider(file)) == [("d28", 7, 42), ("d90", 42, 120)]


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ("20 30    |", "`narrower` must lie within the window and hold the target"),
        ("29 30    |", "`narrower` must lie within the window and hold the target"),
        ("         | 22 40", "`wider` must hold the window"),
        ("         | 20 40", "`wider` stands at every [[visit]] or at none"),
    ],
)
def test_a_window_that_does_not_fit_is_named(plan, windows, words):
    table = f"visit | target | window | narrower | wider\nd28 | 28 | 21 35 | {windows}\nd90 | 90 | 69 111 | |"
    with pytest.raises(StudyError) as error:
        plan(table)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("20 70", "the `wider` windows of d28 and d90 overlap"),
        ("-1 40", "`wider` of visit d28 and the baseline overlap"),
    ],
)
def test_wider_windows_that_overlap_are_named(plan, first, words):
    d28, d90 = f"d28 | 28 | 21 35 | | {first}", "d90 | 90 | 69 111 | | 60 120"
    with pytest.raises(StudyError) as error:
        plan(f"visit | target | window | narrower | wider\n{d28}\n{d90}")
    assert words in str(error.value)
