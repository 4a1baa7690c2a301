"""One coordinator and its sites by NVFlare, a process each, on 127.0.0.1; and jobs that must be refused.

    python -m tests.live.flare submit KIT JOB     # as the coordinator; `unsigned-…` without its signature
    python -m tests.live.flare lax KIT FOLDER     # a server that lets through whatever it is given

`submit` prints one line of JSON: what the engine says of it.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.federate import drop
from tests.live import process
from tests.live.process import Running
from tests.run import rwe

ROOT = Path(__file__).parents[2]
STARTS = 300
"""Seconds until all are connected, on a busy computer."""
FOREIGN = "nvflare.app_common.executors.statistics.statistics_executor.StatisticsExecutor"
UNSIGNED = "unsigned"


def available() -> str | None:
    return None if find_spec("nvflare") else "NVFlare is not installed: pip install 'rwe[federated]'"


@dataclass
class Engine:
    """kit: the coordinator's, to submit with."""

    kit: Path
    server_kit: Path
    server: Running
    folders: dict[str, Path]

    def become_lax(self) -> None:
        """The server goes and comes back as one that forbids nothing; the sites find it again."""
        coordinator = self.folders["coordinator"]
        _stop(self.server)
        log = _log(coordinator)
        before = len(log.read_text(errors="replace"))

        def ready(_: float) -> str | None:
            said = log.read_text(errors="replace")[before:]
            back = all(f"Re-activate the client: {name}" in said for name in drop.SITES)
            return "lax" if back else None

        words = ["-m", "tests.live.flare", "lax", self.server_kit, coordinator]
        self.server = _start(words, coordinator, ready)


@contextmanager
def running(folders: dict[str, Path]) -> Iterator[Engine]:
    """While the coordinator's server and all sites are connected."""
    coordinator, port = folders["coordinator"], _free_port()
    made = rwe("federate", "provision", "--dir", coordinator, "--port", str(port)).stdout.split()
    kits = {Path(line).name: Path(line) for line in made}
    started: list[Running] = []
    try:
        started = [_serve(kits["localhost"], coordinator, "Server started")]
        engine = Engine(kits["coordinator@rwe.federation"], kits["localhost"], started[0], folders)
        started += [_serve(kits[name], folders[name], "Connected to server") for name in drop.SITES]
        yield engine
        started[0] = engine.server
    finally:
        for one in started:
            _stop(one)


def _serve(kit: Path, folder: Path, says: str) -> Running:
    def ready(_: float) -> str | None:
        log = _log(folder)
        return str(kit) if log.exists() and says in log.read_text(errors="replace") else None

    return _start(["-m", "rwe", "federate", "serve", kit, "--dir", folder], folder, ready)


def _start(words: list[str | Path], folder: Path, ready: Callable[[float], str | None]) -> Running:
    command = [sys.executable, *words]
    return process.start(command, log=folder / "serve.log", ready=ready, seconds=STARTS, cwd=ROOT)


def _stop(one: Running) -> None:
    one.process.terminate()  # an engine does not heed the end of its input
    one.stop()


def _log(folder: Path) -> Path:
    return folder / "federate" / "engine" / "log.txt"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def shipped(job: Path) -> None:
    own = job / "app" / "custom"
    own.mkdir()
    (own / "own.py").write_text("import os\n")


def foreign(job: Path) -> None:
    from rwe.federate.engine import policy

    config = job / "app" / "config" / "config_fed_client.json"
    config.write_text(config.read_text().replace(policy.EXECUTOR, FOREIGN))


def unsigned(job: Path) -> None:
    """As it is: the submitter leaves the signature out."""


BAD: dict[str, Callable[[Path], None]] = {"shipped": shipped, "foreign": foreign, UNSIGNED: unsigned}


def submit(kit: Path, job: Path) -> None:
    from nvflare.fuel.hci.client import file_transfer

    from rwe.federate.engine.carry import session

    if job.name.startswith(UNSIGNED):
        file_transfer.sign_folders = lambda *_, **__: None
    with session(kit) as opened:
        meta = opened.wait_for_job(opened.submit_job(str(job)), timeout=180, poll_interval=0.5)
    print(json.dumps({"status": meta["status"], "detail": meta.get("job_deploy_detail")}), flush=True)  # noqa: T201
    os._exit(0)  # its threads take seconds to end


def lax(kit: Path, folder: Path) -> None:
    from rwe.federate.engine.serve import prepared, run

    start, root = prepared(folder, kit), folder / "federate" / "engine"
    _change(root / "startup" / "fed_server.json", require_signed_jobs=False)
    _change(root / "local" / "resources.json", class_allow_list=["*"])
    _change(root / "local" / "authorization.json", permissions={"lead": "any"})
    run(start)


def _change(path: Path, **to: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | to))


if __name__ == "__main__":
    {"submit": submit, "lax": lax}[sys.argv[1]](*map(Path, sys.argv[2:]))
