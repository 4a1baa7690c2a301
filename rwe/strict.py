"""JSON that readers disagree about."""

import json
import re
from typing import Any

import msgspec

# How the standard spells its elements.  Another key may be anything, a patient's name too.
NAME = re.compile(r"_?[a-z][A-Za-z0-9]{0,62}")


def repeats(body: bytes) -> bool:
    """Does a key stand twice in one object?  msgspec takes the last of them, DuckDB the first.

    Every object's pairs are gathered and counted as pairs and as dicts, without a Python call for each.
    Numbers stay text: Python refuses whole ones of more than 4,300 digits.
    """
    objects: list[list[tuple[str, Any]]] = []
    json.JSONDecoder(object_pairs_hook=objects.append, parse_int=str, parse_float=str).decode(body.decode())
    return sum(map(len, objects)) != sum(map(len, map(dict, objects)))


def tree(body: bytes) -> tuple[Any, bytes] | None:
    """As dicts, and as text without white space; None if the dicts do not give that text again.

    They do of most texts, in which then no key stands twice.  What they do not give again may be sound, as
    1.10 is, and has to be looked at by slower ways; so has what is no JSON.
    """
    try:
        found, compact = msgspec.json.decode(body), msgspec.json.format(body, indent=-1)
        return (found, compact) if msgspec.json.encode(found) == compact else None
    except (ValueError, RecursionError):
        return None


class _Object(list[tuple[str, Any]]):
    """The pairs of an object, which a plain list of a JSON array could not be told from."""


def repeated(body: bytes) -> str:
    """Which key stands twice: `.code.coding[1].system`, as far as its names are such as may be told."""
    tree = json.JSONDecoder(object_pairs_hook=_Object, parse_int=str, parse_float=str).decode(body.decode())
    return _repeated(tree, "") or ""


def _repeated(tree: Any, at: str) -> str | None:
    seen = set()
    for key, inner in (
        tree if isinstance(tree, _Object) else enumerate(tree if isinstance(tree, list) else ())
    ):
        step = f"[{key}]" if isinstance(key, int) else f".{key}" if NAME.fullmatch(key) else ""
        if key in seen:
            return at + step
        seen.add(key)
        if (found := _repeated(inner, at + step)) is not None:
            return found
    return None
