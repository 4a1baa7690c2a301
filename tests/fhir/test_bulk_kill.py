"""An export that is killed at any instant, and called again: the same files, and none fetched twice."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rwe.fhir.bulk import Exported, Wanted, export, read
from rwe.fhir.bulk.job import Folder
from tests.fhir.canary import patient
from tests.fhir.exports import Exports

WANTED = Wanted(level="system", types=("Condition", "Patient"))
ROWS = {
    "Patient": [patient(n, text="x" * 2000) for n in range(300)],
    "Condition": [{"resourceType": "Condition", "id": f"c{n}"} for n in range(500)],
}
# A real process with a clock that does not wait.  `stop_at`: the nth time that it settles something on the
# disk is the last thing it does, or the last but for this.
CHILD = """
import os, signal, sys, time
from pathlib import Path
from rwe.fhir.auth import NoAuth
from rwe.fhir.bulk import Wanted, export
from rwe.fhir.client import Client, Clock
from rwe.site import Site, SiteTable

base, folder, stop_at = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
settle, count = os.fsync, iter(range(1, 1000))

def fsync(file):
    n = next(count)
    if n == stop_at:
        os.kill(os.getpid(), signal.SIGKILL)
    settle(file)
    if n == -stop_at:
        os.kill(os.getpid(), signal.SIGKILL)

os.fsync = fsync
site = Site(id="north", folder=folder, table=SiteTable(url=base, fhir_version="4.0.1"))
clock = Clock(monotonic=time.monotonic, sleep=lambda s: None, jitter=lambda: 0.0)
sys.stdin.readline()
with Client(site, NoAuth(), clock) as client:
    export(client, Wanted(level="system", types=("Condition", "Patient")), folder, print)
"""
SETTLED = 2 * 3 + 8 * 3  # job.json three times and eight files: the file, its name, its line or folder


def run(base: str, folder: Path, exports: Exports, *, stop_at: int = 0, event: int = 0) -> int:
    """event: the child is killed when the server has answered or sent so many things."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, base, str(folder), str(stop_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    events = iter(range(1, 1_000_000))

    def tick() -> None:
        if next(events) == event:
            os.kill(child.pid, signal.SIGKILL)

    exports.pause = exports.heard = tick
    child.communicate("\n", timeout=60)
    exports.pause = exports.heard = lambda: None
    return child.returncode


def content(found: Exported) -> dict[str, list[bytes]]:
    return {f.name: [r.body for r in read(f)] for f in found.files}


def whole_ones(folder: Path) -> set[str]:
    return {w.key.rpartition("/")[2].replace("-", " ") for w in Folder(folder).wholes().values()}


class Case:
    """Children of one server and one folder, and what must come of them."""

    def __init__(self, client, server, exports, folder):
        self.client, self.server, self.exports, self.folder = client, server, exports, folder / "work"
        self.right = content(export(client(), WANTED, folder / "whole", lambda _: None))

    def run(self, **how):
        return run(self.server.base, self.folder, self.exports, **how)

    def goes_on(self):
        kept = whole_ones(self.folder)
        del self.exports.log[:]
        found = export(self.client(), WANTED, self.folder, lambda _: None)
        assert content(found) == self.right
        assert not found.failures
        assert not kept & {*self.exports.log}
        names = {p.name for p in self.folder.iterdir() if not p.name.endswith(".part")}
        assert names == {"job.json", "files.ndjson", *(f.path.name for f in found.files)}


@pytest.fixture
def exports(server):
    exports = Exports(lambda: ROWS, per_file=100, polls=6, piece=8192)
    server.mounts.append(exports.handle)
    return exports


@pytest.fixture
def case(client, server, exports, tmp_path):
    return Case(client, server, exports, tmp_path)


def test_the_child_runs_to_its_end(case):
    assert case.run() == 0
    assert len(whole_ones(case.folder)) == 8
    case.goes_on()
    assert not case.exports.log


# Of about 100: one kick-off, seven polls, eight files in pieces.  The last ones may come too late.
@pytest.mark.parametrize("event", [2, 5, *sorted(random.Random(7).sample(range(9, 90), 8))])
def test_bulk_11_killed_while_the_server_answers(case, event):
    assert case.run(event=event) in ((-signal.SIGKILL,) if event < 60 else (-signal.SIGKILL, 0))
    case.goes_on()


@pytest.mark.parametrize(
    "stop_at", [1, -2, 3, -4, 5, -6, -11, *random.Random(7).sample(range(7, SETTLED), 4)]
)
def test_bulk_11_killed_around_what_settles_on_the_disk(case, stop_at):
    assert case.run(stop_at=stop_at) == -signal.SIGKILL
    case.goes_on()


def test_bulk_11_killed_again_and_again(case):
    asked = []
    for stop_at in (8, 9, 10, 11):
        del case.exports.log[:]
        kept = whole_ones(case.folder)
        assert case.run(stop_at=stop_at) == -signal.SIGKILL
        assert not kept & {*case.exports.log}
        asked += case.exports.log
    case.goes_on()
    assert asked.count("kick-off") == 1


def test_a_line_that_is_cut_is_no_line(case):
    export(case.client(), WANTED, case.folder, lambda _: None)
    lines = case.folder / "files.ndjson"
    lines.write_bytes(lines.read_bytes()[:-10])
    assert len(whole_ones(case.folder)) == 7
    case.goes_on()
    assert json.loads(lines.read_bytes().splitlines()[-1])["rows"] == 100
