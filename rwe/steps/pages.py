"""Where a server's pages wait to be landed; after a stop the next pull goes on from them.

A folder is a run's: what has been landed must never be taken for fresh by the run after.
"""

import shutil
import time
from collections.abc import Collection
from pathlib import Path

FETCHED = ".fetched"
EXPORTS = ".exports"
"""Of bulk exports and their files, likewise."""
OLDEST = 86_400.0
"""Seconds after which pages are fetched again: they say what was there then."""


def waiting(site_folder: Path, run: str) -> Path:
    top = site_folder / FETCHED
    top.mkdir(mode=0o700, exist_ok=True)
    here = top / run
    for other in top.iterdir():
        if other != here or time.time() - other.stat().st_mtime > OLDEST:
            shutil.rmtree(other)
    here.mkdir(mode=0o700, exist_ok=True)
    return here


def keep(here: Path, kinds: Collection[str], run: str, *, new: bool) -> None:
    """After the commit only the pages of the types that failed, for the run that comes next."""
    for path in here.iterdir():
        if path.name.partition("-")[0] not in kinds:
            path.unlink()
    if not kinds:
        shutil.rmtree(here.parent)
    elif new:
        here.rename(here.parent / f"{int(run) + 1:06d}")
