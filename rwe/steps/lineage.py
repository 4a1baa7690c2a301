"""What a step was made from, so that the next never takes stale tables for fresh ones.

map     landed data, mappings, SQL  ──▶  made          cohort, compare  ──▶  the same now?
cohort  study, SQL                  ──▶  made          compare          ──▶  the same now?
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

import rwe
from rwe import data, landing, site
from rwe.errors import UsageError
from rwe.results import Validation
from rwe.steps import folder
from rwe.store import Store, duckdb_version
from rwe.study import Study

LANDED = "sites.toml or the landed data"
Parts = Mapping[str, str]
"""What a step reads, in words, with a hash of it."""
VALIDATED = "validated"


def of_map(study: Path) -> Parts:
    return {
        LANDED: _landed(study),
        "the mappings": data.mappings_sha256(),
        "the SQL": data.sql_sha256("map"),
        "the version of rwe or DuckDB": f"{rwe.__version__} {duckdb_version()}",
    }


def _landed(study: Path) -> str:
    raw, digest = folder.raw_folder(study), hashlib.sha256()
    for s in sorted(site.load(study), key=lambda s: s.id):
        digest.update(msgspec.json.encode([s.id, s.own, landing.current(raw / s.id)]))
    return digest.hexdigest()


def landed_alike(store: Store, study: Path) -> bool:
    """Were the tables made from what is landed now?"""
    if "made" not in store.tables():
        return False
    made = store.rows("SELECT hash FROM made WHERE step = 'map' AND part = ?", [LANDED])
    return made == [(_landed(study),)]


def mapped_alike(store: Store, parts: Parts, *, strict: bool) -> bool:
    """Were the tables made by the same rules, from whatever data?"""
    if "made" not in store.tables():
        return False
    made = dict(store.rows("SELECT part, hash FROM made WHERE step = 'map'"))
    return {**parts, VALIDATED: _mode(strict), LANDED: made.get(LANDED)} == made


def of_cohort(plan: Study) -> Parts:
    return {
        "study.toml or a code list": plan.sha256,
        "the SQL": data.sql_sha256("result", "cohort", "endpoint", "visit", "check"),
        "a reviewed table": data.reviewed_sha256(),
        "the version of rwe": rwe.__version__,
    }


def begin(store: Store, parts: Parts, *, strict: bool) -> None:
    """Of map: the tables of the steps after it are stale now."""
    store.run("CREATE OR REPLACE TABLE made (step VARCHAR, part VARCHAR, hash VARCHAR)")
    note(store, "map", {**parts, VALIDATED: _mode(strict)})


def _mode(strict: bool) -> Validation:
    return "every_resource" if strict else "exemplars"


def validated(store: Store) -> Validation:
    """Which rows `rwe map` looked at."""
    said = "SELECT hash FROM made WHERE step = 'map' AND part = ?"
    found = store.rows(said, [VALIDATED]) if "made" in store.tables() else []
    return "every_resource" if found == [("every_resource",)] else "exemplars"


def note(store: Store, step: str, parts: Parts) -> None:
    store.run("DELETE FROM made WHERE step = ?", [step])
    store.insert("made", [(step, part, digest) for part, digest in parts.items()])


def require(store: Store, step: str, parts: Parts) -> None:
    """UsageError where the step's tables are not there, or were made from something else."""
    store.require("made", by="map")
    made = dict(store.rows("SELECT part, hash FROM made WHERE step = ?", [step]))
    if not made:
        raise UsageError("what is mapped is newer than the cohort", hint=f"run `rwe {step}` first")
    changed = [part for part, digest in parts.items() if made.get(part) != digest]
    if changed:
        raise UsageError(f"{changed[0]} changed after `rwe {step}` ran", hint=f"run `rwe {step}` again")
