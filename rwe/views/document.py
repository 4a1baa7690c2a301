"""Reading a ViewDefinition: lists of objects, and where in it an error is.

Knows nothing of paths or SQL.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rwe.errors import MappingError


def entries(owner: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects under a key; none where the key is absent."""
    value = owner.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise MappingError(f"'{key}' must be a list of objects")
    return value


@contextmanager
def naming(place: str, path: object = "") -> Iterator[None]:
    """Put the place, and the path where there is one, before the message of a MappingError."""
    try:
        yield
    except MappingError as error:
        text = str(error) if str(path) in str(error) else f"path '{path}': {error}"
        raise MappingError(f"{place}: {text}", hint=error.hint) from error.__cause__
