"""Codes in words, and text from outside made fit to be printed."""

import re
from collections.abc import Iterable

from rwe.output.numbers import NONE
from rwe.results import AdverseEventResult, Comparison, Plan, TestResult

NOT_RANDOMISED = (
    "Treated and controls were not randomised; a difference is an effect only if the groups are"
    " exchangeable given what was adjusted for."
)

IMBALANCED = 0.25
"""Standard deviations apart; Stuart 2010, Stat Sci 25:1."""

REASONS = {
    "empty_arm": "an arm has no value",
    "no_variation": "all values are equal in both arms",
    "no_events": "no events, or nothing but events",
    "level_not_attained": "too few values for a 95 % interval",
    "decided_by_death": "no shift: half of the pairs or more are decided by death",
    "no_direction": "the study does not say which values are worse",
    "no_planned_infusions": "the study does not say how many infusions are planned",
    "no_propensity": "the study declares no propensity score",
    "one_site": "the cohort is of one site",
    "ranks_death": "the main analysis ranks deaths, so that who died counts as measured",
    "of_a_change": "the main analysis is of a change, not of a value",
    "not_at_every_visit": "not measured at another visit",
    "too_many": "too many patients or events for an exact method",
    "not_ascertained": "an arm has no record of adverse events at all; this is not zero events",
    "not_identified": "too few values, or a model without a unique solution",
    "not_stated": "not compared: what is not stated is no group",
    "suspects_differ": "not compared: the arms differ in what can be suspected",
    "treated_only": "of the treated alone: controls have no infusion",
    "dead": "dead",
    "window_not_reached": "window not reached",
    "treated_later": "treated later",
    "not_measured": "not measured",
    "set_aside": "set aside",
    "term_missing": "without a term of the score",
    "no_baseline": "without a baseline",
    "beyond_limit": "a limit of measurement in place of a value",
    "no_partner": "without a partner within the caliper",
}
STATUS = {"estimated": "", "not_estimable": "not estimable", "suppressed": "suppressed"}
DETAILS = {
    "separation": "some values occur in one arm only, so that nobody can be compared",
    "collinear": "terms that say the same",
    "constant": "a term that is alike in all patients",
    "no_convergence": "the fit did not settle",
    "too_many_terms": "more than six coefficients, a category counts its levels but one",
    "no_pairs": "no pair within the caliper",
}
ESTIMANDS = {
    "overlap": "overlap weights",
    "att": "weights for the treated (ATT)",
    "match": "pairs of treated and control",
}
VALIDATION = {
    "exemplars": "one resource of each shape, and each with an odd text or a lacking part",
    "every_resource": "every resource",
}
DAYS = {
    "instant": "by instant (86,400 s), by calendar date where a value has no time of day",
    "date": "by local calendar date",
}
CONVERTED = {
    "study": "the study file",
    "ucum": "UCUM",
    "synonym": "UCUM, after a reviewed spelling",
    "default": "the study file, in place of no unit",
}


def spoken(code: str) -> str:
    return REASONS.get(code, code.replace("_", " "))


def verdict(row: Comparison | AdverseEventResult) -> str:
    """Why there is no estimate, or what limits it: `not estimable: an arm has no value`."""
    score = row.adjusted if isinstance(row, Comparison) else None
    why = because(row.reason, score.detail, score.at_fault) if score else spoken(row.reason or "")
    return ": ".join(part for part in (STATUS[row.status], why) if part)


def because(reason: str | None, detail: str | None, at_fault: list[str]) -> str:
    """Why there is no score, and of which terms: `some values occur in one arm only … (site: north)`."""
    why = DETAILS[detail] if detail else spoken(reason or "")
    return why + (f" ({', '.join(at_fault)})" if at_fault else "")


def method(test: TestResult) -> str:
    name = test.name.replace("_", " ")
    return f"{name} ({test.version})" if test.version else name


def how(row: Comparison | AdverseEventResult) -> str:
    """`P: …; interval: …`."""
    interval = f"; interval: {row.estimate.interval}" if row.estimate.interval else ""
    return f"P: {method(row.test)}{interval}"


def methods(rows: Iterable[Comparison | AdverseEventResult]) -> list[str]:
    """Each way a P value was made, once."""
    return list(dict.fromkeys(how(r) for r in rows if r.test.p is not None))


def standing(plan: Plan) -> str:
    """Was the plan fixed before outcomes were seen, and is it still the same?"""
    unshown = "nothing shows that it was fixed before outcomes were seen"
    if plan.locked_at is None:
        return f"never locked: {unshown}"
    first = plan.first_comparison_at or "not yet made"
    when = f"before the first comparison ({first})"
    if not plan.before_comparison:
        when = f"after the first comparison ({first}): {unshown}"
    changed = ", ".join(plan.changed_since or []) or "nothing"
    return f"locked at {plan.locked_at}, {when}; changed since: {changed}"


def commonest(rows: list[AdverseEventResult]) -> list[AdverseEventResult]:
    """Terms by patients of both arms, else the order that was given."""
    if not rows or rows[0].theme != "term":
        return rows
    return sorted(rows, key=lambda e: (-(e.treated.patients + e.control.patients), e.term))


def counted(reasons: dict[str, int]) -> str:
    return ", ".join(f"{n} {spoken(code)}" for code, n in sorted(reasons.items()) if n)


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def imbalance(smd: float | None) -> str:
    if smd is None:
        return NONE
    return (
        f"above {IMBALANCED}" if abs(smd) > IMBALANCED else "above 0.1" if abs(smd) > 0.1 else "0.1 or below"
    )


def plain(text: str) -> str:
    """Without control, bidirectional and unassigned characters: they forge terminals and reading order."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def short(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def slug(text: str) -> str:
    """Fit for a file name and an id."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text)[:60].strip("-").lower() or "x"


def css_string(text: str) -> str:
    """A CSS string in which nothing but letters, digits and blanks stands unescaped."""
    return '"' + re.sub(r"[^A-Za-z0-9 ]", lambda found: f"\\{ord(found[0]):x} ", plain(text)) + '"'
