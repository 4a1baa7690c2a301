"""Is a patient's id anywhere in data/ and results/?

    Patient  ──▶  Scan (files read, those that hold it)

Shards are unpacked, Parquet is read, the store is asked and searched as bytes.  Of the patient's own site
every reference and every id of a Patient counts.  The id by itself counts anywhere where it is long enough to
be meant, and is not also that of something else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from rwe import landing
from rwe.errors import DataError
from rwe.landing.purge import TELLING, Patient
from rwe.landing.purged import plain
from rwe.steps import folder
from rwe.store import NAME, Store, literal, quoted

PIECE = 1 << 24


@dataclass(kw_only=True)
class Scan:
    """found: files, relative to the study.  by_itself: the id was looked for without `Patient/` too."""

    files: int = 0
    by_itself: bool = True
    found: list[str] = field(default_factory=list)


def scan(study_dir: Path, patient: Patient) -> Scan:
    raw = study_dir / folder.DATA / folder.RAW
    others = [p for p in _files(raw) if p.relative_to(raw).parts[0] != patient.site]
    # At another site the same id is another patient's.
    shared = len(patient.id) < TELLING or _is_of_something(raw, patient)
    shared = shared or any(_holds(p, patient, by_itself=True) for p in others)
    result = Scan(files=len(others), by_itself=not shared)
    own = [p for top in (folder.DATA, folder.RESULTS) for p in _files(study_dir / top) if p not in {*others}]
    for path in own:
        result.files += 1
        name = str(path.relative_to(study_dir))
        if _holds(path, patient, by_itself=not shared) or (not shared and patient.named(name)):
            result.found.append(name if not patient.named(name) else f"a file in {path.parent.name}/")
    if (study_dir / folder.DATA / NAME).exists() and _in_store(study_dir, patient, by_itself=not shared):
        result.found.append(f"{folder.DATA}/{NAME}")
    result.found = list(dict.fromkeys(result.found))
    return result


def _files(top: Path) -> list[Path]:
    return sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else []


def _is_of_something(raw: Path, patient: Patient) -> bool:
    """Is there another resource of this id, of any site?"""
    for path in raw.glob("*/*/*.index.parquet"):
        own = path.parents[1].name == patient.site and path.name.startswith("Patient.")
        ids = pl.scan_parquet(path, glob=False).filter(pl.col("id") == patient.id).select(pl.len())
        if not own and ids.collect().item():
            return True
    return False


def _pattern(patient: Patient, *, by_itself: bool) -> re.Pattern[bytes]:
    identity = re.escape(patient.id).encode()
    before = rb"(?<![A-Za-z0-9.\-])" if by_itself else rb"Patient\\?/"
    return re.compile(before + identity + rb"(?![A-Za-z0-9\-]|\.[A-Za-z0-9])")


def _holds(path: Path, patient: Patient, *, by_itself: bool) -> bool:
    if path.suffix == ".parquet":
        return _in_parquet(path, patient, by_itself=by_itself)
    pattern = _pattern(patient, by_itself=by_itself)
    if path.name.endswith(".ndjson.zst"):
        return any(pattern.search(plain(line)) for line in landing.lines(path))
    if path.name == NAME or path.suffix in (".wal", ".tmp"):  # texts stand there without a sign between
        pattern = re.compile(re.escape(patient.id).encode()) if by_itself else pattern
    return any(pattern.search(piece) for piece in _pieces(path))


def _pieces(path: Path) -> Iterator[bytes]:
    """Each begins with the end of the one before."""
    with path.open("rb") as file:
        end = b""
        while piece := file.read(PIECE):
            yield end + piece
            end = piece[-512:]


def _in_parquet(path: Path, patient: Patient, *, by_itself: bool) -> bool:
    frame = pl.read_parquet(path, glob=False)
    if path.name.startswith("Patient.") and "id" in frame.columns and (frame["id"] == patient.id).any():
        return True
    pattern = _pattern(patient, by_itself=by_itself)
    texts = frame.select(pl.col(pl.String))
    return any(pattern.search(v.encode()) for column in texts for v in column.unique() if v)


def _in_store(study_dir: Path, patient: Patient, *, by_itself: bool) -> bool:
    """By a query: what is packed cannot be searched as bytes."""
    with Store.open(study_dir / folder.DATA) as store:
        return any(_in_table(store, t, patient, by_itself=by_itself) for t in sorted(store.tables()))


def _in_table(store: Store, table: str, patient: Patient, *, by_itself: bool) -> bool:
    columns = store.texts_of(table)
    if not columns:
        return False
    refers = literal(f"Patient/{patient.id}")
    tests = [f"contains({quoted(c)}::VARCHAR, {refers})" for c in columns]
    same = [c for c in columns if by_itself or c == "patient_id"]
    tests += [f"{quoted(c)}::VARCHAR = {literal(patient.id)}" for c in same]
    mine = f"site_id = {literal(patient.site)} AND " if "site_id" in columns else ""
    held = store.rows(f"SELECT 1 FROM {quoted(table)} WHERE {mine}({' OR '.join(tests)}) LIMIT 1")
    return bool(held)


def see_none(result: Scan) -> None:
    if result.found:
        where = ", ".join(result.found[:5]) + (", …" if len(result.found) > 5 else "")
        raise DataError(
            f"scanned {result.files} files: the patient's id is still in {where}",
            hint="remove these by hand, then purge again; what is below data/ a pull and a map make anew",
        )
