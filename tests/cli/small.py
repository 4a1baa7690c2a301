"""A small study of one site, `only`, whose made-up patients lie in its folder export/."""

import json
from pathlib import Path
from typing import Any

from rwe import study as study_file
from rwe.steps.dummy import Dummies
from tests.cli import folders


def study(target: Path, *, every: int = 1) -> Path:
    folders.copy("albuterol", target)
    folders.sites(target, only=Path("export"))
    export(target, every=every)
    return target


def export(target: Path, *, every: int = 1) -> None:
    """All Patients, and of the other resources one in so many."""
    (target / "export").mkdir(exist_ok=True)
    kept = [r for n, r in enumerate(found(target)) if n % every == 0 or r["resourceType"] == "Patient"]
    (target / "export" / "all.ndjson").write_text("".join(json.dumps(r) + "\n" for r in kept))


def found(target: Path) -> list[dict[str, Any]]:
    return list(Dummies(study_file.load(target), "4.0.1").resources())
