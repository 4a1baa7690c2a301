"""What is pooled, as a table for a terminal."""

from collections.abc import Iterator

from rwe.federate.pooled import Arm, Pooled, Row
from rwe.federate.rules import P_FROM
from rwe.results import EstimateResult

REASONS = {
    "small_arm": "an arm of a site has too few patients",
    "site_missing": "masks cancel over all sites alone: the first answers of all are needed",
    "few_sites": "fewer than 3 sites have anybody: the sum would be of one or two",
    "not_readable": "the masks do not cancel, or there are more patients than were asked for",
    "small_cell": "a cell has too few patients",
    "gives_back": "beside other rows it would give a cell of too few patients back",
    "small_group": "too few have it, or have it not",
    "few_missing": "too few of an arm of a site have no value: n beside all would tell how many",
    "empty_arm": "an arm has no value",
    "no_variation": "all values are equal",
    "no_events": "no events, or nothing but events",
    "not_identified": "too few values",
    "held_at_site": "a site holds back sums in which a few patients outweigh, or are all that others have",
    "too_rich": "too few patients for so many terms",
    "too_many": "too many patients or events for an exact method",
}


def text(found: Pooled) -> str:
    return "\n".join(_lines(found))


def _lines(found: Pooled) -> Iterator[str]:
    if found.partial:
        yield f"PARTIAL: {found.partial}"
    if found.unfinished:
        yield f"UNFINISHED: {found.unfinished}"
    yield f"{found.study}, pooled of {', '.join(s.id for s in found.sites) or 'nobody'}"
    if found.tier == "coordinator":
        yield f"For the coordinator under {found.agreement}: not for publication; --publish makes that"
    yield from found.rounding
    yield ""
    about = "≈" if found.rounding else ""
    asked = None
    for row in found.rows:
        if (row.statistic, row.variable, row.visit) != asked:
            asked = row.statistic, row.variable, row.visit
            yield " ".join(filter(None, asked)) + (f": {row.test.name}" if row.test else "") + _way(row)
        yield f"  {row.stratum:<10} {_said(row, about)}"
    if found.limits:
        yield ""
        yield "Limits of the secure sum (experimental):"
        yield from (f"  {line}" for line in found.limits)


def _way(row: Row) -> str:
    return " (secure sum)" if row.secure_sum else ""


def _said(row: Row, about: str) -> str:
    """about: what stands before a count that is rounded."""
    if row.status == "suppressed":
        where = ", ".join(
            f"{h.site}" + (f" {h.stratum}" if (row.stratum, row.secure_sum) == ("all", False) else "")
            for h in row.held
        )
        return f"suppressed: {_reason(row)}{f' ({where})' if where else ''}"
    if row.status == "unfinished":
        return f"unfinished: {row.reason}"
    arms = f"{about}{_arm(row.treated)} v {about}{_arm(row.control)}"
    if row.estimate is None:
        return arms
    if row.status == "not_estimable":
        return f"{arms}; not estimable: {REASONS.get(row.reason or '', row.reason)}"
    p = row.test.p if row.test else None
    least = "≤" if about and p == P_FROM else "="
    said = "" if p is None else f", P {least} {p:.3g}"
    return f"{arms}; {row.estimate.name} {value_text(row.estimate)}{said}"


def _reason(row: Row) -> str:
    if row.secure_sum and row.reason == "small_arm":
        return "an arm of all sites together has too few patients"
    return REASONS[row.reason or ""]


def _arm(arm: Arm | None) -> str:
    if arm is None:
        return "none"
    if arm.q1 is not None:
        return f"{arm.n} ({arm.median:.4g} [{arm.q1:.4g}, {arm.q3:.4g}])"
    if arm.mean is not None:
        return f"{arm.n} ({arm.mean:.4g}" + (f", SD {arm.sd:.3g})" if arm.sd is not None else ")")
    return str(arm.n) if arm.patients is None else f"{arm.patients}/{arm.n}"


def value_text(e: EstimateResult) -> str:
    value = "∞" if e.value is None else f"{e.value:.3g}"
    if e.ci_low is None and e.ci_high is None:
        return value
    low, high = (x if isinstance(x, str) else "∞" if x is None else f"{x:.3g}" for x in (e.ci_low, e.ci_high))
    return f"{value} [{low}, {high}]"
