"""A server for the live tests: built once, a process each, on 127.0.0.1.

A build stands in a folder and is made anew only when its sources have changed; tests run in parallel, so
it is locked.  A server is ready when its own URL answers, and ends when its standard input closes, so that
none outlives a test run that is killed.
"""

import fcntl
import hashlib
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import requests


class LiveError(Exception):
    pass


@dataclass(frozen=True)
class Running:
    base_url: str
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def once(folder: Path, sources: Iterable[Path], build: Callable[[], None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    stamp, digest = folder / "stamp", _digest(sources)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != digest:
            build()
            stamp.write_text(digest)


def _digest(sources: Iterable[Path]) -> str:
    return hashlib.sha256(b"\0".join(f.read_bytes() for f in sources)).hexdigest()


def run(command: Sequence[str | Path], *, log: Path, seconds: float, cwd: Path | None = None) -> None:
    """A step of a build; its output goes to the log, whose end the error tells."""
    try:
        with log.open("wb") as out:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=True,
                cwd=cwd,
            )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise LiveError(f"{command[0]} could not build the server:\n{tail(log)}") from error


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    ready: Callable[[float], str | None],
    seconds: float,
    cwd: Path,
) -> Running:
    """ready: the base URL once it is served, asked again and again, given the seconds that are left."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        return Running(_await(process, ready, log, seconds), log, process)
    except BaseException:
        Running("", log, process).stop()
        raise


def _await(
    process: subprocess.Popen[bytes], ready: Callable[[float], str | None], log: Path, seconds: float
) -> str:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if process.poll() is not None:
            raise LiveError(f"the server ended with {process.returncode}:\n{tail(log)}")
        if base := ready(left):
            return base
        time.sleep(0.2)
    raise LiveError(f"the server does not answer after {seconds} s:\n{tail(log)}")


def session() -> requests.Session:
    http = requests.Session()
    http.trust_env = False  # a proxy of the environment has no business on 127.0.0.1
    http.headers.update({"Accept": "application/fhir+json", "Cache-Control": "no-cache"})
    return http


def serves(url: str, seconds: float) -> bool:
    try:
        with session() as http:
            return http.get(url, timeout=seconds).ok
    except requests.RequestException:
        return False


def tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
