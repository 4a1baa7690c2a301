"""Each way to get at a patient, or to pass for somebody else: refused by its code, and in the ledger."""

import base64
import json
import shutil
from datetime import UTC, datetime, timedelta

import duckdb
import msgspec
import pytest

from rwe import audit, chain
from rwe.errors import RefusedError
from rwe.federate import box, envelope, files, ledger, members, prepare, rules
from rwe.federate.answer import answer
from rwe.federate.approve import approve
from rwe.federate.keys import Secret
from rwe.federate.messages import Answer, Ask, Count, Part, Request
from rwe.federate.pool import pool
from rwe.federate.show import show
from rwe.stats.van_elteren import Ranked
from tests.cli import folders
from tests.federate import drop
from tests.federate.drop import LATER, NOW


@pytest.fixture
def made(ready, tmp_path):
    return drop.federation(tmp_path, {"north": ready("north")})


@pytest.fixture(scope="module")
def quiet(ready, tmp_path_factory):
    """Has never answered anything; no test may change it."""
    return drop.federation(tmp_path_factory.mktemp("quiet"), {"north": ready("north")})


@pytest.fixture(scope="module")
def done(ready, tmp_path_factory):
    """North has answered once: who takes part, the request, the answer as a file, and what is in it."""
    made = drop.federation(tmp_path_factory.mktemp("done"), {"north": ready("north")})
    return (made, *answered(made))


def north(made):
    return made.folders["north"]


def opened(made, path):
    keys = [made.key("coordinator", "coordinator").public]
    return envelope.opened(path.read_bytes(), "request", Request, keys=keys, where=path)


def forged(made, by=None, **changed):
    """A request that `rwe federate request` would not make, by the coordinator or somebody else."""
    sound = opened(made, made.request("count:cohort"))
    path = made.coordinator / "forged.json"
    key = by or made.key("coordinator", "coordinator")
    path.write_bytes(envelope.sign(msgspec.structs.replace(sound, **changed), "request", key))
    return path


def refused_at_site(made, path, code, *, now=LATER, before=0):
    """By show, approve and answer alike; nothing leaves, and each has its line."""
    for act in (show, approve, answer):
        with pytest.raises(RefusedError, match=code) as e:
            act(north(made), path, now=now)
        assert (e.value.code, e.value.exit_code) == (code, 14)
    left = [p for p in (north(made) / "federate").iterdir() if "answer" in p.name]
    assert len(left) == before
    assert [(x.what, x.verb, x.code) for x in lines(made, "north")[-3:]] == [
        ("refused", verb, code) for verb in ("show", "approve", "answer")
    ]


def lines(made, who):
    text = (made.folders[who] / "federate" / "ledger.ndjson").read_text()
    return [msgspec.json.decode(line, type=drop.Entry) for line in text.splitlines()]


def refused_at_pool(made, asked, answers, code):
    with pytest.raises(RefusedError, match=code) as e:
        pool(made.coordinator, asked, answers, publish=False, now=LATER)
    assert e.value.code == code
    assert not (made.coordinator / "results" / "pooled.json").exists()
    assert (lines(made, "coordinator")[-1].what, lines(made, "coordinator")[-1].code) == ("refused", code)


def sealed(made, found, *keys, to=None):
    """An answer as somebody who has these keys would send it."""
    path = made.coordinator / "sealed"
    signed = found if isinstance(found, bytes) else envelope.sign(found, "answer", *keys)
    path.write_bytes(box.seal(signed, to=to or made.key("coordinator", "coordinator").public))
    return path


def keys_of(made, who):
    return [made.key(who, role) for role in ("site", "steward")]


def answered(made, *asks):
    """A request, north's answer to it as a file, and what is in it."""
    asked = made.request(*(asks or ("count:cohort",)))
    path = made.answer("north", asked)
    return asked, path, made.opened("north", path)


# requests


