"""SMART scopes: what to ask for, and whether what was granted is enough.

    discovery, types  ──▶  to_ask()   ──▶  "system/Patient.rs system/Observation.rs"
    granted, type     ──▶  covers()   ──▶  may it be read and searched?

Version 1 spells system/X.read, version 2 system/X.rs.  Source: https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html
"""

import re
from collections.abc import Collection, Iterable

import msgspec

SCOPE = re.compile(r"(?:system|user)/(\*|[A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")
LETTERS = {"*": "cruds", "read": "rs", "write": "cud"}


class Discovery(msgspec.Struct):
    """What of .well-known/smart-configuration is asked here; a server may leave out any of it."""

    token_endpoint: str | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    scopes_supported: list[str] | None = None
    capabilities: list[str] | None = None


def covers(granted: Collection[str], kind: str) -> bool:
    """A scope with a condition after `?` covers a part only, so not the type."""
    return any(
        found[1] in (kind, "*") and {"r", "s"} <= {*LETTERS.get(found[2], found[2])}
        for found in map(SCOPE.fullmatch, granted)
        if found
    )


def smart(names: Iterable[str]) -> bool:
    """Is one of SMART's among them?  Others tell nothing of resource types."""
    return any(SCOPE.match(name) for name in names)


def not_granted(asked: Iterable[str], granted: Collection[str]) -> list[str]:
    """Of the SMART scopes asked for, those that nothing granted covers; the spelling does not matter."""
    read = [(a, found[1]) for a in asked if (found := SCOPE.fullmatch(a))]
    return [a for a, kind in read if not covers(granted, kind)]


def to_ask(discovery: Discovery | None, types: Collection[str]) -> str:
    """For the types given, or for all; as the server spells them, which its list says best."""
    found = discovery or Discovery()
    listed = {m[1]: None for s in found.scopes_supported or () if (m := SCOPE.fullmatch(s)) and _reads(m[2])}
    spelling = _spelling(found)
    kinds = sorted(types) or (["*"] if not listed or "*" in listed else sorted(listed))
    if listed and "*" not in listed:
        kinds = [k for k in kinds if k in listed] or kinds
    return " ".join(f"system/{kind}.{spelling}" for kind in kinds)


def _reads(permission: str) -> bool:
    return {"r", "s"} <= {*LETTERS.get(permission, permission)}


def _spelling(found: Discovery) -> str:
    """Version 2 where the list or, for want of one, the capabilities name it; some claim it and lack it."""
    permissions = {m[2] for s in found.scopes_supported or () if (m := SCOPE.fullmatch(s)) and _reads(m[2])}
    if permissions - {"*"}:
        return "rs" if permissions - {"*", "read"} else "read"
    return "rs" if "permission-v2" in (found.capabilities or ()) else "read"
