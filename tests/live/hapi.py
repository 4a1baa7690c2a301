"""A HAPI FHIR JPA server for the live tests: built once by Maven, a process each, on 127.0.0.1.

In: a FHIR version and a folder for all that is written (program, logs, URL). Out: a base URL, until
`stop`. The database is in memory and empty at each start; `load` fills it.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import requests

Resource = Mapping[str, Any]

SOURCE = Path(__file__).with_name("hapi")
BUILD_SECONDS = 900  # the first build downloads about 300 MB
START_SECONDS = 240
# C1 alone and one collector thread start faster than the defaults and leave the cores to the tests.
JVM = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8")

# A reference is indexed for search only if its target is there when it is written: targets first.
TARGETS_FIRST = (
    "Organization",
    "Location",
    "Practitioner",
    "Patient",
    "Medication",
    "Encounter",
    "MedicationRequest",
    "Procedure",
    "MedicationAdministration",
)


class HapiError(Exception):
    pass


def available() -> str | None:
    """None if the server can be built and run here, else the reason why not."""
    missing = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    asked = ["java", "-version"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if not found or int(found[1]) < 17:
        return "Java 17 or newer is needed"
    return None


@dataclass(frozen=True)
class Hapi:
    base_url: str
    log: Path
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(fhir_version: Literal["R4", "R5"], workdir: Path) -> Hapi:
    """A running server. Servers of one `workdir` share a build and may be started at once."""
    workdir = workdir.resolve()
    classpath = _build(workdir / "hapi-build")
    home = Path(tempfile.mkdtemp(prefix=f"hapi-{fhir_version}-", dir=workdir))
    url_file, log = home / "url", home / "server.log"
    command = ["java", *JVM, "-cp", classpath, "rwe.live.HapiServer", fhir_version, str(url_file)]
    with log.open("wb") as out:
        # The server ends when its standard input closes: none outlives a test run that is killed.
        process = subprocess.Popen(
            command, cwd=home, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        return Hapi(_await(process, url_file, log), log, process)
    except BaseException:
        Hapi("", log, process).stop()
        raise


def _build(folder: Path) -> str:
    """The class path; built again only when a source has changed. Locked: tests run in parallel."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp, classpath = folder / "stamp", folder / "classpath"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = _digest()
        if not stamp.exists() or stamp.read_text() != sources:
            _maven(folder, classpath)
            stamp.write_text(sources)
    return f"{folder / 'classes'}:{classpath.read_text().strip()}"


def _digest() -> str:
    files = [SOURCE / "pom.xml", *sorted(p for p in (SOURCE / "src").rglob("*") if p.is_file())]
    return hashlib.sha256(b"\0".join(f.read_bytes() for f in files)).hexdigest()


def _maven(folder: Path, classpath: Path) -> None:
    log = folder / "maven.log"
    command = ["mvn", "-B", "-ntp", "-f", str(SOURCE / "pom.xml"), f"-Dwork={folder}", "compile"]
    command += [
        "dependency:build-classpath",
        f"-Dmdep.outputFile={classpath}",
        "-Dmdep.includeScope=runtime",
    ]
    try:
        with log.open("wb") as out:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=BUILD_SECONDS,
                check=True,
            )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise HapiError(f"Maven could not build the server:\n{_tail(log)}") from error


def _await(process: subprocess.Popen[bytes], url_file: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if process.poll() is not None:
            raise HapiError(f"the server ended with {process.returncode}:\n{_tail(log)}")
        if url_file.exists() and _serves(base := url_file.read_text(), left):
            return base
        time.sleep(0.2)
    raise HapiError(f"the server does not answer after {START_SECONDS} s:\n{_tail(log)}")


def _serves(base: str, seconds: float) -> bool:
    try:
        with _session() as http:
            return http.get(f"{base}/metadata", timeout=seconds).ok
    except requests.RequestException:
        return False


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def load(base_url: str, resources: Iterable[Resource], *, batch: int = 300) -> int:
    """PUT each resource under its own id, `batch` in a transaction; how many. Found at once.

    An id holds a letter: HAPI refuses ids of digits only. A reference may point to nothing (the
    server's check is off), but no search finds the row by it, even after its target has come.
    """
    ordered = sorted(resources, key=_rank)
    with _session() as http:
        for part in _parts(ordered, batch):
            _put(http, base_url, part)
    return len(ordered)


def _session() -> requests.Session:
    http = requests.Session()
    http.trust_env = False  # a proxy of the environment has no business on 127.0.0.1
    http.headers.update({"Accept": "application/fhir+json", "Cache-Control": "no-cache"})
    return http


def _rank(resource: Resource) -> int:
    kind = resource["resourceType"]
    return TARGETS_FIRST.index(kind) if kind in TARGETS_FIRST else len(TARGETS_FIRST)


def _parts(rows: list[Resource], size: int) -> Iterator[list[Resource]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _put(http: requests.Session, base_url: str, part: list[Resource]) -> None:
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in part
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = http.post(base_url, json=bundle, headers={"Content-Type": "application/fhir+json"}, timeout=300)
    span = f"{entries[0]['request']['url']} to {entries[-1]['request']['url']}"
    if not answer.ok:
        raise HapiError(f"{answer.status_code} for {span}: {_diagnostics(answer)}")
    statuses = [e["response"]["status"] for e in answer.json()["entry"]]
    refused = [s for s in statuses if not s.startswith("2")]
    if refused or len(statuses) != len(part):
        raise HapiError(f"{len(statuses)} answers for {len(part)} entries, {span}: {refused}")


def _diagnostics(answer: requests.Response) -> str:
    try:
        issues = answer.json()["issue"]
    except (ValueError, KeyError):
        return answer.text[:500]
    return "; ".join(str(i.get("diagnostics", i)) for i in issues)