def test_a_strangers_request(quiet):
    refused_at_site(quiet, forged(quiet, by=Secret.make()), "bad_signature")


def test_a_request_of_another_member(quiet):
    refused_at_site(quiet, forged(quiet, by=quiet.key("south", "site")), "bad_signature")


def test_a_request_with_a_value_changed(quiet):
    path = quiet.request("count:cohort")
    whole = json.loads(path.read_bytes())
    body = base64.b64decode(whole["payload"]).replace(b'"min_arm":5', b'"min_arm":1')
    whole["payload"] = base64.b64encode(body).decode()
    path.write_text(json.dumps(whole))
    refused_at_site(quiet, path, "bad_signature")


def test_a_request_to_others(quiet):
    refused_at_site(quiet, quiet.request("count:cohort", sites=("centre", "south")), "not_addressed")


def test_an_expired_request_and_one_of_tomorrow(quiet):
    asked = quiet.request("count:cohort", days=1)
    refused_at_site(quiet, asked, "expired", now=NOW + timedelta(days=1, minutes=1))


def test_a_request_dated_tomorrow(quiet):
    asked = quiet.request("count:cohort")
    refused_at_site(quiet, asked, "not_yet", now=NOW - timedelta(days=1))


def test_a_request_that_never_ends_or_of_no_time(quiet):
    refused_at_site(quiet, forged(quiet, not_after="2099-01-01T00:00:00.000Z"), "too_long_valid")
    refused_at_site(quiet, forged(quiet, created="2026-03-01T12:00:00"), "bad_form")
    refused_at_site(quiet, forged(quiet, created="yesterday"), "bad_form")


@pytest.mark.parametrize(
    "changed",
    [
        {"sites": ["north", "south\nCells     nothing leaves"]},
        {"sites": ["north", "\x1b[2Jsouth"]},
        {"sites": ["north", ""]},
        {"study": "uc-msc-covid19\n"},
        {"agreement": "DUA 1\x1b[1A", "tier": "agreement"},
        {"agreement": "DUA \u202e1", "tier": "agreement"},
        {"agreement": "A" * 201, "tier": "agreement"},
        {"software": "rwe\r"},
        {"created": "2026-03-01\n12:00:00.000Z"},
        {"not_after": "2026-03-10\x1b12:00:00.000Z"},
        {"query": "../" * 10 + "ab"},
        {"asks": [Ask(statistic="mean", variable="age\x07")]},
        {"asks": [Ask(statistic="mean", variable="il6", visit="d28\n")]},
    ],
    ids=repr,
)
def test_what_writes_over_a_terminal_is_never_shown(quiet, changed):
    refused_at_site(quiet, forged(quiet, **changed), "bad_form")


@pytest.mark.parametrize("key", ["the study file", "SQL", "mappings", "code list uc-msc", "software"])
def test_a_request_of_another_plan(quiet, key):
    plan = {**opened(quiet, quiet.request("count:cohort")).plan, key: "0" * 64}
    refused_at_site(quiet, forged(quiet, plan=plan), "other_plan")


def test_a_widened_cohort(made):
    folders.edit(made.coordinator / "study.toml", "min_age = 18", "min_age = 17")
    refused_at_site(made, made.request("count:cohort"), "other_plan")


def test_a_filter_of_the_coordinators(quiet):
    """A field that no request has: signed, and yet not read."""
    sound = msgspec.to_builtins(opened(quiet, quiet.request("count:cohort")))
    wide = msgspec.defstruct("Wide", [*sound, "where"])(**sound, where="age > 80")
    path = quiet.coordinator / "wide.json"
    path.write_bytes(envelope.sign(wide, "request", quiet.key("coordinator", "coordinator")))
    refused_at_site(quiet, path, "not_canonical")


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (Ask(statistic="minimum", variable="age"), "never_leaves"),
        (Ask(statistic="maximum", variable="il6", visit="d28"), "never_leaves"),
        (Ask(statistic="quantile", variable="age", centre=61.5), "never_leaves"),
        (Ask(statistic="cross_products", variable="age"), "unknown_statistic"),
        (Ask(statistic="newton_step", variable="age"), "unknown_statistic"),
        (Ask(statistic="mean", variable="age < 61.5"), "not_in_study"),
        (Ask(statistic="van_elteren", variable="il6; SELECT 1", visit="d28"), "not_in_study"),
    ],
    ids=str,
)
def test_what_is_on_no_list(quiet, ask, code):
    refused_at_site(quiet, forged(quiet, asks=[ask]), code)


