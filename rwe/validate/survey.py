"""SQL that looks at every row of a type, and names the few that fhir.resources is to be asked about.

    shapes()    the shapes of the rows, each with an exemplar
    suspects()  what stands in these shapes, typed  ──▶  the rows with something odd in it

A shape (json_structure) merges the items of a list: what one of them lacks, another hides.  So what
items need is looked for in each row, like the text of each leaf.  Only what the shapes hold is read.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rwe.validate.elements import Element, elements
from rwe.validate.rules import literal

Path = tuple[tuple[str, bool], ...]
"""Names from the resource down, and whether there are many of it."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An element that the shapes hold, with those inside of it."""

    element: Element
    inside: dict[str, "Seen"] = field(default_factory=dict)


def shapes(lines: str) -> str:
    """Of `lines`, a relation with columns row and json: shape, rank and text of its exemplar, rows.

    An exemplar is chosen by its content: another order of the rows finds the same.
    """
    each = f"SELECT json_structure(json)::VARCHAR AS shape, hash(json) AS rank, json FROM {lines}"
    return (
        "SELECT shape, MIN(rank), ARG_MIN(json, rank)::VARCHAR, COUNT(*)\n"
        f"FROM ({each} WHERE json IS NOT NULL)\nGROUP BY shape ORDER BY shape"
    )


def suspects(resource_type: str, fhir_version: str, found: Iterable[str], lines: str) -> str:
    """The rows with a broken leaf or a lacking item; or of a shape in the one parameter, a list."""
    seen: dict[str, Seen] = {}
    for shape in map(json.loads, found):
        if isinstance(shape, dict):  # an empty object's is the word JSON
            _see(seen, shape, resource_type, fhir_version)
    seen = _tested(seen)
    odd = "(len($1) > 0 AND list_contains($1, json_structure(json)::VARCHAR))"
    typed = f"from_json(json, {literal(json.dumps(_structure(seen)))})" if seen else "NULL"
    return (
        f"SELECT row FROM (SELECT row, json, {typed} AS r FROM {lines})\n"
        f"WHERE {' OR '.join([odd, *_leaf_tests(seen), *_item_tests('r', seen)])} ORDER BY row"
    )


def _see(seen: dict[str, Seen], shape: dict[str, Any], type_name: str, fhir_version: str) -> None:
    """Add what a shape holds; a list stands there as one item, whatever is no object as its type."""
    known = elements(type_name, fhir_version)
    for name, inner in shape.items():
        if e := known.get(name):
            one = inner[0] if isinstance(inner, list) else inner
            here = seen.setdefault(name, Seen(element=e))
            if e.type and isinstance(one, dict):
                _see(here.inside, one, e.type, fhir_version)


def _tested(seen: Mapping[str, Seen], *, item: bool = False) -> dict[str, Seen]:
    """Without what no test asks for; `item`: it is inside of a list."""
    found = {}
    for name, s in seen.items():
        inside = _tested(s.inside, item=item or s.element.many)
        if inside or s.element.rule or (item and (s.element.needed or s.element.choice)):
            found[name] = Seen(element=s.element, inside=inside)
    return found


def _structure(seen: Mapping[str, Seen]) -> dict[str, object]:
    """As from_json() takes it; of an object that only has to be there, an id that may be none."""
    found: dict[str, object] = {}
    for name, s in seen.items():
        one = _structure(s.inside) or ({"id": "VARCHAR"} if s.element.type else "VARCHAR")
        found[name] = [one] if s.element.many else one
    return found


def _leaf_tests(seen: Mapping[str, Seen]) -> Iterator[str]:
    """The texts of one condition are one list: each mention of a long pattern costs planning time."""
    paths = defaultdict(list)
    for path, element in _leaves(seen):
        for condition in element.rule.broken_sql() if element.rule else ():
            paths[condition].append(path)
    for condition, found in paths.items():
        yield f"len(list_filter({_gathered('r', found)}, lambda x: {condition})) > 0"


def _leaves(seen: Mapping[str, Seen]) -> Iterator[tuple[Path, Element]]:
    for name, s in seen.items():
        here = (name, s.element.many)
        yield (here,), s.element
        yield from (((here, *path), element) for path, element in _leaves(s.inside))


def _gathered(top: str, paths: Iterable[Path], level: int = 0) -> str:
    """The texts at the paths below `top` as one list."""
    single, lists = [], defaultdict(list)
    for path in paths:
        place, rest = _to_list(top, path)
        if rest is None:
            single.append(place)
        else:
            lists[place].append(rest)
    parts = [f"[{', '.join(single)}]"] if single else []
    parts += [_inside(place, rests, level) for place, rests in lists.items()]
    return parts[0] if len(parts) == 1 else f"list_concat({', '.join(parts)})"


def _inside(place: str, rests: list[Path], level: int) -> str:
    if rests == [()]:
        return place
    item = f"e{level}"
    return f"flatten(list_transform({place}, lambda {item}: {_gathered(item, rests, level + 1)}))"


def _to_list(top: str, path: Path) -> tuple[str, Path | None]:
    """The first list on the way, and the way from there; None where there is none."""
    for n, (name, many) in enumerate(path, start=1):
        top += f".{_name(name)}"
        if many:
            return top, path[n:]
    return top, None


def _item_tests(top: str, seen: Mapping[str, Seen], *, level: int = 0) -> Iterator[str]:
    """That an item of a list lacks what it needs, or has two of a choice."""
    for name, s in seen.items():
        place, item = f"{top}.{_name(name)}", f"e{level}"
        if s.element.many and s.inside:
            tests = [*_lacks(item, s.inside), *_item_tests(item, s.inside, level=level + 1)]
            if tests:
                yield f"len(list_filter({place}, lambda {item}: {' OR '.join(tests)})) > 0"
        else:
            yield from _nested(place, s.inside, level)


def _nested(place: str, inside: Mapping[str, Seen], level: int) -> Iterator[str]:
    """In a list, what is not itself a list may be lacking in one item and be there in the next."""
    if level:
        yield from (f"({place} IS NOT NULL AND {test})" for test in _lacks(place, inside))
    yield from _item_tests(place, inside, level=level)


def _lacks(place: str, inside: Mapping[str, Seen]) -> Iterator[str]:
    choices = defaultdict(list)
    for name, s in inside.items():
        if s.element.choice:
            choices[s.element.choice, s.element.needed].append(f"({place}.{_name(name)} IS NOT NULL)::INT")
        elif s.element.needed:
            yield f"{place}.{_name(name)} IS NULL"
    for (_, needed), members in choices.items():
        if needed or len(members) > 1:
            yield f"({' + '.join(members)}) {'<> 1' if needed else '> 1'}"


def _name(name: str) -> str:
    return f'"{name}"'
