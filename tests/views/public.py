"""The public sets of RWE_DATA (by default ../shared/data beside the repository), numbers as they stand."""

import gzip
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.views.oracle import parsed

BESIDE = Path(__file__).parents[2].parent / "shared" / "data"
DATA = Path(os.environ.get("RWE_DATA", BESIDE))
SETS = {
    "fhir-bridge-gecco-tests": "r4",
    "gematik-hddt-doc-json": "r4",
    "google-synthea-hiv": "r4",
    "hl7-spec-examples/R4": "r4",
    "hl7-spec-examples/R4B": "r4b",
    "hl7-spec-examples/R5": "r5",
    "mii-kds-testdata": "r4",
    "smart-bulk-ndjson-10-patients": "r4",
    "smart-synthea-2019": "r4",
    "synthea-covid-bundles": "r4",
    "synthea-covid-ndjson": "r4",
    "torch-odd": "r4",
}


def need_set(folder: str) -> None:
    if not (DATA / folder).is_dir():
        pytest.skip(f"{DATA / folder} is not there")


@cache
def loaded(folder: str) -> dict[str, list[Any]]:
    """Resources by type, out of Bundles."""
    found: dict[str, list[Any]] = {}
    for document in documents(DATA / folder):
        for resource in resources(document):
            found.setdefault(resource["resourceType"], []).append(resource)
    return found


def documents(folder: Path) -> Iterator[Any]:
    for content in texts(folder):
        try:
            yield parsed(content)
        except ValueError:
            continue  # torch-odd holds two on purpose


def texts(folder: Path) -> Iterator[str]:
    """One JSON document each: a file, or a line of an NDJSON file."""
    for path in sorted(folder.rglob("*.json*")) + sorted(folder.rglob("*.ndjson*")):
        data = path.read_bytes()
        content = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        yield from content.splitlines() if ".ndjson" in path.name else [content]


def resources(document: Any) -> Iterator[Any]:
    if not isinstance(document, dict) or "resourceType" not in document:
        return
    if document["resourceType"] != "Bundle":
        yield document
    for entry in document.get("entry", []) if document["resourceType"] == "Bundle" else []:
        yield from resources(entry.get("resource"))
