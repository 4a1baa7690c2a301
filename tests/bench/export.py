"""A pull by bulk export against `curl | zstd -3` of the same file, over loopback.

    python -m tests.bench.export [--gb 0.2]

One file of Observations, served as it lies on the disk.  Wall and CPU seconds, in turn; MB of plain NDJSON.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rwe import data
from tests.bench.cpu import Command, rwe

ROUNDS = 3


def observations(size: int) -> Iterator[bytes]:
    came = 0
    for n in itertools.count():
        row: dict[str, Any] = {
            "resourceType": "Observation",
            "id": f"o{n}",
            "meta": {"versionId": "1", "lastUpdated": "2024-01-01T00:00:00Z"},
            "status": "final",
            "category": [{"coding": [{"system": "urn:category", "code": "laboratory"}]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": f"{n % 997}-1", "display": "A test"}]},
            "subject": {"reference": f"Patient/p{n % 5000}"},
            "effectiveDateTime": f"2024-01-{n % 28 + 1:02d}T08:{n % 60:02d}:00Z",
            "valueQuantity": {"value": n % 1000 / 10, "unit": "mg/dL", "code": "mg/dL"},
        }
        line = json.dumps(row).encode() + b"\n"
        came += len(line)
        yield line
        if came >= size:
            return


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    file: Path

    def do_GET(self) -> None:
        base = f"http://{self.headers['host']}"
        if self.path == "/file":
            self._start(200, self.file.stat().st_size)
            with self.file.open("rb") as body:
                self.connection.sendfile(body)
        elif "$export" in self.path:
            self._start(202, 0, ("Content-Location", f"{base}/job"))
        elif self.path == "/job":
            output = [{"type": "Observation", "url": f"{base}/file"}]
            told = {"transactionTime": "2024-02-01T00:00:00Z", "requiresAccessToken": False, "output": output}
            self._say(200, told)
        else:
            self._say(404, {})

    def do_DELETE(self) -> None:
        self._start(202, 0)

    def _say(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self._start(status, len(body))
        self.wfile.write(body)

    def _start(self, status: int, size: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Length", str(size)), *headers):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def timed(command: Command) -> tuple[float, float]:
    """Wall and CPU seconds, of all that it starts and waits for."""
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
    begin, child = time.monotonic(), os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    if status not in (0, 3 << 8):  # the types that are not exported are named
        raise SystemExit(f"exit {os.waitstatus_to_exitcode(status)}: {' '.join(command)}")
    return time.monotonic() - begin, used.ru_utime + used.ru_stime


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--gb", type=float, default=0.2)
    size = int(arguments.parse_args().gb * 1e9)
    with tempfile.TemporaryDirectory() as name:
        _bench(Path(name), size)


def _bench(folder: Path, size: int) -> None:
    Handler.file = folder / "Observation.ndjson"
    with Handler.file.open("wb") as file:
        file.writelines(observations(size))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    study = folder / "study"
    shutil.copytree(data.demo_study(), study, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    (study / "sites.toml").write_text(f'[north]\nurl = "{base}"\nfhir_version = "4.0.1"\nmethod = "bulk"\n')
    pipe = f"curl -s --noproxy '*' {base}/file | zstd -3 -q -f -o {folder}/copy.zst"
    commands = {"curl | zstd -3": ["sh", "-c", pipe], "rwe pull": rwe("pull", "--dir", study, "--everything")}
    spent: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
    for _ in range(ROUNDS):
        for what, command in commands.items():
            shutil.rmtree(study / "data", ignore_errors=True)
            spent[what].append(timed(command))
    _show(spent, Handler.file.stat().st_size / 1e6)


def _show(spent: dict[str, list[tuple[float, float]]], megabytes: float) -> None:
    medians = {what: [statistics.median(n) for n in zip(*runs, strict=True)] for what, runs in spent.items()}
    wall, cpu = medians["curl | zstd -3"]
    for what, (w, c) in medians.items():
        rate = f"{megabytes / w:6.0f} MB/s"
        print(f"{what:16s} wall {w:6.2f} s  {rate}  {wall / w:5.2f}   CPU {c:6.2f} s  {cpu / c:5.2f}")


if __name__ == "__main__":
    main()
