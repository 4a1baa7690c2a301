"""What comes along with what is searched for: _include, and the entries that it brings.

MedicationAdministration names its Medication by the parameter `medication` in R4, R4B and R5; in R5 that is
the reference of a CodeableReference.
Source: https://hl7.org/fhir/R4/search.html#include,
https://hl7.org/fhir/R5/medicationadministration-search.html
"""

from dataclasses import dataclass
from typing import Any

import msgspec

PARAMETER = "_include"
REFUSED = (400, 403, 404, 405, 415, 422, 501)
"""Statuses by which a server may mean the parameter; without it the same search has the last word."""


@dataclass(frozen=True, kw_only=True)
class Include:
    """by: Type:parameter, as it is asked.  kind: of what comes along."""

    by: str
    kind: str


class _Entry(msgspec.Struct):
    search: Any = None


class _Bundle(msgspec.Struct):
    entry: list[_Entry | None] = []


_read = msgspec.json.Decoder(_Bundle).decode


def modes(body: bytes) -> list[str | None]:
    """Of each entry of a Bundle the search.mode, None where it has none that can be read."""
    return [_mode(entry.search) if entry else None for entry in _read(body).entry]


def _mode(search: Any) -> str | None:
    mode = search.get("mode") if isinstance(search, dict) else None
    return mode if isinstance(mode, str) else None


def along(body: bytes) -> set[int]:
    """Of a Bundle's entries, from 1, those of which it is said that they were included."""
    return {position for position, mode in enumerate(modes(body), start=1) if mode == "include"}
