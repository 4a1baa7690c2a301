"""Which job a site lets in, and what it keeps of those that have ended.  Needs no engine."""

import json
import os
import shutil
from pathlib import Path

import pytest

from rwe.federate.engine import jobs, policy
from rwe.federate.engine.admission import refused

APP = Path("8f14e45f-ceea-467f-a1f8-1e5ab3c3b0d1", "app_north")


@pytest.fixture
def job(tmp_path):
    """As a site has it on its disk; signed, which is looked at before."""
    config = tmp_path / APP / "config"
    config.mkdir(parents=True)
    for folder in (config.parent, config):
        for name in (".__nvfl_sig.json", ".__nvfl_submitter.crt"):
            (folder / name).touch()
    (config / policy.SERVER_CONFIG).write_text("{}")
    (config / policy.CLIENT_CONFIG).write_text(json.dumps(policy.site_job()))
    return tmp_path / APP


def test_the_job_of_a_request_is_let_in(job):
    assert refused(job) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("config_fed_client.conf", "config_fed_client.yml", "config_fed_client.json.default", "own.py"),
        *("resources.json", "comm_config.json", "fed_client.json", "more/config_fed_client.json"),
        *("../custom/own.py", "../log_config.json", "../x__j_resources.json", "../empty/"),
    ],
)
def test_a_job_with_any_other_file_or_folder_is_refused(job, name):
    path = job / "config" / name
    path.mkdir() if name.endswith("/") else path.parent.mkdir(exist_ok=True)
    if not path.is_dir():
        path.write_text("{}")
    assert refused(job) == "job refused: foreign_file"


@pytest.mark.parametrize(
    "more",
    [
        {"components": [{"id": "x", "path": "nvflare.app_common.logging.job_log_streamer.JobLogStreamer"}]},
        {"decomposer_module": "os"},
        {"executors": []},
    ],
)
def test_a_job_with_another_configuration_is_refused(job, more):
    path = job / "config" / "config_fed_client.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    assert refused(job) == "job refused: foreign_configuration"
    path.write_text("{")
    assert refused(job) == "job refused: foreign_configuration"
    path.unlink()
    assert refused(job) == "job refused: foreign_configuration"


@pytest.mark.parametrize("name", ["local", "startup", "8F14E45F-CEEA-467F-A1F8-1E5AB3C3B0D1"])
def test_a_job_that_takes_the_name_of_a_folder_of_the_sites_is_refused(job, tmp_path, name):
    shutil.copytree(job, tmp_path / name / "app_north")
    assert refused(tmp_path / name / "app_north") == "job refused: no_job_id"


def test_of_ended_jobs_the_newest_stay_and_nothing_else_goes(tmp_path):
    ids = [f"8f14e45f-ceea-467f-a1f8-00000000000{k}" for k in range(8)]
    for age, name in enumerate(reversed(ids)):
        (tmp_path / name / "app_north").mkdir(parents=True)
        os.utime(tmp_path / name, (age, age))
    for own in ("local", "startup", "storage"):
        (tmp_path / own).mkdir()
    (tmp_path / "log.txt").touch()
    jobs.tidy(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *ids[: jobs.KEPT],
        "local",
        "startup",
        "storage",
        "log.txt",
    }


@pytest.mark.parametrize(("more", "left"), [(0, "audit.log"), (1, "audit.log.1")])
def test_a_log_that_has_grown_large_begins_anew(tmp_path, more, left):
    (tmp_path / "audit.log").write_bytes(b"x" * (jobs.LARGE + more))
    jobs.bound(tmp_path / "audit.log")
    jobs.bound(tmp_path / "none.log")
    assert [path.name for path in tmp_path.iterdir()] == [left]
