"""From one element to the next: members, choices, contained resources.

    Value, element name or type  ──▶  Value, with the step recorded in its Shape

Knows cardinality and types by rwe.views.schema.  An element that FHIR does not define is refused, so
that a typing error is no column of NULLs.

Raw elements: those that a view repeats over are read as JSON text and parsed one level at a time, since
no STRUCT type can hold itself.  `contained` too: one key can be a text in one resource type and a
list in another (`name`), so each is parsed as the type that ofType() names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rwe.errors import MappingError
from rwe.views.schema import PRIMITIVES, Element, Schema
from rwe.views.values import (
    EMPTY,
    LEAVES,
    Names,
    Shape,
    TextNeededError,
    Value,
    as_sent,
    keep,
    structure_text,
)

RESOURCE = "Resource"


@dataclass(frozen=True, kw_only=True)
class Navigator:
    schema: Schema
    names: Names
    raw: frozenset[str]  # element names that the view repeats over
    doubles: bool = False  # decimals are read as such: faster, but TextNeededError where their text counts
    opened: dict[str, Shape] = field(default_factory=dict)  # by type: what raw elements are parsed to

    def member(self, base: Value, name: str, *, lenient: bool = False) -> Value:
        """lenient: an element that is not defined is empty (repeat asks every level for every path)."""
        if base.empty:
            return EMPTY
        if base.rounded:
            raise TextNeededError
        self._need_type(base, name)
        elements = self.schema.elements(base.type)
        if base.type in PRIMITIVES and name == "extension" and base.parent is not None:
            return self._primitive_extension(base)
        if self.schema.choices(base.type, name):
            return Value(sql="", type="choice", many=base.many, parent=base, group=name)
        if name in elements and not elements[name].choice:
            return self.step(base, elements[name])
        if lenient and name not in elements:
            return EMPTY
        raise MappingError(f"{base.type} has no element '{name}'", hint=_near(elements, name))

    def step(self, base: Value, element: Element) -> Value:
        assert base.shape is not None
        raw = element.type == RESOURCE or (element.name in self.raw and element.type not in PRIMITIVES)
        if raw and self.doubles:
            raise TextNeededError
        if element.type == "decimal" and self.doubles:
            return self._double(base, element)
        leaf = "JSON" if raw else LEAVES.get(element.type, "VARCHAR")
        shape = base.shape.child(element.name, leaf, many=element.many)
        value = Value(
            sql=self._step_sql(base, element),
            type=element.type,
            many=base.many or element.many,
            shape=None if raw or element.type in PRIMITIVES else shape,
            parent=base,
            name=element.name,
            each=self._each(base, element) if base.many and not element.many else None,
        )
        return self.open(value, element.type) if raw and element.type != RESOURCE else value

    def _double(self, base: Value, element: Element) -> Value:
        assert base.shape is not None
        base.shape.child(element.name, "DOUBLE", many=element.many)
        sql, many = self._step_sql(base, element), base.many or element.many
        if many:
            x = self.names("_e")
            sql = f"list_transform({sql}, lambda {x}: {as_sent(x)})"
        else:
            sql = as_sent(sql)
        return Value(sql=sql, type="number", many=many, parent=base, name=element.name, rounded=True)

    def _step_sql(self, base: Value, element: Element) -> str:
        if not base.many:
            direct = Value(sql=f"{base.sql}.{element.name}", type=element.type)
            holes = element.many and element.type in PRIMITIVES  # ["a", null]: the null has an extension
            return keep(direct, self.names, "{x} IS NOT NULL") if holes else direct.sql
        source, x, body = self._each(base, element)
        each = f"list_transform({source}, lambda {x}: {body})"
        each = f"flatten({each})" if element.many else each
        complete = element.many and element.type not in PRIMITIVES
        return each if complete else keep(Value(sql=each, type=""), self.names, "{x} IS NOT NULL")

    def _each(self, base: Value, element: Element) -> tuple[str, str, str]:
        """One lambda for a chain of single elements below a list, not one for each."""
        source, x, body = base.each or (base.sql, x := self.names("_e"), x)
        return source, x, f"{body}.{element.name}"

    def of_type(self, base: Value, name: str) -> Value:
        if base.empty:
            return EMPTY
        if base.rounded:
            raise TextNeededError
        if base.group:
            return self._member_of_choice(base, name)
        if base.type == RESOURCE:
            return self._resource_of_type(base, name)
        if base.type == name:
            return base
        raise MappingError(f"ofType({name}): the element is always {base.type}")

    def members_of_choice(self, base: Value) -> list[Value]:
        assert base.parent is not None
        return [self.step(base.parent, e) for e in self.schema.choices(base.parent.type, base.group)]

    def open(self, value: Value, type_name: str) -> Value:
        """Parse raw JSON as a type.  All of one type share a Shape, so that repeat can recurse.

        The structure is not known before the whole view is compiled: a mark stands for it.
        """
        shape = self.opened.setdefault(type_name, Shape())
        sql = f"from_json({value.sql}, {_mark(type_name)})"
        if value.many:
            x = self.names("_e")
            sql = f"list_transform({value.sql}, lambda {x}: from_json({x}, {_mark(type_name)}))"
        return replace(value, sql=sql, type=type_name, shape=shape, each=None)

    def fill(self, sql: str) -> str:
        """Put the structures in the place of their marks."""
        for type_name, shape in self.opened.items():
            sql = sql.replace(_mark(type_name), structure_text(shape.members(), "    "))
        return sql

    def _need_type(self, base: Value, name: str) -> None:
        if base.group:
            found = ", ".join(e.type for e in self._choices(base))
            raise MappingError(
                f"'{base.group}' has several types",
                hint=f"write {base.group}.ofType(…).{name}; one of {found}",
            )
        if base.type == RESOURCE:
            raise MappingError(f"'{name}' of any resource", hint="say which: contained.ofType(Medication)")

    def _choices(self, base: Value) -> tuple[Element, ...]:
        assert base.parent is not None
        return self.schema.choices(base.parent.type, base.group)

    def _member_of_choice(self, base: Value, name: str) -> Value:
        assert base.parent is not None
        choices = {e.type: e for e in self._choices(base)}
        if name not in choices:
            raise MappingError(
                f"'{base.group}' of {base.parent.type} is never {name}", hint=f"one of {', '.join(choices)}"
            )
        return self.step(base.parent, choices[name])

    def _resource_of_type(self, base: Value, name: str) -> Value:
        if not self.schema.is_resource(name):
            raise MappingError(f"ofType({name}): FHIR {self.schema.fhir_version} has no such resource")
        opened = self.open(base, name)
        assert opened.shape is not None
        opened.shape.child("resourceType", "VARCHAR", many=False)
        if base.many:
            return replace(opened, sql=keep(opened, self.names, "{x}.resourceType = " + f"'{name}'"))
        test = f"{opened.sql}.resourceType = '{name}'"
        return replace(opened, sql=f"(CASE WHEN {test} THEN {opened.sql} END)")

    def _primitive_extension(self, base: Value) -> Value:
        assert base.parent is not None
        defined = self.schema.elements(base.parent.type)[base.name]
        beside = self.step(base.parent, Element(name=f"_{base.name}", type="Element", many=defined.many))
        return self.member(beside, "extension")


def _mark(type_name: str) -> str:
    return f"\0{type_name}\0"  # no text of a view can hold a NUL


def _near(elements: Mapping[str, Element], name: str) -> str:
    if name in elements:
        element = elements[name]
        return f"write {element.choice}.ofType({element.type})"
    return f"elements: {', '.join(elements)}" if elements else "a primitive has no elements"
