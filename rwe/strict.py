"""JSON that readers disagree about."""

import json
from typing import Any


def repeats(body: bytes) -> bool:
    """Does a key stand twice in one object?  msgspec takes the last of them, DuckDB the first.

    Every object's pairs are gathered and counted as pairs and as dicts, without a Python call for each.
    Numbers stay text: Python refuses whole ones of more than 4,300 digits.
    """
    objects: list[list[tuple[str, Any]]] = []
    json.JSONDecoder(object_pairs_hook=objects.append, parse_int=str, parse_float=str).decode(body.decode())
    return sum(map(len, objects)) != sum(map(len, map(dict, objects)))
