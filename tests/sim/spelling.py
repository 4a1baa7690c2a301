"""How the same number and the same instant are written down in different ways.

whole numbers, hours from the admission, draws between 0 and 1  ──▶  columns of texts
"""

import polars as pl

UCUM = "http://unitsofmeasure.org"
CLOCKS = {480: "+08:00", 0: "Z", -300: "-05:00"}
"""Minutes from UTC: of the ward, in UTC, of the ward of every other site."""
Units = tuple[tuple[float, float, str, str | None], ...]
CRP: Units = ((0.25, 10, "mg/L", "mg/L"), (0.5, 100, "mg/dL", "mg/dL"), (0.75, 10000, "g/L", "g/L"))
CRP += ((1, 10, "mcg/mL", "ug/mL"),)
FEV1: Units = ((0.3, 100, "L", "L"), (0.6, 0.1, "mL", "mL"), (0.8, 100, "litre", "l"), (1, 0.1, "mL", None))
DOSE = ((0.5, "40000000", "{cells}"), (0.8, "40", "10*6{cells}"), (1, "4", "10*7{cells}"))
"""Up to which draw; by what the whole number kept is divided, or the number; the unit's text, its code."""


def written(hours: pl.Expr | str | float, minutes: str = "home") -> pl.Expr:
    """Hours from the admission as a dateTime on a clock so many minutes from UTC."""
    hours = pl.col(hours) if isinstance(hours, str) else pl.lit(hours) if isinstance(hours, float) else hours
    local = pl.col("zero") + pl.duration(seconds=(hours * 3600).round()) + pl.duration(minutes=minutes)
    return local.dt.strftime("%Y-%m-%dT%H:%M:%S") + pl.col(minutes).replace_strict(CLOCKS)


def dose() -> dict[str, pl.Expr]:
    number, unit = (drawn("dose", [(u[0], u[k]) for u in DOSE]) for k in (1, 2))
    text = said(number, "cells", unit)
    return {f"dose_{name}": text for name, text in text.items()}


def quantity(kept: str, draw: str, units: Units) -> dict[str, pl.Expr]:
    """In one of the units, by a draw between 0 and 1."""
    number = drawn(draw, [(u[0], divided(pl.col(kept), u[1])) for u in units])
    return said(number, *(drawn(draw, [(u[0], u[k]) for u in units]) for k in (2, 3)))


def divided(kept: pl.Expr, divisor: float) -> pl.Expr:
    """A whole number stays one."""
    return kept / divisor if divisor > 1 else kept * round(1 / divisor)


def drawn(draw: str, choices: list[tuple[float, pl.Expr | str | None]]) -> pl.Expr:
    """The first of the choices whose bound lies above the draw."""
    found = pl.lit(None, pl.String)
    for bound, choice in reversed(choices):
        text = choice if isinstance(choice, pl.Expr) else pl.lit(choice, pl.String)
        found = pl.when(pl.col(draw) < bound).then(text.cast(pl.String)).otherwise(found)
    return found


def said(number: pl.Expr | str, unit: pl.Expr | str, code: pl.Expr | str) -> dict[str, pl.Expr]:
    number, unit, code = (
        pl.lit(e) if isinstance(e, str) else e.cast(pl.String) for e in (number, unit, code)
    )
    return {
        "value": number,
        "value_text": number,
        "unit": unit,
        "unit_system": pl.when(code.is_not_null()).then(pl.lit(UCUM)),
        "unit_code": code,
    }
