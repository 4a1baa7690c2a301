"""Each way to choose where a model is looked at, or to get at one site by its rounds: refused, audited."""

import base64
import shutil
from datetime import timedelta

import duckdb
import msgspec
import numpy as np
import pytest

from rwe.errors import RefusedError
from rwe.federate import box, envelope
from rwe.federate.answer import either
from rwe.federate.approve import approve
from rwe.federate.carried import Carried, carried
from rwe.federate.keys import Secret
from rwe.federate.masks import Site
from rwe.federate.messages import Ask, Request, Round, Sums
from rwe.federate.pool import pool, rounds
from rwe.federate.rounds import site, vector
from rwe.federate.rounds.slots import Slot
from rwe.stats.rounds.step import HIDDEN
from tests.cli import folders
from tests.federate import drop
from tests.federate.drop import LATER, SITES
from tests.federate.test_attacks import forged, lines, refused_at_site, sealed

ANCOVA = "ancova:il6:d28"


def federation(ready, target):
    made = drop.federation(target, {name: ready(name) for name in SITES})
    for name in SITES:
        made.policy(name, 'agreement = "DUA 1"\n')
    return made


@pytest.fixture(scope="module")
def made(ready, tmp_path_factory):
    return federation(ready, tmp_path_factory.mktemp("rounds"))


class Begun:
    """A request that all sites have answered; its second round is ready."""

    def __init__(self, made, *asks, **wish):
        self.made = made
        self.asked = made.request(*(asks or (ANCOVA,)), agreement="DUA 1", **wish)
        self.answers = [made.answer(name, self.asked) for name in SITES]
        self.pooled, self.next = self.pool()

    def pool(self):
        return rounds(self.made.coordinator, self.asked, self.answers, publish=False, now=LATER)

    def answer(self, *names):
        for name, path in zip(SITES, self.next, strict=True):
            if name in names:
                self.answers.append(either(self.made.folders[name], path, now=LATER).file)

    def all_answer(self):
        self.answer(*SITES)
        self.pooled, self.next = self.pool()

    def round(self):
        """As north reads it."""
        key = self.made.key("north", "site")
        plain = box.unseal(self.next[0].read_bytes(), by=key, info=box.ROUND, where="")
        public = self.made.key("coordinator", "coordinator").public
        return envelope.opened(plain, "round", Round, keys=[public], where="")

    def send(self, changed, *, by=None, to=None):
        """A Round as a dishonest coordinator would seal it."""
        path = self.made.coordinator / "round.sealed"
        signed = envelope.sign(changed, "round", by or self.made.key("coordinator", "coordinator"))
        path.write_bytes(box.seal(signed, to=to or self.made.key("north", "site").public, info=box.ROUND))
        return path


@pytest.fixture
def begun(made):
    return Begun(made)


def refused(made, path, code, *, who="north", now=LATER):
    folder = made.folders[who]
    before = {*(folder / "federate").glob("answer-*")}
    with pytest.raises(RefusedError) as e:
        either(folder, path, now=now)
    assert e.value.code == code
    assert {*(folder / "federate").glob("answer-*")} == before
    assert (lines(made, who)[-1].what, lines(made, who)[-1].code) == ("refused", code)


def replaced(told, changed):
    """Of north's: with other contents, by north's hand no more."""
    whole = msgspec.json.decode(told)
    whole["payload"] = base64.b64encode(changed(base64.b64decode(whole["payload"]))).decode()
    return msgspec.json.encode(whole).decode()


def test_sums_that_the_coordinator_changed_or_made_up(made, begun):
    sound = begun.round()
    other = replaced(sound.told[1], lambda body: body.replace(b'"number":1', b'"number":2'))
    refused(
        made,
        begun.send(msgspec.structs.replace(sound, told=[sound.told[0], other, sound.told[2]])),
        "bad_signature",
    )
    body = envelope.unverified(sound.told[1].encode(), Sums, where="")
    own = envelope.sign(body, "sums", made.key("coordinator", "coordinator"), Secret.make()).decode()
    refused(
        made,
        begun.send(msgspec.structs.replace(sound, told=[sound.told[0], own, sound.told[2]])),
        "bad_signature",
    )


def test_sums_without_a_site_or_with_one_twice(made, begun):
    sound = begun.round()
    north, centre, _ = sound.told
    refused(made, begun.send(msgspec.structs.replace(sound, told=[north, centre])), "bad_form")
    refused(made, begun.send(msgspec.structs.replace(sound, told=[north, centre, centre])), "bad_signature")
    refused(made, begun.send(msgspec.structs.replace(sound, told=[centre, north, north])), "bad_signature")


def test_sums_of_another_request_under_this_one(made, begun):
    sound, other = begun.round(), Begun(made).round()
    mixed = [*sound.told[:2], other.told[2]]
    refused(made, begun.send(msgspec.structs.replace(sound, told=mixed)), "other_request")


