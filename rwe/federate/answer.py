"""answer: a site's own summaries, after the rules, signed by site and steward and sealed to the coordinator.

    approved request, store  ──▶  federate/answer-….sealed, a line of the ledger

The ledger has its line before the file has its name: what is lost on the way is asked again, under a new
nonce.
"""

import os
from datetime import datetime
from pathlib import Path

import rwe
from rwe.federate import approve, box, envelope, ledger, members
from rwe.federate.checks import Checked, checked
from rwe.federate.files import beside
from rwe.federate.ledger import Entry
from rwe.federate.messages import ANSWER, Answer
from rwe.federate.prepare import Prepared, prepared
from rwe.steps import folder
from rwe.steps.audit import stamp


def answer(study_dir: Path, path: Path, *, now: datetime) -> tuple[Path, Prepared]:
    with folder.alone(study_dir), ledger.recording(study_dir, "answer", now):
        found = checked(study_dir, path, now=now)
        approve.require(found)
        made = prepared(found)
        return _release(found, made, now), made


def _release(found: Checked, made: Prepared, now: datetime) -> Path:
    keys = members.key(found.plan.folder, members.SITE), approve.steward(found)
    signed = envelope.sign(_answer(found, made, now), ANSWER, *keys)
    file = found.file(ANSWER, ".sealed")
    part = beside(file, box.seal(signed, to=found.own.members.public()))
    entry = Entry(
        before="",
        at=stamp(now),
        what="answered",
        verb="answer",
        request=found.digest,
        query=found.request.query,
        cells=made.cells,
        sums=found.sums,
    )
    try:
        ledger.write(found.plan.folder, entry)
    except BaseException:
        part.unlink()
        raise
    os.replace(part, file)
    return file


def _answer(found: Checked, made: Prepared, now: datetime) -> Answer:
    return Answer(
        query=found.request.query,
        request=found.digest,
        site=found.own.name,
        created=stamp(now),
        data_as_of=made.data_as_of,
        software=f"rwe {rwe.__version__}",
        parts=made.parts,
    )
