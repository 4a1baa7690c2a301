"""plan.ndjson: the plan as `rwe lock` froze it, a line each time; it stays and travels with the study file.

    study.toml, codes/, SQL, mappings  ──▶  a Lock: their hashes and the time  ──▶  changes() since

The first line is the plan; what was locked later tells from when a change stands.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from rwe import chain
from rwe.errors import DataError

NAME = "plan.ndjson"
STUDY_FILE, CODE_LIST = "the study file", "code list"


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """Hashes are SHA-256; study and code_lists (by name) of the files as they stand, as sha256sum has them.

    compared_at: the first comparison known when it was locked, null where there was none.
    """

    before: str
    locked_at: str
    compared_at: str | None
    study: str
    code_lists: dict[str, str]
    sql: str
    mappings: str
    reviewed: str
    software: str


def lines(study: Path) -> list[Lock]:
    try:
        return [lock for lock, _ in chain.read(study / NAME, Lock)]
    except chain.BrokenError:
        raise broken(study) from None


def broken(study: Path) -> DataError:
    hint = "put it back as it was; without it the plan counts as never locked"
    return DataError(f"{study / NAME}: a line of the locked plan was changed, lost or put in", hint=hint)


def changes(locks: Sequence[Lock], now: Lock) -> list[str]:
    """What of now is not as the first lock has it, and since which later lock it is as now."""
    first, held = parts(locks[0]), parts(now)
    return [
        f"{part} {_how(part, first, held)}{_again(part, locks, held)}"
        for part in dict.fromkeys([*first, *held])
        if first.get(part) != held.get(part)
    ]


def parts(lock: Lock) -> dict[str, str]:
    """What of it, in words, with its hash."""
    return {
        STUDY_FILE: lock.study,
        **{f"{CODE_LIST} {name}": digest for name, digest in sorted(lock.code_lists.items())},
        "SQL": lock.sql,
        "mappings": lock.mappings,
        "reviewed tables": lock.reviewed,
        "software": lock.software,
    }


def _how(part: str, first: Mapping[str, str], held: Mapping[str, str]) -> str:
    if part == "software":
        return f"{first[part]} → {held[part]}"
    return "added" if part not in first else "removed" if part not in held else "changed"


def _again(part: str, locks: Sequence[Lock], held: Mapping[str, str]) -> str:
    """Since when all later locks have the part as now."""
    since = None
    for lock in locks[1:]:
        same = parts(lock).get(part) == held.get(part)
        since = (since or lock.locked_at) if same else None
    return f" (as locked again at {since})" if since else " (not locked)"
