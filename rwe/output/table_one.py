"""Table 1 in words, for the terminal, and whether the arms have anything in common in a row of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rwe.output.arrange import in_order
from rwe.output.grid import columns
from rwe.output.numbers import digits_for, fixed, quartiles, share
from rwe.output.words import IMBALANCED, imbalance
from rwe.results import Baseline, BaselineArm, Design

HEADS = ["treated", "control", "SMD", "|SMD|"]
WHOLLY = "no spread, wholly apart"


def wholly_apart(b: Baseline) -> bool:
    """Each arm is all alike, and not like the other: then there is no spread to measure the distance by."""
    if b.smd is not None:
        return False
    one, other = b.treated, b.control
    if b.level is not None:
        return None not in (one.share, other.share) and one.share != other.share
    return one.sd == 0 == other.sd and one.mean != other.mean


def imbalanced(b: Baseline) -> bool:
    return wholly_apart(b) or (b.smd is not None and abs(b.smd) > IMBALANCED)


def by_stratum(rows: Sequence[Baseline], design: Design) -> Iterator[tuple[str, list[Baseline]]]:
    for stratum in in_order((b.stratum for b in rows), design.strata):
        yield stratum, [b for b in rows if b.stratum == stratum]


def name(b: Baseline, design: Design) -> str:
    label = {e.id: e.label for e in design.endpoints}.get(b.variable, b.variable.replace("_", " "))
    return f"{label}: {b.level}" if b.level is not None else label


def how_far(b: Baseline) -> str:
    return WHOLLY if wholly_apart(b) else imbalance(b.smd)


def baseline_text(rows: Sequence[Baseline], design: Design) -> str:
    """A table a stratum."""
    digits = {e.id: e.digits for e in design.endpoints}
    tables = [
        "\n".join(columns([[f"Before treatment, {stratum}", *HEADS], *_lines(here, design, digits)]))
        for stratum, here in by_stratum(rows, design)
    ]
    return "\n\n".join(tables)


def _lines(rows: Iterable[Baseline], design: Design, digits: Mapping[str, int]) -> Iterator[list[str]]:
    for b in rows:
        known = [q for arm in (b.treated, b.control) for q in (arm.median, arm.q1, arm.q3)]
        places = digits.get(b.variable, digits_for(known))
        unit = f" ({b.unit})" if b.unit else ""
        arms = [_arm(arm, places) for arm in (b.treated, b.control)]
        yield [name(b, design) + unit, *arms, fixed(b.smd, 2), how_far(b)]


def _arm(arm: BaselineArm, digits: int) -> str:
    value = share(arm.count, arm.n) if arm.count is not None else quartiles(arm, digits)
    return f"{value}, {arm.n_missing} unknown" if arm.n_missing else value
