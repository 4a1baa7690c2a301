"""One coordinator and its sites by NVFlare, a process each, on 127.0.0.1; and jobs that must be refused.

    python -m tests.live.flare submit KIT JOB     # as the coordinator; `unsigned` without a signature
    python -m tests.live.flare lax KIT --dir FOLDER     # a server or site that lets in whatever it is given

`submit` prints one line of JSON: what the engine says of it.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.federate import drop
from tests.live import process
from tests.live.process import Running
from tests.run import rwe

ROOT = Path(__file__).parents[2]
STARTS = 300
"""Seconds until all are connected, on a busy computer."""
IMPORTED = "imported"
"""A file in the folder of a site that has run what a job brought along."""
FOREIGN = "nvflare.app_common.executors.statistics.statistics_executor.StatisticsExecutor"


def available() -> str | None:
    return None if find_spec("nvflare") else "NVFlare is not installed: pip install 'rwe[federated]'"


@dataclass
class Engine:
    """kit: the coordinator's, to submit with."""

    kit: Path
    server_kit: Path
    server: Running
    folders: dict[str, Path]
    sites: dict[str, Running] = field(default_factory=dict)

    def stop(self, site: str) -> None:
        _stop(self.sites[site])

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

        command = [sys.executable, "-m", "tests.live.flare", "lax", self.server_kit, "--dir", coordinator]
        self.server = _start(command, coordinator, ready)


@contextmanager
def running(
    folders: dict[str, Path],
    host: str = "localhost",
    inside: Callable[[str], list[str]] = lambda _: [],
    *,
    lax: bool = False,
) -> Iterator[Engine]:
    """While the coordinator's server and all sites are connected.  inside: before the command of each."""
    serve = ["-m", "tests.live.flare", "lax"] if lax else ["-m", "rwe", "federate", "serve"]
    coordinator, port = folders["coordinator"], str(_free_port())
    made = rwe("federate", "provision", "--dir", coordinator, "--host", host, "--port", port).stdout.split()
    kits = {Path(line).name: Path(line) for line in made}
    started: list[Running] = []
    try:
        begin = [*inside("coordinator"), sys.executable, *serve]
        started = [_serve(begin, kits[host], coordinator, "Server started")]
        engine = Engine(kits["coordinator@rwe.federation"], kits[host], started[0], folders)
        for name in drop.SITES:
            begin = [*inside(name), sys.executable, *serve]
            engine.sites[name] = _serve(begin, kits[name], folders[name], "Connected to server")
            started.append(engine.sites[name])
        yield engine
        started[0] = engine.server
    finally:
        for one in started:
            _stop(one)


def _serve(begin: list[str], kit: Path, folder: Path, says: str) -> Running:
    def ready(_: float) -> str | None:
        log = _log(folder)
        return str(kit) if log.exists() and says in log.read_text(errors="replace") else None

    return _start([*begin, kit, "--dir", folder], folder, ready)


def _start(command: list[str | Path], folder: Path, ready: Callable[[float], str | None]) -> Running:
    return process.start(command, log=folder / "serve.log", ready=ready, seconds=STARTS, cwd=ROOT)


def _stop(one: Running) -> None:
    one.process.terminate()  # an engine does not heed the end of its input
    one.stop()


def _log(folder: Path) -> Path:
    return folder / "federate" / "engine" / "log.txt"


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STARTS
    while not true():
        if time.monotonic() > deadline:
            raise process.LiveError(f"not so after {STARTS} s: {true}")
        time.sleep(0.2)


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

    config = _config(job)
    config.write_text(config.read_text().replace(policy.EXECUTOR, FOREIGN))


def unsigned(job: Path) -> None:
    """As it is: the submitter leaves the signature out."""


def importing(job: Path) -> None:
    """By settings of its own, without a `custom` folder: each module below `.`, the engine's folder."""
    beside = _config(job).with_name
    beside("own.py").write_text(
        f"import os, pathlib\npathlib.Path(os.environ['RWE_FEDERATE_STUDY'], '{IMPORTED}').touch()\n"
    )
    beside("comm_config.json").write_text('{"comm_driver_path": "."}')
    beside("resources.json").write_text('{"decomposer_module": "own"}')


def hocon(job: Path, fetched: str) -> None:
    """fetched: an address that its reader would ask for the rest."""
    config = _config(job)
    ours = json.loads(config.read_text())
    config.unlink()
    lines = [f'include url("{fetched}")', *(f"{key} = {json.dumps(value)}" for key, value in ours.items())]
    config.with_suffix(".conf").write_text("\n".join(lines))


def _config(job: Path) -> Path:
    return job / "app" / "config" / "config_fed_client.json"


def submit(kit: Path, job: Path) -> None:
    from nvflare.fuel.hci.client import file_transfer

    from rwe.federate.engine.carry import session

    if job.name == unsigned.__name__:
        file_transfer.sign_folders = lambda *_, **__: None
    with session(kit) as opened:
        meta = opened.wait_for_job(opened.submit_job(str(job)), timeout=180, poll_interval=0.5)
    print(json.dumps({"status": meta["status"], "detail": meta.get("job_deploy_detail")}), flush=True)  # noqa: T201
    os._exit(0)  # its threads take seconds to end


def lax(kit: Path, _: Path, folder: Path) -> None:
    from rwe.federate.engine.serve import prepared, run

    start, root = prepared(folder, kit), folder / "federate" / "engine"
    for settings in (root / "startup").glob("fed_*.json"):
        _change(settings, require_signed_jobs=False)
    _change(root / "local" / "resources.json", class_allow_list=["*"], app_validator=None)
    _change(root / "local" / "authorization.json", permissions={"lead": "any"})
    run(start)


def _change(path: Path, **to: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | to))


if __name__ == "__main__":
    {"submit": submit, "lax": lax}[sys.argv[1]](*map(Path, sys.argv[2:]))
