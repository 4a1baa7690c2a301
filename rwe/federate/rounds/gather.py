"""At the coordinator: where the sums that have come lead, and what each site is sent next.

    request, signed Sums by round and site  ──▶  Gathered: a step or an end of each model, the next Round

All follows anew from the files: nothing is kept between rounds, and the same files give the same Round.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rwe.federate import box, envelope, members
from rwe.federate.files import content, whole
from rwe.federate.keys import Secret
from rwe.federate.members import Members
from rwe.federate.messages import ROUND, Request, Round
from rwe.federate.refusals import refusal
from rwe.federate.rounds.slots import MOST, Slot, Steps, going_on, slots, stepped
from rwe.federate.rounds.told import opened, totals
from rwe.study import Study

Texts = Mapping[int, Mapping[str, str]]
"""Signed Sums, by the round's number and the site."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """number: of the round that is next, or waits for more sites; waits: for which, of those it was sent to.

    next: none where each model has ended, or the first round is not whole.
    """

    steps: Steps
    number: int
    waits: list[str]
    next: Round | None

    @property
    def going_on(self) -> list[Slot]:
        return [slot for slot, _ in going_on(self.steps)]


def gathered(asked: Request, path: Path, plan: Study, texts: Texts, known: Members) -> Gathered:
    steps: Steps = slots(asked, plan)
    then: Round | None = None
    text = content(path).decode()
    for number in range(1, MOST + 1):
        came = texts.get(number, {})
        if not [*going_on(steps)]:
            return Gathered(steps=steps, number=number, waits=[], next=None)
        if waits := [site for site in asked.sites if site not in came]:
            return Gathered(steps=steps, number=number, waits=waits if came else [], next=then)
        told = [came[site] for site in asked.sites]
        found = opened(told, asked, known, number=number, where=path)
        if {sums.before for sums in found} != {envelope.digest(then) if then else ""}:
            raise refusal("other_round", path)
        steps = stepped(steps, totals(found, steps, path), path)
        then = Round(number=number + 1, asked=text, told=told)
    return Gathered(steps=steps, number=MOST, waits=[], next=None)


def written(study_dir: Path, asked: Request, found: Gathered, known: Members, by: Secret) -> list[Path]:
    """The next Round, sealed to each site that has not answered it; none where there is none."""
    if found.next is None:
        return []
    signed = envelope.sign(found.next, ROUND, by)
    folder = members.folder_of(study_dir)
    files = []
    for site in found.waits or asked.sites:
        files.append(folder / f"{ROUND}-{asked.query[:8]}-{found.next.number}-{site}.sealed")
        whole(files[-1], box.seal(signed, to=known.site[site].public()[0], info=box.ROUND))
    return files
