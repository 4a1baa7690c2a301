"""The values of the oracle: numbers by their text, operators, keys and boundaries.

Knows elements one by one, and no path or view (tests/views/oracle.py).
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from rwe.views.schema import DATES, INTEGERS

NUMBERS = INTEGERS | {"decimal"}
TEXT_TAG = {"name": "ansi/type", "value": "CHARACTER VARYING"}


class Number(str):
    """A JSON number as it stands in the text: 1.10 is not 1.1."""

    __slots__ = ()


@dataclass(frozen=True)
class Node:
    """An element: its JSON, its FHIR type, and the `_name` beside it where it is a primitive."""

    value: Any
    type: str
    beside: Any = None


def literal(value: str, type_name: str) -> Any:
    if type_name == "boolean":
        return value == "true"
    return Number(value) if type_name in NUMBERS else value


def constant(constant: Any) -> Node:
    ((key, value),) = [(k, v) for k, v in constant.items() if k.startswith("value")]
    type_name = key.removeprefix("value")
    type_name = type_name[:1].lower() + type_name[1:]
    return Node(Number(value) if type_name in NUMBERS else value, type_name)


def emitted(node: Node, column: Any) -> Any:
    """A number as DuckDB holds it, unless the column asks for its text."""
    if not isinstance(node.value, Number):
        return node.value
    if TEXT_TAG in column.get("tag", []):
        return str(node.value)
    whole = node.type in INTEGERS and column.get("type") != "decimal"
    return int(node.value) if whole else _fitted(Decimal(node.value))


def _fitted(number: Decimal) -> Decimal | None:
    """DECIMAL(38,12): None beyond 26 digits before the point, rounded beyond 12 after it."""
    with localcontext(prec=2000, Emax=10**6, Emin=-(10**6)):
        if number.adjusted() >= 26:
            return None
        rounded = number.quantize(Decimal(1).scaleb(-12), ROUND_HALF_UP)
        return abs(rounded) * (-1 if rounded < 0 else 1) if abs(rounded) < 10**26 else None  # no -0


def of_type(node: Node, wanted: str) -> Node | None:
    found = node.value["resourceType"] if node.type == "Resource" else node.type
    return Node(node.value, found, node.beside) if found == wanted else None


def key(reference: str | None, wanted: str) -> str | None:
    """Type/id, alone or at the end of an address, with or without a version."""
    parts = (reference or "").split("/")
    parts = parts[:-2] if parts[-2:-1] == ["_history"] and parts[-1] else parts
    if len(parts) < 2 or not re.fullmatch(r"[^/?#|]{1,64}", parts[-1]):
        return None
    kind = parts[-2]
    return parts[-1] if kind == wanted or (not wanted and re.fullmatch("[A-Z][A-Za-z]+", kind)) else None


# operators


def logic(operator: str, a: bool | None, b: bool | None) -> list[Node]:
    decisive = operator == "or"
    if decisive in (a, b):
        return [Node(decisive, "boolean")]
    return [] if None in (a, b) else [Node(not decisive, "boolean")]


def operated(operator: str, left: list[Node], right: list[Node]) -> list[Node]:
    if not left or not right:
        return []
    if operator in ("=", "!="):
        same = _same(left, right)
        return [] if same is None else [Node(same is (operator == "="), "boolean")]
    ((a,), (b,)) = left, right
    if operator in "+-*/":
        return _arithmetic(operator, a, b)
    sides = _comparable(a, b)
    if sides is None:
        return []
    x, y = sides
    return [Node({"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[operator], "boolean")]


def _same(left: list[Node], right: list[Node]) -> bool | None:
    if len(left) != len(right):
        return False
    pairs = [_comparable(a, b) for a, b in zip(left, right, strict=True)]
    return None if None in pairs else all(x == y for x, y in pairs if (x, y))


def _comparable(a: Node, b: Node) -> tuple[Any, Any] | None:
    """None: dates of unequal precision, of which nobody knows the order."""
    if a.type in NUMBERS:
        return decimal(a), decimal(b)
    if a.type in DATES and "T" in a.value and "T" in b.value:
        return datetime.fromisoformat(a.value), datetime.fromisoformat(b.value)
    if a.type in DATES and len(a.value) != len(b.value):
        return None
    return a.value, b.value


def _arithmetic(operator: str, a: Node, b: Node) -> list[Node]:
    if a.type not in NUMBERS:
        return [Node(a.value + b.value, "string")]
    x, y = decimal(a), decimal(b)
    if operator == "/":
        return [number(x / y, "decimal")] if y else []
    found = {"+": x + y, "-": x - y, "*": x * y}[operator]
    return [number(found, "integer64" if {a.type, b.type} <= INTEGERS else "decimal")]


def decimal(node: Node) -> Decimal:
    return Decimal(node.value)


def number(value: Decimal, type_name: str) -> Node:
    return Node(Number(format(value, "f")), type_name)


# boundaries


def boundary(node: Node, *, high: bool) -> Node:
    if node.type == "decimal":
        half = Decimal(5).scaleb(decimal(node).as_tuple().exponent - 1)
        return number(decimal(node) + (half if high else -half), "decimal")
    day, _, clock = node.value.partition("T") if node.type != "time" else ("", "", node.value)
    if node.type == "date":
        return Node(_day(day, high=high), "date")
    match = re.fullmatch(r"([0-9:.]*)(.*)", clock)
    assert match is not None
    full = "23:59:59.999" if high else "00:00:00.000"
    filled = match[1] + full[len(match[1]) :]
    if node.type == "time":
        return Node(filled, "time")
    zone = match[2] or ("-12:00" if high else "+14:00")
    return Node(f"{_day(day, high=high)}T{filled}{zone}", node.type)


def _day(text: str, *, high: bool) -> str:
    first = date(*[*map(int, text.split("-")), 1, 1][:3])
    if not high or len(text) == 10:
        return first.isoformat()
    days = 366 if len(text) == 4 else 31
    after = first + timedelta(days=days)
    later = date(first.year + 1, 1, 1) if len(text) == 4 else after.replace(day=1)
    return (later - timedelta(days=1)).isoformat()
