"""What may come in place of an answer: cases http-01 to -18."""

import os
import shutil
import subprocess
import sys

import pytest

from rwe import data
from tests.faults.case import SECRET, Case, dump, loud, same, site
from tests.fhir.proxy import Proxy, Rule

PATIENTS = r"GET \S*(/Patient\?_count|_getpages)"
SECOND = 2
NOT_STUDY = shutil.ignore_patterns("fhir", "data", "results", "sites.toml")


def once(fault: str, **options: object) -> Rule:
    """On the second page: what came before it must not come twice."""
    return Rule(url=PATIENTS, fault=fault, nth=SECOND, options=options)


def test_http_01_one_500(case: Case) -> None:
    same(case.pull(once("status", status=500)), case)
    assert 0 < sum(case.time.slept) <= 1


def test_http_02_502_with_html(case: Case) -> None:
    same(case.pull(once("bad_gateway")), case)


def test_http_03_503_with_seconds_to_wait(case: Case) -> None:
    same(case.pull(once("status", status=503, headers={"Retry-After": "17"})), case)
    assert case.time.slept == [17]


def test_http_04_429_with_a_date(case: Case) -> None:
    same(case.pull(once("later", seconds=90)), case)
    assert case.time.slept == [90]


def test_http_04_a_wait_is_capped(case: Case) -> None:
    same(case.pull(once("later", seconds=86_400)), case)
    assert case.time.slept == [300]


def test_http_04_a_wait_is_told(case: Case) -> None:
    assert "90 s" in case.pull(once("later", seconds=90)).text


def test_http_04_long_waits_are_told_when_all_is_over(case: Case) -> None:
    """Also to whoever does not watch: the words of a wait itself go to a terminal alone."""
    assert "waited once for the server, 90 s in all" in case.pull(once("later", seconds=90)).text
    assert "waited" not in case.pull(once("later", seconds=3)).text


def test_http_05_reset_before_the_status_line(case: Case) -> None:
    same(case.pull(once("reset_before")), case)


def test_http_06_reset_in_the_body(case: Case) -> None:
    same(case.pull(once("reset_in_body")), case)


def test_http_07_a_length_larger_than_the_body(case: Case) -> None:
    same(case.pull(once("length_too_large")), case)


def test_http_08_closed_in_the_body_without_a_length(case: Case) -> None:
    same(case.pull(once("cut_by_close")), case)


def test_http_09_chunks_without_the_last(case: Case) -> None:
    same(case.pull(once("cut_in_chunks")), case)


def test_http_10_200_with_an_empty_body(case: Case) -> None:
    same(case.pull(once("empty")), case)


def test_http_11_a_body_that_dribbles(case: Case) -> None:
    """59 s before each piece never reaches the read timeout; six of them pass the deadline of 300 s."""
    same(case.pull(once("dribble", pause=59, pieces=6)), case)


def test_http_11_a_body_that_dribbles_for_ever(case: Case) -> None:
    rule = Rule(url=PATIENTS, fault="dribble", times=None, options={"pause": 59, "pieces": 6})
    # One at a time: the dribble moves the clock of all, past the deadline of whatever else is under way.
    table = "limits.attempts = 2\nlimits.concurrency = 1"
    loud(case.pull(rule, table=table), case, reason="(did not end in time|comes too slowly)")


def test_http_12_cut_inside_a_character(case: Case) -> None:
    same(case.pull(once("cut_in_utf8")), case)


def test_http_13_one_url_fails_for_ever(case: Case) -> None:
    rule = Rule(url=PATIENTS, fault="status", nth=SECOND, times=None, options={"status": 500})
    ended = case.pull(rule)
    loud(ended, case, reason="500")
    assert ended.code == 3
    assert len(ended.proxy.main.requests) < 40


def test_http_14_utf8_under_text_plain(case: Case) -> None:
    same(case.pull(Rule(url=r"GET \S*/fhir", fault="plain_text", times=None)), case)


def test_http_15_a_gzip_that_expands_to_a_gigabyte(case: Case) -> None:
    case.unfaulted()
    with Proxy(case.memory.base, [Rule(url=PATIENTS, fault="bomb", times=None)]) as proxy:
        study = case.study(proxy.base)
        shutil.copytree(data.demo_study(), study, ignore=NOT_STUDY, dirs_exist_ok=True)
        code, text, peak = run_apart(study)
        assert proxy.made(), text
    assert code == 3, text
    assert "north: Patient: a page is larger than 256000000 bytes" in text
    assert peak < 1_000_000
    assert {k: n for k, n in dump(study)["north"].items() if k != "Patient"} == {
        k: n for k, n in case.unfaulted()["north"].items() if k != "Patient"
    }


APART = """
import atexit, re, sys
from pathlib import Path
from rwe.__main__ import main

def peak():
    status = Path("/proc/self/status").read_text()
    print("peak", re.search(r"VmHWM:\\s+(\\d+) kB", status)[1], file=sys.stderr)

atexit.register(peak)
main()
"""


def run_apart(study: os.PathLike[str]) -> tuple[int, str, int]:
    """`rwe pull` in a process of its own: exit code, output, peak memory in KB.

    Its ru_maxrss would begin with that of the process that started it.
    """
    command = [sys.executable, "-c", APART, "pull", "--everything", "--dir", str(study)]
    environment = {**os.environ, "RWE_TOKEN": SECRET}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True, check=False
    )
    return done.returncode, done.stdout, int(done.stdout.split()[-1])


def test_http_16_a_gzip_of_several_members(case: Case) -> None:
    same(case.pull(Rule(url=r"GET \S*/fhir", fault="several_members", times=None)), case)


def test_http_17_a_storm_of_429(case: Case) -> None:
    with Proxy(case.memory.base) as quiet:
        case.run(case.study(quiet.base))
        least = len(quiet.main.requests)
    rule = Rule(url="GET", fault="throttle", times=None, options={"most": 4})
    ended = case.pull(rule, table="limits.concurrency = 8")
    same(ended, case)
    assert len(ended.proxy.main.requests) < 3 * least


GONE = {
    "refused": 'url = "http://127.0.0.1:9/fhir"',
    "unknown": 'url = "https://no-such-host.invalid/fhir"',
}


@pytest.mark.parametrize("why", GONE)
def test_http_18_one_of_three_sites_is_not_there(case: Case, why: str) -> None:
    here = site(case.memory.base, "")
    gone = f'[gone]\n{GONE[why]}\nfhir_version = "4.0.1"\nlimits.attempts = 2\n'
    study = case.study(case.memory.base)
    (study / "sites.toml").write_text(here + gone + here.replace("[north]", "[south]"))
    code, text = case.run(study)
    assert code == 3
    assert "gone: the CapabilityStatement: no connection" in text
    north = case.unfaulted()["north"]
    assert dump(study) == {"north": north, "south": north}
