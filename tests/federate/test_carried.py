"""What an engine brings to a site is answered as a file would be; a code leaves, never a text.

Without an engine: the function that it calls.
"""

import msgspec
import pytest

from rwe import audit
from rwe.federate import carried as module
from rwe.federate import envelope
from rwe.federate.approve import approve
from rwe.federate.carried import Carried, carried
from rwe.federate.keys import Secret
from rwe.federate.messages import Request
from tests.federate import drop
from tests.federate.drop import LATER


@pytest.fixture
def made(ready, tmp_path):
    return drop.federation(tmp_path, {"north": ready("north")})


def north(made):
    return made.folders["north"]


def kept(made):
    return [*(north(made) / "federate").glob("request-*.json")]


def test_what_is_not_approved_lies_there_to_be_shown_and_is_answered_when_it_comes_again(made):
    asked = made.request("count:cohort")
    assert carried(north(made), asked.read_bytes(), now=LATER) == Carried(code="not_approved")
    (path,) = kept(made)
    assert path.read_bytes() == asked.read_bytes()
    approve(north(made), path, now=LATER)
    found = carried(north(made), asked.read_bytes(), now=LATER)
    (file,) = (north(made) / "federate").glob("answer-*.sealed")
    assert (found.code, found.answer) == ("", file.read_bytes())
    (counts,) = made.opened("north", file).parts
    assert (counts[0].count.treated, counts[0].count.control) == (8, 9)
    ends = [line for line in audit.lines(north(made) / "data") if line.what == "end"][-2:]
    assert [(e.command, e.exit_code, e.counts.get("answered")) for e in ends] == [
        ("federate answer", 14, None),
        ("federate answer", 0, 1),
    ]


def test_an_answer_that_was_lost_on_the_way_is_given_again_byte_for_byte(made):
    asked = made.request("count:cohort")
    approve(north(made), asked, now=LATER)
    first = carried(north(made), asked.read_bytes(), now=LATER)
    assert first.answer
    assert carried(north(made), asked.read_bytes(), now=LATER) == first
    assert [e.what for e in made.ledger("north")].count("answered") == 1
    next((north(made) / "federate").glob("answer-*.sealed")).unlink()
    assert carried(north(made), asked.read_bytes(), now=LATER) == Carried(code="answered_before")


def test_what_the_coordinator_has_not_signed_is_not_even_kept(made):
    asked = made.request("count:cohort")
    keys = [made.key("coordinator", "coordinator").public]
    sound = envelope.opened(asked.read_bytes(), "request", Request, keys=keys, where=asked)
    forged = envelope.sign(msgspec.structs.replace(sound, min_arm=5), "request", Secret.make())
    odd = msgspec.structs.replace(sound, query="../../x" + "0" * 25)
    path = envelope.sign(odd, "request", made.key("coordinator", "coordinator"))
    for brought, code in ((forged, "bad_signature"), (b"\x00", "not_signed"), (path, "bad_form")):
        assert carried(north(made), brought, now=LATER) == Carried(code=code)
    assert kept(made) == []
    assert [e.code for e in made.ledger("north")] == ["bad_signature", "not_signed", "bad_form"]


def test_a_request_of_the_name_of_one_that_lies_there_does_not_take_its_place(made):
    asked = made.request("count:cohort")
    assert carried(north(made), asked.read_bytes(), now=LATER) == Carried(code="not_approved")
    (path,) = kept(made)
    path.write_bytes(b"what a steward has read")
    assert carried(north(made), asked.read_bytes(), now=LATER) == Carried(code="name_taken")
    assert path.read_bytes() == b"what a steward has read"


def test_of_an_exception_nothing_leaves_but_that_there_was_one(made, monkeypatch):
    def fails(*_, **__):
        raise ValueError("patient 4711")

    monkeypatch.setattr(module, "answer", fails)
    asked = made.request("count:cohort")
    assert carried(north(made), asked.read_bytes(), now=LATER) == Carried(code="failed")
    end = [line for line in audit.lines(north(made) / "data") if line.what == "end"][-1]
    assert end.exit_code == 1
    text = "".join(p.read_text() for p in (north(made) / "data").glob("*.ndjson"))
    assert "4711" not in text
