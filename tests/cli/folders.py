"""Study folders for the tests: copies of the fixtures, edits of them, and what a run leaves behind."""

import csv
import gzip
import hashlib
import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"


def public_set(name: str) -> Path:
    """A folder of ../shared/data; the test is skipped where the sets are not there."""
    folder = DATA / name
    if not folder.exists():
        pytest.skip(f"the public data sets are not there: {folder}")
    return folder


def copy(name: str, target: Path) -> Path:
    """A study of fixtures/ as a new folder."""
    shutil.copytree(FIXTURES / name, target)
    return target


def sites(study: Path, **folders: Path | tuple[Path, str]) -> Path:
    """Write sites.toml: each site a folder, R4 unless said otherwise."""
    text = ""
    for site, place in folders.items():
        folder, version = place if isinstance(place, tuple) else (place, "4.0.1")
        text += f'[{site}]\nfiles = "{folder}"\nfhir_version = "{version}"\n\n'
    (study / "sites.toml").write_text(text)
    return study


def edit(path: Path, old: str, new: str) -> None:
    """Replace what stands there exactly once."""
    text = path.read_text()
    assert text.count(old) == 1, (path, old, text.count(old))
    path.write_text(text.replace(old, new))


def resources(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def write_resources(path: Path, found: list[dict[str, Any]]) -> None:
    with gzip.open(path, "wt") as lines:
        lines.writelines(json.dumps(r) + "\n" for r in found)


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def results(study: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((study / "results" / "results.json").read_bytes())
    return found


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def rows(study: Path, sql: str) -> list[tuple[Any, ...]]:
    """Of the store; decimals and times as text, since Python's own would need pytz."""
    with duckdb.connect(study / "data" / "store.duckdb", read_only=True) as db:
        return db.execute(sql).fetchall()


def tables(study: Path, *, but: Collection[str] = ()) -> dict[str, tuple[Any, ...]]:
    """Every table of the store as its number of rows and a hash of them in any order."""
    found = (name for (name,) in rows(study, "SELECT table_name FROM duckdb_tables() ORDER BY 1"))
    names = [name for name in found if name not in but]
    sql = 'SELECT COUNT(*), SUM(hash(t::VARCHAR)::HUGEINT) FROM "{}" AS t'
    return {name: rows(study, sql.format(name))[0] for name in names}


def comparison(found: dict[str, Any], endpoint: str, *, stratum: str, visit: str) -> dict[str, Any]:
    (row,) = [
        c
        for c in found["comparisons"]
        if (c["endpoint"], c["stratum"], c["visit"]) == (endpoint, stratum, visit)
    ]
    return row


def remaining(found: dict[str, Any], *, arm: str, stratum: str | None) -> int:
    """Patients of an arm and stratum after the last step of the attrition."""
    last = found["attrition"][-1]
    return sum(
        a["n_out"]
        for a in found["attrition"]
        if (a["step"], a["description"]) == (last["step"], last["description"])
        and (a["arm"], a["stratum"]) == (arm, stratum)
    )
