"""The results as plain text for 100 columns, the label first.

Nothing here colours or measures a terminal: the same results give the same text everywhere.
"""

from collections.abc import Iterable

from rwe.output.adjusted import adjusted_arms, brief, details, explained
from rwe.output.arrange import Block, analyses, blocks, strata, tallies
from rwe.output.cautions import cautions
from rwe.output.flow import ARMS, Step, steps
from rwe.output.grid import WIDTH, columns, filled, widest
from rwe.output.numbers import NONE, interval, p_value, quartiles, share
from rwe.output.sections.events import THEMES, ascertainment, difference, estimate_name
from rwe.output.sections.summary import multiplicity
from rwe.output.words import NOT_RANDOMISED, commonest, methods, spoken, standing, verdict
from rwe.results import AdverseEventResult, Comparison, Results, Variant

NOT_COMPARED = ("not_stated", "suspects_differ", "treated_only")
HEADS = ["n", "treated", "n", "control", "estimate [95 % CI]", "P", "Holm"]
ADJUSTED_HEADS = ["n, eff.", "mean", "n, eff.", "mean", "difference [95 % CI]", "P", "Holm"]


def comparison_text(results: Results) -> str:
    """Every comparison, then attrition and adverse events in short."""
    noted = [filled(f"! {text}", indent="  ") for text in cautions(results)]
    plan = filled(f"Plan: {standing(results.plan)}.")
    lines = [filled(NOT_RANDOMISED), plan, *noted, "", *_comparisons(results), ""]
    lines += [*_sensitivity(results), ""] if results.sensitivity else []
    return _labelled(results, [*lines, *_attrition(results), "", *_events(results)])


def _labelled(results: Results, lines: Iterable[str]) -> str:
    label = [filled(results.label), ""] if results.label else []
    return "\n".join([*label, *lines]) + "\n"


def _comparisons(results: Results) -> list[str]:
    found = blocks(results)
    if not found:
        return ["No comparison was asked for."]
    lines = []
    for analysis in analyses(results):
        mine = [b for b in found if b.analysis == analysis]
        rows = [c for b in mine for c in b.rows]
        lines += [*_analysis(results, mine), ""]
        lines += ["* primary comparison"] if any(c.primary for c in rows) else []
        lines += [filled(text) for text in (*explained(rows), *details(rows))]
        lines += [filled(text) for text in multiplicity(analysis, tallies(results)[analysis])]
        lines += [filled(text, indent="   ") for text in methods(rows)]
    return lines


def _analysis(results: Results, found: list[Block]) -> list[str]:
    """The strata one after another, in the same columns."""
    order = strata(results, (b.stratum for b in found))
    ordered = sorted(found, key=lambda b: order.index(b.stratum))
    (head, *lines), beside = _lines(ordered)
    texts, out, before = iter(lines), [], None
    for b in ordered:
        out += ["", f"{b.stratum} ({b.analysis})", head] if b.stratum != before else []
        out += [] if beside else [filled(b.name)]
        out += [next(texts) for _ in b.rows]
        before = b.stratum
    return out[1:]


def _lines(found: list[Block]) -> tuple[list[str], bool]:
    """The head and a line per comparison; beside: is there room for the endpoint's name in it?"""
    rows = [[b.name if i == 0 else "", *_row(c, b)] for b in found for i, c in enumerate(b.rows)]
    heads = ADJUSTED_HEADS if found[0].adjusted else HEADS
    for gap in (2, 1):
        lines = columns([["", "", *heads], *rows], left=2, gap=gap)
        if widest(lines) <= WIDTH:
            return lines, True
    return columns([["", *heads], *(r[1:] for r in rows)]), False


def _row(c: Comparison, block: Block) -> list[str]:
    digits = block.info.digits
    arms = adjusted_arms(c, digits) if c.adjusted else _arms_of(c, digits)
    visit = f"{c.visit}*" if c.primary else c.visit
    if c.status != "estimated":
        return [visit, *arms, brief(c) if c.adjusted else verdict(c)]
    return [visit, *arms, interval(c.estimate, digits), p_value(c.test.p), p_value(c.test.p_holm)]


def _arms_of(c: Comparison, digits: int) -> list[str]:
    return [part for arm in (c.treated, c.control) for part in (str(arm.n), quartiles(arm, digits))]


def _sensitivity(results: Results) -> list[str]:
    """What was run; the numbers are many, and in the report."""
    rows = [
        [spoken(v.name), f"not run: {spoken(v.reason)}" if v.reason else _estimable(v)]
        for v in results.sensitivity
    ]
    note = "Beside the main analysis in the report; counted in no family, and no P of them is adjusted."
    return [*columns([["Sensitivity", "estimable"], *rows], left=2, limit=64), filled(note)]


def _estimable(variant: Variant) -> str:
    return f"{sum(c.status == 'estimated' for c in variant.rows)} of {len(variant.rows)}"


def _attrition(results: Results) -> list[str]:
    found = steps(results)
    if not found:
        return ["Attrition: no step was recorded."]
    rows = [[s.description or s.name, _change(s.n_in, s.n_out), *_arms(s)] for s in found]
    return columns([["Attrition, all sites", "patients", *ARMS], *rows], limit=56)


def _arms(step: Step) -> list[str]:
    return [_change(*step.of(arm=arm)) if arm in step.arms else "" for arm in ARMS]


def _change(n_in: int, n_out: int) -> str:
    return f"{n_in} → {n_out}"


def _events(results: Results) -> list[str]:
    rows = results.adverse_events
    if not rows:
        return ["Adverse events: none was analysed.", *map(filled, ascertainment(results))]
    lines = [line for name in strata(results, (e.stratum for e in rows)) for line in _stratum(rows, name)]
    notes = [f"Estimate: {estimate_name(rows)}; – is not compared. Rates are in the report."]
    notes += ascertainment(results)
    return [*lines, *map(filled, notes)]


def _stratum(rows: list[AdverseEventResult], stratum: str) -> list[str]:
    """One table, its themes one after another."""
    heads = ["treated: n, events", "control: n, events", "estimate [95 % CI]", "P"]
    lines = [[f"Adverse events, {stratum}", *heads]]
    for theme, title in THEMES.items():
        found = commonest([e for e in rows if (e.stratum, e.theme) == (stratum, theme)])
        lines += [[title, "", "", "", ""]] if found and theme != "total" else []
        lines += [_event(e) for e in found]
    return columns(lines, limit=26)


def _event(e: AdverseEventResult) -> list[str]:
    arms = [
        f"{share(arm.patients, arm.n)}, {arm.events}" if arm.n else NONE for arm in (e.treated, e.control)
    ]
    if e.reason in NOT_COMPARED:
        return [e.term, *arms, NONE, NONE]
    if e.estimate.value is None:
        return [e.term, *arms, verdict(e)]
    return [e.term, *arms, difference(e), p_value(e.test.p)]
