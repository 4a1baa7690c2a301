"""Where the sums of all sites have led, as a site works it out by itself.

a Round, what was kept of the rounds before  ──▶  Led: each model's next step, or its end
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from rwe.federate import box, envelope, members
from rwe.federate.checks import Checked, checked_of
from rwe.federate.files import content, whole
from rwe.federate.messages import ROUND, Round
from rwe.federate.refusals import refusal
from rwe.federate.rounds import vector
from rwe.federate.rounds.slots import MOST, Slot, Steps, Totals, after, going_on, slots, stepped
from rwe.federate.rounds.told import opened, totals
from rwe.stats.rounds.step import Step

KEPT = "rounds-{}.json"
"""What all sites together had in each round."""


@dataclass(frozen=True, kw_only=True)
class Led:
    """came: of each round that was told, what all sites had."""

    checked: Checked
    asked: Round
    steps: Steps
    came: list[Totals]

    @property
    def models(self) -> dict[Slot, Step]:
        return dict(going_on(self.steps))

    def keep(self) -> None:
        """For the next round."""
        plain = [{name: numbers.tolist() for name, numbers in t.items()} for t in self.came]
        whole(_file(self.checked), msgspec.json.encode(plain))


def led(study_dir: Path, path: Path, *, now: datetime) -> Led:
    """A refusal where it is not the next round of what was answered, or holds what no site has signed."""
    asked = round_of(study_dir, path)
    found = checked_of(study_dir, asked.asked.encode(), path, now=now, again=asked.number)
    told = opened(asked.told, found.request, found.own.members, number=asked.number - 1, where=path)
    came, steps = _kept(found, asked.number), slots(found.request, found.plan)
    for before in came:
        steps = after(steps, before)
    came.append(totals(told, steps, path))
    steps = stepped(steps, came[-1], path)
    if not [*going_on(steps)]:
        raise refusal("nothing_left", path)
    return Led(checked=found, asked=asked, steps=steps, came=came)


def round_of(study_dir: Path, path: Path) -> Round:
    own = members.own(study_dir)
    plain = box.unseal(content(path), by=members.key(study_dir, members.SITE), info=box.ROUND, where=path)
    asked = envelope.opened(plain, ROUND, Round, keys=[own.members.public()], where=path)
    if not 2 <= asked.number <= MOST:
        raise refusal("bad_form", path)
    return asked


def _kept(found: Checked, number: int) -> list[Totals]:
    """Of the rounds before the one that is told now."""
    if number == 2:
        return []
    try:
        kept = msgspec.json.decode(content(_file(found)), type=list[dict[str, list[float]]])
    except msgspec.MsgspecError:
        kept = []
    models = {str(slot) for slot in slots(found.request, found.plan)}
    if len(kept) < number - 2 or (kept and kept[0].keys() != models):
        raise refusal("rounds_lost", _file(found))
    return [vector.totals_of(t) for t in kept[: number - 2]]


def _file(found: Checked) -> Path:
    return found.plan.folder / members.FOLDER / KEPT.format(found.digest)
