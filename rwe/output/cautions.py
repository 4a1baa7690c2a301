"""What a reader has to know before any number: the head of the report and of the terminal's text."""

from collections import Counter
from collections.abc import Iterator

from rwe.output.arrange import endpoint, strata
from rwe.output.numbers import fixed
from rwe.output.words import IMBALANCED, plural, spoken
from rwe.results import Baseline, Plan, Results


def cautions(results: Results) -> list[str]:
    return [*_late(results.plan), *_partial(results), *_errors(results), *_imbalanced(results)]


def _late(plan: Plan) -> Iterator[str]:
    if plan.before_comparison is False:
        yield "The plan was locked after the endpoints were first compared; see Provenance."
    elif plan.changed_since:
        yield f"The plan was changed since it was locked: {', '.join(plan.changed_since)}."


def _partial(results: Results) -> Iterator[str]:
    for line in results.partial:
        yield f"The data are partial: {line}."


def _errors(results: Results) -> Iterator[str]:
    found: Counter[str] = Counter()
    for check in results.checks:
        if check.severity == "error":
            found[check.rule] += check.n
    for rule, n in found.items():
        yield f"A check failed: {spoken(rule)}, {plural(n, 'row')}; see Checks."


def _imbalanced(results: Results) -> Iterator[str]:
    for stratum in strata(results, (b.stratum for b in results.baseline)):
        here = [b for b in results.baseline if b.stratum == stratum]
        apart = [b for b in here if b.smd is not None and abs(b.smd) > IMBALANCED]
        if apart:
            names = "; ".join(f"{_name(b, results)} {fixed(b.smd, 2)}" for b in apart)
            yield (
                f"Before treatment the arms differ in {len(apart)} of {len(here)} rows of Table 1, {stratum},"
                f" by more than {IMBALANCED} standard deviations: {names}."
            )


def _name(b: Baseline, results: Results) -> str:
    label = endpoint(results, b.variable).label.replace("_", " ")
    return f"{label}: {b.level}" if b.level is not None else label
