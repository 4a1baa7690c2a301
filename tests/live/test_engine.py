"""Sites that share nothing but NVFlare give the answer of the file drop, and of all rows in one store."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from functools import partial
from math import sqrt
from pathlib import Path
from uuid import uuid4

import pytest
from scipy import stats

from rwe.federate.engine import jobs
from tests.cli import folders
from tests.federate import drop
from tests.federate.conftest import ready  # noqa: F401  a fixture
from tests.live import flare
from tests.run import rwe

pytestmark = pytest.mark.live
AGREEMENT = "DUA 1"
ASKS = ("count:cohort", "van_elteren:il6:d28", "difference_of_means:il6:d28@10")


@pytest.fixture(scope="module")
def stores(ready):  # noqa: F811  it
    if reason := flare.available():
        pytest.skip(reason)
    return {name: ready(name) for name in (*drop.SITES, "merged")}


@pytest.fixture(scope="module")
def made(stores, tmp_path_factory):
    made = drop.federation(tmp_path_factory.mktemp("engine"), stores)
    for name in drop.SITES:
        made.policy(name, f'agreement = "{AGREEMENT}"\n')
    return made


@pytest.fixture(scope="module")
def running(made):
    with flare.running(made.folders) as found:
        yield found


@pytest.fixture
def kit(running):
    return running.kit


@pytest.fixture(scope="module")
def lax(running):
    """The kit to submit with, once the server lets everything through."""
    running.become_lax()
    return running.kit


def asked_of(made):
    words = [word for ask in ASKS for word in ("--ask", ask)]
    words += ["--agreement", AGREEMENT]  # few have no value: such a number leaves under it alone
    return rwe("federate", "request", "--dir", made.coordinator, *words).stdout.strip()


def pooled(made, request, answers):
    said = rwe("federate", "pool", request, *answers, "--dir", made.coordinator, "--json").stdout
    return json.loads(said)["pooled"]["rows"]


def test_the_engine_brings_what_the_file_drop_brings_and_what_the_merged_rows_give(made, kit, stores):
    request = asked_of(made)
    for name in drop.SITES:
        rwe("federate", "approve", request, "--dir", made.folders[name])
    carried = rwe("federate", "carry", request, "--dir", made.coordinator, "--kit", kit).stdout.split()
    assert len(carried) == len(drop.SITES)
    by_engine = pooled(made, request, carried)

    by_hand = asked_of(made)
    answers = []
    for name in drop.SITES:
        rwe("federate", "approve", by_hand, "--dir", made.folders[name])
        answers += rwe("federate", "answer", by_hand, "--dir", made.folders[name]).stdout.split()
    assert by_engine == pooled(made, by_hand, answers)

    (row,) = [r for r in by_engine if r["statistic"] == "van_elteren" and r["stratum"] == "all"]
    assert row["test"]["statistic"] == pytest.approx(merged_z(stores["merged"]), abs=1e-9)


def test_the_engine_brings_a_model_round_by_round(made, kit):
    """As by hand: the equality with the merged rows is shown there."""
    ask = ("--ask", "ancova:d_dimer:d28", "--agreement", AGREEMENT)
    found = []
    for by in ("engine", "hand"):
        request = rwe("federate", "request", "--dir", made.coordinator, *ask).stdout.strip()
        for name in drop.SITES:
            rwe("federate", "approve", request, "--dir", made.folders[name])
        if by == "engine":
            files = rwe("federate", "carry", request, "--dir", made.coordinator, "--kit", kit).stdout.split()
        else:
            files = by_hand(made, request)
        assert len(files) == 3 * len(drop.SITES)
        found.append(pooled(made, request, files))
    assert found[0] == found[1]
    assert {row["status"] for row in found[0]} == {"estimated"}


def by_hand(made, request):
    files = [rwe("federate", "answer", request, "--dir", made.folders[n]).stdout.strip() for n in drop.SITES]
    for _ in range(2):
        ended = rwe("federate", "pool", request, *files, "--dir", made.coordinator, "--json", expect=3)
        for name, path in zip(drop.SITES, json.loads(ended.stdout)["next"], strict=True):
            files.append(rwe("federate", "answer", path, "--dir", made.folders[name]).stdout.strip())
    return files


def merged_z(merged):
    """van Elteren of all rows in one store, by its permutation moments."""
    cells = {}
    for site, stratum, arm, value in folders.rows(
        merged,
        "SELECT site_id, stratum, arm, value FROM endpoint_value "
        "WHERE value IS NOT NULL AND endpoint = 'il6' AND visit = 'd28'",
    ):
        cells.setdefault((site, stratum), {"treated": [], "control": []})[arm].append(value)
    away = variance = 0.0
    for arms in cells.values():
        m, n = len(arms["treated"]), len(arms["control"])
        scores = stats.rankdata(arms["treated"] + arms["control"]) / (m + n + 1)
        away += scores[:m].sum() - m * scores.mean()
        variance += m * n / (m + n) * scores.var(ddof=1)
    return away / sqrt(variance)


@pytest.fixture(scope="module")
def unapproved(made, running):
    """Carried to sites that still have the folders of many jobs before."""
    for folder in made.sites():
        for k in range(jobs.KEPT):
            old = folder / "federate" / "engine" / str(uuid4())
            old.mkdir()
            os.utime(old, (k, k))
    return rwe("federate", "carry", asked_of(made), "--dir", made.coordinator, "--kit", running.kit, expect=3)


def test_what_no_steward_approved_is_carried_and_not_answered(unapproved):
    assert unapproved.stdout.strip() == ""
    assert partial_lines(unapproved) == [f"partial: {name}: not_approved" for name in drop.SITES]


def test_what_jobs_leave_is_bounded_at_a_site_and_at_the_coordinator(made, unapproved):
    flare.wait_until(lambda: all(len(of_jobs(folder)) == jobs.KEPT for folder in made.sites()))
    stored = made.coordinator / "federate" / "engine" / "storage" / "jobs"
    assert [*stored.iterdir()] == of_jobs(made.coordinator) == []


def of_jobs(folder):
    return [path for path in (folder / "federate" / "engine").iterdir() if jobs.is_id(path.name)]


def test_the_servers_one_port_is_bound_to_this_computer_alone(made, kit):
    text = (made.coordinator / "federate" / "engine" / "log.txt").read_text()
    assert "127.0.0.1:" in text
    assert "0.0.0.0" not in text


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (flare.shipped, "job refused: foreign_file"),
        (flare.importing, "job refused: foreign_file"),
        (flare.foreign, "job refused: foreign_configuration"),
        (flare.unsigned, "unsigned job rejected - signed deploy is required"),
    ],
)
def test_each_site_itself_refuses_a_job_that_is_no_request(made, lax, tmp_path, change, detail):
    all_sites_say(detail, submitted(lax, tmp_path, change))
    assert not [folder for folder in made.sites() if (folder / flare.IMPORTED).exists()]


def test_each_site_itself_refuses_a_configuration_of_another_form_unread(lax, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as fetched:
        fetched.setblocking(False)
        address = f"http://127.0.0.1:{fetched.getsockname()[1]}/more.conf"
        said = submitted(lax, tmp_path, partial(flare.hocon, fetched=address))
        all_sites_say("Missing required config", said)
        with pytest.raises(BlockingIOError):  # nobody has called
            fetched.accept()


def all_sites_say(detail, said):
    assert said["status"] == "FINISHED:FAILED_TO_RUN"
    assert "server: OK" in said["detail"]
    for name in drop.SITES:
        assert any(line.startswith(f"{name}: ") and detail in line for line in said["detail"]), said


def submitted(kit, tmp_path, change):
    from rwe.federate.engine.carry import write_job

    job = tmp_path / getattr(change, "__name__", "job")
    write_job(job, dict.fromkeys(drop.SITES, b"{}"), timeout=30)
    change(job)
    command = [sys.executable, "-m", "tests.live.flare", "submit", kit, job]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


def test_no_job_turns_on_streaming_by_a_file_that_it_brings(stores):
    """NVFlare takes what is set here before any resources.json that it finds, a job's own among them."""
    from rwe.federate.engine import serve

    words = serve._command("client.client_train", Path("root"), "fed_client.json", uid="north")
    assert "allow_log_streaming=false" in words[words.index("--set") :]


def test_a_site_that_has_gone_and_one_that_hangs_are_silent_and_the_others_are_pooled(made, running, lax):
    request = asked_of(made)
    rwe("federate", "approve", request, "--dir", made.folders["north"])
    running.stop("centre")
    words = ("--dir", made.coordinator, "--kit", lax, "--timeout", "10")
    with hanging(made.folders["south"] / "federate" / "members.toml"):
        ended = rwe("federate", "carry", request, *words, expect=3)
    assert partial_lines(ended) == ["partial: centre: silent", "partial: south: silent"]
    (answer,) = ended.stdout.split()
    said = rwe("federate", "pool", request, answer, "--dir", made.coordinator, "--json", expect=3).stdout
    assert [answered["id"] for answered in json.loads(said)["pooled"]["sites"]] == ["north"]


@contextlib.contextmanager
def hanging(path):
    """Whoever reads it waits for a writer."""
    path.unlink()
    os.mkfifo(path)
    yield
    with contextlib.suppress(OSError):  # nobody waits any more
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


def partial_lines(ended):
    return [line for line in ended.stderr.splitlines() if line.startswith("partial:")]
