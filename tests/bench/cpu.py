"""CPU seconds of child processes: user and system, all threads, from the system's own accounting."""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Medians over the rounds, with the lowest and the highest; memory in MB."""

    cpu: float
    low: float
    high: float
    memory: float

    def __str__(self) -> str:
        return f"{self.cpu:6.2f} s  [{self.low:.2f}, {self.high:.2f}]  {self.memory:5.0f} MB"


def python(code: str) -> Command:
    return [sys.executable, "-c", code]


def rwe(*words: str | Path) -> Command:
    return [sys.executable, "-m", "rwe", *map(str, words)]


def once(command: Command) -> Spent:
    return _spent([_once(command)])


def interleaved(
    commands: Mapping[str, Command], *, rounds: int = 5, between: Callable[[], None] = lambda: None
) -> dict[str, Spent]:
    """Each command once a round, in turn, so that a drift of the machine meets all of them alike."""
    for command in commands.values():
        _once(command)
        between()
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            seen[name].append(_once(command))
            between()
    return {name: _spent(runs) for name, runs in seen.items()}


def _once(command: Command) -> tuple[float, float]:
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"exit {child.returncode}: {' '.join(command)}")
    return used.ru_utime + used.ru_stime, _megabytes(used)


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1024)


def _spent(runs: list[tuple[float, float]]) -> Spent:
    seconds = [cpu for cpu, _ in runs]
    return Spent(
        cpu=statistics.median(seconds),
        low=min(seconds),
        high=max(seconds),
        memory=max(memory for _, memory in runs),
    )
