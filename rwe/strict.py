"""JSON that readers disagree about."""

import json
import re
from typing import Any

import msgspec

# How the standard spells its elements.  Another key may be anything, a patient's name too.
NAME = re.compile(r"_?[a-z][A-Za-z0-9]{0,62}")


def repeats(body: bytes) -> bool:
    """Does a key stand twice in one object?  msgspec takes the last of them, DuckDB the first.

    What comes back from dicts as it went in has none, and most does.  Of the rest every object's pairs are
    gathered and counted as pairs and as dicts, without a Python call for each.
    Numbers stay text: Python refuses whole ones of more than 4,300 digits.
    """
    if comes_back(body):
        return False
    objects: list[list[tuple[str, Any]]] = []
    json.JSONDecoder(object_pairs_hook=objects.append, parse_int=str, parse_float=str).decode(body.decode())
    return sum(map(len, objects)) != sum(map(len, map(dict, objects)))


def comes_back(body: bytes) -> bool:
    """Is it the same text again after dicts?  Then no key stands twice in it; most texts are such."""
    try:
        return msgspec.json.encode(msgspec.json.decode(body)) == msgspec.json.format(body, indent=-1)
    except (ValueError, RecursionError):  # the slow way says what to make of it
        return False


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
