"""Several faults that pass, at once and by chance: what is landed is what it is without them."""

import pytest

from tests.faults.case import Case, loud, same
from tests.fhir.proxy import Proxy, Rule

PAGE = r"GET \S*(\?_count|_getpages)"
PASSING = {
    "bad_gateway": {},
    "cut_by_close": {},
    "cut_in_chunks": {},
    "cut_in_utf8": {},
    "empty": {},
    "empty_page": {},
    "length_too_large": {},
    "later": {"seconds": 5},
    "next_on_base": {},
    "next_relative": {},
    "overlap": {},
    "reset_before": {},
    "reset_in_body": {},
    "status": {"status": 503},
    "with_outcome": {},
}


def by_chance(rate: float) -> list[Rule]:
    return [Rule(url=PAGE, fault=f, rate=rate, times=None, options=o) for f, o in PASSING.items()]


@pytest.mark.parametrize("seed", range(6))
def test_faults_that_pass_leave_no_trace(case: Case, seed: int) -> None:
    with Proxy(case.memory.base, by_chance(0.04), seed=seed, sleep=case.time.sleep) as proxy:
        study = case.study(proxy.base)
        code, text = case.run(study)
    same(case.ended(code, text, study, proxy), case)
    assert proxy.made() > 2


@pytest.mark.parametrize("size", [1, 2, 500])
def test_page_sizes_leave_no_trace(case: Case, size: int) -> None:
    rules = [Rule(url=PAGE, fault="capped", times=None, options={"count": size})]
    same(case.pull(*rules), case)


@pytest.mark.parametrize("fault", ["no_match", "status", "next_to_itself"])
def test_a_fault_that_stays_leaves_the_last_whole_picture(case: Case, fault: str) -> None:
    study = case.study(case.memory.base)
    assert case.run(study)[0] == 0
    rule = Rule(url=r"GET \S*/Patient\?_count", fault=fault, times=None, options={"status": 500})
    ended = case.pull(rule, into=study, full=True)
    loud(ended, case)
    assert ended.landed == case.unfaulted()


def test_a_pull_again_changes_no_byte(case: Case) -> None:
    study = case.study(case.memory.base)

    def contents() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted(study.rglob("*")) if p.is_file()}

    case.run(study)
    before = contents()
    assert case.run(study)[0] == 0
    assert contents() == before
