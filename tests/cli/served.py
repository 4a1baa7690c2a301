"""A study of one server, `north`, by way of a sites.toml that a test writes."""

import shutil
from pathlib import Path
from typing import Any

from rwe import data, study
from rwe.steps.dummy import Dummies

ONCE = "limits.attempts = 1"


def study_of(folder: Path, url: str, *more: str) -> Path:
    """more: further lines of the site's table."""
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    site(folder, url, *more)
    return folder


def site(folder: Path, url: str, *more: str) -> None:
    lines = ["[north]", f'url = "{url}"', 'fhir_version = "4.0.1"', ONCE, *more]
    (folder / "sites.toml").write_text("\n".join([*lines, ""]))


def dummies(folder: Path) -> list[dict[str, Any]]:
    """Made-up patients who fit the study, with all that it reads of them."""
    return list(Dummies(study.load(folder), "4.0.1").resources())
