"""A request says all that is asked, is signed, and asks for nothing that is not on the list."""

import pytest

from rwe import study
from rwe.errors import RefusedError, StudyError, UsageError
from rwe.federate import envelope, members, request
from rwe.federate.keys import Secret
from rwe.federate.messages import Ask, Request
from tests.cli import folders
from tests.federate import drop


@pytest.fixture
def made(tmp_path):
    return drop.federation(tmp_path)


def opened(made, path):
    keys = [made.key("coordinator", "coordinator").public]
    return envelope.opened(path.read_bytes(), "request", Request, keys=keys, where=path)


def test_a_request_names_plan_statistics_sites_nonce_and_expiry(made):
    path = made.request("van_elteren:il6:d28", "mean:age@60", agreement="DUA 2026-03", days=7)
    found = opened(made, path)
    assert found.study == "uc-msc-covid19"
    assert found.plan == request.parts(study.load(made.folders["south"]))
    assert {"the study file", "code list uc-msc", "SQL", "mappings", "software"} < set(found.plan)
    assert found.asks == [
        Ask(statistic="van_elteren", variable="il6", visit="d28"),
        Ask(statistic="mean", variable="age", centre=60.0),
    ]
    assert (found.sites, found.tier) == (["north", "centre", "south"], "agreement")
    assert len(bytes.fromhex(found.query)) == 16
    assert (found.created, found.not_after) == ("2026-03-01T12:00:00.000Z", "2026-03-08T12:00:00.000Z")


def test_two_requests_never_have_one_nonce(made):
    assert (
        opened(made, made.request("count:cohort")).query != opened(made, made.request("count:cohort")).query
    )


def test_without_a_statistic_named_all_that_the_study_needs_are_asked_in_less_than_100_kb(made):
    path = made.request()
    asks = [str(a) for a in opened(made, path).asks]
    assert len(asks) == len({*asks}) > 40
    assert {"count:cohort", "mean:FEV1:baseline", "van_elteren:six_mwd:d360", "odds_ratio:any_event"} < {
        *asks
    }
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ("minimum:age", "no such statistic"),
        ("van_elteren:il6:d28:more", "no such statistic"),
        ("van_elteren:il6:d29", "no such variable"),
        ("van_elteren:il6; DROP TABLE cohort:d28", "no such variable"),
        ("van_elteren", "no such variable"),
        ("mean:age@old", "must be a number"),
        *(
            (f"mean:age@{far}", "centre after @ must be from")
            for far in ("nan", "inf", "-inf", "1e9", "-1000001")
        ),
    ],
)
def test_what_cannot_be_asked_is_said_with_what_can(made, ask, says):
    with pytest.raises(UsageError, match=says) as e:
        made.request(ask)
    assert e.value.hint or "centre" in str(e.value)


def test_what_a_study_has_nothing_of_is_said(made):
    with pytest.raises(UsageError, match="no such variable") as e:
        made.request("weighted_difference:il6:d28", agreement="DUA 1")
    assert e.value.hint == "nothing may be asked: the study has no [propensity] with weights"


@pytest.mark.parametrize("text", ["DUA\n1", "\x1b[2J", "A" * 201])
def test_an_agreement_that_no_site_would_print_is_not_named(made, text):
    with pytest.raises(UsageError, match="--agreement: must be one line"):
        made.request("count:cohort", agreement=text)


def test_a_site_that_nobody_pinned_is_not_asked(made):
    with pytest.raises(UsageError, match="west: members") as e:
        made.request("count:cohort", sites=("west",))
    assert e.value.hint == "sites: north, centre, south"


def test_the_coordinator_asks_with_the_key_that_the_sites_know(made):
    path = made.coordinator / "federate" / "coordinator.key"
    path.unlink()
    Secret.make().write(path)
    with pytest.raises(RefusedError, match="wrong_key"):
        made.request("count:cohort")


def test_one_key_is_never_two_members(made):
    path = made.coordinator / "federate" / "members.toml"
    north = made.key("north", "site").public.text
    folders.edit(path, made.key("north", "steward").public.text, north)
    with pytest.raises(StudyError, match="a key stands twice"):
        members.load(made.coordinator)


def test_a_policy_may_only_tighten(made):
    path = made.folders["north"] / "federate" / "policy.toml"
    path.write_text("min_arm = 10\n")
    assert members.policy(made.folders["north"]).min_arm == 10
    for loose in ("min_arm = 4", "min_cell = 1", "requests = 51", "shortcuts = true"):
        path.write_text(loose)
        with pytest.raises(StudyError, match=loose.split()[0]):
            members.policy(made.folders["north"])
