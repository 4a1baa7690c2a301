"""At a site: what is shown is what leaves, signed by site and steward, and nothing before it is approved."""

import errno
import json
import os

import pytest

from rwe import audit, chain
from rwe.errors import DataError, RefusedError, UsageError
from rwe.federate import envelope, files, members
from rwe.federate.answer import answer
from rwe.federate.approve import approve
from rwe.federate.came import _sizes
from rwe.federate.keys import Secret
from rwe.federate.messages import Approval
from rwe.federate.show import show
from tests.federate import drop
from tests.federate.drop import LATER

SOME = ("count:cohort", "van_elteren:il6:d28", "mean:age@50", "two_by_two:any_event", "share:sex=male")


@pytest.fixture
def made(ready, tmp_path):
    return drop.federation(tmp_path, {"north": ready("north")})


def north(made):
    return made.folders["north"]


def refused(made, asked):
    with pytest.raises(RefusedError) as e:
        answer(north(made), asked, now=LATER)
    assert not [*(north(made) / "federate").glob("*answer*")]
    return e.value.code


def test_what_is_shown_is_what_leaves_to_the_last_digit(made):
    made.policy("north", 'agreement = "DUA 1"\n')
    asked = made.request(*SOME, agreement="DUA 1")
    shown = show(north(made), asked, now=LATER)
    left = made.opened("north", made.answer("north", asked))
    assert left.parts == shown.prepared.parts
    text = "\n".join(shown.lines)
    assert left.request == shown.digest
    assert left.request in text
    numbers = [part.moments.treated.squares for part in left.parts[2]]
    numbers += [part.ranks.u for part in left.parts[1]] + [part.count.control for part in left.parts[0]]
    assert all(f" {number}" in text for number in numbers)
    assert "sealed to the coordinator, and no others" in text


def test_r2_how_many_have_no_value_is_a_cell_too_but_under_an_agreement(made):
    """Of 8 and 9, 11 and 12 patients, IL-6 is known of 8 and 6, 10 and 11."""
    asks = ("count:cohort", "van_elteren:il6:d28", "mean:il6:baseline", "share:sex=female", "mean:age")
    asks += ("van_elteren:lesion:d90", "van_elteren:FEV1:d90")
    count, *left = made.opened("north", made.answer("north", made.request(*asks))).parts
    assert [part.suppressed for part in left[0]] == ["few_missing"] * 2
    sizes = [[*_sizes(part)] for parts in (count, *left) for part in parts]
    whole = sizes[:2] * len(asks)
    away = [w - n for found, of in zip(sizes, whole, strict=True) for n, w in zip(found, of, strict=False)]
    assert len(away) == 10
    assert not {*away} & {1, 2, 3, 4}
    said = show(north(made), made.request(*asks), now=LATER).lines
    assert any("fewer than 5 patients of an arm have no value" in line for line in said)
    made.policy("north", 'agreement = "DUA 1"\n')
    opened = made.opened("north", made.answer("north", made.request(*asks, agreement="DUA 1")))
    assert [(part.ranks.m, part.ranks.n) for part in opened.parts[1]] == [(8, 6), (10, 11)]


def test_suppressed_is_a_status_with_a_reason_and_no_number(made):
    left = made.opened("north", made.answer("north", made.request(*SOME)))
    for part in (*left.parts[3], *left.parts[4]):
        assert part.suppressed == "small_cell"
        assert (part.count, part.ranks, part.moments, part.events) == (None,) * 4
    assert "a cell of its table has fewer than 5" in "\n".join(
        show(north(made), made.request("two_by_two:any_event"), now=LATER).lines
    )


@pytest.mark.parametrize(("own", "cells"), [("DUA 1", True), ("DUA 2", False), ("", False)])
def test_small_cells_go_to_the_coordinator_only_under_the_sites_own_agreement(made, own, cells):
    made.policy("north", f'agreement = "{own}"\n')
    left = made.opened("north", made.answer("north", made.request(*SOME, agreement="DUA 1")))
    assert [part.events is not None for part in left.parts[3]] == [cells, cells]


def test_a_site_may_be_stricter_than_the_request_and_the_request_than_the_site(made):
    made.policy("north", "min_arm = 9\n")
    left = made.opened("north", made.answer("north", made.request("count:cohort")))
    assert [part.suppressed for part in left.parts[0]] == ["small_arm", None]
    made.policy("north", "")
    left = made.opened("north", made.answer("north", made.request("mean:age", min_arm=12)))
    assert [part.suppressed for part in left.parts[0]] == ["small_arm", "small_arm"]


def test_nothing_is_answered_before_the_steward_approved_this_very_request(made):
    asked, other = made.request("count:cohort"), made.request("mean:age")
    assert refused(made, asked) == "not_approved"
    approval = approve(north(made), other, now=LATER)
    approval.rename(approval.with_name(f"approval-{asked.stem[-8:]}-north.json"))
    assert refused(made, asked) == "not_approved"


def test_the_steward_approves_what_was_shown_and_nothing_that_took_its_place(made):
    asked, other = made.request("count:cohort"), made.request("mean:age")
    seen = show(north(made), asked, now=LATER).digest
    asked.write_bytes(other.read_bytes())
    with pytest.raises(RefusedError, match="not_shown") as e:
        approve(north(made), asked, now=LATER, sha256=seen)
    assert e.value.code == made.ledger("north")[-1].code == "not_shown"
    assert not [*(north(made) / "federate").glob("approval-*")]
    seen = show(north(made), asked, now=LATER).digest
    assert approve(north(made), asked, now=LATER, sha256=seen.upper()).exists()
    for odd in (seen[:16], seen + "0", "x" * 64):
        with pytest.raises(UsageError, match="64 hexadecimal digits"):
            approve(north(made), asked, now=LATER, sha256=odd)


