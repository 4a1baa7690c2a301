"""How the arms were compared, in words: tests, multiplicity, adjustment, missing values, adverse events."""

from collections import Counter
from collections.abc import Iterator

from rwe.output.adjusted import explained
from rwe.output.arrange import analyses, blocks, tallies
from rwe.output.balance import sizes, verdict
from rwe.output.numbers import fixed
from rwe.output.prose import listed, sentences
from rwe.output.sections.events import EXACT, PERSON_TIME, ascertainment, ratios
from rwe.output.words import ESTIMANDS, counted, method, methods, plural, spoken
from rwe.results import Comparison, Propensity, Results


def comparisons(results: Results) -> Iterator[str]:
    """Each analysis that is not adjusted, with the rule of the study file and what was done by it."""
    for name in analyses(results):
        rows = _rows(results, name)
        if rows[0].adjusted is None:
            yield f"Analysis “{name}” asked for {plural(len(rows), 'comparison')} of the arms."
            yield from _rule(results, name)
            yield from _done(rows)


def _done(rows: list[Comparison]) -> Iterator[str]:
    names = dict.fromkeys(spoken(c.estimate.name) for c in rows)
    yield f"Estimate: {listed(names)}, treated minus (ratios: over) control."
    if ways := methods(rows):
        yield f"{' Or, '.join(f'{way}.' for way in ways)}"
    if lost := Counter(spoken(c.reason) for c in rows if c.status != "estimated" and c.reason):
        yield f"Not estimable: {listed(f'{n} ({why})' for why, n in lost.items())}."


def _rule(results: Results, name: str) -> Iterator[str]:
    for rule in results.design.definitions:
        if rule.term == f"Analysis {name}":
            yield from sentences(("By the study file", rule.text))


def multiplicity(results: Results) -> Iterator[str]:
    for name, tally in tallies(results).items():
        yield (
            f"Of the {plural(tally.asked, 'comparison')} of “{name}” {tally.estimable} could be estimated"
            f" (m = {tally.estimable}); their P values are given as they are, and adjusted for m by Holm and"
            " by Benjamini–Hochberg."
        )
    if results.comparisons:
        primary = [f"{b.name}, {c.stratum}, {c.visit}" for b in blocks(results) for c in b.rows if c.primary]
        yield f"Primary: {'; '.join(primary)}." if primary else "The study file names no primary comparison."


def adjustment(results: Results) -> Iterator[str]:
    rules = [r for r in results.design.definitions if r.term == "Propensity score"]
    yield from sentences(*((r.term, r.text) for r in rules))
    yield from map(_score, results.propensity)
    yield from explained(results.comparisons)
    adjusted = [c for c in results.comparisons if c.adjusted]
    if results.comparisons and not adjusted:
        yield "No comparison is adjusted for what the arms differ in."
    yield from (f"{way}." for way in methods(adjusted))


def _score(p: Propensity) -> str:
    if p.status != "estimated":
        return f"The score of {p.stratum} was {verdict(p)}."
    far = [abs(b.smd_after) for b in p.balance if b.in_score and b.smd_after is not None]
    most = f"; largest |SMD| of its terms afterwards {fixed(max(far), 2)}" if far else ""
    return (
        f"{p.stratum}, {ESTIMANDS[p.estimand]}: {verdict(p)}; treated {sizes(p.treated)}, control"
        f" {sizes(p.control)}{most}."
    )


def missing(results: Results) -> Iterator[str]:
    """Of the analyses that adjust for nothing, all the values that a comparison could have had."""
    if results.comparisons:
        yield "Who has no value at a visit is left out of its comparisons (complete cases)."
    for name in analyses(results):
        arms = [arm for c in _rows(results, name) for arm in (c.treated, c.control)]
        lacking, reasons = sum(arm.n_missing for arm in arms), Counter[str]()
        for arm in arms:
            reasons.update(arm.missing)
        asked = sum(arm.n for arm in arms) + lacking
        why = f" ({counted(reasons)})" if lacking else ""
        yield f"Over all comparisons of “{name}” {lacking} of {asked} values were missing{why}."
        if dead := sum(arm.n_dead for arm in arms):
            yield f"{dead} of the others are deaths before the visit, which have the worst rank."


def events(results: Results) -> Iterator[str]:
    rows = results.adverse_events
    for rule in results.design.definitions:
        if rule.term == "Adverse events":
            yield from sentences((rule.term, rule.text))
    if not rows:
        return
    yield from (PERSON_TIME, EXACT, *(f"Risks, {way}." for way in methods(rows)))
    tests = dict.fromkeys(method(r.test) for e in rows for r in ratios(e) if r.test.p is not None)
    yield from (f"Rates: {test}." for test in tests)
    yield from ascertainment(results)


def _rows(results: Results, analysis: str) -> list[Comparison]:
    return [c for c in results.comparisons if c.analysis == analysis]
