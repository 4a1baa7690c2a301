"""What one unit is in another, or why it is not.

    (unit as recorded, unit wanted)  ──▶  convert()  ──▶  Conversion

    value wanted = (value × factor + addend) / divisor

Exact: factor and addend are decimals and the divisor is 1 wherever the conversion allows it, so that 2110 mL
ties with 2.11 L.  UCUM is case-sensitive, `ft` is a femto-tonne and `C` a coulomb: both are refused for m
and Cel, never guessed.  What a study declares in [[unit]] goes before all of this (rwe.steps.units).

Three reviewed tables in rwe/reviewed stand before the library: `synonyms` (units that are no UCUM and
can mean one thing only), `labels` and `ucum_answer`.

Annotations.  UCUM says that {…} carries no meaning; D-dimer in {FEU} and {DDU} shows otherwise, and a library
would make 250 ug/L{DDU} into 0.25 mg/L{FEU}.  So both units must carry the same annotations.  Only what
`labels` lists, a mere name of the things counted, may be left out: {cells}/uL is /uL.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal

from rwe import data

How = Literal["same", "study", "synonym", "ucum"]
WhyNot = Literal["not_ucum", "other_annotation", "other_dimension", "other_scale", "not_representable"]
ANNOTATION = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """`how` says who vouches for it."""

    how: How
    factor: Decimal = Decimal(1)
    addend: Decimal = Decimal(0)
    divisor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """other_scale: two numbers that are no parts of each other, as a share and a count."""

    why: WhyNot


def convert(source: str, target: str) -> Conversion | Refusal:
    if source == target:
        return Conversion(how="same")
    read, wanted = _synonym(source), _synonym(target)
    if read == wanted:
        return Conversion(how="synonym")
    if not _annotated_alike(read, wanted):
        return Refusal(why="other_annotation")
    found = _ucum(_bare(read), _bare(wanted))
    if isinstance(found, Conversion) and (read, wanted) != (source, target):
        return Conversion(how="synonym", factor=found.factor, addend=found.addend, divisor=found.divisor)
    return found


def _ucum(source: str, target: str) -> Conversion | Refusal:
    if source == target:
        return Conversion(how="ucum")
    if (source, target) in (known := answers()):
        return known[source, target]
    from rwe.units import ucum  # noqa: PLC0415  half a second; most studies never ask

    return ucum.convert(source, target)


def _synonym(unit: str) -> str:
    return _table("synonyms", "written", "ucum").get(unit, unit)


def _annotated_alike(source: str, target: str) -> bool:
    (marks, counted), (other_marks, other_counted) = _annotations(source), _annotations(target)
    return marks == other_marks and (not counted or not other_counted or counted == other_counted)


def _annotations(unit: str) -> tuple[Set[str], Set[str]]:
    """Those with a meaning, and the things that labels say are counted."""
    labels, found = _table("labels", "annotation", "counts"), set(ANNOTATION.findall(unit))
    return found - labels.keys(), {labels[a] for a in found & labels.keys()}


def _bare(unit: str) -> str:
    """Without annotations; one that stands for a unit of its own becomes 1."""
    alone = re.sub(r"(^|[/.(])(?:\{[^{}]*\})+", r"\g<1>1", unit)
    bare = ANNOTATION.sub("", alone)
    return f"1{bare}" if bare.startswith("/") else bare


@cache
def answers() -> dict[tuple[str, str], Conversion | Refusal]:
    """What the library says of pairs that are often met, so that it need not be loaded for them."""
    return {
        (row["from"], row["to"]): Conversion(how="ucum", factor=Decimal(row["factor"]))
        if row["factor"]
        else Refusal(why=row["why_not"])  # type: ignore[arg-type]  # a test holds the table
        for row in data.reviewed("ucum_answer")
    }


@cache
def _table(name: str, key: str, value: str) -> dict[str, str]:
    return {row[key]: row[value] for row in data.reviewed(name)}
