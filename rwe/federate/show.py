"""show: what would leave this site if it answered, in plain words and with every number."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rwe.federate import envelope, ledger, rules
from rwe.federate.checks import Checked, checked
from rwe.federate.files import content
from rwe.federate.messages import Ask, Part, Request
from rwe.federate.pooled_sums import limits as limits_of
from rwe.federate.prepare import Prepared, prepared
from rwe.federate.rounds.led import led
from rwe.federate.rounds.slots import strata
from rwe.federate.rules import Limits
from rwe.federate.secure_sum import size
from rwe.federate.statistics import STATISTICS, in_rounds, is_summed
from rwe.stats.moments import Moments
from rwe.stats.summaries import ArmEvents

HELD = {
    "small_arm": "an arm has fewer than {arm} patients",
    "small_cell": "a cell of its table has fewer than {cell} patients",
    "small_group": "fewer than {cell} patients have it, or have it not",
    "few_missing": "fewer than {cell} patients of an arm have no value, which n beside all would tell",
}


NOTHING = Prepared(parts=[], cells={}, members={}, data_as_of=None, models={})


@dataclass(frozen=True, kw_only=True)
class Shown:
    request: Request
    digest: str
    prepared: Prepared
    lines: list[str]


def either(study_dir: Path, path: Path, *, now: datetime) -> Shown:
    """Of a request, or of a later round of one."""
    by = show if envelope.is_text(content(path)) else _round
    return by(study_dir, path, now=now)


def show(study_dir: Path, path: Path, *, now: datetime) -> Shown:
    with ledger.recording(study_dir, "show", now):
        found = checked(study_dir, path, now=now)
        made = prepared(found)
    return Shown(request=found.request, digest=found.digest, prepared=made, lines=[*_lines(found, made)])


def _lines(found: Checked, made: Prepared) -> Iterator[str]:
    r, limits, done = found.request, found.limits, len(ledger.answered(found.before))
    yield f"Request {r.query[:8]} of study {r.study}, SHA-256 {found.digest}"
    yield f"From      the coordinator, key {found.own.members.public().fingerprint}"
    yield f"To        {', '.join(r.sites)}; this site is {found.own.name}"
    yield f"Expires   {r.not_after}; {done} of {found.own.policy.requests} requests were answered here before"
    yield f"Plan      study file, code lists, SQL, mappings and rwe {r.plan['software']} are the same here"
    yield f"Cells     {_cells(r, limits)}"
    yield ""
    yield "If this site answers now, these numbers leave it, sealed to the coordinator, and no others:"
    for ask, parts in zip(r.asks, made.parts, strict=True):
        yield f"  {str(ask).replace(':', ' ')}: of each arm and stratum {STATISTICS[ask.statistic].words}"
        for part in parts:
            yield f"    {part.stratum}: {_masked(found, made, ask, part) or _words(ask, part, limits)}"
        if in_rounds(ask):
            of = ", ".join(strata(ask, found.plan.file))
            yield f"    its sums are of {of}; this approval covers its later rounds"
    yield ""
    if found.sums:
        yield f"Secure sum over {len(r.sites)} sites (experimental); its limits:"
        yield from (f"  {line}" for line in limits_of(r.asks))
        yield ""
    yield f"Beside them: the name {found.own.name}, the time, the hash of the request, the version of rwe,"
    yield f"and how new the data are ({made.data_as_of or 'not known'}).  No patient, no single value."


def _round(study_dir: Path, path: Path, *, now: datetime) -> Shown:
    with ledger.recording(study_dir, "show", now):
        found = led(study_dir, path, now=now)
    r, digest = found.checked.request, found.checked.digest
    others = ", ".join(site for site in r.sites if site != found.checked.own.name)
    models = {slot: f"{r.asks[slot.place]}".replace(":", " ") for slot in found.models}
    lines = [
        f"Round {found.asked.number} of request {r.query[:8]} of study {r.study}, SHA-256 {digest}",
        f"It holds what {', '.join(r.sites)} have signed of the round before; this site adds that up itself.",
        "",
        f"If this site answers now, sums leave it under masks shared with {others}, and nothing else:",
        *(f"  {name}, {slot.stratum}: {found.models[slot].size} numbers" for slot, name in models.items()),
    ]
    return Shown(request=r, digest=digest, prepared=NOTHING, lines=lines)


def _cells(r: Request, limits: Limits) -> str:
    if limits.open_cells:
        return f"of 1 to {limits.min_cell - 1} patients go to the coordinator, under {r.agreement}"
    why = f"; {r.agreement} is not this site's agreement" if r.tier == "agreement" else ""
    return f"of 1 to {limits.min_cell - 1} patients are suppressed{why}"


def _masked(found: Checked, made: Prepared, ask: Ask, part: Part) -> str | None:
    """What is under the masks: it does not leave."""
    if not is_summed(ask):
        return None
    treated, control = (
        made.cells[rules.cell_name(ask, part.stratum, arm)][0] for arm in ("treated", "control")
    )
    others = ", ".join(site for site in found.request.sites if site != found.own.name)
    what = "sums" if in_rounds(ask) else f"{size(found.request.patients)} bytes, the values"
    return f"{what} of {treated} treated and {control} control under masks shared with {others}"


def _words(ask: Ask, part: Part, limits: Limits) -> str:
    if part.suppressed:
        return f"nothing: {HELD[part.suppressed].format(arm=limits.min_arm, cell=limits.min_cell)}"
    if part.count:
        return f"{part.count.treated} treated, {part.count.control} control"
    if part.ranks:
        r = part.ranks
        return f"{r.m} treated, {r.n} control, U {r.u}, Σ(t³ − t) {r.ties}"
    if part.moments:
        arms = ("treated", part.moments.treated), ("control", part.moments.control)
        return "; ".join(f"{arm} {_sums(m)}" for arm, m in arms) + f" (about {ask.centre:g})"
    if part.events:
        arms_of = ("treated", part.events.treated), ("control", part.events.control)
        return "; ".join(f"{arm} {_events(e, ask)}" for arm, e in arms_of)
    return "nothing"


def _sums(m: Moments) -> str:
    return f"n {m.n}, sum {m.total}, sum of squares {m.squares}"


def _events(e: ArmEvents, ask: Ask) -> str:
    held = f"{e.patients} of {e.n}"
    if STATISTICS[ask.statistic].of == "share":
        return held
    return f"{held}, {e.events} events in {e.person_days} days"
