"""What a site lets the engine do is written by the site itself, and is as little as carries a request."""

import json

import pytest

from rwe.errors import UsageError
from rwe.federate import engine
from rwe.federate.engine import policy

OURS = "rwe.federate.engine."


def test_at_a_site_nobody_may_ship_code_read_files_or_steer_the_engine():
    (rights,) = policy.permissions(policy.AT_SITE)["permissions"].values()
    assert {right for right, whom in rights.items() if whom != "none"} == {"submit_job"}
    assert {"byoc", "shell_commands", "operate", "view", "server-predeployed-flwr"} <= {*rights}


def test_the_coordinator_ships_no_code_either_and_nobody_reaches_its_shell():
    (rights,) = policy.permissions(policy.AT_COORDINATOR)["permissions"].values()
    assert [rights[right] for right in ("byoc", "shell_commands", "operate")] == ["none"] * 3


@pytest.mark.parametrize("resources", [policy.site_resources(), policy.coordinator_resources("/here")])
def test_a_job_may_name_one_class_of_ours_and_none_that_computes(resources):
    assert resources["class_list_enforcement_mode"] == "enforce"
    ours, other = resources["class_allow_list"]
    assert ours.startswith(OURS)
    assert other in (policy.STREAMER, policy.RECEIVER)


def test_no_log_leaves_a_site():
    found = policy.site_resources()
    assert found["allow_log_streaming"] is False
    assert not [part for part in found["components"] if "log" in part["path"].rpartition(".")[2].lower()]


def test_jobs_and_results_lie_in_the_folder_of_this_federation_alone():
    text = json.dumps(policy.coordinator_resources("/here"))
    assert "/tmp/" not in text
    assert {"/here/jobs", "/here/snapshots"} <= {*text.split('"')}


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="NVFlare") as e:
        engine.require()
    assert "rwe[federated]" in e.value.hint