def test_the_same_asked_twice_about_two_centres(quiet):
    asks = [Ask(statistic="mean", variable="age", centre=centre) for centre in (0.0, 50.0)]
    refused_at_site(quiet, forged(quiet, asks=asks), "asked_twice")


def test_a_replayed_request(made):
    asked, _, _ = answered(made)
    refused_at_site(made, asked, "answered_before", before=1)


def test_one_request_more_than_the_budget(made):
    made.policy("north", "requests = 1\n")
    answered(made)
    refused_at_site(made, made.request("mean:age"), "over_budget", before=1)


def test_an_answer_taken_for_a_request(made):
    _, path, found = answered(made)
    refused_at_site(made, path, "not_signed", before=1)
    plain = made.coordinator / "plain"
    plain.write_bytes(envelope.sign(found, "answer", *keys_of(made, "north")))
    refused_at_site(made, plain, "wrong_kind", before=1)


def test_a_key_changed_in_mid_study(made):
    asked = made.request("count:cohort")
    folders.edit(
        north(made) / "federate" / "members.toml",
        made.key("coordinator", "coordinator").public.text,
        Secret.make().public.text,
    )
    refused_at_site(made, asked, "bad_signature")


# patients


def test_two_requests_that_differ_by_one_patient(made):
    """The same is answered as often as is asked for; after a patient has left, it is not."""
    answered(made, "mean:age", "count:cohort")
    answered(made, "mean:age")
    (patient,) = folders.rows(
        north(made), "SELECT patient_id FROM cohort WHERE arm = 'treated' ORDER BY patient_id LIMIT 1"
    )[0]
    drop.run("purge", "--patient", patient, "--yes", "--dir", north(made))
    drop.run("cohort", "--dir", north(made))
    asked = made.request("mean:age")
    with pytest.raises(RefusedError, match="differs_by_few"):
        show(north(made), asked, now=LATER)
    approve(north(made), asked, now=LATER)
    with pytest.raises(RefusedError, match="differs_by_few"):
        answer(north(made), asked, now=LATER)
    assert (lines(made, "north")[-1].what, lines(made, "north")[-1].code) == ("refused", "differs_by_few")
    assert patient not in (north(made) / "federate" / "ledger.ndjson").read_text()


def changed(made, update, *, table="cohort"):
    """North's, as no step would leave it."""
    with duckdb.connect(north(made) / "data" / "store.duckdb") as db:
        db.execute(f"UPDATE {table} {update}")


ONE = (
    "WHERE patient_id = (SELECT MIN(patient_id) FROM cohort WHERE arm = 'control' AND stratum = '{}' "
    "AND patient_id NOT LIKE 'new%')"
)


def refused_by_data(made, asked):
    approve(north(made), asked, now=LATER)
    for act in (show, answer):
        with pytest.raises(RefusedError, match="whatever is asked") as e:
            act(north(made), asked, now=LATER)
        assert e.value.code == lines(made, "north")[-1].code == "differs_by_few"


def test_one_patient_out_and_one_in_are_not_told_of_by_the_name_of_another_variable(made):
    answered(made, "mean:days_from_anchor")
    changed(made, "SET patient_id = 'new' " + ONE.format("severe"))
    refused_by_data(made, made.request("mean:age"))


