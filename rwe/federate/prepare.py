"""What would leave, exactly: a request's summaries after every rule.  `show` prints it, `answer` signs it.

Checked  ──▶  Prepared: parts, the cells of what is released, and who is in the arms
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

from rwe.errors import RweError
from rwe.federate import ledger, members, rules
from rwe.federate.checks import Checked
from rwe.federate.keys import Secret
from rwe.federate.messages import Ask, Part
from rwe.federate.refusals import refusal
from rwe.federate.rounds.rows import of_slots
from rwe.federate.rounds.slots import Slot
from rwe.federate.rules import UNTOLD, Cell, Limits
from rwe.federate.secure_sum import Slot as Sketched
from rwe.federate.secure_sum import masked
from rwe.federate.statistics import in_rounds, is_masked
from rwe.federate.summaries import Summed, summed
from rwe.federate.tallies import keys
from rwe.stats.rounds.step import Rows
from rwe.steps import folder, lineage
from rwe.store import Store
from rwe.study import Study

COHORT = Ask(statistic="count", variable="cohort")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """models: the rows of each that is asked in rounds; they do not leave."""

    parts: list[list[Part]]
    cells: dict[str, Cell]
    members: dict[str, Cell]
    data_as_of: str | None
    models: Mapping[Slot, Rows]

    @property
    def told(self) -> dict[str, Cell]:
        """The members of strata of which anything leaves."""
        of = {part.stratum for parts in self.parts for part in parts if not part.suppressed}
        return {arm: cell if arm.split("|")[0] in of else UNTOLD for arm, cell in self.members.items()}

    @cached_property
    def suppressed(self) -> int:
        return sum(part.suppressed is not None for parts in self.parts for part in parts)

    @cached_property
    def released(self) -> int:
        return sum(map(len, self.parts)) - self.suppressed


def prepared(checked: Checked) -> Prepared:
    """A refusal where it would tell, beside what has left before, of a few patients.

    No text of an exception goes further: it may hold a patient's value.
    """
    try:
        made = _prepared(checked)
    except RweError:
        raise
    except Exception:  # noqa: BLE001  its text may hold a patient's value: a code leaves
        raise refusal("failed", checked.path) from None
    summed = {*checked.sums}
    before = [e for e in ledger.answered(checked.before) if e.query != checked.request.query]
    if any(rules.differs_by_few(made.cells, entry.cells, summed=summed) for entry in before):
        raise refusal("differs_by_few", checked.path)
    if any(rules.cohort_differs(made.members, entry.members) for entry in before):
        raise refusal("differs_by_few", checked.path, about="in who is in the cohort, whatever is asked")
    return made


def _prepared(checked: Checked) -> Prepared:
    plan, by = checked.plan, members.key(checked.plan.folder, members.SITE)
    parts: list[list[Part]] = []
    cells: dict[str, Cell] = {}
    models: dict[Slot, Rows] = {}
    with Store.open(folder.data_folder(plan.folder)) as store:
        lineage.require(store, "map", lineage.of_map(plan.folder))
        lineage.require(store, "cohort", lineage.of_cohort(plan))
        cohort = summed(store, plan, COHORT)
        whole = [s.arms for s in cohort]
        for place, ask in enumerate(checked.request.asks):
            found = [*summed(store, plan, ask)]
            if in_rounds(ask):
                models |= of_slots(place, ask, {s.part.stratum: s.seen for s in found}, plan.file)
            elif is_masked(ask):
                found = [_masked(checked, place, s, by) for s in found]
            else:
                beside = _beside(store, plan, ask)
                found = [
                    _ruled(ask, s, {name: of[n] for name, of in beside.items()}, checked.limits, whole[n])
                    for n, s in enumerate(found)
                ]
            parts.append([s.part for s in found])
            for s in found:
                _add(cells, _cells(ask, s, by) | _who(ask, plan, s, by), checked.path)
        as_of = store.rows("SELECT MAX(pulled_at) FROM site")[0][0]
    who = _members(cohort, by)
    return Prepared(parts=parts, cells=cells, members=who, data_as_of=as_of, models=models)


def _beside(store: Store, plan: Study, ask: Ask) -> dict[str, list[tuple[int, int]]]:
    """Of each variable that adds up with this one, by stratum, the patients of either arm; asked or not."""
    return {
        name: [
            (s.part.events.treated.patients, s.part.events.control.patients)
            for s in summed(store, plan, msgspec.structs.replace(ask, variable=name))
            if s.part.events
        ]
        for name in rules.BESIDE.get(ask.variable, ())
    }


def _ruled(
    ask: Ask, s: Summed, beside: Mapping[str, tuple[int, int]], limits: Limits, whole: tuple[int, int]
) -> Summed:
    missing = whole[0] - s.arms[0], whole[1] - s.arms[1]
    held = rules.held_back(ask, s.part, s.arms, limits, missing=missing)
    if not limits.open_cells and rules.gives_back(ask.variable, beside, least=limits.min_cell):
        held = held or "small_cell"
    part = Part(stratum=s.part.stratum, suppressed=held) if held else s.part
    return Summed(part=part, rows=s.rows)


def _masked(checked: Checked, place: int, s: Summed, by: Secret) -> Summed:
    """No rule holds it back: of an arm of one, too, only the sum over all sites is ever seen."""
    asked = checked.request
    if sum(s.arms) > asked.patients:
        raise refusal("too_many", checked.path)
    slot = Sketched(request=checked.digest, ask=place, stratum=s.part.stratum, patients=asked.patients)
    text = masked(keys(s.rows), slot, checked.masking(by))
    return Summed(part=Part(stratum=s.part.stratum, masked=text), rows=s.rows)


def _cells(ask: Ask, s: Summed, by: Secret) -> dict[str, Cell]:
    """Of what is released alone."""
    if s.part.suppressed:
        return {}
    of = s.part.stratum
    return {rules.cell_name(ask, of, arm): ledger.cell(rows, by) for arm, rows in s.rows.items()}


def _who(ask: Ask, plan: Study, s: Summed, by: Secret) -> dict[str, Cell]:
    """Of a model's family: no more than who is in it."""
    if not (family := rules.family(ask, plan.file)):
        return {}
    who = {arm: [dataclasses.replace(x, value=None) for x in rows] for arm, rows in s.rows.items()}
    return {f"{family}||{s.part.stratum}|{arm}": ledger.cell(rows, by) for arm, rows in who.items()}


def _add(cells: dict[str, Cell], more: dict[str, Cell], where: object) -> None:
    """Two statistics of one request, too, would tell of the patients that they differ by."""
    if any(cells.get(name, cell) != cell for name, cell in more.items()):
        raise refusal("differs_by_few", where)
    cells |= more


def _members(cohort: Sequence[Summed], by: Secret) -> dict[str, Cell]:
    return {f"{s.part.stratum}|{arm}": ledger.cell(rows, by) for s in cohort for arm, rows in s.rows.items()}
