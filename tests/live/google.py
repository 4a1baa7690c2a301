"""The test server of google/bulk_fhir_tools: plays NDJSON as the export of a Group, on 127.0.0.1.

In: a folder for the program and the data, what each Group holds. Out: a base URL, until `stop`. It has no
CapabilityStatement and no search; who logs in as CLIENT with SECRET gets a bearer token.
"""

import json
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.live import process
from tests.live.process import Running

PROGRAM = "github.com/google/bulk_fhir_tools/cmd/test_server"
SOURCE = Path(__file__).with_name("google") / "go.mod"
BUILD_SECONDS = 600  # the first build downloads about 150 MB
START_SECONDS = 30
CLIENT, SECRET = "rwe", "a-secret-of-the-tests"
UNTIL_STDIN_CLOSES = ("sh", "-c", '"$@" & trap "kill $!" EXIT; cat', "sh")

Batches = Mapping[str, Iterable[Mapping[str, Any]]]
"""`transactionTime` as the server spells it in its folders ("20240101T000000Z") ▶ the resources."""


def available() -> str | None:
    """None if the server can be built and run here, else the reason why not."""
    if shutil.which("go") is None:
        return "not installed: go"
    said = subprocess.run(["go", "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go1\.(\d+)", said)
    return None if found and int(found[1]) >= 21 else "Go 1.21 or newer is needed"


def start(groups: Mapping[str, Batches], workdir: Path, *, rows_per_file: int = 1000) -> Running:
    """A running server whose jobs take a second."""
    program = _build(workdir.resolve() / "google-build")
    home = Path(tempfile.mkdtemp(prefix="google-", dir=workdir))
    for group, batches in groups.items():
        for time, resources in batches.items():
            _write(home / "data" / group / time, resources, rows_per_file)
    port = _free_port()
    command: list[str | Path] = [
        *UNTIL_STDIN_CLOSES,
        program,
        "-port",
        str(port),
        "-data_dir",
        home / "data",
        "-job_delay",
        "1s",
    ]
    command += ["-retry_after", "1", "-client_id", CLIENT, "-client_secret", SECRET]
    base = f"http://127.0.0.1:{port}"
    return process.start(
        command,
        log=home / "server.log",
        ready=lambda left: base if process.serves(f"{base}/hello", left) else None,
        seconds=START_SECONDS,
        cwd=home,
    )


def _build(folder: Path) -> Path:
    """`go install` would ask the module proxy for a list of versions, which not every one gives."""
    program = folder / "test_server"

    def build() -> None:
        shutil.copy(SOURCE, folder)
        command: list[str | Path] = ["go", "build", "-mod=mod", "-o", program, PROGRAM]
        process.run(command, log=folder / "go.log", seconds=BUILD_SECONDS, cwd=folder)

    process.once(folder, [SOURCE], build)
    return program


def _write(folder: Path, resources: Iterable[Mapping[str, Any]], rows: int) -> None:
    folder.mkdir(parents=True)
    by_type: dict[str, list[str]] = {}
    for r in resources:
        by_type.setdefault(r["resourceType"], []).append(json.dumps(r, ensure_ascii=False) + "\n")
    for kind, lines in by_type.items():
        for n, at in enumerate(range(0, len(lines), rows)):
            (folder / f"{kind}_{n}.ndjson").write_text("".join(lines[at : at + rows]), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
