"""rwe.units: what one unit is in another, or why it is not.  Expected figures are UCUM's and design rules."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe import data
from rwe.units import Conversion, Refusal, _bare, answers, convert, ucum


def times(source, target):
    """The factor, exactly; the unit must have no offset."""
    found = convert(source, target)
    assert isinstance(found, Conversion), (source, target, found)
    assert found.addend == 0
    return Fraction(found.factor) / Fraction(found.divisor)


def refused(source, target):
    found = convert(source, target)
    assert isinstance(found, Refusal), (source, target, found)
    return found.why


def value(number, source, target):
    """As SQL makes it: a decimal product and sum, then one division of doubles."""
    found = convert(source, target)
    return float(Decimal(number) * found.factor + found.addend) / found.divisor


# UCUM's own definitions: https://ucum.org/ucum, tables 3 to 5
EXACT = [
    ("mL", "L", "1/1000"),
    ("L", "mL", "1000"),
    ("l", "L", "1"),
    ("dL", "L", "1/10"),
    ("ML", "L", "1000000"),
    ("ng/L", "pg/mL", "1"),
    ("ug/mL", "mg/L", "1"),
    ("10*3/uL", "10*9/L", "1"),
    ("/uL", "10*9/L", "1/1000"),
    ("[ft_i]", "m", "3048/10000"),
    ("[in_i]", "cm", "254/100"),
    ("[lb_av]", "kg", "45359237/100000000"),
    ("kPa", "Pa", "1000"),
    ("mm[Hg]", "Pa", "133322387415/1000000000"),
    ("/min", "/s", "1/60"),
    ("s-1", "/min", "60"),
    ("U/L", "ukat/L", "1/60"),
    ("mo", "d", "36525/1200"),
    ("wk", "d", "7"),
    ("pg", "g", "1/1000000000000"),
    ("mg/(24.h)", "ug/d", "1000"),
    ("kg/m2", "g/cm2", "1/10"),
]


@pytest.mark.parametrize(("source", "target", "factor"), EXACT)
def test_factors_are_ucums_exactly(source, target, factor):
    assert times(source, target) == Fraction(factor)


@pytest.mark.parametrize(
    ("number", "source", "target", "expected"),
    [
        ("98.6", "[degF]", "Cel", 37.0),
        ("32", "[degF]", "Cel", 0.0),
        ("-40", "[degF]", "Cel", -40.0),
        ("310.15", "K", "Cel", 37.0),
        ("37", "Cel", "[degF]", 98.6),
        ("37", "Cel", "K", 310.15),
        ("100.4", "[degF]", "K", 311.15),
        ("37", "°C", "Cel", 37.0),
    ],
)
def test_temperatures_have_an_offset_and_never_a_bare_factor(number, source, target, expected):
    assert value(number, source, target) == expected


@given(st.decimals(min_value="0.001", max_value="99999", places=3))
def test_a_value_in_ml_ties_with_itself_in_l(litres):
    assert value(litres * 1000, "mL", "L") == value(litres, "L", "L") == float(litres)


@pytest.mark.parametrize("unit", ["10*7", "10*7{cells}", "10*7{cell}"])
def test_counted_cells_are_their_number(unit):
    assert times(unit, "{cells}") == 10**7


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("ft", "m", "other_dimension"),  # femto-tonne
        ("C", "Cel", "other_dimension"),  # coulomb
        ("%", "L", "other_dimension"),
        ("m/(6.min)", "m", "other_dimension"),
        ("cm3/min/mm[Hg]", "mmol/min/kPa", "other_dimension"),
        ("10*6/kg", "{cells}", "other_dimension"),
        ("mmol/L", "mg/dL", "other_dimension"),
        ("rad/s", "Hz", "other_dimension"),
        ("l", "M", "not_ucum"),
        ("ml", "L", None),  # millilitre is ml as well as mL
        ("ML/KG", "L", "not_ucum"),
        ("MG/L", "mg/L", "other_dimension"),  # megagauss
    ],
)
def test_a_valid_unit_of_another_dimension_is_no_conversion_and_case_matters(source, target, why):
    if why is None:
        assert times(source, target) == Fraction(1, 1000)
    else:
        assert refused(source, target) == why


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("ug/L{DDU}", "mg/L{FEU}"),
        ("mg/L{DDU}", "mg/L{FEU}"),
        ("mg/L{FEU}", "mg/L{DDU}"),
        ("mg/L", "mg/L{FEU}"),
        ("ug/mL", "mg/L{FEU}"),
        ("ug/mL{FEU}", "mg/L"),
        ("mg/L{feu}", "mg/L{FEU}"),
        ("mg/L DDU", "mg/L{FEU}"),
        ("%{predicted}", "%"),
        ("{beats}/min", "{breaths}/min"),
        ("mL/min/{1.73_m2}", "mL/min"),
    ],
)
def test_units_annotated_otherwise_are_never_converted(source, target):
    assert refused(source, target) == "other_annotation"


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("ug/mL{FEU}", "mg/L{FEU}", "1"),
        ("ng/mL{FEU}", "mg/L{FEU}", "1/1000"),
        ("ug/L{DDU}", "mg/L{DDU}", "1/1000"),
        ("{cells}/uL", "10*9/L", "1/1000"),
        ("{beats}/min", "/min", "1"),
        ("{cell}", "1", "1"),
    ],
)
def test_the_same_annotation_or_a_label_of_counted_things_converts(source, target, factor):
    assert times(source, target) == Fraction(factor)


def test_an_annotation_follows_its_unit():
    assert refused("{FEU}ug/L", "mg/L{FEU}") == "not_ucum"


@pytest.mark.parametrize(
    ("written", "target", "factor"),
    [
        ("mmHg", "mm[Hg]", "1"),
        ("mmHg", "Pa", "133322387415/1000000000"),
        ("mcg/mL", "mg/L", "1"),
        ("cells", "{cells}", "1"),
        ("x10E7", "{cells}", "10000000"),
        ("beats/minute", "/min", "1"),
        ("ng/mL FEU", "mg/L{FEU}", "1/1000"),
    ],
)
def test_what_is_no_ucum_is_read_by_the_reviewed_table_and_says_so(written, target, factor):
    assert times(written, target) == Fraction(factor)
    assert convert(written, target).how == "synonym"


@pytest.mark.parametrize("row", data.reviewed("synonyms"), ids=lambda row: row["written"])
def test_a_synonym_is_no_ucum_and_stands_for_a_unit_that_is(row):
    with pytest.raises(ucum._UnreadableError):
        ucum._Unit(row["written"])
    assert ucum._Unit(_bare(row["ucum"])).one != 0


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("[IU]/L", "U/L"),
        ("[arb'U]", "1"),
        ("[IU]", "[arb'U]"),
        ("[CFU]", "1"),
        ("[HPF]", "1"),
        ("1/[IU]", "[IU]"),
        ("meq/L", "mmol/L"),
        ("osm", "mol"),
        ("mol", "1"),
    ],
)
def test_arbitrary_units_and_equivalents_are_converted_to_themselves_only(source, target):
    assert refused(source, target) == "other_dimension"


def test_arbitrary_units_have_multiples():
    assert times("[IU]/mL", "k[IU]/L") == 1
    assert times("m[iU]/L", "u[IU]/mL") == 1
    assert times("meq/L", "eq/L") == Fraction(1, 1000)


@pytest.mark.parametrize(("source", "target"), [("1", "%"), ("%", "1"), ("mg/g", "%"), ("10*-3", "%")])
def test_a_share_and_a_count_are_different_numbers(source, target):
    """`1` is also what is sent for no unit at all: 0.78 is never made 78 %."""
    assert refused(source, target) == "other_scale"
    assert times("[ppth]", "%") == Fraction(1, 10)


@pytest.mark.parametrize("unit", ["[pH]", "dB", "B[SPL]", "Np", "%[slope]", "bit_s", "Cel/min"])
def test_logarithms_and_the_like_are_refused(unit):
    assert refused(unit, "1") == "not_ucum"


@pytest.mark.parametrize(
    "unit",
    [
        "",
        " ",
        "m g",
        "{",
        "((L",
        "L)",
        "foo",
        "258683005",
        "10*99999999",
        "m99999999",
        "(" * 1000,
        "L" * 101,
        "x\0y",
        "'; DROP TABLE x",
        "мл",
    ],
)
def test_no_text_breaks_it_or_keeps_it_busy(unit):
    assert refused(unit, "L") in ("not_ucum", "other_annotation")


@given(
    st.text(alphabet="mgLukn[]{}()/.*10-%FEUDc ", max_size=12),
    st.sampled_from(["L", "%", "mg/L{FEU}", "Cel"]),
)
def test_any_text_is_answered(source, target):
    assert isinstance(convert(source, target), Conversion | Refusal)


def test_a_factor_no_table_can_hold_is_refused():
    assert refused("10*999", "1") == "not_representable"
    assert refused("deg", "rad") == "not_representable"


@pytest.mark.parametrize("pair", answers())
def test_the_answers_kept_are_the_librarys(pair):
    kept, found = answers()[pair], ucum.convert(*pair)
    assert type(kept) is type(found)
    assert kept == found or (kept.factor / Decimal(kept.divisor) == found.factor / Decimal(found.divisor))


def test_the_library_is_loaded_only_for_a_pair_that_nobody_answered():
    code = (
        "import sys; from rwe.units import convert\n"
        "convert('mL', 'L'), convert('mmHg', 'mm[Hg]'), convert('ug/L{DDU}', 'mg/L{FEU}')\n"
        "assert not {'pint', 'ucumvert', 'lark'} & {*sys.modules}\n"
        "convert('dL', 'L'); assert 'pint' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