def test_a_round_by_a_stranger_or_sealed_to_another(made, begun):
    sound = begun.round()
    refused(made, begun.send(sound, by=Secret.make()), "bad_signature")
    refused(made, begun.next[1], "not_for_us")
    refused(made, begun.send(sound, to=made.key("north", "steward").public), "not_for_us")


def test_an_answer_or_a_request_sent_as_a_round(made, begun):
    refused(made, begun.answers[0], "not_for_us")
    path = made.coordinator / "posing.sealed"
    path.write_bytes(box.seal(begun.asked.read_bytes(), to=made.key("north", "site").public, info=box.ROUND))
    refused(made, path, "wrong_kind")


def test_a_round_twice_and_one_too_early(made, begun):
    sound = begun.round()
    refused(made, begun.send(msgspec.structs.replace(sound, number=3)), "round_missed")
    refused(made, begun.send(msgspec.structs.replace(sound, number=1)), "bad_form")
    refused(made, begun.send(msgspec.structs.replace(sound, number=10**6)), "bad_form")
    either(made.folders["north"], begun.next[0], now=LATER)
    refused(made, begun.next[0], "answered_before")
    refused(made, begun.send(msgspec.structs.replace(sound, asked=sound.asked + " ")), "answered_before")


def test_a_round_that_an_engine_brings_is_answered_and_the_same_bytes_given_again(made, begun):
    brought = begun.next[0].read_bytes()
    first = carried(made.folders["north"], brought, now=LATER)
    (file,) = (made.folders["north"] / "federate").glob(f"answer-{begun.next[0].name[6:14]}-north-2.sealed")
    assert (first.code, first.answer) == ("", file.read_bytes())
    assert carried(made.folders["north"], brought, now=LATER) == first
    file.unlink()
    assert carried(made.folders["north"], brought, now=LATER) == Carried(code="answered_before")
    assert carried(made.folders["south"], brought, now=LATER) == Carried(code="not_for_us")


def test_a_round_of_a_request_that_was_not_answered_here(made):
    asked = made.request(ANCOVA, agreement="DUA 1")
    body = Round(number=2, asked=asked.read_text(), told=["", "", ""])
    path = made.coordinator / "round.sealed"
    signed = envelope.sign(body, "round", made.key("coordinator", "coordinator"))
    path.write_bytes(box.seal(signed, to=made.key("north", "site").public, info=box.ROUND))
    refused(made, path, "round_missed")


def test_a_round_after_the_request_has_expired(ready, tmp_path):
    made = federation(ready, tmp_path)
    refused(made, Begun(made).next[0], "expired", now=LATER + timedelta(days=15))


def test_two_rounds_of_the_same_number_to_two_sites_never_join(made, begun):
    """What would be the difference of two looks at one site is noise, and the next round is refused."""
    sound = begun.round()
    other = begun.send(msgspec.structs.replace(sound, asked=sound.asked + " "))
    begun.answers.append(either(made.folders["north"], other, now=LATER).file)
    begun.answer("centre", "south")
    with pytest.raises(RefusedError, match="other_round"):
        begun.pool()
    sums = [opened(made, path) for path in begun.answers[3:]]
    for name in sums[0].slots:
        assert vector.total([s.slots[name] for s in sums], 5) is None
    told = [signed(made, path) for path in begun.answers[3:]]
    refused(made, begun.send(Round(number=3, asked=sound.asked, told=told)), "other_round")


def signed(made, path):
    return box.unseal(path.read_bytes(), by=made.key("coordinator", "coordinator"), where="").decode()


def opened(made, path):
    return envelope.unverified(signed(made, path).encode(), Sums, where="")


