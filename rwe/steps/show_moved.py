"""What moved between two results, as plain text and as objects for --json."""

from collections.abc import Iterator
from typing import Any

import msgspec

from rwe.output.arrange import endpoint
from rwe.output.grid import filled
from rwe.output.numbers import interval, p_value, quartiles
from rwe.output.words import plural, sentence, spoken, verdict
from rwe.results import AdverseEventResult, Comparison, Results
from rwe.steps.moved import Diff, Moved


def moved(found: Diff) -> dict[str, Any]:
    return {
        "causes": found.causes,
        "comparisons": [_object(m) for m in found.comparisons],
        "adverse_events": [_object(m) for m in found.events],
        "n_same": found.n_same,
    }


def moved_text(before: Results, after: Results, found: Diff) -> str:
    return "\n".join(_lines(before, after, found))


def _object(m: Moved[Any]) -> dict[str, Any]:
    return {
        "key": m.key,
        "why": m.why,
        "before": msgspec.to_builtins(m.before),
        "after": msgspec.to_builtins(m.after),
    }


def _lines(before: Results, after: Results, found: Diff) -> Iterator[str]:
    yield "What is another in the study as a whole:"
    yield from (filled(f"- {line}", indent="  ") for line in found.causes or ("nothing",))
    n = len(found.comparisons) + len(found.events)
    yield f"\n{sentence(plural(n, 'row'))} moved, {found.n_same} did not."
    for m in found.comparisons:
        yield from _comparison(m, before, after)
    for e in found.events:
        yield from _event(e)


def _comparison(m: Moved[Comparison], before: Results, after: Results) -> Iterator[str]:
    analysis, name, measure, stratum, visit = m.key
    info = endpoint(after if m.after else before, name)
    change = ", change from baseline" if measure == "change" else ""
    yield f"\n{info.label}{change}, {stratum}, {visit} ({analysis}){_fate(m)}"
    for side, c in (("before", m.before), ("after", m.after)):
        if c is not None:
            yield f"  {side:7}{_estimate(c, info.digits)}"
    yield from (filled(f"  why    {line}", indent="         ") for line in m.why)


def _estimate(c: Comparison, digits: int) -> str:
    arms = " v ".join(f"{arm.n}: {quartiles(arm, digits)}" for arm in (c.treated, c.control))
    if c.status != "estimated":
        return f"{arms}; {verdict(c)}"
    return f"{arms}; {interval(c.estimate, digits)}, P {p_value(c.test.p)}, by Holm {p_value(c.test.p_holm)}"


def _event(m: Moved[AdverseEventResult]) -> Iterator[str]:
    theme, term, stratum = m.key
    yield f"\n{spoken(term)} ({theme}), {stratum}{_fate(m)}"
    for side, e in (("before", m.before), ("after", m.after)):
        if e is not None:
            arms = " v ".join(
                f"{arm.patients}/{arm.n} patients, {arm.events} events" for arm in (e.treated, e.control)
            )
            yield f"  {side:7}{arms}"


def _fate(m: Moved[Any]) -> str:
    return ": new" if m.before is None else ": gone" if m.after is None else ""
