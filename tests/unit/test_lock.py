"""requirements.lock: all that is installed for rwe has its version there, and the hashes of its files."""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).parents[2] / "requirements.lock"
PIN = re.compile(
    r"^([A-Za-z0-9._-]+)==(\S+?)(?: ;[^\\]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+)", re.M
)


def pins() -> dict[str, str]:
    return {canonicalize_name(name): version for name, version, _ in PIN.findall(LOCK.read_text("utf-8"))}


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


@pytest.mark.parametrize("extra", ["test", "check"])
def test_every_dependency_is_pinned_with_hashes(extra: str) -> None:
    wanted = set(needed("rwe", frozenset({extra}), set()))
    assert len(wanted) > 20
    assert wanted - set(pins()) == set()


def test_no_line_of_the_lock_is_without_a_hash() -> None:
    lines = [
        line for line in LOCK.read_text("utf-8").splitlines() if "==" in line and not line.startswith("#")
    ]
    assert len(lines) == len(pins())
