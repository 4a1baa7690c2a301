"""diff of two results.json, from these files alone; and of a refresh, against what stood there before."""

from collections.abc import Callable
from pathlib import Path

from rwe.errors import RweError
from rwe.results import Results
from rwe.steps.moved import Diff, diff
from rwe.steps.report import read, read_file


def of_files(before: Path, after: Path) -> tuple[Results, Results, Diff]:
    first, second = read_file(before), read_file(after)
    return first, second, diff(first, second)


def since(study_dir: Path) -> Callable[[Results], tuple[Results | None, Diff | None]]:
    """Reads the results as they are now; nothing is compared with none, or with those of another version."""
    try:
        before = read(study_dir)
    except RweError:
        return lambda _: (None, None)
    return lambda after: (before, diff(before, after))
