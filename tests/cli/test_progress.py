"""Bars at a pseudo-terminal: what somebody who watches a pull sees, and that nobody else sees any."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.cli.served import dummies, site, study_of
from tests.fhir.exports import Exports
from tests.fhir.manners import Manners
from tests.fhir.memory import Memory
from tests.fhir.server import Reply
from tests.run import rwe

SHOWS, HIDES = "\x1b[?25h", "\x1b[?25l"
BAR = re.compile(r"north: (\w+) +[━╸╺]+ (\d+)/(\d+)")
LONGEST = 120


class Watched:
    """A child at a terminal of 110 columns; `until` reads on until the text says so."""

    def __init__(self, *words):
        self.text = ""
        self._fd, end = pty.openpty()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "rwe", *map(str, words)],
            stdin=end,
            stdout=end,
            stderr=end,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "110", "LINES": "30"},
            start_new_session=True,
        )
        os.close(end)

    def interrupt(self):
        self._child.send_signal(signal.SIGINT)

    @property
    def plain(self):
        """Without colours; a line is what stood between two moves of the cursor."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.text)
        return re.sub(r"\x1b\[[0-9?]*[A-Za-z]|\r", "\n", text)

    def until(self, pattern):
        end = time.monotonic() + LONGEST
        while not re.search(pattern, self.plain):
            assert time.monotonic() < end, self.plain[-2000:]
            if not self._more():
                raise AssertionError(self.plain[-2000:])

    def end(self):
        while self._more():
            pass
        os.close(self._fd)
        return self._child.wait()

    def _more(self):
        select.select([self._fd], [], [], LONGEST)
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # how Linux tells that the child is gone
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


@pytest.fixture
def memory():
    with Memory(Manners(most=20)) as m:
        yield m


@pytest.fixture
def study(memory, tmp_path):
    folder = study_of(tmp_path / "study", memory.base)
    memory.put(*dummies(folder))
    return folder


@pytest.fixture
def held(memory, monkeypatch):
    """Further pages of Observations are held back until the test lets them go."""
    go, plain = threading.Event(), memory._next_page

    def page(asked):
        if "Observation-40" in asked.target:
            go.wait(LONGEST)
        return plain(asked)

    monkeypatch.setattr(memory, "_next_page", page)
    yield go
    go.set()


def test_a_bar_for_each_type_with_what_remains(study, held):
    child = Watched("pull", "--dir", study)
    child.until(r"north: Observation +[━╸╺]+ 40/504 +.*\d:\d\d:\d\d")
    held.set()
    assert child.end() == 0
    seen = {(kind, int(total)) for kind, _, total in BAR.findall(child.plain)}
    assert {("Observation", 504), ("Condition", 24)} <= seen
    assert [kind for kind, done, total in BAR.findall(child.plain) if int(done) > int(total)] == []


def test_several_at_once_stand_below_each_other(study, held):
    child = Watched("pull", "--dir", study)
    child.until(r"north: \w+ +[━╸╺]+ \d.*\n+north: \w+ +[━╸╺]+ \d")
    held.set()
    assert child.end() == 0


def test_the_bars_are_gone_at_the_end(study):
    child = Watched("pull", "--dir", study)
    assert child.end() == 0
    last = child.text.rpartition(SHOWS)[2]
    assert child.text.count(SHOWS) >= child.text.count(HIDES) >= 1
    assert "━" not in last
    assert "north  Observation" in last


def test_a_word_does_not_tear_the_bars(memory, study, held):
    site(study, memory.base, "limits.attempts = 2", "limits.retry_after_max = 0.01")
    text = (study / "sites.toml").read_text().replace("limits.attempts = 1\n", "")
    (study / "sites.toml").write_text(text)
    asked, plain = [], memory._next_page

    def crowded(request):
        if "Observation-20" in request.target and not asked:
            asked.append(request)
            return Reply(status=503, headers={"Retry-After": "9"})
        return plain(request)

    memory._next_page = crowded
    child = Watched("pull", "--dir", study)
    child.until("asks for a pause")
    held.set()
    assert child.end() == 0
    words = [line for line in child.plain.split("\n") if "asks for a pause" in line]
    assert words
    assert all(line.startswith("north: page 2 of Observation: ") and "━" not in line for line in words)


def test_ctrl_c_ends_at_once_and_leaves_the_terminal_as_it_was(study, held):
    """The page that is held back holds up nothing."""
    child = Watched("pull", "--dir", study)
    child.until(r"north: Observation +[━╸╺]+ 40/504")
    child.interrupt()
    assert child.end() == 130
    assert not held.is_set()
    assert child.text.rindex(SHOWS) > child.text.rindex(HIDES)
    held.set()
    rwe("pull", "--dir", study)


def test_an_export_has_a_bar_of_its_bytes(memory, study):
    exports = Exports(memory.resources, polls=0, piece=4000)
    memory.mounts.append(exports.handle)
    go = threading.Event()
    sent = []

    def pause():
        sent.append(1)
        if len(sent) == 12:
            go.wait(LONGEST)

    exports.pause = pause
    child = Watched("pull", "--dir", study)
    child.until(r"north: export +[━╸╺]+ \d+\.\d kB")
    go.set()
    assert child.end() == 0


def test_nobody_else_sees_any(study):
    done = rwe("pull", "--dir", study)
    assert done.stderr == ""
    assert "━" not in done.stdout
