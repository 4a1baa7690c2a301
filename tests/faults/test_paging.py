"""What a server's pages may be like: cases paging-01 to -14."""

import pytest

from tests.faults.case import Case, loud, same
from tests.fhir.manners import GOOD, GOOGLE, WSO2
from tests.fhir.proxy import Rule
from tests.fhir.server import Reply
from tests.fhir.wire import Asked

PAGES = r"GET \S*(/Patient\?_count|_getpages)"
FIRST = r"GET \S*/Patient\?_count"


def every(fault: str, url: str = PAGES, **options: object) -> Rule:
    return Rule(url=url, fault=fault, times=None, options=options)


def test_paging_01_next_on_another_path(case: Case) -> None:
    same(case.pull(every("next_on_base")), case)


def test_paging_02_relative_next(case: Case) -> None:
    same(case.pull(every("next_relative")), case)


def test_paging_03_rows_come_again_on_the_next_page(case: Case) -> None:
    same(case.pull(every("overlap")), case)


def test_paging_03_rows_that_came_twice_are_counted(case: Case) -> None:
    assert "twice" in case.pull(every("overlap")).text


@pytest.mark.parametrize("memory", [GOOD, GOOGLE], indirect=True)
def test_paging_04_a_total_that_is_too_high(case: Case) -> None:
    same(case.pull(every("total_too_high")), case)


def test_paging_04_an_exact_count_that_two_walks_do_not_reach_is_loud(case: Case) -> None:
    """_summary=count is no estimate: rows that no walk brings are missing."""
    loud(case.pull(every("total_too_high", r"/Patient\?_summary=count")), case, reason="in two walks")


@pytest.mark.parametrize("nth", [1, 2])
def test_paging_05_next_leads_to_its_own_page(case: Case, nth: int) -> None:
    ended = case.pull(Rule(url=PAGES, fault="next_to_itself", nth=nth, times=None))
    loud(ended, case)
    assert len(ended.proxy.main.requests) < 100


def test_paging_06_an_empty_page_in_the_middle(case: Case) -> None:
    same(case.pull(Rule(url=PAGES, fault="empty_page", nth=2)), case)


def test_paging_07_a_warning_among_the_rows(case: Case) -> None:
    same(case.pull(every("with_outcome", FIRST, severity="warning")), case)


def test_paging_07_a_warning_is_shown_by_its_code(case: Case) -> None:
    assert "incomplete" in case.pull(every("with_outcome", FIRST, severity="warning", code="incomplete")).text


@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_paging_07_an_error_among_the_rows(case: Case, severity: str) -> None:
    ended = case.pull(every("with_outcome", FIRST, severity=severity, code="incomplete"))
    loud(ended, case, reason="incomplete")


def test_paging_08_an_included_row_of_another_type(case: Case) -> None:
    same(case.pull(every("with_include")), case)


def test_paging_08_an_included_row_of_a_type_that_is_asked_for(case: Case) -> None:
    included = {"resourceType": "Medication", "id": "cells"}
    same(case.pull(every("with_include", r"/MedicationAdministration\?_count", resource=included)), case)


def test_paging_09_entries_without_a_resource(case: Case) -> None:
    same(case.pull(every("with_hollow_entries")), case)


def test_paging_10_next_names_an_internal_host(case: Case) -> None:
    ended = case.pull(every("next_is", FIRST))
    loud(ended, case, reason="another origin")
    assert ended.proxy.other.log() == []


def test_paging_10_with_the_internal_host_listed(case: Case) -> None:
    ended = case.pull(every("next_is", FIRST), table=lambda p: f'allowed_origins = ["{p.other.origin}"]')
    same(ended, case)
    assert len(ended.proxy.other.log()) > 0


def test_paging_10_the_line_to_add_is_given(case: Case) -> None:
    ended = case.pull(every("next_is", FIRST))
    assert f'allowed_origins = ["{ended.proxy.other.origin}"]' in ended.text


def test_paging_11_a_long_next_with_plus_signs(case: Case) -> None:
    ended = case.pull(every("next_long"))
    same(ended, case)
    long = [r["target"] for r in ended.proxy.main.log() if len(r["target"]) > 8_000]
    assert len(long) == 2
    assert set(long) <= set(ended.proxy.aliases)


def test_paging_12_no_match_although_the_server_counts_some(case: Case) -> None:
    loud(case.pull(every("no_match", FIRST)), case, reason="the server counts 12, 0 came")


def test_paging_12_no_match_at_first(case: Case) -> None:
    same(case.pull(Rule(url=FIRST, fault="no_match")), case)


@pytest.mark.parametrize("parameter", ["_count", "_lastUpdated", "code", "category"])
def test_paging_13_a_parameter_that_is_dropped(case: Case, parameter: str) -> None:
    same(case.pull(every("without_parameter", r"GET \S*\?", parameter=parameter)), case)


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_paging_14_another_page_size_than_asked(case: Case, count: int) -> None:
    same(case.pull(every("capped", count=count)), case)


@pytest.mark.parametrize("memory", [WSO2], indirect=True)
def test_a_row_that_offset_paging_skips_comes_with_a_second_walk(case: Case) -> None:
    """The oldest row is updated after the first page, newest first, was read: it moves onto that page."""
    oldest = case.memory.current("Patient")[0]
    answer = case.memory.reply

    def answer_and_update(asked: Asked) -> Reply:
        reply = answer(asked)
        if "/Patient?_count" in asked.target and case.memory.current("Patient")[0] == oldest:
            case.memory.put(oldest.body or {})
        return reply

    case.memory.reply = answer_and_update  # type: ignore[method-assign]
    ended = case.pull()
    assert (ended.code, ended.landed["north"]["Patient"][0]) == (0, 12)
    assert "Patient: walked twice, for rows moved between the pages" in ended.text
