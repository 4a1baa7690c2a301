"""The lock files: all that is installed for rwe has its version there, and the hashes of its files."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = [ROOT / name for name in ("requirements.lock", "requirements-federated.lock")]
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==(\S+?)(?: ;[^\\]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+)", re.M
)


def pins(lock: Path) -> list[str]:
    return [canonicalize_name(name) for name, _, _ in PIN.findall(lock.read_text("utf-8"))]


def needed(name: str, extras: frozenset[str], seen: set[str]) -> Iterator[str]:
    """Names of all distributions below one, those of the extras too, as far as they apply here."""
    try:
        texts = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:  # an extra that is not installed here
        return
    for text in texts:
        wanted = Requirement(text)
        at = canonicalize_name(wanted.name)
        applies = not wanted.marker or any(wanted.marker.evaluate({"extra": e}) for e in (*extras, ""))
        if applies and at not in seen:
            seen.add(at)
            yield at
            yield from needed(at, frozenset(wanted.extras), seen)


@pytest.mark.parametrize(("extra", "locks"), [("test", 1), ("check", 1), ("federated", 2)])
def test_every_dependency_is_pinned_with_hashes(extra: str, locks: int) -> None:
    wanted = set(needed("rwe", frozenset({extra}), set()))
    assert len(wanted) > 20
    assert wanted - {name for lock in LOCKS[:locks] for name in pins(lock)} == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_line_of_a_lock_is_without_a_hash(lock: Path) -> None:
    lines = [
        line for line in lock.read_text("utf-8").splitlines() if "==" in line and not line.startswith("#")
    ]
    assert len(lines) == len(pins(lock))


def test_nothing_is_pinned_twice() -> None:
    names = [name for lock in LOCKS for name in pins(lock)]
    assert len(names) == len(set(names))
