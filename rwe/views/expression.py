"""Compile one FHIRPath expression to SQL.

    Node, Scope  ──▶  Expressions.compile()  ──▶  Value

Operators and literals are here, functions in rwe.views.functions, steps in rwe.views.navigate.
Empty is NULL throughout: SQL's three-valued AND, OR and NOT are those of FHIRPath.
Types are checked before any data are read; comparing a text with a number is refused, not false.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rwe.errors import MappingError
from rwe.views import fhirpath as fp
from rwe.views.functions import ANY_SERVER, FUNCTIONS, Call
from rwe.views.navigate import Navigator
from rwe.views.schema import DATES, INTEGERS, TEXTS
from rwe.views.values import (
    DECIMAL,
    EMPTY,
    NUMBERS,
    SCALARS,
    Scope,
    Value,
    literal,
    narrowed,
    number,
    single,
)

SQL_OPERATORS = {"!=": "<>"}
FAMILIES = dict.fromkeys(NUMBERS, "number") | dict.fromkeys(DATES, "date") | dict.fromkeys(TEXTS, "text")


@dataclass(frozen=True, kw_only=True)
class Expressions:
    navigator: Navigator
    constants: Mapping[str, fp.Literal]
    before: str = ANY_SERVER
    indexed: set[str] = field(default_factory=set)  # aliases whose %rowIndex is asked for

    def compile(self, node: fp.Node, scope: Scope) -> Value:
        match node:
            case fp.This():
                value = scope.this
            case fp.Literal():
                value = literal_value(node)
            case fp.Constant(name):
                value = self._constant(name, scope)
            case fp.Member(base, name):
                value = self.navigator.member(self.compile(base, scope), name)
            case fp.Index(base, at):
                value = _index(self.compile(base, scope), self.compile(at, scope))
            case fp.Call():
                value = self._call(node, scope)
            case fp.Minus(operand):
                value = _minus(self.compile(operand, scope))
            case fp.Binary(operator, left, right):
                value = _binary(operator, self.compile(left, scope), self.compile(right, scope))
        return value

    def boolean(self, node: fp.Node, scope: Scope, what: str) -> str:
        """A condition, for AND, NOT, where() and the view's own where."""
        return _boolean(self.compile(node, scope), what)

    def _constant(self, name: str, scope: Scope) -> Value:
        if name == "rowIndex":
            if scope.alias:
                self.indexed.add(scope.alias)
            return Value(sql=f"{scope.alias}.i" if scope.alias else "0", type="integer")
        if name not in self.constants:
            raise MappingError(f"the constant %{name} is not defined", hint="add it to `constant`")
        return literal_value(self.constants[name])

    def _call(self, node: fp.Call, scope: Scope) -> Value:
        name = node.name
        if name not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise MappingError(f"the function {name}() is not supported", hint=f"one of {known}")
        function, counts = FUNCTIONS[name]
        if len(node.args) not in counts:
            raise MappingError(f"{name}() takes {' or '.join(map(str, counts))} arguments")
        base = self.compile(node.base, scope)
        return function(Call(compiler=self, base=base, args=node.args, scope=scope))


def literal_value(node: fp.Literal) -> Value:
    if node.type == "boolean" or node.type in INTEGERS:
        return Value(sql=node.value, type=node.type)
    if node.type == "decimal":
        plain = re.fullmatch(r"-?\d+\.\d+", node.value)
        sql = node.value if plain else f"CAST({literal(node.value)} AS {DECIMAL})"
        return Value(sql=sql, type="number")
    return Value(sql=literal(node.value), type=node.type)


def _index(base: Value, at: Value) -> Value:
    if not (at.type in INTEGERS and at.sql.isdecimal()):
        raise MappingError("an index must be a whole number or such a constant")
    if base.empty:
        return EMPTY
    one = f"(CASE WHEN {at.sql} = 0 THEN {base.sql} END)"
    return narrowed(base, f"{base.sql}[{int(at.sql) + 1}]" if base.many else one)


