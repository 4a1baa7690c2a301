"""What jobs that have ended leave behind at a site: the newest stay, for their logs.

ENGINE/JOB/…  ──▶  at most KEPT of them, after each job and at each start
"""

import shutil
import uuid
from pathlib import Path

KEPT = 5
LARGE = 5_000_000
"""Bytes of a log that the engine does not bound itself."""


def tidy(root: Path) -> None:
    jobs = [folder for folder in root.iterdir() if folder.is_dir() and is_id(folder.name)]
    for job in sorted(jobs, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(job, ignore_errors=True)


def bound(log: Path) -> None:
    """Before the engine opens it."""
    if log.exists() and log.stat().st_size > LARGE:
        log.replace(log.with_name(f"{log.name}.1"))


def is_id(name: str) -> bool:
    """No folder of the engine's own is called like this."""
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
