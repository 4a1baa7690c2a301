"""The study folder that a step works in."""

from pathlib import Path

from rwe.errors import UsageError

DATA, RAW, RESULTS = "data", "raw", "results"


def data_folder(study: Path) -> Path:
    """data/: made by rwe, identifiable, 0700."""
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
