"""purge: take a patient, a site or all out of what is held, and see that it is gone.

    landed data  ──▶  without it  ──▶  store built anew, results removed  ──▶  a scan for the id

The patient goes on a list of keyed hashes first, so that no pull brings it back, and a purge that was stopped
goes on when it is asked for again.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rwe import audit, site
from rwe import store as stores
from rwe.errors import UsageError
from rwe.landing import Purged
from rwe.landing.purge import Patient, Removed
from rwe.landing.purge import purge as purge_landed
from rwe.loads import LostError
from rwe.steps import folder, lineage
from rwe.steps import map as mapping
from rwe.steps.pages import EXPORTS, FETCHED
from rwe.steps.scan import Scan, scan, see_none
from rwe.store import Store

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class PurgeOutcome:
    """removed: what, in words, and how many of it.  notes: what a person should know beside it."""

    removed: list[tuple[str, int]] = field(default_factory=list)
    scanned: Scan | None = None
    notes: tuple[str, ...] = ()


def named(study_dir: Path, text: str) -> Patient:
    """SITE/ID, or ID where there is one site."""
    name, slash, identity = text.rpartition("/")
    held = _sites(study_dir)
    if not slash and len(held) != 1:
        raise UsageError("whose patient is it?", hint=f"write SITE/ID; sites: {', '.join(held) or 'none'}")
    if not re.fullmatch(r"[A-Za-z0-9.\-]{1,255}", identity):
        raise UsageError("that is no id of a Patient", hint="write SITE/ID, as `rwe inventory` lists it")
    return Patient(site=_held_site(study_dir, name) if slash else held[0], id=identity)


def _sites(study_dir: Path) -> list[str]:
    raw = study_dir / folder.DATA / folder.RAW
    return sorted(p.name for p in raw.iterdir() if p.is_dir()) if raw.is_dir() else []


def _held_site(study_dir: Path, name: str) -> str:
    held = _sites(study_dir)
    if name not in held:
        raise UsageError("nothing is held of such a site", hint=f"sites: {', '.join(held) or 'none'}")
    return name


def patient(study_dir: Path, who: Patient, *, say: Say) -> PurgeOutcome:
    """UsageError where nothing of the patient is held, nor was purged before."""
    site.load(study_dir)  # else the store could not be built again
    data = folder.data_folder(study_dir)
    with folder.alone(study_dir):
        purged = Purged(data, who.site)
        say(f"{who.site}: searching what is landed")
        removed = purge_landed(folder.raw_folder(study_dir), who, first=lambda: purged.add(who.id))
        if not removed.n and not purged.knows(who.id):
            if not scan(study_dir, who).found:
                hint = "`rwe inventory` lists the ids of what is held"
                raise UsageError(f"{who.site}: nothing of such a patient is held", hint=hint)
            purged.add(who.id)
        for waiting in (FETCHED, EXPORTS):
            shutil.rmtree(data / folder.RAW / who.site / waiting, ignore_errors=True)
        notes = _anew(study_dir, say)
        gone = [*_landed(removed), *_results(study_dir)]
        say("scanning for the id")
        scanned = scan(study_dir, who)
        see_none(scanned)
    return PurgeOutcome(
        removed=gone, scanned=scanned, notes=(*_others(removed), *_by_itself(scanned), *notes)
    )


def one_site(study_dir: Path, name: str, *, say: Say) -> PurgeOutcome:
    site.load(study_dir)
    at = folder.raw_folder(study_dir) / _held_site(study_dir, name)
    with folder.alone(study_dir):
        n = _remove(at)
        notes = _anew(study_dir, say)
        gone = [(f"files of {name}", n), *_results(study_dir)]
    again = f"take {name} out of sites.toml, or the next pull fetches it again"
    return PurgeOutcome(removed=gone, notes=(again, *notes))


def everything(study_dir: Path) -> PurgeOutcome:
    """data/ and results/; what people wrote stays, and the audit log."""
    data = study_dir / folder.DATA
    if not _held(data) and not (study_dir / folder.RESULTS).is_dir():
        hint = "there is nothing in data/ but the audit log, and no results/"
        raise UsageError(f"{study_dir}: nothing is held", hint=hint)
    with folder.alone(study_dir):
        n = sum(_remove(at) for at in _held(data))
        return PurgeOutcome(
            removed=[("files of data/", n), *_results(study_dir)], notes=(f"data/{audit.NAME} stays",)
        )


def _held(data: Path) -> list[Path]:
    return [p for p in data.iterdir() if p.name != audit.NAME] if data.is_dir() else []


def _anew(study_dir: Path, say: Say) -> tuple[str, ...]:
    """The store from what is landed: DuckDB keeps the bytes of rows that were deleted."""
    data = folder.data_folder(study_dir)
    strict = _was_strict(data)
    if not stores.remove(data):
        return ()
    try:
        mapping.mapped(study_dir, say=say)
    except UsageError:  # nothing is landed any more
        stores.remove(data)
        return ("nothing is left to map: there is no store",)
    again = ("`rwe map --strict` validates every resource again, as before",) if strict else ()
    return ("the store was built anew: run `rwe cohort`, `compare` and `report` again", *again)


def _was_strict(data: Path) -> bool:
    try:
        with Store.open(data) as store:
            return lineage.validated(store) == "every_resource"
    except (UsageError, LostError):
        return False


def _results(study_dir: Path) -> list[tuple[str, int]]:
    """All of them, and the export: every patient went into their counts."""
    found = (("results/", folder.RESULTS), ("data/export/", f"{folder.DATA}/{folder.EXPORT}"))
    removed = ((name, _remove(study_dir / place)) for name, place in found)
    return [(f"files of {name}, which were made with it", n) for name, n in removed if n]


def _remove(at: Path) -> int:
    if at.is_file():
        at.unlink()
        return 1
    n = sum(p.is_file() for p in at.rglob("*")) if at.is_dir() else 0
    if at.is_dir():
        shutil.rmtree(at)
    return n


def _landed(removed: Removed) -> list[tuple[str, int]]:
    aside = [(f"{kind}, set aside", n) for kind, n in sorted(removed.set_aside.items()) if n]
    return [*((kind, n) for kind, n in sorted(removed.types.items()) if n), *aside]


def _others(removed: Removed) -> list[str]:
    return [
        f"{n} of the {kind} are another's, and refer to the patient: removed too, and not landed again"
        for kind, n in sorted(removed.others.items())
        if n
    ]


def _by_itself(scanned: Scan) -> list[str]:
    if scanned.by_itself:
        return []
    return ["the id is short, or something else's too: looked for as a Patient's id and in references alone"]
