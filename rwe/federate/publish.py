"""What is pooled, once more by the rules, before it is shown to anyone but the coordinator.

    rows  ──▶  the same: a cell of 1 to 7, and what would give one back, suppressed; the rest rounded

Rows are held back as if all others were exact: estimates may tell more than rounded counts do.
"""

from collections.abc import Iterator, Sequence

from rwe.federate.pooled import ALL, Arm, Row, hidden
from rwe.federate.rounding import rounded
from rwe.federate.rules import LEAST_PUBLISHED, SEXES, small_cell

GIVES_BACK = "gives_back"
CELLS = ("small_arm", "small_cell", "small_group", "few_missing", GIVES_BACK)
"""For which a row is held back that another could give back."""


def published(found: Sequence[Row]) -> list[Row]:
    kept = [hidden(row, "small_cell") if _small(row) else row for row in found]
    kept = [hidden(row, GIVES_BACK) if _tells(row, kept) else row for row in kept]
    kept = [hidden(row, GIVES_BACK) if _total_of_hidden(row, kept) else row for row in kept]
    return [rounded(row) for row in kept]


def _small(row: Row) -> bool:
    """R2: a cell, or whom it leaves."""
    return _few(count for arm in _arms(row) for count in (arm.n, _held(arm), arm.n - _held(arm)))


def _few(counts: Iterator[int]) -> bool:
    return small_cell(counts, least=LEAST_PUBLISHED)


def _tells(row: Row, kept: Sequence[Row]) -> bool:
    """R3, within its stratum, over all statistics: they have the same table of a variable."""
    if row.status == "suppressed":
        return False
    beside = [r for r in kept if r.stratum == row.stratum]
    if any(r.reason in CELLS for r in beside if _of(r) == _of(row)):
        return True
    shown = {r.variable: _arms(r) for r in beside if r.status != "suppressed"}
    if row.variable in SEXES:  # the others are all that are left
        sexes = [shown[sex] for sex in SEXES if sex in shown]
        return _few(both[0].n - sum(map(_held, both)) for both in zip(*sexes, strict=True))
    if row.variable == "serious_event" and "any_event" in shown:
        both = zip(shown["any_event"], _arms(row), strict=True)
        return _few(_held(some) - _held(serious) for some, serious in both)
    return False


def _total_of_hidden(row: Row, kept: Sequence[Row]) -> bool:
    """R3: the total, less all strata but one, is that one."""
    if row.stratum != ALL or row.status == "suppressed":
        return False
    return any(r.reason in CELLS for r in kept if _of(r) == _of(row))


def _of(row: Row) -> tuple[str, str | None]:
    return row.variable, row.visit


def _arms(row: Row) -> list[Arm]:
    return [arm for arm in (row.treated, row.control) if arm]


def _held(arm: Arm) -> int:
    """0 where it is no table."""
    return arm.patients or 0
