"""`rwe pull` by export, killed at any instant: the next one lands what an undisturbed one lands."""

import os
import random
import shutil
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from rwe import data
from rwe.fhir.bulk.job import Folder
from tests.faults.case import SECRET, Case, dump
from tests.faults.exporting import BULK, Hospital
from tests.fhir.memory import Memory

# The command with a clock that does not wait.  `stop_at`: the nth time that it settles something on the disk
# is the last thing it does; below zero, the last but for this.
CHILD = """
import os, signal, sys, time
time.sleep = lambda seconds: None
settle, count, stop_at = os.fsync, iter(range(1, 10_000)), int(sys.argv.pop())

def fsync(file):
    n = next(count)
    if n == stop_at:
        os.kill(os.getpid(), signal.SIGKILL)
    settle(file)
    if n == -stop_at:
        os.kill(os.getpid(), signal.SIGKILL)

os.fsync = fsync
from rwe.__main__ import main
main()
"""
MOMENTS = 25
DICE = random.Random(11)
# What an undisturbed one settles and hears from the server, so that every part of the pull gets its share.
SETTLED, EVENTS = 55, 60
BY_DISK = sorted(DICE.sample(range(1, SETTLED), 13))
BY_SERVER = sorted(DICE.sample(range(1, EVENTS), MOMENTS - len(BY_DISK)))


class Killing:
    def __init__(self, case: Case, exports: Hospital) -> None:
        self.case, self.exports = case, exports
        self.right = self._undisturbed(case)
        self.study = case.study(case.memory.base, BULK)
        shutil.copy(data.demo_study() / "study.toml", self.study)
        shutil.copytree(data.demo_study() / "codes", self.study / "codes", dirs_exist_ok=True)

    def _undisturbed(self, case: Case) -> dict[str, object]:
        study = case.study(case.memory.base, BULK)
        assert case.run(study)[0] == 0
        self.exports.log.clear()
        return dump(study)

    def run(self, *, stop_at: int = 0, event: int = 0) -> int:
        """event: killed when the server has answered or sent so many things."""
        words = ["pull", "--dir", str(self.study), "--everything", str(stop_at)]
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "RWE_TOKEN": SECRET},
        )
        events = iter(range(1, 1_000_000))

        def tick() -> None:
            if next(events) == event:
                os.kill(child.pid, signal.SIGKILL)

        self.exports.pause = self.exports.heard = tick
        child.wait(60)
        self.exports.pause = self.exports.heard = lambda: None
        self.events = next(events) - 1
        return child.returncode

    def whole_ones(self) -> set[str]:
        """The files that need not be fetched again."""
        jobs = (self.study / "data" / "raw" / "north" / ".exports").glob("*/*")
        wholes = (w for job in jobs for w in Folder(job).wholes().values())
        return {w.key.rpartition("/")[2].replace("-", " ") for w in wholes}

    def goes_on(self) -> None:
        kept = self.whole_ones()
        self.exports.log.clear()
        code, text = self.case.run(self.study)
        assert code == 0, text
        assert dump(self.study) == self.right
        assert not kept & {*self.exports.log}
        assert not (self.study / "data" / "raw" / "north" / ".under-way").exists()
        assert not self.whole_ones()


@pytest.fixture
def killing(case: Case, memory: Memory) -> Killing:
    memory.now += timedelta(hours=1)
    return Killing(case, Hospital(memory, per_file=4, polls=3, piece=128))


def test_undisturbed_it_comes_to_its_end(killing: Killing) -> None:
    assert killing.run() == 0
    assert killing.events >= EVENTS
    assert dump(killing.study) == killing.right
    killing.goes_on()


@pytest.mark.parametrize("stop_at", BY_DISK)
def test_bulk_11_killed_around_what_settles_on_the_disk(killing: Killing, stop_at: int) -> None:
    assert killing.run(stop_at=stop_at * (-1) ** stop_at) == -signal.SIGKILL
    killing.goes_on()


@pytest.mark.parametrize("event", BY_SERVER)
def test_bulk_11_killed_while_the_server_answers(killing: Killing, event: int) -> None:
    assert killing.run(event=event) == -signal.SIGKILL
    killing.goes_on()
