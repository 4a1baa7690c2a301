"""run and refresh: pull, map, cohort, compare, report.

What is partial is done as far as it goes, and named at the end.
"""

from dataclasses import dataclass
from pathlib import Path

from rwe import study
from rwe.results import Results
from rwe.steps import cohort, compare, pull, report
from rwe.steps import map as mapping
from rwe.steps.validation import Strict
from rwe.steps.wishes import Wishes
from rwe.steps.world import World


@dataclass(frozen=True, kw_only=True)
class Outcome:
    pulled: tuple[pull.Pulled, ...]
    results: Results
    report: Path
    missing: tuple[str, ...]


def run(
    study_dir: Path,
    world: World,
    strict: Strict | None = None,
    wishes: Wishes = Wishes(),  # noqa: B008  frozen
) -> Outcome:
    """Each step does what is new since it ran.  The study file is checked first: a pull may take hours."""
    compare.check_tests(study.load(study_dir))
    pulled = pull.pull(study_dir, world, wishes)
    mapping.map_(study_dir, say=world.say, strict=strict)
    cohort.cohort(study_dir)
    found = compare.compare(study_dir)
    written = report.report(study_dir)
    missing = [line for p in pulled for line in p.missing] + found.partial
    return Outcome(pulled=tuple(pulled), results=found, report=written[0], missing=tuple(missing))
