"""Adverse events, and whether anybody recorded them."""

from collections.abc import Callable

from rwe.output.arrange import strata
from rwe.output.figures import event_figures
from rwe.output.numbers import NONE, fixed, interval, p_value, share
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import commonest, method, methods, plural, sentence, short, spoken, verdict
from rwe.results import AdverseEventResult, EstimateResult, EventArm, Incidence, RateRatio, Results

UNASKED = (
    "An arm without a single AdverseEvent resource is not ascertained: nobody may have asked. Its zeros"
    " are no finding, and no difference is given for it."
)
TITLE = "Adverse events"
THEMES = {
    "total": "In total and serious",
    "severity": "By severity",
    "grade": "By CTCAE grade",
    "causality": "By causality",
    "infusion": "By infusion",
    "term": "By term",
}
EXPLAINED = {
    "causality": "The strongest assessment of an event's suspects. It is not compared: only the treated have"
    " an infusion that could be suspected.",
    "infusion": "Of the treated alone. Onset within 24 h is from the start of an infusion that counts to 24 h"
    " after it, both included; perhaps adds events of the day of an infusion or the next of which a time is"
    " not known. A suspect refers to one of the patient's own infusions.",
}
UNCOMPARED = ("causality", "infusion")
UNSTATED = "No adverse event states it in a code that is known here: {}."
PERSON_TIME = (
    "Person-time begins at time zero and ends with death, the last contact, the own infusion of a control who"
    " is treated later, or the last day declared. First events are patients over the time to their first"
    " event; all events are over the whole time, and their intervals are too narrow where one patient's"
    " events depend on each other."
)
EXACT = "Brackets: exact 95 % limits (risks Clopper–Pearson, rates Garwood), also where nobody had an event."


def adverse_events(results: Results) -> Section:
    rows = results.adverse_events
    if not rows:
        none = ["No adverse event was analysed.", *_silent(results)]
        return Section("events", TITLE, [Part(paragraphs=none)])
    said = [*ascertainment(results), PERSON_TIME, EXACT, *_multiplicity(rows)]
    first = Part(paragraphs=said, figures=event_figures(results))
    themes = [theme for theme in THEMES if any(e.theme == theme for e in rows)]
    return Section("events", TITLE, [first, *(_part(results, theme) for theme in themes)])


def _part(results: Results, theme: str) -> Part:
    """Two tables: risks, and rates.  A degree that no event states has none."""
    rows = [e for e in results.adverse_events if e.theme == theme]
    if theme in ("severity", "grade", "causality") and all(e.reason == "not_stated" for e in rows):
        return Part(THEMES[theme], [UNSTATED.format(_unstated(rows))])
    said = [EXPLAINED[theme]] if theme in EXPLAINED else []
    return Part(THEMES[theme], said, tables=[_risks(results, theme, rows), rates(results, theme, rows)])


def _unstated(rows: list[AdverseEventResult]) -> str:
    counts = [
        f"{plural(sum(a.events for a in (e.treated, e.control)), 'event')} {e.term}"
        for e in rows
        if e.stratum == "all"
    ]
    return ", ".join(counts)


def _risks(results: Results, theme: str, rows: list[AdverseEventResult]) -> Table:
    arms = arms_of(theme)
    columns = [
        Column("Term", prose=True),
        *(Column(title, over=arm) for arm in arms for title in ("patients / n", "events")),
    ]
    if theme not in UNCOMPARED:
        columns += [Column(f"{sentence(estimate_name(rows))} [95 % CI]"), Column("P")]
    caption = f"{THEMES[theme]}: patients with at least one event, and events"
    groups = _groups(results, rows, _risk_row)
    notes = [f"{way}." for way in methods(rows)]
    return Table(f"events-{theme}", caption, columns, groups, notes, cards=True)


def arms_of(theme: str) -> tuple[str, ...]:
    return ("Treated",) if theme == "infusion" else ("Treated", "Control")


def _groups(
    results: Results, rows: list[AdverseEventResult], make: Callable[[AdverseEventResult], Row]
) -> list[Group]:
    """By stratum; terms by how many patients had them."""
    return [
        Group(stratum, [make(e) for e in commonest([e for e in rows if e.stratum == stratum])])
        for stratum in strata(results, (e.stratum for e in rows))
    ]


def shown_arms(e: AdverseEventResult) -> tuple[EventArm, ...]:
    return (e.treated, e.control)[: len(arms_of(e.theme))]


def _risk_row(e: AdverseEventResult) -> Row:
    cells = [cell for arm in shown_arms(e) for cell in _arm(arm, e.reason)]
    if e.theme not in UNCOMPARED:
        cells += [Cell(difference(e), verdict(e)), Cell(p_value(e.test.p), _adjusted(e))]
    return row(short(e.term), *cells)


