"""answer: a site's own summaries, after the rules, signed by site and steward and sealed to the coordinator.

    approved request, store  ──▶  federate/answer-….sealed, a line of the ledger

The ledger has its line before the file has its name: what is lost on the way is asked again, under a new
nonce.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import rwe
from rwe.federate import approve, envelope, ledger, members
from rwe.federate.checks import Checked, checked
from rwe.federate.files import content
from rwe.federate.messages import ANSWER, Answer
from rwe.federate.prepare import Prepared, prepared
from rwe.federate.release import release
from rwe.federate.rounds.site import again, first
from rwe.steps import folder
from rwe.steps.audit import stamp


def answer(study_dir: Path, path: Path, *, now: datetime) -> tuple[Path, Prepared]:
    with folder.alone(study_dir), ledger.recording(study_dir, "answer", now):
        found = checked(study_dir, path, now=now)
        approve.require(found)
        made = prepared(found)
        return _release(found, made, now), made


@dataclass(frozen=True, kw_only=True)
class Answered:
    """counts: for the audit log."""

    file: Path
    said: str
    counts: dict[str, int]


def either(study_dir: Path, path: Path, *, now: datetime) -> Answered:
    """A request, or a later round of one."""
    if not envelope.is_text(content(path)):  # sealed
        file, models = again(study_dir, path, now=now)
        return Answered(file=file, said=f"{models} models go on", counts={"continued": 1, "models": models})
    file, made = answer(study_dir, path, now=now)
    nothing = "" if made.released else ": no number leaves, every arm or cell is too small"
    said = f"{made.released} released, {made.suppressed} suppressed{nothing}"
    counts = {"answered": 1, "released": made.released, "suppressed": made.suppressed}
    return Answered(file=file, said=said, counts=counts)


def _release(found: Checked, made: Prepared, now: datetime) -> Path:
    keys = members.key(found.plan.folder, members.SITE), approve.steward(found)
    answered = envelope.sign(_answer(found, made, now), ANSWER, *keys)
    line = {"cells": made.cells, "members": made.told, "sums": found.sums}
    return release(found, answered, ".sealed", at=stamp(now), what="answered", **line)


def _answer(found: Checked, made: Prepared, now: datetime) -> Answer:
    return Answer(
        query=found.request.query,
        request=found.digest,
        site=found.own.name,
        created=stamp(now),
        data_as_of=made.data_as_of,
        software=f"rwe {rwe.__version__}",
        parts=made.parts,
        sums=first(found, made.models),
    )
