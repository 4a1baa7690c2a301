"""report: results.json for people, from that file alone."""

from pathlib import Path

from rwe import output, results
from rwe.errors import DataError, UsageError
from rwe.results import Results
from rwe.steps import folder


def report(study_dir: Path) -> list[Path]:
    """Write results/report.html, tables/ and figures/."""
    return output.write(read(study_dir), folder.results_folder(study_dir))


def read(study_dir: Path) -> Results:
    path = study_dir / folder.RESULTS / results.NAME
    if not path.exists():
        raise UsageError(f"{path}: nothing is compared yet", hint="run `rwe compare` first")
    return read_file(path)


def read_file(path: Path) -> Results:
    try:
        return results.decode(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        raise DataError(
            f"{path}: not a results file of this version", hint="run `rwe compare` again"
        ) from None
