"""The judge itself: its scans find what they look for, its verdicts tell a fault from none."""

from pathlib import Path

import polars as pl
import pytest

from tests.faults.case import BORN, NAME, NUMBER, SECRET, Case, loud, same
from tests.fhir.proxy import Rule

LOST = Rule(url=r"/Patient\?_count", fault="no_match", times=None)


@pytest.fixture
def pulled(case: Case, tmp_path: Path) -> Case:
    """Its own folder: what a test spoils is not what the fixture looks at."""
    spoilt = Case(case.memory, tmp_path / "spoilt")
    spoilt.folder.mkdir()
    spoilt.unfaulted()
    spoilt.see_no_canary("")
    return spoilt


@pytest.mark.parametrize("canary", [SECRET, NAME, NUMBER, BORN])
@pytest.mark.parametrize("place", ["printed", "said", "log", "parquet", "name"])
def test_a_canary_is_found_wherever_it_is(pulled: Case, canary: str, place: str) -> None:
    raw = next(pulled.folder.glob("*/data/raw/north/0*"))
    match place:
        case "said":
            pulled.text += canary
        case "log":
            (raw / "set_aside.ndjson").write_text(canary)
        case "parquet":
            pl.DataFrame({"id": [canary]}).write_parquet(raw / "more.parquet")
        case "name":
            (raw / canary).write_text("")
    try:
        with pytest.raises(AssertionError):
            pulled.see_no_canary(canary if place == "printed" else "")
    finally:
        for left in (raw / "set_aside.ndjson", raw / "more.parquet", raw / canary):
            left.unlink(missing_ok=True)


def test_a_secret_is_not_allowed_even_in_a_set_aside_body(pulled: Case) -> None:
    body = next(pulled.folder.glob("*/data/raw/north/0*")) / "Patient.set_aside.bin"
    body.write_text(NAME)
    pulled.see_no_canary("")
    body.write_text(SECRET)
    with pytest.raises(AssertionError):
        pulled.see_no_canary("")
    body.write_text("")


def test_a_write_at_the_source_is_found(case: Case, pulled: Case) -> None:
    with_put = case.memory.requests.copy()
    put = [type(r)(**{**vars(r), "method": "PUT"}) for r in with_put[:1]]
    pulled.memory.requests.extend(put)
    with pytest.raises(AssertionError):
        pulled.see_nothing_written()
    case.memory.requests[:] = with_put


def test_a_row_that_is_lost_is_not_the_same(case: Case) -> None:
    ended = case.pull(LOST)
    with pytest.raises(AssertionError):
        same(ended, case)
    loud(ended, case)


def test_a_pull_without_a_fault_is_not_loud(case: Case) -> None:
    with pytest.raises(AssertionError):
        loud(case.pull(), case)


def test_a_fault_that_was_never_made_shows_nothing(case: Case) -> None:
    with pytest.raises(AssertionError, match="never made"):
        same(case.pull(Rule(url="/Nothing", fault="empty")), case)


def test_a_changed_row_is_not_the_same(case: Case) -> None:
    case.unfaulted()
    case.memory.put({"resourceType": "Patient", "id": "p3", "active": True})
    ended = case.pull(Rule(url="/Patient", fault="status", options={"status": 500}))
    assert ended.landed["north"]["Patient"][0] == 12
    with pytest.raises(AssertionError):
        same(ended, case)
