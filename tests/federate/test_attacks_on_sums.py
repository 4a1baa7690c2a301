"""Each way to get at one site through a secure sum: refused by its code, and in the ledger."""

import msgspec
import pytest

from rwe.errors import RefusedError, UsageError
from rwe.federate import rules
from rwe.federate.answer import answer
from rwe.federate.approve import approve
from rwe.federate.keys import Secret
from rwe.federate.messages import Ask, Part
from rwe.federate.pool import pool
from rwe.federate.refusals import REFUSALS
from rwe.federate.show import show
from tests.cli import folders
from tests.federate import drop
from tests.federate.drop import LATER, SITES
from tests.federate.test_attacks import (
    answered,
    forged,
    keys_of,
    lines,
    north,
    refused_at_pool,
    refused_at_site,
    sealed,
)

AGE = Ask(statistic="quartiles", variable="age")
SUM = {"agreement": "DUA 1", "tier": "agreement", "patients": 100}


def federation(ready, target):
    made = drop.federation(target, {"north": ready("north")})
    made.policy("north", 'agreement = "DUA 1"\n')
    return made


@pytest.fixture
def made(ready, tmp_path):
    return federation(ready, tmp_path)


@pytest.fixture(scope="module")
def quiet(ready, tmp_path_factory):
    """Has never answered anything; no test may change it."""
    return federation(ready, tmp_path_factory.mktemp("quiet"))


def of_ages(made, **more):
    return made.request("quartiles:age", agreement="DUA 1", patients=100, **more)


def west(made):
    """One more who takes part."""
    for who in ("coordinator", "north"):
        path = made.folders[who] / "federate" / "members.toml"
        site, steward = (Secret.make().public.text for _ in range(2))
        path.write_text(path.read_text() + f'[site.west]\nsite = "{site}"\nsteward = "{steward}"\n')


@pytest.mark.parametrize(
    ("sites", "code"),
    [
        (["north"], "too_few_sites"),
        (["north", "south"], "too_few_sites"),
        (["north", "north", "north"], "too_few_sites"),
        (["north", "north", "south", "centre"], "too_few_sites"),
        (["north", "ghost", "shade"], "not_pinned"),
        (["north", "south", "ghost"], "not_pinned"),
    ],
)
def test_a_coordinator_who_asks_one_site_alone_or_among_sites_of_its_own(quiet, sites, code):
    refused_at_site(quiet, forged(quiet, asks=[AGE], sites=sites, **SUM), code)


def test_a_sum_without_an_agreement_or_without_saying_so(quiet):
    refused_at_site(quiet, forged(quiet, asks=[AGE], **{**SUM, "agreement": "another"}), "no_agreement")
    refused_at_site(quiet, forged(quiet, asks=[AGE], **{**SUM, "tier": "publish"}), "no_agreement")
    refused_at_site(quiet, forged(quiet, asks=[AGE], **{**SUM, "patients": 0}), "no_secure_sum")
    refused_at_site(quiet, forged(quiet, asks=[AGE], **{**SUM, "patients": 10**9}), "no_secure_sum")


def test_a_sum_with_a_smaller_arm_than_the_site_allows(made):
    made.policy("north", 'agreement = "DUA 1"\nmin_arm = 10\n')
    refused_at_site(made, of_ages(made), "stricter_here")
    assert show(north(made), of_ages(made, min_arm=10), now=LATER).prepared.released == 2


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (Ask(statistic="count_below", variable="age", centre=61.5), "unknown_statistic"),
        (Ask(statistic="quantile_below", variable="age", centre=61.5), "never_leaves"),
        (Ask(statistic="quartiles", variable="age <= 61.5"), "not_in_study"),
        (Ask(statistic="minimum", variable="age"), "never_leaves"),
        (Ask(statistic="max", variable="age"), "never_leaves"),
    ],
    ids=str,
)
def test_quartiles_by_bisection_and_a_minimum_under_masks(quiet, ask, code):
    refused_at_site(quiet, forged(quiet, asks=[ask], **SUM), code)


def test_the_same_quartiles_about_many_cuts(quiet):
    asks = [Ask(statistic="quartiles", variable="age", centre=cut) for cut in (50.0, 60.0)]
    refused_at_site(quiet, forged(quiet, asks=asks, **SUM), "asked_twice")


def test_a_plain_mean_and_a_sum_of_the_same_in_one_request(quiet):
    asks = [AGE, Ask(statistic="mean", variable="age")]
    refused_at_site(quiet, forged(quiet, asks=asks, **SUM), "mixed")
    events = [
        Ask(statistic="log_rank", variable="any_event"),
        Ask(statistic="two_by_two", variable="serious_event"),
    ]
    refused_at_site(quiet, forged(quiet, asks=events, **SUM), "mixed")


def test_a_plain_mean_and_a_sum_of_the_same_one_after_the_other(made):
    """The plain numbers of all other sites, taken from the sum, would be this one's."""
    made.answer("north", of_ages(made))
    refused_at_site(made, made.request("mean:age"), "mixed", before=1)
    answered(made, "mean:days_from_anchor")
    asked = made.request("quartiles:days_from_anchor", agreement="DUA 1", patients=100)
    refused_at_site(made, asked, "mixed", before=2)


