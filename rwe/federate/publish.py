"""What is pooled, once more by the rules, before it is shown to anyone but the coordinator.

rows  ──▶  the same, those with a cell of 1 to 4 or that would give one back suppressed
"""

from collections.abc import Sequence

import msgspec

from rwe.federate import rules
from rwe.federate.pooled import ALL, Arm, Row, hidden


def published(found: Sequence[Row]) -> list[Row]:
    kept = [hidden(row, "small_cell") if _small(row, found) else _without_curve(row) for row in found]
    return [hidden(row, "small_cell") if _total_of_hidden(row, kept) else row for row in kept]


def _without_curve(row: Row) -> Row:
    """Each of its steps is a patient."""
    arms = (arm and msgspec.structs.replace(arm, curve=None) for arm in (row.treated, row.control))
    treated, control = arms
    return msgspec.structs.replace(row, treated=treated, control=control)


def _small(row: Row, found: Sequence[Row]) -> bool:
    """R2, R3."""
    arms = _arms(row)
    cells = [count for a in arms if a.patients is not None for count in (a.patients, a.n - a.patients)]
    if rules.small_cell([*(arm.n for arm in arms), *cells]):
        return True
    beside = {r.variable: [a.patients or 0 for a in _arms(r)] for r in found if _beside(row, r) and _arms(r)}
    return rules.gives_back(row.variable, beside)


def _beside(row: Row, other: Row) -> bool:
    same = (row.statistic, row.stratum) == (other.statistic, other.stratum)
    return same and other.variable in rules.BESIDE.get(row.variable, ())


def _arms(row: Row) -> list[Arm]:
    return [arm for arm in (row.treated, row.control) if arm]


def _total_of_hidden(row: Row, kept: Sequence[Row]) -> bool:
    """R3: the total, less all strata but one, is that one."""
    of = row.statistic, row.variable, row.visit
    shown = row.stratum == ALL and row.status != "suppressed"
    return shown and any(r.status == "suppressed" for r in kept if (r.statistic, r.variable, r.visit) == of)