def test_nor_of_a_patient_who_is_in_another_stratum_now(made):
    """Asked for nothing but counts, and even where of the one stratum nothing leaves."""
    answered(made, "mean:days_from_anchor")
    changed(made, "SET stratum = 'moderate' " + ONE.format("severe"))
    refused_by_data(made, made.request("count:cohort"))
    refused_by_data(made, made.request("count:cohort", min_arm=10))


def test_after_5_patients_more_and_5_fewer_another_variable_is_answered(made):
    answered(made, "mean:days_from_anchor")
    changed(
        made,
        "SET arm = 'treated' WHERE patient_id IN "
        "(SELECT patient_id FROM cohort WHERE arm = 'control' AND stratum = 'severe' LIMIT 5)",
    )
    assert answered(made, "mean:age")


def test_of_whom_nothing_has_left_nothing_can_be_compared(made):
    """A site whose small stratum grows by one patient goes on answering."""
    answered(made, "two_by_two:any_event")  # whose cells are small
    *_, done = lines(made, "north")
    assert {*done.members.values()} == {rules.UNTOLD}
    made.policy("north", "min_arm = 9\n")
    answered(made, "count:cohort")
    *_, done = lines(made, "north")
    assert [name for name, cell in done.members.items() if cell == rules.UNTOLD] == [
        *("moderate|treated", "moderate|control")
    ]
    changed(made, "SET patient_id = 'new' " + ONE.format("moderate"))
    assert answered(made, "mean:age")


def test_a_dummy_that_one_patient_has(made):
    """Even where cells of 1 to 4 may go to the coordinator."""
    for who in ("coordinator", "north"):
        study = made.folders[who]
        covariate = '[[covariate]]\nname = "rare"\nlabel = "asthma"\nin = ["condition"]\ncodes = "rare"\n\n'
        folders.edit(
            study / "study.toml", "[stratification]\ncarriers", f"{covariate}[stratification]\ncarriers"
        )
        (study / "codes" / "rare.csv").write_text(
            "system,code,display\nhttp://snomed.info/sct,195967001,Asthma\n"
        )
    drop.run("cohort", "--dir", north(made))
    recorded = "SELECT COUNT(*) FILTER (is_recorded) FROM history WHERE covariate = 'rare'"
    assert folders.rows(north(made), recorded) == [(1,)]
    made.policy("north", 'agreement = "DUA 1"\n')
    path = made.answer("north", made.request("share:rare", agreement="DUA 1"))
    assert [part.suppressed for part in made.opened("north", path).parts[0]] == ["small_group"] * 2


def test_an_arm_of_one_patient_whose_rank_u_would_be(made):
    made.policy("north", "min_arm = 9\n")
    path = made.answer("north", made.request("van_elteren:lesion:d90"))
    moderate, severe = made.opened("north", path).parts[0]
    assert (moderate.suppressed, moderate.ranks) == ("small_arm", None)
    assert severe.ranks is not None


def test_a_patient_in_the_text_of_an_exception(made, monkeypatch, capsys):
    canary = "Zoe Canary 1931-04-05"

    def fails(*_):
        raise ValueError(canary)

    asked = made.request("mean:age")
    approve(north(made), asked, now=LATER)
    monkeypatch.setattr(prepare, "summed", fails)
    with pytest.raises(RefusedError, match="failed") as e:
        answer(north(made), asked, now=LATER)
    assert (e.value.code, lines(made, "north")[-1].code) == ("failed", "failed")
    assert e.value.__cause__ is None
    assert e.value.__suppress_context__
    out = drop.run("federate", "answer", asked, "--dir", north(made), expect=1)
    told = [p.read_bytes() for p in (north(made) / "federate").iterdir()]
    told += [(north(made) / "data" / "audit.ndjson").read_bytes(), out.encode(), str(e.value).encode()]
    assert all(word.encode() not in text for word in canary.split() for text in told)
    assert not [*(north(made) / "federate").glob("answer*")]