def test_an_approval_by_another_key_is_none(made):
    asked = made.request("count:cohort")
    said = envelope.opened(
        approve(north(made), asked, now=LATER).read_bytes(),
        "approval",
        Approval,
        keys=[made.key("north", "steward").public],
        where="",
    )
    forged = envelope.sign(said, "approval", Secret.make())
    files.whole(north(made) / "federate" / f"approval-{asked.stem[-8:]}-north.json", forged)
    assert refused(made, asked) == "bad_signature"


def test_the_steward_approves_and_signs_with_the_key_that_is_pinned(made):
    asked = made.request("count:cohort")
    approve(north(made), asked, now=LATER)
    path = north(made) / "federate" / "steward.key"
    path.unlink()
    Secret.make().write(path)
    assert refused(made, asked) == "wrong_key"
    with pytest.raises(RefusedError, match="wrong_key"):
        approve(north(made), asked, now=LATER)


def test_a_full_disk_leaves_nothing_half_signed_and_the_request_can_be_answered_later(made, monkeypatch):
    asked = made.request("count:cohort")
    approve(north(made), asked, now=LATER)
    before = sorted(p.name for p in (north(made) / "federate").iterdir())

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as m:
        m.setattr(files.os, "fsync", full)
        with pytest.raises(UsageError, match="No space left") as e:
            answer(north(made), asked, now=LATER)
    assert "nothing was signed away" in e.value.hint
    assert sorted(p.name for p in (north(made) / "federate").iterdir()) == before
    assert [entry.what for entry in made.ledger("north")] == ["approved"]
    assert answer(north(made), asked, now=LATER)[0].exists()


@pytest.mark.parametrize("act", [approve, answer])
def test_a_full_disk_under_the_ledger_leaves_no_approval_and_no_answer(made, monkeypatch, act):
    asked = made.request("count:cohort")
    if act is answer:
        approve(north(made), asked, now=LATER)
    before = {p.name for p in (north(made) / "federate").iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as m:
        m.setattr(chain, "append", full)
        with pytest.raises(DataError, match="the ledger cannot be written") as e:
            act(north(made), asked, now=LATER)
    assert "nothing has left; make room" in e.value.hint
    assert {p.name for p in (north(made) / "federate").iterdir()} <= {*before, ".lock", "ledger.ndjson"}
    assert act(north(made), asked, now=LATER)


def test_the_name_is_given_after_the_line_and_what_a_kill_left_is_taken_away(made, monkeypatch):
    asked, folder = made.request("count:cohort"), north(made) / "federate"

    def killed(*_):
        raise KeyboardInterrupt

    for act, what, kind in ((approve, "approved", "approval"), (answer, "answered", "answer")):
        with monkeypatch.context() as m:
            m.setattr(files.os, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                act(north(made), asked, now=LATER)
        assert made.ledger("north")[-1].what == what
        assert not [*folder.glob(f"{kind}-*")]
        assert [p.name.split("-")[0] for p in folder.glob(".*.part")] == [f".{kind}"]
        (folder / ".request-0.json.part").touch()  # of another rwe, at work
        approve(north(made), asked if act is approve else made.request("mean:age"), now=LATER)
        assert [p.name for p in folder.glob(".*.part")] == [".request-0.json.part"]
        (folder / ".request-0.json.part").unlink()


def test_a_site_without_a_cohort_is_told_what_to_run(made):
    asked = made.request("count:cohort")
    approve(north(made), asked, now=LATER)
    (north(made) / "data" / "store.duckdb").unlink()
    with pytest.raises(UsageError, match="nothing is mapped yet"):
        answer(north(made), asked, now=LATER)


def test_a_site_with_another_study_text_says_which_part_is_another(made):
    asked = made.request("count:cohort")
    path = north(made) / "codes" / "uc-msc.csv"
    path.write_text(path.read_text() + "http://example.org,more,more\n")
    with pytest.raises(RefusedError, match="another: code list uc-msc"):
        show(north(made), asked, now=LATER)


def test_a_site_whose_key_nobody_pinned_answers_nothing(made):
    path = north(made) / "federate" / "site.key"
    path.unlink()
    Secret.make().write(path)
    with pytest.raises(RefusedError, match="wrong_key"):
        members.own(north(made))


def test_the_commands_leave_their_lines_in_the_audit_log(ready, tmp_path):
    made = drop.federation(tmp_path, {"north": ready("north")})
    (path,) = drop.run(
        "federate", "request", "--dir", made.coordinator, "--ask", "count:cohort"
    ).splitlines()[1:]
    at = ("--dir", north(made))
    assert "8 treated, 9 control" in drop.run("federate", "show", path, *at)
    found = json.loads(drop.run("federate", "show", path, *at, "--json"))
    assert found["parts"][0][0]["count"] == {"treated": 8, "control": 9}
    digest = found["sha256"]
    assert f"approved: SHA-256 {digest}\n  of north, centre, south: count:cohort\n" in drop.run(
        "federate", "approve", path, "--sha256", digest, *at
    )
    assert "2 released, 0 suppressed" in drop.run("federate", "answer", path, *at)
    lines = [line.command for line in audit.lines(north(made) / "data") if line.what == "begin"]
    wanted = ["federate show", "federate show", "federate approve", "federate answer"]
    assert lines[-4:] == wanted
