"""lock: freeze the plan before outcomes are looked at.

study, code lists, SQL, mappings, audit log  ──▶  plan.ndjson
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from rwe import chain, locks, study
from rwe.errors import DataError
from rwe.locks import Lock
from rwe.steps.audit import now
from rwe.steps.compare import check_tests
from rwe.steps.standing import compared, frozen


@dataclass(frozen=True, kw_only=True)
class Locked:
    """first_at: of the first lock, since which `changed_since` changed; null where this is the first.
    compared_at: the endpoints were compared before this lock."""

    locked_at: str
    first_at: str | None
    changed_since: list[str]
    compared_at: str | None
    hashes: dict[str, str]


def lock(study_dir: Path) -> Locked:
    plan = study.load(study_dir)
    check_tests(plan)
    held = locks.lines(study_dir)
    made = frozen(plan, at=now(), compared_at=compared(study_dir, held))
    _add(study_dir, made)
    return Locked(
        locked_at=made.locked_at,
        first_at=held[0].locked_at if held else None,
        changed_since=locks.changes([*held, made], made) if held else [],
        compared_at=made.compared_at,
        hashes=locks.parts(made),
    )


def _add(study_dir: Path, made: Lock) -> None:
    path = study_dir / locks.NAME
    try:
        chain.extend(path, Lock, lambda before: msgspec.structs.replace(made, before=before))
    except chain.BrokenError:
        raise locks.broken(study_dir) from None
    except OSError as e:
        raise DataError(f"{path}: cannot be written ({e.strerror})", hint="the plan is not locked") from None
