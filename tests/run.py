"""rwe as a user runs it: a child process, its output and its exit code."""

import os
import subprocess
import sys
from pathlib import Path


def rwe(
    *words: str | Path,
    expect: int = 0,
    cwd: Path | None = None,
    stdin: bytes = b"",
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `rwe` and see it end with the exit code expected."""
    ended = subprocess.run(
        [sys.executable, "-m", "rwe", *map(str, words)],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    done = subprocess.CompletedProcess(
        ended.args,
        ended.returncode,
        ended.stdout.decode(errors="replace"),
        ended.stderr.decode(errors="replace"),
    )
    assert done.returncode == expect, (
        f"exit {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}"
    )
    return done
