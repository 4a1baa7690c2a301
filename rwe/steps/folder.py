"""The study folder that a step works in."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rwe.errors import DataError, UsageError

DATA, RAW, RESULTS, EXPORT = "data", "raw", "results", "export"
LOCK = ".lock"


def data_folder(study: Path) -> Path:
    """data/: made by rwe, identifiable, 0700."""
    if set("?*") & set(str(study.absolute())):  # DuckDB takes it for a pattern
        raise UsageError(
            f"{study}: a study cannot be below a folder with ? or * in its name", hint="rename it"
        )
    return _private(study / DATA)


def raw_folder(study: Path) -> Path:
    return _private(data_folder(study) / RAW)


def results_folder(study: Path) -> Path:
    return _private(study / RESULTS)


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as e:
        raise UsageError(f"{folder}: cannot be made ({e.strerror})") from None
    return folder


@contextmanager
def alone(study: Path) -> Iterator[None]:
    """Landed data have one writer or reader at a time; the lock ends with the process, however it ends."""
    path = data_folder(study) / LOCK
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = f"wait until process {lock.read(20).strip() or 'of another'} ends"
            raise DataError(f"{study}: another rwe works here", hint=hint) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
