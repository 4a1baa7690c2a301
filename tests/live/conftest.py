"""The live servers, started at once, one set for all tests; each is skipped alone where it cannot be had."""

import gzip
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest

from rwe import data
from tests.live import google, hapi
from tests.live.process import Running

HAPI: dict[str, Literal["R4", "R5"]] = {"north": "R4", "centre": "R4", "south": "R5"}
VERSIONS = {"R4": "4.0.1", "R5": "5.0.0"}
GROUP = "registry"
FIRST, SECOND = "20240101T000000Z", "20240201T000000Z"


def resources(site: str) -> Iterator[dict[str, Any]]:
    for path in sorted((data.demo_study() / "fhir" / site).glob("*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


@pytest.fixture(scope="session")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RWE_LIVE_DIR, where the servers are built once for many test runs, or a folder of this one."""
    found = (
        Path(os.environ["RWE_LIVE_DIR"]) if "RWE_LIVE_DIR" in os.environ else tmp_path_factory.mktemp("live")
    )
    found.mkdir(parents=True, exist_ok=True)
    return found


@pytest.fixture(scope="session")
def servers(workdir: Path) -> Iterator[dict[str, str]]:
    """Site ▶ the base URL of a HAPI server that holds its resources; north's as a Group too."""
    if reason := hapi.available():
        pytest.skip(f"no HAPI FHIR server: {reason}")
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        started = {site: pool.submit(hapi.start, version, workdir) for site, version in HAPI.items()}
        urls = {site: stack.enter_context(s.result()).base_url for site, s in started.items()}
        for loaded in [pool.submit(hapi.load, urls[site], resources(site)) for site in HAPI]:
            loaded.result()
        hapi.load(urls["north"], [_group("north")])
        yield urls


def _group(site: str) -> dict[str, Any]:
    patients = [r["id"] for r in resources(site) if r["resourceType"] == "Patient"]
    member = [{"entity": {"reference": f"Patient/{p}"}} for p in patients]
    return {"resourceType": "Group", "id": GROUP, "type": "person", "actual": True, "member": member}


@pytest.fixture(scope="session")
def player(workdir: Path) -> Iterator[Running]:
    """Plays north's resources as the export of a Group, and then one Patient of it again, changed."""
    if reason := google.available():
        pytest.skip(f"no bulk test server: {reason}")
    changed = next(r for r in resources("north") if r["resourceType"] == "Patient") | {"active": False}
    batches = {FIRST: resources("north"), SECOND: [changed]}
    with google.start({GROUP: batches}, workdir, rows_per_file=500) as running:
        yield running