def test_the_same_sum_over_other_sites(made):
    """{north, centre, south} less {north, centre} would be south."""
    made.answer("north", of_ages(made))
    west(made)
    refused_at_site(made, of_ages(made, sites=("north", "centre", "west")), "other_sites", before=1)
    refused_at_site(made, of_ages(made), "other_sites", before=1)
    again = of_ages(made, sites=("south", "centre", "north"))
    assert made.answer("north", again).exists()


def test_another_sum_over_other_sites(made):
    """By another name it may be of the same values; plain numbers are no part of it."""
    made.answer("north", of_ages(made))
    west(made)
    sites = ("north", "centre", "west")
    other = made.request("quartiles:days_from_anchor", agreement="DUA 1", patients=100, sites=sites)
    refused_at_site(made, other, "other_sites", before=1)
    assert made.answer("north", made.request("mean:days_from_anchor", sites=sites)).exists()


def test_two_sums_that_differ_by_one_patient(made):
    made.answer("north", of_ages(made))
    (patient,) = folders.rows(
        north(made), "SELECT patient_id FROM cohort WHERE arm = 'treated' ORDER BY patient_id LIMIT 1"
    )[0]
    drop.run("purge", "--patient", patient, "--yes", "--dir", north(made))
    drop.run("cohort", "--dir", north(made))
    asked = of_ages(made)
    approve(north(made), asked, now=LATER)
    for act in (show, answer):
        with pytest.raises(RefusedError, match="differs_by_few"):
            act(north(made), asked, now=LATER)
    assert lines(made, "north")[-1].code == "differs_by_few"


def test_a_sum_without_room_for_this_sites_patients(made):
    asked = made.request("quartiles:age", agreement="DUA 1", patients=8)
    approve(north(made), asked, now=LATER)
    for act in (show, answer):
        with pytest.raises(RefusedError, match="too_many"):
            act(north(made), asked, now=LATER)
    assert not [*(north(made) / "federate").glob("answer*")]


def test_one_answer_alone_tells_nothing_and_no_other_can_be_put_in_its_place(made):
    asked = of_ages(made)
    path = made.answer("north", asked)
    found = made.opened("north", path)
    rows = pool(made.coordinator, asked, [path], publish=False, now=LATER).rows
    assert {(r.status, r.reason, r.treated, r.estimate) for r in rows} == {
        ("suppressed", "site_missing", None, None)
    }
    other = msgspec.structs.replace(found, site="south")
    refused_sum = [path, sealed(made, other, *keys_of(made, "north"))]
    (made.coordinator / "results" / "pooled.json").unlink()
    refused_at_pool(made, asked, refused_sum, "wrong_site")


@pytest.mark.parametrize(
    "part",
    [
        Part(stratum="moderate", masked="AAAA"),
        Part(stratum="moderate", masked="no Base64!"),
        Part(stratum="moderate", masked=""),
        Part(stratum="moderate", suppressed="small_arm"),
        Part(stratum="moderate"),
    ],
)
def test_an_answer_that_is_no_masked_sum(made, part):
    asked = of_ages(made)
    found = made.opened("north", made.answer("north", asked))
    found = msgspec.structs.replace(found, parts=[[part, found.parts[0][1]]])
    refused_at_pool(made, asked, [sealed(made, found, *keys_of(made, "north"))], "bad_form")


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"agreement": "DUA 1"}, "needs --secure-sum"),
        ({"patients": 100}, "needs --agreement"),
        ({"patients": 100, "agreement": "DUA 1", "sites": ("north", "south")}, "at least 3 sites"),
        ({"patients": 5000, "agreement": "DUA 1"}, "too many for one answer"),
    ],
)
def test_a_request_that_every_site_would_refuse_is_not_made(quiet, wish, says):
    with pytest.raises(UsageError, match=says):
        quiet.request("quartiles:age", "quartiles:days_from_anchor", **wish)


def test_r11_all_is_summed_over_one_set_of_sites_and_what_is_summed_never_told_plainly():
    sites = [*SITES]
    assert rules.sums_differ({"age|": sites}, {"il6|d28"}, ({"age|": sites[::-1]}, {"il6|d28"})) is None
    assert rules.sums_differ({"age|": sites}, set(), ({"age|": sites[:2]}, set())) == "other_sites"
    assert rules.sums_differ({"age|": sites}, set(), ({"il6|d28": sites[:2]}, set())) == "other_sites"
    assert rules.sums_differ({}, {"age|"}, ({"il6|d28": sites[:2], "il6|d90": sites}, set())) is None
    assert rules.sums_differ({"age|": sites}, set(), ({}, {"age|"})) == "mixed"
    assert rules.sums_differ({}, {"age|"}, ({"age|": sites}, set())) == "mixed"
    assert rules.group("any_event", None) == rules.group("serious_event", None)
    assert {"too_few_sites", "not_pinned", "other_sites", "mixed"} <= {*REFUSALS}