def test_one_sites_sums_are_noise_and_two_rounds_of_it_are_not_alike(made, begun):
    (first,) = [begun.round().told[0]]
    before = envelope.unverified(first.encode(), Sums, where="").slots
    begun.all_answer()
    after = opened(made, begun.answers[3]).slots
    for slots in (before, after):
        for text in slots.values():
            assert vector.total([text], len(base64.b64decode(text)) // vector.WIDTH) is None
    assert not {*before.values()} & {*after.values()}


def test_an_arm_too_small_over_all_sites_has_sizes_and_nothing_more(made):
    begun = Begun(made, min_arm=40)
    held = {r.stratum: (r.status, r.reason) for r in begun.pooled.rows}
    assert held == dict.fromkeys(("moderate", "severe", "all"), ("suppressed", "small_arm"))
    assert begun.next == []
    sound = Begun(made).round()
    told = [made.opened(name, path).sums for name, path in zip(SITES, begun.answers, strict=True)]
    path = begun.send(msgspec.structs.replace(sound, asked=begun.asked.read_text(), told=told))
    refused(made, path, "nothing_left")


def test_a_total_goes_no_further_than_its_smallest_stratum(made):
    """Less the other strata, its sums would be those of the one that is held back."""
    begun = Begun(made, "ancova:six_mwd:d28")
    assert {r.stratum: (r.status, r.reason) for r in begun.pooled.rows} == {
        "moderate": ("suppressed", "small_arm"),
        "severe": ("unfinished", "round 2"),
        "all": ("suppressed", "small_arm"),
    }
    begun.answer("north")
    assert [*opened(made, begun.answers[-1]).slots] == ["0|severe"]


def test_two_visits_of_nearly_the_same_patients_are_no_two_models(made):
    """The baselines of one less those of the other are those of the few who differ."""
    both = made.request("ancova:il6:d28", "ancova:il6:d90", agreement="DUA 1")
    refused_at(made, both, "differs_by_few")
    Begun(made)
    refused_at(made, made.request("ancova:il6:d90", agreement="DUA 1"), "differs_by_few")


def refused_at(made, asked, code, *, who="north"):
    approve(made.folders[who], asked, now=LATER)
    refused(made, asked, code, who=who)


def test_what_all_others_have_together_is_not_of_few_either(ready, tmp_path):
    """Every site sees the totals: less its own they are the others'."""
    made = federation(ready, tmp_path)
    treated = "arm = 'treated' AND endpoint = 'il6' AND visit = 'd28'"
    some = f"SELECT patient_id FROM endpoint_value WHERE {treated} AND stratum = 'moderate' "
    for name in ("centre", "south"):
        with duckdb.connect(made.folders[name] / "data" / "store.duckdb") as db:
            db.execute(
                f"UPDATE endpoint_value SET value = NULL WHERE {treated} AND patient_id NOT IN ({some} "
                "AND value IS NOT NULL AND comparator IS NULL ORDER BY patient_id LIMIT 2)"
            )
    begun = Begun(made)
    assert {row.status for row in begun.pooled.rows} == {"unfinished"}
    begun.all_answer()
    assert {row.reason for row in begun.pooled.rows} == {"held_at_site"}
    assert begun.next == []


def test_a_total_is_held_back_at_a_site_with_one_of_its_strata(made, begun, monkeypatch):
    """In the very round: less the sums of the other strata it would be those that are held back."""
    monkeypatch.setattr(site, "_of_few", lambda *_: [Slot(0, "severe")])
    begun.answer("north")
    monkeypatch.undo()
    begun.answer("centre", "south")
    begun.pooled, begun.next = begun.pool()
    assert {r.stratum: r.reason for r in begun.pooled.rows} == {
        "moderate": "round 3",
        "severe": "held_at_site",
        "all": "held_at_site",
    }
    sums = [opened(made, path) for path in begun.answers[3:]]
    for name, hidden in (("0|moderate", False), ("0|severe", True), ("0|all", True)):
        total = vector.total([s.slots[name] for s in sums], 5)
        assert bool((np.abs(total) >= HIDDEN).all()) == hidden


def test_sums_that_no_patients_have_end_in_a_refusal_at_both_ends(made, begun):
    """South puts in what makes a number of patients negative."""
    slot = vector.Slot(
        request=envelope.digest(envelope_of(made, begun)), place=0, stratum="moderate", number=1, before=""
    )
    keys = [made.key("south", role) for role in ("site", "steward")]
    others = {name: made.key(name, "site").public for name in ("north", "centre")}
    text = vector.masked(np.array([-1000.0, 0, 0, 0]), slot, Site(name="south", own=keys[0], others=others))
    sound = envelope.unverified(begun.round().told[2].encode(), Sums, where="")
    odd = msgspec.structs.replace(sound, slots={**sound.slots, "0|moderate": text})
    told = [*begun.round().told[:2], envelope.sign(odd, "sums", *keys).decode()]
    refused(made, begun.send(msgspec.structs.replace(begun.round(), told=told)), "no_sums")
    answer = msgspec.structs.replace(made.opened("south", begun.answers[2]), sums=told[2])
    path = sealed(made, answer, *keys)
    with pytest.raises(RefusedError, match="no_sums"):
        pool(made.coordinator, begun.asked, [*begun.answers[:2], path], publish=False, now=LATER)


def test_an_answer_without_the_sums_that_are_asked_for(made, begun):
    answer = msgspec.structs.replace(made.opened("south", begun.answers[2]), sums="")
    path = sealed(made, answer, *(made.key("south", role) for role in ("site", "steward")))
    with pytest.raises(RefusedError, match="bad_form"):
        pool(made.coordinator, begun.asked, [*begun.answers[:2], path], publish=False, now=LATER)


def test_a_site_that_wants_larger_cells_takes_no_part(made):
    made.policy("north", 'agreement = "DUA 1"\nmin_cell = 10\n')
    try:
        refused_at_site(made, made.request(ANCOVA, agreement="DUA 1"), "stricter_here", before=count(made))
    finally:
        made.policy("north", 'agreement = "DUA 1"\n')


def count(made):
    return len([*(made.folders["north"] / "federate").glob("answer-*")])


def test_a_model_without_an_agreement_or_over_two_sites(made):
    ask = [Ask(statistic="ancova", variable="il6", visit="d28")]
    told = {"asks": ask, "tier": "agreement", "agreement": "another"}
    refused_at_site(made, forged(made, **told), "no_agreement", before=count(made))
    few = {"asks": ask, "tier": "agreement", "agreement": "DUA 1", "sites": ["north", "south"]}
    refused_at_site(made, forged(made, **few), "too_few_sites", before=count(made))


def test_a_models_baseline_is_told_by_sums_alone(made):
    Begun(made)
    refused_at_site(made, made.request("mean:il6:baseline"), "mixed", before=count(made))
    both = [
        Ask(statistic="ancova", variable="d_dimer", visit="d28"),
        Ask(statistic="mean", variable="d_dimer", visit="baseline"),
    ]
    wish = {"tier": "agreement", "agreement": "DUA 1"}
    refused_at_site(made, forged(made, asks=both, **wish), "mixed", before=count(made))


def test_a_site_that_answers_for_another_spoils_nothing_but_its_own(made, begun):
    """South sends centre's round as its own."""
    begun.answer(*SITES)
    sums = msgspec.structs.replace(opened(made, begun.answers[4]), site="south")
    keys = [made.key("centre", role) for role in ("site", "steward")]
    path = made.coordinator / "posing.sealed"
    path.write_bytes(
        box.seal(envelope.sign(sums, "sums", *keys), to=made.key("coordinator", "coordinator").public)
    )
    begun.answers[5] = path
    with pytest.raises(RefusedError, match="bad_signature"):
        begun.pool()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"slots": {}}, "bad_form"),
        ({"slots": {"0|moderate": "AAAA", "0|severe": "AAAA", "0|all": "AAAA"}}, "masks_left"),
        ({"number": 3}, "other_request"),
        ({"query": "0" * 32}, "other_request"),
        ({"before": "0" * 64}, "other_round"),
    ],
)
def test_a_sites_sums_that_are_not_those_of_the_round(made, begun, changed, code):
    begun.answer(*SITES)
    sums = msgspec.structs.replace(opened(made, begun.answers[5]), **changed)
    keys = [made.key("south", role) for role in ("site", "steward")]
    path = made.coordinator / "odd.sealed"
    path.write_bytes(
        box.seal(envelope.sign(sums, "sums", *keys), to=made.key("coordinator", "coordinator").public)
    )
    begun.answers[5] = path
    if changed.get("number"):
        found, _ = begun.pool()
        assert found.unfinished == "3 models go on to round 2, which waits for south"
        return
    with pytest.raises(RefusedError, match=code):
        begun.pool()


