"""A pull that is killed: the next one goes on, ends as an undisturbed one, and asks for no page twice."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rwe import data
from tests.faults.case import SECRET, Case, dump, dump_store
from tests.fhir.memory import Memory
from tests.fhir.server import Reply
from tests.fhir.wire import Asked

KINDS = 6
NOT_STUDY = shutil.ignore_patterns("fhir", "data", "results", "sites.toml")


class Child:
    """`rwe pull` in a process of its own, killed as the nth request comes, or a while after it."""

    def __init__(self, memory: Memory, *, nth: int, after: float = 0.0) -> None:
        self.memory, self.nth, self.after = memory, nth, after
        self.came, self.killed = 0, False
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, study: Path) -> None:
        shutil.copytree(data.demo_study(), study, ignore=NOT_STUDY, dirs_exist_ok=True)
        answer = self.memory.reply
        self.memory.reply = lambda asked: self._reply(asked, answer)  # type: ignore[method-assign]
        command = [sys.executable, "-m", "rwe", "pull", "--everything", "--dir", str(study)]
        pipe = subprocess.DEVNULL
        with subprocess.Popen(
            command, env={**os.environ, "RWE_TOKEN": SECRET}, stdout=pipe, stderr=pipe
        ) as self.process:
            self.process.wait()
        self.memory.reply = answer  # type: ignore[method-assign]
        self.killed = self.process.returncode == -signal.SIGKILL
        assert self.process.returncode in (0, -signal.SIGKILL)

    def _reply(self, asked: Asked, answer: Callable[[Asked], Reply]) -> Reply:
        with self.memory.lock:
            self.came += 1
            due = self.due(asked)
        if due and self.after:
            threading.Timer(self.after, self._kill).start()
        elif due:
            self._kill()
        return answer(asked)

    def due(self, asked: Asked) -> bool:
        return self.came == self.nth

    def _kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()


def page_requests(memory: Memory) -> int:
    return sum("_count=" in r.target or "_getpages=" in r.target for r in memory.requests)


@pytest.fixture
def undisturbed(case: Case) -> tuple[int, int]:
    """How many requests of pages, and of all, a pull makes."""
    case.unfaulted()
    made = page_requests(case.memory), len(case.memory.requests)
    case.memory.requests.clear()
    return made


def killed_and_pulled(case: Case, undisturbed: tuple[int, int], child: Child) -> None:
    study = case.study(case.memory.base)
    child.run(study)
    committed = [*(study / "data" / "raw" / "north").glob("0*/manifest.json")]
    code, text = case.run(study)
    assert (code, dump(study)) == (0, case.unfaulted()), text
    assert page_requests(case.memory) <= undisturbed[0] + KINDS or committed
    assert dump_store(study) == case.fresh()


@pytest.mark.parametrize("seed", range(18))
def test_killed_as_a_request_comes(case: Case, undisturbed: tuple[int, int], seed: int) -> None:
    child = Child(case.memory, nth=random.Random(seed).randint(1, undisturbed[1]))
    killed_and_pulled(case, undisturbed, child)
    assert child.killed


@pytest.mark.parametrize("seed", range(8))
def test_killed_around_the_commit(case: Case, undisturbed: tuple[int, int], seed: int) -> None:
    after = random.Random(seed).uniform(0.01, 0.3)
    killed_and_pulled(case, undisturbed, Child(case.memory, nth=undisturbed[1], after=after))


def ledger(study: Path) -> Path:
    return study / "data" / "raw" / "north" / "ledger.ndjson"


@pytest.mark.parametrize("torn", [0, 1, 40])
def test_stopped_between_the_rename_and_the_line(case: Case, torn: int) -> None:
    """Nothing of the line is there, or a part."""
    study = case.study(case.memory.base)
    case.run(study)
    case.memory.put({"resourceType": "Patient", "id": "new"})
    case.run(study)
    whole = ledger(study).read_bytes()
    *before, last = whole.splitlines(keepends=True)
    ledger(study).write_bytes(b"".join(before) + last[:torn])
    assert case.run(study)[0] == 0
    assert ledger(study).read_bytes() == whole
    case.memory.put({"resourceType": "Patient", "id": "newer"})
    assert case.run(study)[0] == 0
    assert ledger(study).read_bytes().startswith(whole)
    assert dump_store(study) == case.fresh()


def stopped(case: Case) -> tuple[Path, Path]:
    """A study whose pull was killed with pages on disk, and where they are."""
    case.unfaulted()
    study = case.study(case.memory.base)
    child = Child(case.memory, nth=len(case.memory.requests) - 1)
    child.run(study)
    assert child.killed
    return study, next((study / "data" / "raw" / "north" / ".fetched").iterdir())


@pytest.mark.parametrize("end", ["pages", "journal", "ids"])
@pytest.mark.parametrize("at", [0.05, 0.5, 0.95])
def test_a_spool_with_a_flipped_byte_is_never_taken_for_whole(case: Case, end: str, at: float) -> None:
    """What it was is found out: by the next pull, which may say so, and is made good by the one after."""
    study, pages = stopped(case)
    for path in pages.glob(f"*.{end}"):
        body = bytearray(path.read_bytes())
        if body:
            body[int(at * len(body))] ^= 0x10
            path.write_bytes(body)
    code, text = case.run(study)
    if code == 0:
        assert dump(study) == case.unfaulted()
    else:
        assert code in (3, 12)
        assert "is the disk well?" in text
        case.run(study)
    assert case.run(study)[0] == 0
    assert dump_store(study) == case.fresh()


@pytest.mark.parametrize("left", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("end", ["pages", "journal", "ids"])
def test_a_spool_that_is_cut_is_fetched_from_there(case: Case, end: str, left: float) -> None:
    study, pages = stopped(case)
    for path in pages.glob(f"*.{end}"):
        os.truncate(path, int(left * path.stat().st_size))
    assert case.run(study)[0] == 0
    assert dump(study) == case.unfaulted()
