"""Does a resource fit the structure that a view reads of it?

    JSON tree, structure  ──▶  misfit()  ──▶  the path of the first element that does not, or None

from_json makes NULL of what does not fit, without a word; this is for the rows that are read one by one.
"""

from collections.abc import Mapping
from typing import Any

WHOLE = ("INTEGER", "BIGINT")


def misfit(tree: Any, structure: object, path: str) -> str | None:
    """`path`: of the tree itself, such as Observation."""
    match structure:
        case _ if tree is None or structure == "JSON":
            return None
        case [inner]:
            if not isinstance(tree, list):
                return path
            found = (misfit(e, inner, f"{path}[{n}]") for n, e in enumerate(tree))
        case Mapping():
            if not isinstance(tree, dict):
                return path
            found = (misfit(tree.get(name), inner, f"{path}.{name}") for name, inner in structure.items())
        case _:
            return None if _fits(tree, str(structure)) else path
    return next((p for p in found if p), None)


def _fits(tree: Any, leaf: str) -> bool:
    if leaf == "BOOLEAN":
        return isinstance(tree, bool)
    if leaf in WHOLE:
        return isinstance(tree, int) and not isinstance(tree, bool)
    return not isinstance(tree, dict | list)
