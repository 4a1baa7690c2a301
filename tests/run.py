"""rwe as a user runs it: a child process, its output and its exit code."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from threading import Lock

from tests.warm import Warm

_warm = cache(Warm)
_one_at_a_time = Lock()


def warm() -> Warm:
    """Tests run commands in threads too, and two that ask first would each make one."""
    with _one_at_a_time:
        return _warm()


def rwe(
    *words: str | Path,
    expect: int = 0,
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: dict[str, str] | None = None,
    fresh: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `rwe` and see it end with the exit code expected.

    fresh: by a Python that is started for it, and not by a fork of one that has read all of rwe.
    """
    args = [sys.executable, "-m", "rwe", *map(str, words)]
    whole = {**os.environ, **(environment or {})}
    if fresh or any(name.startswith("PYTHON") for name in environment or ()):
        ended = subprocess.run(args, input=stdin, capture_output=True, cwd=cwd, env=whole, check=False)
        code, out, err = ended.returncode, ended.stdout, ended.stderr
    else:
        code, out, err = warm().run(args[3:], cwd=cwd, environment=whole, stdin=stdin)
    done = subprocess.CompletedProcess(args, code, out.decode(errors="replace"), err.decode(errors="replace"))
    assert code == expect, f"exit {code}, expected {expect}\n{done.stdout}\n{done.stderr}"
    return done


def close() -> None:
    if _warm.cache_info().currsize:
        warm().close()