def _minus(operand: Value) -> Value:
    if operand.empty:
        return EMPTY
    if operand.type not in NUMBERS:
        raise MappingError(f"'-' needs a number, not {operand.type}")
    sql = number(operand, single(operand, "-"))
    return Value(sql=f"(-{sql})", type=operand.type if operand.type in INTEGERS else "number")


def _binary(operator: str, left: Value, right: Value) -> Value:
    if operator in ("and", "or"):
        both = f" {operator.upper()} ".join(_boolean(v, operator) for v in (left, right))
        return Value(sql=f"({both})", type="boolean")
    if operator in "+-*/":
        return _arithmetic(operator, left, right)
    return Value(sql=_comparison(operator, left, right), type="boolean")


def _boolean(value: Value, what: str) -> str:
    if value.empty:
        return "CAST(NULL AS BOOLEAN)"
    if value.type != "boolean":
        raise MappingError(f"{what} needs true or false, not {value.type}", hint="compare, or add .exists()")
    return single(value, what)


def _arithmetic(operator: str, left: Value, right: Value) -> Value:
    if left.empty or right.empty:
        return EMPTY
    family = _family(operator, left, right)
    a, b = single(left, operator), single(right, operator)
    if family == "text" and operator == "+":
        return Value(sql=f"({a} || {b})", type="string")
    if family != "number":
        raise MappingError(f"'{operator}' needs numbers, not {left.type}")
    a, b = number(left, a), number(right, b)
    if operator == "/":
        return Value(sql=f"CAST({a} / nullif({b}, 0) AS {DECIMAL})", type="number")
    if left.type in INTEGERS and right.type in INTEGERS:
        return Value(sql=f"(CAST({a} AS BIGINT) {operator} {b})", type="integer64")
    return Value(sql=f"CAST({a} {operator} {b} AS {DECIMAL})", type="number")


def _comparison(operator: str, left: Value, right: Value) -> str:
    if left.empty or right.empty:
        return "CAST(NULL AS BOOLEAN)"
    family = _family(operator, left, right)
    sql_operator = SQL_OPERATORS.get(operator, operator)
    if family == "boolean" and operator not in ("=", "!="):
        raise MappingError(f"'{operator}' cannot compare true and false")
    if operator in ("=", "!=") and (left.many or right.many):
        return _list_equality(sql_operator, left, right)
    a, b = single(left, operator), single(right, operator)
    if family == "date":
        return _date_comparison(sql_operator, a, b)
    if family == "number":
        a, b = number(left, a), number(right, b)
    return f"({a} {sql_operator} {b})"


def _list_equality(operator: str, left: Value, right: Value) -> str:
    """FHIRPath: empty when either is; lists of different length differ."""
    a, b = (_as_list_to_compare(v) for v in (left, right))
    filled = [f"len({v.sql}) > 0" if v.many else f"{v.sql} IS NOT NULL" for v in (left, right)]
    return f"(CASE WHEN {' AND '.join(filled)} THEN {a} {operator} {b} END)"


def _as_list_to_compare(value: Value) -> str:
    found = value.sql if value.many else f"[{value.sql}]"
    return f"TRY_CAST({found} AS {DECIMAL}[])" if value.type == "decimal" else found


def _date_comparison(operator: str, a: str, b: str) -> str:
    """Instants by time zone, partial dates by text; of unequal precision nobody knows (NULL)."""
    instants = f"TRY_CAST({a} AS TIMESTAMPTZ) {operator} TRY_CAST({b} AS TIMESTAMPTZ)"
    both = f"len({a}) > 10 AND len({b}) > 10"
    return f"(CASE WHEN {both} THEN {instants} WHEN len({a}) = len({b}) THEN {a} {operator} {b} END)"


def _family(operator: str, left: Value, right: Value) -> str:
    for value in (left, right):
        if value.type not in SCALARS:
            what = value.group or value.type
            raise MappingError(f"'{operator}' cannot compare {what}", hint="name an element of it")
    a, b = (FAMILIES.get(v.type, v.type) for v in (left, right))
    if a != b:
        raise MappingError(f"'{operator}' cannot compare {left.type} with {right.type}")
    return a
