"""The functions of the SQL-on-FHIR subset; FUNCTIONS at the foot is the list of them.

    Call: Value before the dot, argument nodes, Scope  ──▶  Value

To add one: a function here and its line in FUNCTIONS.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rwe.errors import MappingError
from rwe.views import fhirpath as fp
from rwe.views.boundary import boundary
from rwe.views.navigate import Navigator
from rwe.views.schema import TEXTS
from rwe.views.values import EMPTY, Scope, TextNeededError, Value, literal, narrowed, single

if TYPE_CHECKING:
    from rwe.views.expression import Expressions

# What stands where an id belongs: some servers give `P_1`, no id by the standard, and the patient that lacks
# must be counted as unknown.  urn:uuid, #contained and conditional references have no key.
KEY = r"{before}{type}/([^/?#|]{{1,64}})(?:/_history/[^/]+)?$"
ANY_SERVER = r"(?:^|/)"


@dataclass(frozen=True, kw_only=True)
class Call:
    """base.function(args); compiler: for the arguments, which are compiled in a scope of their own."""

    compiler: "Expressions"
    base: Value
    args: tuple[fp.Node, ...]
    scope: Scope

    @property
    def navigator(self) -> Navigator:
        return self.compiler.navigator


def _where(call: Call) -> Value:
    base = call.base
    if base.empty:
        return EMPTY
    x = call.navigator.names("_e") if base.many else base.sql
    scope = replace(call.scope, this=narrowed(base, x))
    condition = call.compiler.boolean(call.args[0], scope, "where()")
    if base.many:
        return narrowed(base, f"list_filter({base.sql}, lambda {x}: {condition})", many=True)
    return narrowed(base, f"(CASE WHEN {condition} THEN {base.sql} END)")


def _exists(call: Call) -> Value:
    if call.base.empty:
        return Value(sql="false", type="boolean")
    kept = _where(call) if call.args else call.base
    parts = call.navigator.members_of_choice(kept) if kept.group else [kept]
    found = [f"coalesce(len({v.sql}) > 0, false)" if v.many else f"{v.sql} IS NOT NULL" for v in parts]
    return Value(sql=f"({' OR '.join(found)})", type="boolean")


def _empty(call: Call) -> Value:
    return Value(sql=f"(NOT {_exists(call).sql})", type="boolean")


def _not(call: Call) -> Value:
    condition = call.compiler.boolean(fp.This(), replace(call.scope, this=call.base), "not()")
    return Value(sql=f"(NOT {condition})", type="boolean")


def _first(call: Call) -> Value:
    return narrowed(call.base, f"{call.base.sql}[1]") if call.base.many else call.base


def _join(call: Call) -> Value:
    base, separator = call.base, call.args[0] if call.args else fp.Literal("", "string")
    between = call.compiler.compile(separator, call.scope)
    if base.empty:
        return EMPTY
    if base.type not in TEXTS or between.type not in TEXTS or between.many:
        raise MappingError("join() needs texts", hint="name a text element and a text between quotes")
    if not base.many:
        return replace(base, type="string", parent=None)
    joined = f"(CASE WHEN len({base.sql}) > 0 THEN array_to_string({base.sql}, {between.sql}) END)"
    return Value(sql=joined, type="string")


def _of_type(call: Call) -> Value:
    return call.navigator.of_type(call.base, _type_name(call.args[0]))


def _extension(call: Call) -> Value:
    match = fp.Binary("=", fp.Member(fp.This(), "url"), call.args[0])
    return _where(replace(call, base=call.navigator.member(call.base, "extension"), args=(match,)))


def _resource_key(call: Call) -> Value:
    if not call.base.empty and not call.navigator.schema.is_resource(call.base.type):
        raise MappingError(f"getResourceKey() of {call.base.type}", hint="only a resource has a key")
    return call.navigator.member(call.base, "id")


def _reference_key(call: Call) -> Value:
    """The id in Type/id, alone or after a server's address; NULL for another type.

    Trap: an absolute reference may name another server, whose ids mean something else here; `before` of
    compile_view() tells them apart.
    """
    base = call.base
    if base.empty:
        return EMPTY
    if base.type != "Reference":
        raise MappingError(f"getReferenceKey() of {base.group or base.type}", hint="only a Reference has one")
    target = _type_name(call.args[0]) if call.args else "[A-Z][A-Za-z]+"
    if call.args and not call.navigator.schema.is_resource(target):
        raise MappingError(f"getReferenceKey({target}): FHIR has no such resource")
    reference = call.navigator.member(base, "reference")
    before = call.compiler.before
    if not base.many:
        return Value(sql=_key(reference.sql, target, before), type="id")
    x = call.navigator.names("_e")
    keys = f"list_transform({reference.sql}, lambda {x}: {_key(x, target, before)})"
    return Value(sql=f"list_filter({keys}, lambda {x}: {x} IS NOT NULL)", type="id", many=True)


def _key(reference: str, target: str, before: str) -> str:
    """The plain form Type/id, which most are, without a regular expression: a fifth of its time."""
    key = literal(KEY.format(before=before, type=target))
    found = f"nullif(regexp_extract({reference}, {key}, 1), '')"
    if not target.isalpha():
        return found
    after = len(target) + 2
    rest = f"substr({reference}, {after})"
    odd = "".join(f" AND NOT contains({reference}, '{c}')" for c in "?#|")
    plain = (
        f"{reference} LIKE '{target}/%' AND {reference} NOT LIKE '{target}/%/%'"
        f" AND length({reference}) BETWEEN {after} AND {after + 63}{odd}"
    )
    return f"(CASE WHEN {plain} THEN {rest} ELSE {found} END)"


def _low(call: Call) -> Value:
    return _boundary(call.base, high=False)


def _high(call: Call) -> Value:
    return _boundary(call.base, high=True)


def _boundary(base: Value, *, high: bool) -> Value:
    if base.empty:
        return EMPTY
    if base.rounded:
        raise TextNeededError
    name = "highBoundary()" if high else "lowBoundary()"
    sql = boundary(single(base, name), base.type, high=high)
    return Value(sql=sql, type="number" if base.type in ("decimal", "number") else base.type)


def _type_name(node: fp.Node) -> str:
    match node:
        case fp.Member(fp.This() | fp.Member(fp.This(), "FHIR" | "System"), name) if name.isalnum():
            return name
    raise MappingError("a type is expected between the brackets", hint="for example ofType(Quantity)")


FUNCTIONS: dict[
    str, tuple[Callable[[Call], Value], tuple[int, ...]]
] = {  # name: (function, numbers of arguments)
    "where": (_where, (1,)),
    "exists": (_exists, (0, 1)),
    "empty": (_empty, (0,)),
    "not": (_not, (0,)),
    "first": (_first, (0,)),
    "join": (_join, (0, 1)),
    "ofType": (_of_type, (1,)),
    "extension": (_extension, (1,)),
    "getResourceKey": (_resource_key, (0,)),
    "getReferenceKey": (_reference_key, (0, 1)),
    "lowBoundary": (_low, (0,)),
    "highBoundary": (_high, (0,)),
}