# the ledger


def ledger_of(made):
    return north(made) / "federate" / "ledger.ndjson"


def answered_by_command(made):
    asked = forged(made, created=drop.stamp_now(), not_after=drop.stamp_now(days=1))
    for verb in ("approve", "answer"):
        drop.run("federate", verb, asked, "--dir", north(made))
    return asked


@pytest.mark.parametrize("what", ["deleted", "cut", "changed"])
def test_a_ledger_that_lost_what_it_knew(made, what):
    asked = answered_by_command(made)
    first, second = ledger_of(made).read_bytes().splitlines(keepends=True)
    told = second.replace(b'"answered"', b'"approved"')
    ledger_of(made).write_bytes({"deleted": b"", "cut": first, "changed": first + told}[what])
    with pytest.raises(RefusedError, match="ledger_lost"):
        answer(north(made), asked, now=datetime.now(UTC))


def rewritten(path, **changed):
    """The same lines but for this, each with the hash of the one before."""
    found = [line for line, _ in chain.read(path, drop.Entry)]
    path.unlink()
    for line in found:
        new = msgspec.structs.replace(line, **changed)
        chain.extend(path, drop.Entry, lambda before, new=new: msgspec.structs.replace(new, before=before))


def test_a_ledger_written_anew_from_its_beginning(made):
    """Sound in itself: the audit log knows another."""
    asked, path, _ = answered(made, "mean:age")
    rewritten(ledger_of(made), members={}, cells={})
    whole = ledger_of(made).read_bytes()
    for act in (show, approve, answer):
        with pytest.raises(RefusedError, match="ledger_lost"):
            act(north(made), made.request("mean:age"), now=LATER)
    pool(made.coordinator, asked, [path], publish=False, now=LATER)
    rewritten(made.coordinator / "federate" / "ledger.ndjson", request="0" * 64)
    (made.coordinator / "results" / "pooled.json").unlink()
    with pytest.raises(RefusedError, match="ledger_lost"):
        pool(made.coordinator, asked, [path], publish=False, now=LATER)
    assert not [*(made.coordinator / "results").iterdir()]
    assert ledger_of(made).read_bytes() == whole


def test_the_audit_log_has_the_hash_of_each_line_of_the_ledger(made):
    asked = answered_by_command(made)
    drop.run("federate", "answer", asked, "--dir", north(made), expect=1)  # answered before
    told = [(x.command, x.ledger) for x in audit.lines(north(made) / "data") if x.what == "ledger"]
    assert [command for command, _ in told] == ["federate approve", *["federate answer"] * 2]
    assert [digest for _, digest in told] == [digest for _, digest in chain.read(ledger_of(made), drop.Entry)]


