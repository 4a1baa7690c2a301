"""A request over three sites by the engine, against the engine's own empty job: CPU and wall.

    python -m tests.bench.engine [ROUNDS]

The same server and sites, a job of each in turn; all processes count: the coordinator's command, its server,
the sites and what they start for a job.  Goal: at most 1.3 times.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.federate import drop
from tests.live import flare
from tests.run import rwe

ASKS = ("count:cohort", "van_elteren:il6:d28", "difference_of_means:il6:d28@10")
RWE = (sys.executable, "-m", "rwe")
EMPTY, TASK = "tests.bench.empty.", "nothing"
TICKS = os.sysconf("SC_CLK_TCK")


def main(rounds: int = 5) -> None:
    if reason := flare.available():
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        rwe("demo", "--federated", folder)
        folders = {who: folder / who for who in ("coordinator", *drop.SITES)}
        with flare.running(folders, lax=True) as engine:
            ways = {"empty job of NVFlare": lambda: nothing(engine), "request": lambda: asked(engine)}
            show(interleaved(ways, engine, rounds))


def nothing(engine: flare.Engine) -> list[str | Path]:
    job = Path(tempfile.mkdtemp(dir=engine.folders["coordinator"])) / "empty"
    write(job)
    return [sys.executable, "-m", "tests.bench.engine", "submit", engine.kit, job]


def asked(engine: flare.Engine) -> list[str | Path]:
    """Approved by all, which the steward has done before."""
    coordinator = engine.folders["coordinator"]
    words = [word for ask in ASKS for word in ("--ask", ask)]
    request = rwe("federate", "request", "--dir", coordinator, *words).stdout.strip()
    for name in drop.SITES:
        rwe("federate", "approve", request, "--dir", engine.folders[name])
    return [*RWE, "federate", "carry", request, "--dir", coordinator, "--kit", engine.kit]


def interleaved(
    ways: dict[str, Callable[[], list[str | Path]]], engine: flare.Engine, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """CPU and wall of each round; the first is not counted."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, prepare in ways.items():
            seen[name].append(once(prepare(), engine))
    return {name: runs[1:] for name, runs in seen.items()}


def once(command: list[str | Path], engine: flare.Engine) -> tuple[float, float]:
    pids = [one.process.pid for one in (engine.server, *engine.sites.values())]
    cpu, began = spent(pids), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.monotonic() - began
    flare.wait_until(lambda: not any(map(children, pids)))
    return spent(pids) - cpu, wall


def spent(pids: list[int]) -> float:
    """CPU seconds so far of these, of their children that have ended, and of the commands."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(int(f) for row in fields for f in row[11:15]) / TICKS + own.ru_utime + own.ru_stime


def children(pid: int) -> str:
    return "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))


def show(seen: dict[str, list[tuple[float, float]]]) -> None:
    base, other = seen.values()
    for name, runs in seen.items():
        cpu, wall = zip(*runs, strict=True)
        print(
            f"{name:24s} {statistics.median(cpu):6.2f} CPU s {sorted(cpu)}  {statistics.median(wall):6.2f} s"
        )
    for k, what in enumerate(("CPU", "wall")):
        ratios = sorted(b[k] / a[k] for a, b in zip(base, other, strict=True))
        print(f"{what}: {statistics.median(ratios):.2f} x, pair by pair {[round(r, 2) for r in ratios]}")


def write(job: Path) -> None:
    config = job / "app" / "config"
    config.mkdir(parents=True)
    executor = {"tasks": [TASK], "executor": {"path": f"{EMPTY}Nothing", "args": {}}}
    workflow = {"id": "ask", "path": f"{EMPTY}AskNothing", "args": {}}
    meta = {"name": job.name, "resource_spec": {}, "min_clients": 1, "deploy_map": {"app": ["@ALL"]}}
    for file, content in (
        (job / "meta.json", meta),
        (config / "config_fed_client.json", {"format_version": 2, "components": [], "executors": [executor]}),
        (config / "config_fed_server.json", {"format_version": 2, "components": [], "workflows": [workflow]}),
    ):
        file.write_text(json.dumps(content))


def submit(kit: str, job: str) -> None:
    """As carry does."""
    from rwe.federate.engine.carry import session

    with session(Path(kit)) as opened, tempfile.TemporaryDirectory() as work:
        name = opened.submit_job(job)
        meta = opened.wait_for_job(name, timeout=600, poll_interval=0.5)
        opened.download_job_result(name, work)
        opened.delete_job(name)
    if meta["status"] != "FINISHED:COMPLETED":
        raise SystemExit(meta["status"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["submit"]:
        submit(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