def test_a_round_file_given_twice(made, begun):
    begun.answer(*SITES)
    begun.answers.append(shutil.copy(begun.answers[3], made.coordinator / "again.sealed"))
    with pytest.raises(RefusedError, match="given_twice"):
        begun.pool()


def test_what_all_sites_had_that_is_lost_ends_it(made, begun):
    begun.all_answer()
    (kept,) = (made.folders["north"] / "federate").glob(
        f"rounds-{envelope.digest(envelope_of(made, begun))}.json"
    )
    before = kept.read_bytes()
    for content in (b"[]", b"no JSON", b""):
        kept.write_bytes(content)
        refused(made, begun.next[0], "rounds_lost")
    kept.write_bytes(before)
    begun.all_answer()
    assert begun.next == []
    assert {r.status for r in begun.pooled.rows} == {"estimated"}


def envelope_of(made, begun):
    keys = [made.key("coordinator", "coordinator").public]
    return envelope.opened(begun.asked.read_bytes(), "request", Request, keys=keys, where="")


def test_patients_who_come_or_go_between_rounds(ready, tmp_path):
    made = federation(ready, tmp_path)
    begun = Begun(made)
    north = made.folders["north"]
    (patient,) = folders.rows(
        north,
        "SELECT patient_id FROM endpoint_value WHERE endpoint = 'il6' AND visit = 'd28' "
        "AND value IS NOT NULL ORDER BY patient_id LIMIT 1",
    )[0]
    drop.run("purge", "--patient", patient, "--yes", "--dir", north)
    drop.run("cohort", "--dir", north)
    refused(made, begun.next[0], "data_changed")
    assert pool(made.coordinator, begun.asked, begun.answers, publish=False, now=LATER).unfinished
