"""A site with nobody, one arm, another rwe, a wrong clock or a full disk: said, and nothing half done."""

import errno
import os
from datetime import timedelta

import pytest

import rwe
from rwe import audit, chain
from rwe.errors import DataError, RefusedError
from rwe.federate import ledger, rules
from rwe.federate.answer import answer
from rwe.federate.approve import approve
from rwe.federate.pool import pool
from rwe.federate.show import show
from tests.cli import folders
from tests.federate import drop
from tests.federate.drop import LATER, NOW
from tests.federate.test_attacks import changed, forged, north

SOME = (
    "count:cohort",
    "mean:age",
    "van_elteren:il6:d28",
    "exact:any_event",
    "share:sex=male",
    "rate_ratio:any_event",
)
DAY = timedelta(days=1)


@pytest.fixture
def made(ready, tmp_path):
    return drop.federation(tmp_path, {"north": ready("north")})


@pytest.fixture(scope="module")
def quiet(ready, tmp_path_factory):
    """Has never answered anything; no test may change it."""
    return drop.federation(tmp_path_factory.mktemp("quiet"), {"north": ready("north")})


def without_anybody(made):
    """Nobody is 120: tables without a row."""
    for who in ("coordinator", "north"):
        folders.edit(made.folders[who] / "study.toml", "min_age = 18", "min_age = 120")
    drop.run("cohort", "--dir", north(made))


def without_treated(made):
    sql = "SELECT table_name FROM duckdb_columns() SEMI JOIN duckdb_tables() USING (table_name)"
    for (table,) in folders.rows(north(made), f"{sql} WHERE column_name = 'arm'"):
        changed(made, "SET arm = 'control'", table=table)


@pytest.mark.parametrize("without", [without_anybody, without_treated])
def test_a_site_without_an_arm_says_that_nothing_leaves_and_takes_part_in_sums(made, without):
    without(made)
    made.policy("north", 'agreement = "DUA 1"\n')
    asked = made.request(*SOME)
    text = "\n".join(show(north(made), asked, now=LATER).lines)
    assert text.count("nothing: an arm has fewer than 5 patients") == 2 * len(SOME)
    path = made.answer("north", asked)
    left = made.opened("north", path)
    assert {part.suppressed for parts in left.parts for part in parts} == {"small_arm"}
    *_, done = made.ledger("north")
    assert ({*done.members.values()}, done.cells) == ({rules.UNTOLD}, {})
    rows = pool(made.coordinator, asked, [path], publish=False, now=LATER).rows
    assert {(row.status, row.reason) for row in rows} == {("suppressed", "small_arm")}
    path = made.answer("north", made.request("quartiles:age", agreement="DUA 1", patients=100))
    assert all(part.masked for part in made.opened("north", path).parts[0])
    asked = forged(made, created=drop.stamp_now(), not_after=drop.stamp_now(days=1))
    drop.run("federate", "approve", asked, "--dir", north(made))
    said = drop.run("federate", "answer", asked, "--dir", north(made))
    assert "no number leaves, every arm or cell is too small" in said


def test_a_site_with_another_version_says_so(quiet, monkeypatch):
    asked = quiet.request("count:cohort")
    monkeypatch.setattr(rwe, "__version__", "9.9")
    with pytest.raises(RefusedError, match="another: software") as e:
        show(north(quiet), asked, now=LATER)
    assert "version of rwe" in e.value.hint


@pytest.mark.parametrize(
    ("off", "code", "says"),
    [
        (-DAY, "not_yet", "is the clock right, here and at the coordinator"),
        (DAY, None, ""),
        (15 * DAY, "expired", "or is the clock of this computer ahead"),
    ],
)
def test_a_clock_that_is_wrong_is_looked_for(quiet, off, code, says):
    asked = quiet.request("count:cohort")
    if code is None:
        assert show(north(quiet), asked, now=NOW + off).prepared.released
        return
    with pytest.raises(RefusedError, match=code) as e:
        show(north(quiet), asked, now=NOW + off)
    assert says in e.value.hint


def test_a_clock_that_was_ahead_when_it_answered_has_to_be_waited_for(made):
    asked = made.request("count:cohort")
    for act in (approve, answer):
        act(north(made), asked, now=LATER + DAY)
    again = made.request("mean:age")
    with pytest.raises(RefusedError, match="clock_set_back") as e:
        approve(north(made), again, now=LATER)
    assert "if it was ahead, wait until the time of that line" in e.value.hint
    assert approve(north(made), again, now=LATER + DAY)


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_is_full_when_the_audit_log_is_to_hear_of_an_answer(made, monkeypatch):
    """The line is there, the answer is not: it counts as lost on the way."""
    asked = made.request("count:cohort")
    approve(north(made), asked, now=LATER)
    with monkeypatch.context() as m:
        m.setattr(audit.chain, "extend", only_ledger)
        with pytest.raises(DataError, match="the audit log cannot be written"):
            answer(north(made), asked, now=LATER)
    assert not [p for p in (north(made) / "federate").iterdir() if "answer" in p.name]
    with pytest.raises(RefusedError, match="answered_before") as e:
        answer(north(made), asked, now=LATER)
    assert e.value.hint == "ask the coordinator for a new one"
    assert made.answer("north", made.request("count:cohort")).exists()


def only_ledger(path, kind, make, extend=chain.extend):
    return extend(path, kind, make) if path.name == ledger.NAME else full()
