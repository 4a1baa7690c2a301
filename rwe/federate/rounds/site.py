"""A site's sums of one round: of its own rows, where the sums of all sites have led.

    approved request, rows       ──▶  signed Sums of round 1, in the answer
    a Round, verified, the rows  ──▶  signed Sums of the next, sealed to the coordinator

The site adds up what all sites have signed, by itself: from the coordinator it takes no number.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from rwe.federate import approve, envelope, ledger, members
from rwe.federate.checks import Checked
from rwe.federate.files import content
from rwe.federate.messages import ANSWER, SUMS, Request, Sums
from rwe.federate.pooled import ALL
from rwe.federate.prepare import Prepared, prepared
from rwe.federate.refusals import refusal
from rwe.federate.release import release
from rwe.federate.rounds import vector
from rwe.federate.rounds.led import Led, led, round_of
from rwe.federate.rounds.slots import Slot, few, going_on, slots
from rwe.stats.rounds.step import Rows, nothing
from rwe.stats.summaries import FloatArray
from rwe.steps import folder
from rwe.steps.audit import stamp


def first(found: Checked, models: Mapping[Slot, Rows]) -> str:
    """Signed; "" where no model is asked."""
    steps = dict(going_on(slots(found.request, found.plan)))
    numbers = {slot: step.sums(models[slot]) for slot, step in steps.items()}
    return _signed(found, numbers, number=1, before="") if models else ""


def again(study_dir: Path, path: Path, *, now: datetime) -> tuple[Path, int]:
    """The sealed file, and how many models go on in it."""
    with folder.alone(study_dir), ledger.recording(study_dir, "answer", now):
        found = led(study_dir, path, now=now)
        approve.require(found.checked)
        made = prepared(found.checked)
        _same_rows(found.checked, made)
        number, before = found.asked.number, envelope.digest(found.asked)
        sums = _signed(found.checked, _numbers(found, made), number=number, before=before)
        found.keep()
        line = {"at": stamp(now), "what": "continued", "number": number}
        return release(found.checked, sums.encode(), f"-{number}.sealed", **line), len(found.models)


def given(study_dir: Path, path: Path) -> bytes:
    """The very answer to a round that was lost on the way, if it is still here."""
    asked = round_of(study_dir, path)
    request = envelope.unverified(asked.asked.encode(), Request, where=path)
    name = f"{ANSWER}-{request.query[:8]}-{members.own(study_dir).name}-{asked.number}.sealed"
    file = study_dir / members.FOLDER / name
    return content(file) if re.fullmatch("[0-9a-f]{32}", request.query) and file.exists() else b""


def _same_rows(found: Checked, made: Prepared) -> None:
    """Between rounds no patient comes or goes: two rounds would differ by theirs."""
    (entry,) = [e for e in ledger.answered(found.before) if e.query == found.request.query]
    if any(entry.cells.get(name) != cell for name, cell in made.cells.items()):
        raise refusal("data_changed", found.path)


def _numbers(found: Led, made: Prepared) -> dict[Slot, FloatArray]:
    """R3: a total goes with its strata, less all but one of which it is that one."""
    numbers = {slot: step.sums(made.models[slot]) for slot, step in found.models.items()}
    numbers |= {slot: nothing(found.models[slot].size) for slot in _of_few(found, made)}
    held = {slot.place for slot, sums in numbers.items() if not np.isfinite(sums).all()}
    totals = [slot for slot in numbers if slot.stratum == ALL and slot.place in held]
    return numbers | {slot: nothing(found.models[slot].size) for slot in totals}


def _of_few(found: Led, made: Prepared) -> list[Slot]:
    """R1: every site sees the totals, and by its own numbers those of all others together."""
    first = slots(found.checked.request, found.checked.plan)
    rest = {
        slot: found.came[0][str(slot)] - step.sums(made.models[slot])
        for slot, step in going_on(first)
        if slot in found.models
    }
    return [slot for slot, numbers in rest.items() if few(first[slot], numbers)]


def _signed(found: Checked, numbers: Mapping[Slot, FloatArray], *, number: int, before: str) -> str:
    keys = members.key(found.plan.folder, members.SITE), approve.steward(found)
    site = found.masking(keys[0])
    made = Sums(
        query=found.request.query,
        request=found.digest,
        site=found.own.name,
        number=number,
        before=before,
        slots={
            str(slot): vector.masked(sums, _slot(found, slot, number, before), site)
            for slot, sums in numbers.items()
        },
    )
    return envelope.sign(made, SUMS, *keys).decode()


def _slot(found: Checked, slot: Slot, number: int, before: str) -> vector.Slot:
    return vector.Slot(
        request=found.digest, place=slot.place, stratum=slot.stratum, number=number, before=before
    )
