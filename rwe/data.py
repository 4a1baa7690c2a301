"""Where the shipped files are: mappings, SQL and the demo study.

In a checkout they stand at its top; in an installed wheel they stand inside the package, in
rwe/_shipped (see pyproject.toml), so that the commands work from any folder.
"""

import csv
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
REVIEWED = PACKAGE / "reviewed"
SQL_STEPS = ("map", "result", "cohort", "endpoint", "visit", "check")
"""The folders of sql/ that make a result, in the order in which they run."""


@cache
def root() -> Path:
    """The folder that holds mappings/, sql/ and fixtures/."""
    shipped = PACKAGE / "_shipped"
    return shipped if shipped.is_dir() else PACKAGE.parent


def mapping_files(fhir_version: str) -> list[Path]:
    """The ViewDefinitions of a FHIR version, in the order of their table names."""
    folder = {"4.0.1": "r4", "4.3.0": "r4b", "5.0.0": "r5"}[fhir_version]
    return sorted((root() / "mappings" / folder).glob("*.json"))


def sql_files(step: str) -> list[Path]:
    """The files of sql/<step>, in the order in which they run."""
    return sorted((root() / "sql" / step).glob("*.sql"))


def reviewed(name: str) -> list[dict[str, str]]:
    """The rows of a reviewed table, rwe/reviewed/NAME.csv: what a person has looked at, one place each."""
    with (REVIEWED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def reviewed_sha256() -> str:
    """Of the tables that make results; those of reviewed/export/ only tell of them."""
    return sha256(sorted(REVIEWED.glob("*.csv")))


def demo_study() -> Path:
    return root() / "fixtures" / "msc"


def sha256(files: Iterable[Path]) -> str:
    """One hash over the names and contents of files, in the order given."""
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def sql_sha256(*steps: str) -> str:
    return sha256(f for step in steps or SQL_STEPS for f in sql_files(step))


def mappings_sha256() -> str:
    return sha256(sorted((root() / "mappings").glob("*/*.json")))