def test_a_command_that_was_killed_before_the_audit_log_heard_of_its_line(made, monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(ledger, "noted", lambda *_: None)
        asked = made.request("mean:age")
        approve(north(made), asked, now=LATER)
    assert answer(north(made), asked, now=LATER)


def test_a_clock_set_back_behind_the_ledger(made):
    answered(made)
    asked = made.request("mean:age")
    for _ in range(2):  # a refusal, written by the wrong clock, opens no way
        with pytest.raises(RefusedError, match="clock_set_back"):
            show(north(made), asked, now=LATER - timedelta(minutes=30))


# answers


def test_an_answer_with_a_value_changed(done):
    made, asked, _, found = done
    whole = json.loads(envelope.sign(found, "answer", *keys_of(made, "north")))
    body = base64.b64decode(whole["payload"]).replace(b'"treated":8', b'"treated":9')
    whole["payload"] = base64.b64encode(body).decode()
    refused_at_pool(made, asked, [sealed(made, json.dumps(whole).encode())], "bad_signature")


def test_an_answer_without_the_stewards_signature(done):
    made, asked, _, found = done
    site, steward = keys_of(made, "north")
    for keys in ((site,), (steward,), (site, site)):
        refused_at_pool(made, asked, [sealed(made, found, *keys)], "bad_signature")


def test_an_answer_of_a_foreign_key(done):
    made, asked, _, found = done
    refused_at_pool(made, asked, [sealed(made, found, Secret.make(), Secret.make())], "bad_signature")


def test_an_answer_that_says_to_be_signed_by_others_than_it_is(done):
    """The fingerprint beside a signature tells whose key to look for, and proves nothing."""
    made, asked, _, found = done
    whole = json.loads(envelope.sign(found, "answer", Secret.make(), Secret.make()))
    for signature, key in zip(whole["signatures"], keys_of(made, "north"), strict=True):
        signature["keyid"] = key.public.fingerprint
    refused_at_pool(made, asked, [sealed(made, json.dumps(whole).encode())], "bad_signature")


def test_an_answer_under_the_name_of_another_site(done):
    made, asked, _, found = done
    refused_at_pool(made, asked, [sealed(made, found, *keys_of(made, "south"))], "wrong_site")


def test_an_answer_of_a_site_that_was_not_asked(done):
    made, _, _, found = done
    asked = made.request("count:cohort", sites=("centre",))
    request = opened(made, asked)
    found = msgspec.structs.replace(found, request=envelope.digest(request), query=request.query)
    refused_at_pool(made, asked, [sealed(made, found, *keys_of(made, "north"))], "wrong_site")


def test_an_answer_to_another_request(done):
    made, _, path, _ = done
    refused_at_pool(made, made.request("count:cohort"), [path], "other_request")


@pytest.mark.parametrize(
    "changed",
    [
        {"software": "rwe 1\n"},
        {"data_as_of": "2026\x1b[8m"},
        {"created": "2026-03-01\n12:00:00.000Z"},
        {"parts": [[Part(stratum="mild\x9b1A", count=Count(treated=9, control=9))]]},
    ],
    ids=repr,
)
def test_an_answer_that_writes_over_a_terminal(done, changed):
    made, asked, _, found = done
    found = msgspec.structs.replace(found, **changed)
    refused_at_pool(made, asked, [sealed(made, found, *keys_of(made, "north"))], "bad_form")


def test_an_answer_given_twice(done):
    made, asked, path, _ = done
    again = shutil.copy(path, made.coordinator / "again")
    refused_at_pool(made, asked, [path, again], "given_twice")


def test_a_request_sent_back_as_its_answer(done):
    made, asked, _, _ = done
    refused_at_pool(made, asked, [asked], "not_for_us")
    refused_at_pool(made, asked, [sealed(made, asked.read_bytes())], "bad_signature")
    again = envelope.sign(opened(made, asked), "request", *keys_of(made, "north"))
    refused_at_pool(made, asked, [sealed(made, again)], "wrong_kind")


def test_an_answer_sealed_to_another(done):
    made, asked, _, found = done
    path = sealed(made, found, *keys_of(made, "north"), to=Secret.make().public)
    refused_at_pool(made, asked, [path], "not_for_us")


def test_a_request_of_another_than_the_coordinator_is_not_pooled(done):
    made, _, path, _ = done
    refused_at_pool(made, forged(made, by=Secret.make()), [path], "bad_signature")


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (Part(stratum="moderate", count=Count(treated=4, control=9)), "too_small"),
        (Part(stratum="moderate", count=Count(treated=-9, control=9)), "too_small"),
        (Part(stratum="moderate"), "bad_form"),
        (Part(stratum="moderate", ranks=Ranked(m=9, n=9, u=1.0, ties=0)), "bad_form"),
        (Part(stratum="moderate", suppressed="small_arm", count=Count(treated=9, control=9)), "bad_form"),
    ],
)
def test_an_answer_with_other_numbers_than_were_asked(done, part, code):
    made, asked, _, found = done
    found = msgspec.structs.replace(found, parts=[[part]])
    refused_at_pool(made, asked, [sealed(made, found, *keys_of(made, "north"))], code)