def _arm(arm: EventArm, reason: str | None) -> tuple[Cell, Cell]:
    if arm.risk is None or (reason == "not_ascertained" and arm.events == 0):
        return Cell(NONE, "not ascertained" if reason == "not_ascertained" else ""), Cell(NONE)
    return Cell(share(arm.patients, arm.n), _limits(arm.risk, 1, scale=100, unit=" %")), Cell(str(arm.events))


def _limits(found: Incidence, digits: int, *, scale: float = 1.0, unit: str = "") -> str:
    low, high = (fixed(end, digits, scale=scale) for end in (found.ci_low, found.ci_high))
    return f"[{low}, {high}]" if found.value else f"95 % upper limit {high}{unit}"


def ascertainment(results: Results) -> list[str]:
    asked = any(e.reason == "not_ascertained" for e in results.adverse_events)
    return [*([UNASKED] if asked else []), *_silent(results)]


def _silent(results: Results) -> list[str]:
    """Sites that gave nothing of the type, in words."""
    names = [s.id for s in results.sites if (c := s.resources.get("AdverseEvent")) is None or c.mapped == 0]
    return [f"No AdverseEvent resource came from: {', '.join(names)}."] if names else []


def estimate_name(rows: list[AdverseEventResult]) -> str:
    names = {e.estimate.name for e in rows}
    name = spoken(rows[0].estimate.name) if len(names) == 1 else "Estimate"
    return f"{name}, percentage points" if all(scale(e.estimate) == 100 for e in rows) else name


def scale(estimate: EstimateResult) -> int:
    """Differences of risks are shown as percentage points, ratios and rates as they are."""
    name = estimate.name.lower()
    return 100 if "difference" in name and "rate" not in name else 1


def difference(e: AdverseEventResult) -> str:
    factor = scale(e.estimate)
    return interval(e.estimate, 1 if factor == 100 else 2, scale=factor)


def _multiplicity(rows: list[AdverseEventResult]) -> list[str]:
    if any(e.test.p_holm is not None for e in rows):
        return []
    tests = [t for e in rows for t in (e.test, e.first_rate_ratio.test, e.event_rate_ratio.test)]
    n = sum(t.p is not None for t in tests)
    return [f"{plural(n, 'P value')} of adverse events: these P values are not adjusted for their number."]


def _adjusted(e: AdverseEventResult) -> str:
    if e.test.p_holm is None:
        return ""
    return f"Holm {p_value(e.test.p_holm)}; BH {p_value(e.test.p_bh)}"


def rates(results: Results, theme: str, rows: list[AdverseEventResult]) -> Table:
    arms = arms_of(theme)
    kinds = ("first events", "all events")
    columns = [Column("Term", prose=True), *(Column(kind, over=arm) for arm in arms for kind in kinds)]
    if len(arms) > 1:
        columns += [
            Column(title, over=f"Rate ratio, {kind}") for kind in kinds for title in ("[95 % CI]", "P")
        ]
    caption = f"{THEMES[theme]}: events per 100 person-years"
    used = dict.fromkeys(method(r.test) for e in rows for r in ratios(e) if r.test.p is not None)
    notes = [f"P: {name}." for name in used]
    return Table(
        f"events-{theme}-rates", caption, columns, _groups(results, rows, _rate_row), notes, cards=True
    )


def ratios(e: AdverseEventResult) -> tuple[RateRatio, RateRatio]:
    return e.first_rate_ratio, e.event_rate_ratio


def _rate_row(e: AdverseEventResult) -> Row:
    cells = [cell for arm in shown_arms(e) for cell in _rates_of(arm, e.reason)]
    if e.theme not in UNCOMPARED:
        for found in ratios(e):
            cells += [Cell(ratio_text(found), _why(found)), Cell(p_value(found.test.p))]
    return row(short(e.term), *cells)


def _rates_of(arm: EventArm, reason: str | None) -> list[Cell]:
    pairs = ((arm.first_rate, arm.person_days), (arm.event_rate, arm.follow_up_days))
    unseen = reason == "not_ascertained" and arm.events == 0
    return [
        Cell(NONE, "not ascertained" if unseen else "")
        if found is None or unseen
        else Cell(fixed(found.value, 1), f"{_limits(found, 1)} in {fixed(days, 1, scale=1 / 365.25)} years")
        for found, days in pairs
    ]


def ratio_text(found: RateRatio) -> str:
    """Without an event of the controls the interval alone: `– [0.53, ∞]`."""
    e = found.estimate
    if e.value is None and e.ci_low is not None:
        return f"{NONE} [{fixed(e.ci_low, 2)}, {fixed(e.ci_high, 2)}]"
    return interval(e, 2)


def _why(found: RateRatio) -> str:
    return spoken(found.reason) if found.reason else ""
