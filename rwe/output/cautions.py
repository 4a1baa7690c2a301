"""What a reader has to know before any number: the head of the report and of the terminal's text."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rwe.output.balance import verdict
from rwe.output.numbers import fixed, quartiles, share
from rwe.output.table_one import by_stratum, imbalanced, name, wholly_apart
from rwe.output.words import IMBALANCED, plural, short, spoken
from rwe.results import Baseline, Design, Plan, Propensity, Results


def cautions(results: Results) -> list[str]:
    arms = before_outcomes(results.baseline, results.propensity, results.design)
    return [*_late(results.plan), *_partial(results), *_errors(results), *arms]


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


def before_outcomes(rows: Sequence[Baseline], scores: Sequence[Propensity], design: Design) -> Iterator[str]:
    """What is known of the arms before an endpoint is looked at."""
    yield from _imbalanced(rows, design)
    yield from _late_start(rows)
    for p in scores:
        if p.status != "estimated":
            yield (
                f"Propensity score, {p.stratum}: {short(verdict(p))}. No difference of the outcomes can be"
                " read as an effect of the treatment."
            )


def _imbalanced(rows: Sequence[Baseline], design: Design) -> Iterator[str]:
    for stratum, here in by_stratum(rows, design):
        if apart := [b for b in here if imbalanced(b)]:
            names = "; ".join(f"{name(b, design)} {_distance(b)}" for b in apart)
            yield (
                f"Before treatment the arms differ in {len(apart)} of {len(here)} rows of Table 1, {stratum},"
                f" by more than {IMBALANCED} standard deviations: {names}."
            )


def _distance(b: Baseline) -> str:
    if not wholly_apart(b):
        return fixed(b.smd, 2)
    if b.level is not None:
        return f"in {share(b.treated.count, b.treated.n)} and {share(b.control.count, b.control.n)}"
    return f"always {fixed(b.treated.mean, 2)} and always {fixed(b.control.mean, 2)}"


def _late_start(rows: Sequence[Baseline]) -> Iterator[str]:
    """Who is treated late has lived that long, and is seen in another phase of the illness."""
    for b in rows:
        if b.variable == "days_from_anchor" and imbalanced(b):
            yield (
                f"Time zero does not lie as long after the anchor in both arms, {b.stratum}: treated"
                f" {quartiles(b.treated, 1)} days, control {quartiles(b.control, 1)}. Whoever starts later"
                " had to live until then (immortal time), and is followed through another phase of illness."
            )
