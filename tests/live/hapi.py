"""A HAPI FHIR JPA server for the live tests: built once by Maven, a process each, on 127.0.0.1.

In: a FHIR version and a folder for all that is written (program, logs, URL). Out: a base URL, until
`stop`. The database is in memory and empty at each start; `load` fills it.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import requests

from tests.live import process
from tests.live.process import LiveError, Running, session

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


def start(fhir_version: Literal["R4", "R5"], workdir: Path) -> Running:
    """A running server. Servers of one `workdir` share a build and may be started at once."""
    workdir = workdir.resolve()
    classpath = _build(workdir / "hapi-build")
    home = Path(tempfile.mkdtemp(prefix=f"hapi-{fhir_version}-", dir=workdir))
    url_file = home / "url"
    command = ["java", *JVM, "-cp", classpath, "rwe.live.HapiServer", fhir_version, str(url_file)]

    def ready(left: float) -> str | None:
        base = url_file.read_text() if url_file.exists() else ""
        return base if base and process.serves(f"{base}/metadata", left) else None

    return process.start(command, log=home / "server.log", ready=ready, seconds=START_SECONDS, cwd=home)


def _build(folder: Path) -> str:
    """The class path."""
    classpath = folder / "classpath"
    sources = [SOURCE / "pom.xml", *sorted(p for p in (SOURCE / "src").rglob("*") if p.is_file())]
    process.once(folder, sources, lambda: _maven(folder, classpath))
    return f"{folder / 'classes'}:{classpath.read_text().strip()}"


def _maven(folder: Path, classpath: Path) -> None:
    command = ["mvn", "-B", "-ntp", "-f", str(SOURCE / "pom.xml"), f"-Dwork={folder}", "compile"]
    command += [
        "dependency:build-classpath",
        f"-Dmdep.outputFile={classpath}",
        "-Dmdep.includeScope=runtime",
    ]
    process.run(command, log=folder / "maven.log", seconds=BUILD_SECONDS)


def load(base_url: str, resources: Iterable[Resource], *, batch: int = 300) -> int:
    """PUT each resource under its own id, `batch` in a transaction; how many. Found at once.

    An id holds a letter: HAPI refuses ids of digits only. A reference may point to nothing (the
    server's check is off), but no search finds the row by it, even after its target has come.
    """
    ordered = sorted(resources, key=_rank)
    with session() as http:
        for part in _parts(ordered, batch):
            _put(http, base_url, part)
    return len(ordered)


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
        raise LiveError(f"{answer.status_code} for {span}: {_diagnostics(answer)}")
    statuses = [e["response"]["status"] for e in answer.json()["entry"]]
    refused = [s for s in statuses if not s.startswith("2")]
    if refused or len(statuses) != len(part):
        raise LiveError(f"{len(statuses)} answers for {len(part)} entries, {span}: {refused}")


def _diagnostics(answer: requests.Response) -> str:
    try:
        issues = answer.json()["issue"]
    except (ValueError, KeyError):
        return answer.text[:500]
    return "; ".join(str(i.get("diagnostics", i)) for i in issues)
