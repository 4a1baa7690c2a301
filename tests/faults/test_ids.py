"""Which cases of ../shared/cases/faults.json have a test, and which still wait for one."""

import json
import os
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CASES = Path(os.environ.get("RWE_FAULTS", TESTS.parents[1] / "shared" / "cases" / "faults.json"))
NAMED = re.compile(r"def test_([a-z]+)_(\d\d)_")
# A case that gets a test leaves this list.
WAITING = {
    "security-09",  # of federated queries, which are not there yet
}
# Scanned for at the end of every case: case.py.
IN_EVERY_CASE = {"security-06", "security-07"}


def test_every_case_has_a_test_or_is_known_to_wait() -> None:
    if not CASES.is_file():
        pytest.skip(f"no {CASES}: RWE_FAULTS names the file of cases")
    ids = {c["id"] for c in json.loads(CASES.read_bytes())["cases"]}
    text = "".join(p.read_text(encoding="utf-8") for p in sorted(TESTS.rglob("test_*.py")))
    tested = {f"{area}-{n}" for area, n in NAMED.findall(text)} & ids
    assert sorted(ids - tested - IN_EVERY_CASE) == sorted(WAITING)
