"""UCUM by ucumvert and pint: the only door to them.  Loading costs half a second of CPU.

pint alone is too kind: it takes arbitrary units ([IU], [CFU]) for plain numbers, an equivalent for a
mole, and a share for a count.  Here each arbitrary unit is a dimension of its own, and both units must come
to the same root units by a linear relation.
"""

import decimal
import re
from collections.abc import Set
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import lcm
from pathlib import Path
from typing import Any

import lark
import pint
import ucumvert
from ucumvert.xml_util import get_units_with_full_definition

from rwe.units import Conversion, Refusal

DIGITS = decimal.Context(prec=60)
AFFINE = {"Cel", "[degF]", "[degRe]"}
# UCUM makes the first two moles, though a doubly charged ion has two equivalents a mole, and the others 1.
ALSO_ARBITRARY = {"eq", "osm", "[HPF]", "[LPF]"}
SHARES = {"%", "[ppth]", "[ppm]", "[ppb]", "[pptr]"}
SPELT_TWICE = {"[iU]": "[IU]"}
# A unit from outside is anybody's text: 10*99999999 would keep the machine busy for days.
LONGEST, MANY_DIGITS = 100, re.compile(r"\d{4}")
# As unit_conversion holds them, DECIMAL(38, 9), with room for the value.
DECIMALS, LARGEST = 9, 10**17


class _UnreadableError(Exception):
    pass


class _Exact(ucumvert.UcumToPintTransformer):  # type: ignore[misc]  # ucumvert has no types
    """Decimals throughout, for pint's own 1 / unit is a float."""

    def simple_unit(self, args: Any) -> Any:
        found = super().simple_unit(args)
        exact = self.ureg.Quantity(Decimal(found.magnitude), found.units)
        atom = str(args[-1])
        return exact * self._own_dimension(atom) if atom in _arbitrary() else exact

    def _own_dimension(self, atom: str) -> Any:
        name = "counted_" + "".join(f"{ord(c):x}" for c in SPELT_TWICE.get(atom, atom))
        if name not in self.ureg:
            self.ureg.define(f"{name} = [{name}]")
        return self.ureg.Quantity(Decimal(1), name)


def convert(source: str, target: str) -> Conversion | Refusal:
    """Of two units without annotations."""
    with decimal.localcontext(DIGITS):
        try:
            read, wanted = _Unit(source), _Unit(target)
        except _UnreadableError:
            return Refusal(why="not_ucum")
        if read.root != wanted.root:
            return Refusal(why="other_dimension")
        if read.is_number and read.is_share != wanted.is_share:
            return Refusal(why="other_scale")
        size = wanted.one - wanted.zero
        return _conversion(
            _rational((read.one - read.zero) / size), _rational((read.zero - wanted.zero) / size)
        )


class _Unit:
    """What 0 and 1 of a unit are in root units: every unit left is linear in between."""

    def __init__(self, text: str) -> None:
        tree = _parse(text)
        atoms = {str(t) for t in tree.scan_values(lambda t: str(t.type).startswith("UNIT"))}
        if atoms & _not_linear():
            raise _UnreadableError
        quantity = _transformer().ureg.Quantity
        try:
            unit = _transformer().transform(tree)
            zero, one = (quantity(unit.magnitude * k, unit.units).to_root_units() for k in (0, 1))
        except (lark.exceptions.LarkError, pint.errors.PintError):
            raise _UnreadableError from None
        self.zero, self.one, self.root = Decimal(zero.magnitude), Decimal(one.magnitude), one.units
        self.is_number, self.is_share = one.dimensionless, bool(atoms & SHARES)


def _parse(text: str) -> Any:
    if len(text) > LONGEST or MANY_DIGITS.search(text) or (text.isdigit() and text != "1"):
        raise _UnreadableError
    try:
        return ucumvert.parse_ucum(text, _parser())
    except lark.exceptions.LarkError:
        raise _UnreadableError from None


def _rational(number: Decimal) -> Fraction:
    """The simple fraction a number of sixty digits was cut from, 5/9 of 0.555…; else the number."""
    simple = Fraction(number).limit_denominator(10**15)
    return simple if abs(simple - Fraction(number)) <= abs(Fraction(number)) / 10**45 else Fraction(number)


def _conversion(factor: Fraction, addend: Fraction) -> Conversion | Refusal:
    """The divisor takes what no decimal can hold."""
    common = lcm(factor.denominator, addend.denominator)
    for divisor in (1, _without(common, 2, 5), common):
        by, plus = _decimal(factor * divisor), _decimal(addend * divisor)
        if by is not None and plus is not None:
            return Conversion(how="ucum", factor=by, addend=plus, divisor=float(divisor))
    return Refusal(why="not_representable")


def _without(number: int, *primes: int) -> int:
    for p in primes:
        while number % p == 0:
            number //= p
    return number


def _decimal(number: Fraction) -> Decimal | None:
    scaled = number * 10**DECIMALS
    if scaled.denominator != 1 or abs(number) >= LARGEST:
        return None
    return Decimal(scaled.numerator).scaleb(-DECIMALS)


@cache
def _parser() -> Any:
    return ucumvert.get_ucum_parser()


@cache
def _transformer() -> Any:
    registry: Any = pint.UnitRegistry(non_int_type=Decimal)
    registry.load_definitions(Path(ucumvert.__file__).parent / "pint_ucum_defs.txt")
    return _Exact(ureg=registry)


@cache
def _arbitrary() -> Set[str]:
    return ALSO_ARBITRARY | {u.code_cs for u in get_units_with_full_definition() if u.is_arbitrary}


@cache
def _not_linear() -> Set[str]:
    return {u.code_cs for u in get_units_with_full_definition() if u.is_special} - AFFINE
