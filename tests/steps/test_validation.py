"""Which landed resources are set aside as invalid: by default, with --strict, in any order, by any number."""

import json
import os
import pty
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rwe import data
from rwe.steps.map import map_
from rwe.steps.validation import FEW, Strict
from tests.cli import folders
from tests.run import rwe

MANY = 2 * FEW


def patient(n: int, **more: object) -> dict[str, object]:
    name = [{"family": f"F{n}", "given": ["G"]}]
    return {"resourceType": "Patient", "id": f"p{n}", "name": name, "birthDate": "1970-01-01", **more}


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    (folder / "sites.toml").write_text('[north]\nfiles = "in"\nfhir_version = "4.0.1"\n')
    (folder / "in").mkdir()
    return folder


def pull(study: Path, found: list[dict[str, object]]) -> None:
    (study / "in" / "a.ndjson").write_text("".join(json.dumps(r) + "\n" for r in found))
    rwe("pull", "--dir", study)


def set_aside(study: Path, *words: str, expect: int = 3) -> list[tuple[object, ...]]:
    found = json.loads(rwe("map", *words, "--json", "--dir", study, expect=expect).stdout)
    return [(p["position"], p["reason"], p["detail"]) for p in found["set_aside"]]


EMPTY = {"name": [{"family": "", "given": ["G"]}]}
"""An empty text: no leaf rule of ours, and of the same shape as a full one."""


def test_strict_finds_what_a_shape_hides(study):
    pull(study, [patient(n) if n != 333 else patient(n, **EMPTY) for n in range(1, MANY)])
    assert set_aside(study, expect=0) == []
    expected = (333, "invalid", "Patient.name[0].family: string_pattern_mismatch")
    assert set_aside(study, "--strict") == [expected]
    assert set_aside(study, expect=0) == []


def test_few_resources_of_a_type_are_all_looked_at(study):
    pull(study, [patient(n) if n != 33 else patient(n, **EMPTY) for n in range(1, FEW)])
    assert [position for position, *_ in set_aside(study)] == [33]


def test_a_row_in_the_middle_of_others_is_found_by_its_place(study):
    odd = {
        7: {"gender": "bogus"},
        250: {"birthDate": "1970-02-30"},
        251: {"link": [{"other": {"reference": "Patient/p1"}, "type": "refer"}, {"type": "refer"}]},
        399: {"managingOrganization": {"reference": "the clinic"}},
    }
    pull(study, [patient(n, **odd.get(n, {})) for n in range(1, MANY)])
    expected = [
        (7, "invalid_code", "Patient.gender"),
        (250, "invalid", "Patient.birthDate: date_from_datetime_parsing"),
        (251, "invalid", "Patient.link[1].other: missing"),
        (399, "invalid", "Patient.managingOrganization.reference"),
    ]
    assert set_aside(study) == set_aside(study, "--strict") == expected


def test_another_order_of_the_rows_sets_the_same_ones_aside(study):
    """Half of them break the standard where only an exemplar shows it, so the choice of it decides."""
    found = [patient(n, **(EMPTY if n % 2 else {})) for n in range(1, MANY)]
    ids = []
    for seed in (1, 2, 3):
        random.Random(seed).shuffle(found)
        shutil.rmtree(study / "data", ignore_errors=True)
        pull(study, found)
        outcome = map_(study, say=lambda _: None)
        assert {p.reason for p in outcome.set_aside} <= {"invalid"}
        rows = folders.rows(study, "SELECT id FROM resource WHERE fate = 'invalid' ORDER BY id")
        ids.append([row for (row,) in rows])
    assert ids[0] == ids[1] == ids[2]


@contextmanager
def counted(label: str, length: int) -> Iterator[Callable[[int], object]]:
    done: list[int] = []
    yield done.append
    assert sum(done) == length, label


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    folder = folders.copy("msc", tmp_path_factory.mktemp("mapped") / "study")
    rwe("pull", "--dir", folder)
    rwe("map", "--dir", folder)
    return folder


@pytest.fixture
def again(mapped, tmp_path):
    return shutil.copytree(mapped, tmp_path / "study")


def test_strict_gives_the_same_tables_with_any_number_of_processes(again):
    for path in (again / "fhir").glob("*/Observation.ndjson.gz"):
        found = folders.resources(path)
        for n in range(0, len(found), 500):
            found[n]["status"] = "bogus"
        folders.write_resources(path, found)
    rwe("pull", "--dir", again)
    made = []
    for workers in (1, 3):
        outcome = map_(again, say=lambda _: None, strict=Strict(workers=workers, bar=counted))
        made.append((outcome.set_aside, folders.tables(again)))
    assert made[0] == made[1]
    assert {(p.reason, p.detail) for p in made[0][0]} == {("invalid_code", "Observation.status")}
    assert len(made[0][0]) > 10


def test_the_report_says_which_rows_were_validated(again):
    said = []
    for words in (["run"], ["run", "--strict"]):
        rwe(*words, "--dir", again)
        html = (again / "results" / "report.html").read_text()
        said.append((folders.results(again)["validation"], "one resource of each shape" in html))
    assert said == [("exemplars", True), ("every_resource", False)]


def test_progress_is_for_a_terminal(again):
    assert "south: Patient" in on_terminal("map", "--strict", "--dir", again)
    rwe("map", "--dir", again)
    assert rwe("map", "--strict", "--dir", again).stderr == ""


def on_terminal(*words: str | Path) -> str:
    """What a child prints to stderr, which is a terminal."""
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "rwe", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=child) as running:
        os.close(child)
        text = b""
        while piece := _read(parent):
            text += piece
    os.close(parent)
    assert running.returncode == 0
    return text.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how Linux says that the other end is closed
        return b""


@contextmanager
def under_way(study: Path) -> Iterator[subprocess.Popen[str]]:
    """`rwe map --strict` with its processes started, in a process group of its own."""
    command = [sys.executable, "-m", "rwe", "map", "--strict", "--dir", str(study)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        while not workers(running.pid):
            assert running.poll() is None, "it ended before it could be stopped"
            time.sleep(0.01)
        yield running


def workers(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,pgid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [int(r[0]) for r in rows if int(r[1]) == pid and len(r) == 3 and "spawn_main" in r[2]]


def gone(pid: int) -> bool:
    for _ in range(500):
        if not workers(pid):
            return True
        time.sleep(0.01)
    return False


def test_ctrl_c_ends_all_processes_and_leaves_the_store_as_it_was(again):
    before = folders.tables(again)
    with under_way(again) as running:
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, stderr = running.communicate()
    assert (running.returncode, "Traceback" in stderr) == (130, False)
    assert gone(running.pid)
    assert folders.tables(again) == before


def test_a_killed_process_is_named_and_leaves_the_store_as_it_was(again):
    before = folders.tables(again)
    with under_way(again) as running:
        os.kill(workers(running.pid)[0], signal.SIGKILL)
        _, stderr = running.communicate()
    assert running.returncode == 1
    assert stderr.startswith("rwe: a process that checks resources ended before its time\n     is the memory")
    assert folders.tables(again) == before


def test_no_process_outlives_one_that_is_killed(again):
    with under_way(again) as running:
        running.kill()
        running.communicate()
    assert gone(running.pid)
