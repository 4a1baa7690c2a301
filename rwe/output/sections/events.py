"""Adverse events, and whether anybody recorded them."""

from rwe.output.arrange import strata
from rwe.output.numbers import fixed, interval, p_value, share, upper_limit_of_none
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import methods, sentence, short, spoken, verdict
from rwe.results import AdverseEventResult, EstimateResult, EventArm, Results

UNASKED = (
    "An arm without a single AdverseEvent resource is not ascertained: nobody may have asked. Its zeros"
    " are no finding, and no difference is given for it."
)
TITLE, COUNTED = "Adverse events", ("patients / n", "events", "person-days")


def adverse_events(results: Results) -> Section:
    rows = results.adverse_events
    if not rows:
        none = ["No adverse event was analysed.", *_silent(results)]
        return Section("events", TITLE, [Part(paragraphs=none)])
    columns = [
        Column("Term", prose=True),
        *(Column(title, over=arm) for arm in ("Treated", "Control") for title in COUNTED),
        Column(f"{sentence(estimate_name(rows))} [95 % CI]"),
        Column("P"),
    ]
    groups = [
        Group(stratum, [_row(e) for e in rows if e.stratum == stratum])
        for stratum in strata(results, (e.stratum for e in rows))
    ]
    notes = [*(f"{way}." for way in methods(rows)), *_multiplicity(rows)]
    caption = "Patients with at least one event, events and person-time"
    table = Table("events-table", caption, columns, groups, notes, cards=True)
    return Section("events", TITLE, [Part(paragraphs=ascertainment(results), tables=[table])])


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


def _row(e: AdverseEventResult) -> Row:
    ascertained = e.reason != "not_ascertained"
    cells = [cell for arm in (e.treated, e.control) for cell in _arm(arm, ascertained=ascertained)]
    return row(short(e.term), *cells, Cell(difference(e), verdict(e)), Cell(p_value(e.test.p), _adjusted(e)))


def _arm(arm: EventArm, *, ascertained: bool) -> tuple[Cell, Cell, Cell]:
    counts = Cell(str(arm.events)), Cell(fixed(arm.person_days, 0))
    return Cell(share(arm.patients, arm.n), _about_none(arm) if ascertained else _unseen(arm)), *counts


def _multiplicity(rows: list[AdverseEventResult]) -> list[str]:
    adjusted = any(e.test.p_holm is not None for e in rows)
    return [] if adjusted else ["These P values are not adjusted for their number."]


def _adjusted(e: AdverseEventResult) -> str:
    if e.test.p_holm is None:
        return ""
    return f"Holm {p_value(e.test.p_holm)}; BH {p_value(e.test.p_bh)}"


def _about_none(arm: EventArm) -> str:
    """No event among n excludes only so much."""
    none = arm.n > 0 and arm.patients == 0
    return f"95 % upper limit {100 * upper_limit_of_none(arm.n):.1f} %" if none else ""


def _unseen(arm: EventArm) -> str:
    return "no record" if arm.events == 0 else ""