@pytest.mark.parametrize(
    "number", ["NaN", "1e999", '"8"', "8.5", "-0.0", "1" + "0" * 400, '8,"control":9,"more":1,"x"', "null"]
)
def test_an_answer_with_a_number_that_is_none(done, number):
    made, asked, _, found = done
    body = envelope.canonical(found).replace(b'"treated":8', f'"treated":{number}'.encode())
    kind = envelope.KIND.format("answer")
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(body), body)
    signatures = [
        {"keyid": k.public.fingerprint, "sig": base64.b64encode(k.sign(signed)).decode()}
        for k in keys_of(made, "north")
    ]
    whole = {"payload": base64.b64encode(body).decode(), "payloadType": kind, "signatures": signatures}
    with pytest.raises(RefusedError, match=r"bad_form|not_canonical"):
        pool(made.coordinator, asked, [sealed(made, json.dumps(whole).encode())], publish=False, now=LATER)


@pytest.mark.parametrize(
    ("ask", "place", "number"),
    [
        ("count:cohort", ("count", "treated"), 10_000_001),
        ("van_elteren:il6:d28", ("ranks", "n"), 2**53 - 1),
        ("exact:any_event", ("events", "control", "n"), 2**53 - 1),
        ("rate_ratio:any_event", ("events", "treated", "events"), 10**9),
        ("rate_ratio:any_event", ("events", "treated", "person_days"), 1e70),
        ("mean:age", ("moments", "control", "squares"), 1e70),
        ("mean:age", ("moments", "control", "total"), 1e200),
    ],
)
def test_numbers_that_no_site_has(made, ask, place, number):
    """From which a result would never end, or be infinite."""
    made.policy("north", 'agreement = "DUA 1"\n')
    asked = made.request(ask, agreement="DUA 1")
    raw = msgspec.to_builtins(made.opened("north", made.answer("north", asked)))
    at, *_ = raw["parts"][0]
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = number
    odd = msgspec.defstruct("Odd", [*raw])(**raw)
    refused_at_pool(made, asked, [sealed(made, odd, *keys_of(made, "north"))], "bad_form")


def test_ranks_that_no_patients_have(made):
    asked, _, found = answered(made, "van_elteren:lesion:d90")
    body = envelope.canonical(found)
    assert b'"u":48,' in body or b'"u":48}' in body
    raw = msgspec.json.decode(body.replace(b'"u":48', b'"u":4900'))
    odd = msgspec.defstruct("Odd", [*raw])(**raw)
    refused_at_pool(made, asked, [sealed(made, odd, *keys_of(made, "north"))], "bad_form")


def test_no_refusal_and_no_ledger_names_a_patient(done):
    made, *_ = done
    ids = [p for (p,) in folders.rows(north(made), "SELECT DISTINCT patient_id FROM cohort")]
    kept = b"".join(p.read_bytes() for p in (north(made) / "federate").iterdir())
    assert len(ids) == 40
    assert not [p for p in ids if p.encode() in kept]


def test_what_a_site_signs_is_read_by_the_coordinator_alone(done):
    made, _, path, found = done
    assert isinstance(found, Answer)
    assert b'"parts"' not in path.read_bytes()
    with pytest.raises(RefusedError, match="not_for_us"):
        box.unseal(path.read_bytes(), by=made.key("south", "site"), where=path)


def test_files_in_the_way_are_no_requests(quiet):
    path = north(quiet) / "junk"
    files.whole(path, b"{}" * 10)
    refused_at_site(quiet, path, "not_signed")
    files.whole(path, b" " * (envelope.LARGEST + 1))
    refused_at_site(quiet, path, "too_large")
    assert members.own(north(quiet)).name == "north"
