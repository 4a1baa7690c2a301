"""One resource against the standard.  A message names the element, never its value."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rwe.validate.elements import elements, model

Place = tuple[int | str, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`reason` is a key of rwe.reasons; `detail` names the element and what is the matter with it."""

    reason: str
    detail: str


def problem(body: bytes, resource_type: str, fhir_version: str) -> Problem | None:
    try:
        model(resource_type, fhir_version).model_validate_json(body)
    except ValidationError as e:
        first = e.errors(include_input=False, include_url=False, include_context=False)[0]
        # The name of an element that the standard lacks may be anything, so it is not repeated.
        nameless = first["type"] == "extra_forbidden" or first["loc"][-1:] == (
            "root",
        )  # the model as a whole
        place = first["loc"][:-1] if nameless else first["loc"]
        return Problem(reason="invalid", detail=f"{_path((resource_type, *place))}: {first['type']}")
    except (LookupError, TypeError) as e:  # its own, from a contained resource of a type that is none
        return Problem(reason="invalid", detail=f"{resource_type}: {type(e).__name__}")
    tree = json.loads(body, parse_int=float)  # Python refuses whole numbers of more than 4,300 digits
    return next(_broken(tree, (resource_type, fhir_version), (resource_type,)), None)


def _broken(tree: Mapping[str, Any], kind: tuple[str, str], at: Place) -> Iterator[Problem]:
    """Every text that breaks its rule."""
    known = elements(*kind)
    for name, value in tree.items():
        e = known.get(name)
        if e is None or not (e.type or e.rule):
            continue
        for place, one in _each(value, (*at, name)):
            if e.type and isinstance(one, dict):
                yield from _broken(one, (e.type, kind[1]), place)
            elif e.rule and isinstance(one, str) and e.rule.broken(one):
                yield Problem(reason="invalid_code" if e.rule.codes else "invalid", detail=_path(place))


def _each(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, list):
        yield from (((*place, n), one) for n, one in enumerate(value))
    else:
        yield place, value


def _path(place: Place) -> str:
    """A FHIRPath-like name of a place in a resource."""
    text = str(place[0])
    for part in place[1:]:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"_?[A-Za-z][A-Za-z0-9]{0,63}", part):
            text += f".{part}"
    return text
