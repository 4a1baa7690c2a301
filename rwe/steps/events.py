"""Adverse events by arm: patients with at least one, events, their incidence, and how the arms differ.

    event, follow_up  ──▶  Events per arm  ──▶  two_by_two, rate_ratio  ──▶  AdverseEventResult

Person-time begins at time zero.  Two kinds are never mixed: first events over the time to the first event
(or the end of follow-up), and all events over the whole follow-up.  Where a site recorded no event at all
for an arm, nobody is known to have asked: its patients are left out, and an arm with nobody left is not
ascertained, which is not zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rwe.results import AdverseEventResult, EstimateResult, EventArm, Incidence, RateRatio, TestResult
from rwe.stats.estimate import Estimate
from rwe.stats.proportions import DIFFERENCE, clopper_pearson, two_by_two
from rwe.stats.ratios import RATE, rate, rate_ratio
from rwe.stats.summaries import ArmEvents, Events
from rwe.steps.comparisons import ARMS, estimate_result, test_result
from rwe.steps.event_rows import Onsets, Patient, Row, event_rows
from rwe.store import Store
from rwe.study import Study

HUNDRED_YEARS = 36525
"""Days in 100 person-years."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A patient's follow-up in days."""

    patient: Patient
    arm: str
    stratum: str
    days: float


@dataclass(frozen=True, kw_only=True)
class Counted:
    """first: patients as events, over the time to the first; all: every event, over all follow-up."""

    first: ArmEvents
    all: ArmEvents


def adverse_events(store: Store, plan: Study) -> list[AdverseEventResult]:
    if plan.file.adverse_events is None:
        return []
    followed = watched(store)
    strata = ("all", *(s.name for s in plan.file.stratum))
    return [_result(row, stratum, followed) for row in event_rows(store) for stratum in strata]


def watched(store: Store) -> list[Watched]:
    """Who is known to have been asked."""
    return [
        Watched(patient=(site, patient, arm), arm=arm, stratum=stratum, days=days)
        for site, patient, arm, stratum, days in store.rows(
            "SELECT site_id, patient_id, arm, stratum, days FROM follow_up WHERE ascertained ORDER BY ALL"
        )
    ]


def _result(row: Row, stratum: str, followed: Iterable[Watched]) -> AdverseEventResult:
    arms = {arm: counted(_of(followed, arm, stratum, row), row.onsets) for arm in ARMS}
    treated, control = arms["treated"], arms["control"]
    why_not = _why_not(row, treated, control)
    risks = two_by_two(Events(treated=treated.all, control=control.all))
    return AdverseEventResult(
        theme=row.theme,
        term=row.term,
        stratum=stratum,
        treated=_shown(treated),
        control=_shown(control),
        estimate=_nothing(DIFFERENCE) if why_not else estimate_result(risks),
        test=NO_TEST if why_not else test_result(risks),
        status="not_estimable" if why_not else risks.status,
        reason=why_not or risks.reason,
        first_rate_ratio=_ratio(treated.first, control.first, why_not),
        event_rate_ratio=_ratio(treated.all, control.all, why_not),
    )


def _of(followed: Iterable[Watched], arm: str, stratum: str, row: Row) -> list[Watched]:
    """Of what only the treated can have there is no count of controls, not a count of zero."""
    if row.why_not == "treated_only" and arm == "control":
        return []
    return [w for w in followed if w.arm == arm and stratum in ("all", w.stratum)]


def _why_not(row: Row, treated: Counted, control: Counted) -> str | None:
    arms = [treated] if row.why_not == "treated_only" else [treated, control]
    return row.why_not if all(arm.all.n for arm in arms) else "not_ascertained"


def counted(group: list[Watched], onsets: Onsets) -> Counted:
    hit = [w for w in group if w.patient in onsets]
    n, patients = len(group), len(hit)
    to_first = float(sum(min([w.days, *onsets.get(w.patient, [])]) for w in group))
    return Counted(
        first=ArmEvents(patients=patients, events=patients, n=n, person_days=to_first),
        all=ArmEvents(
            patients=patients,
            events=sum(len(onsets[w.patient]) for w in hit),
            n=n,
            person_days=float(sum(w.days for w in group)),
        ),
    )


def _shown(arm: Counted) -> EventArm:
    return EventArm(
        patients=arm.all.patients,
        events=arm.all.events,
        n=arm.all.n,
        person_days=arm.first.person_days,
        follow_up_days=arm.all.person_days,
        risk=_risk(arm.all),
        first_rate=_rate(arm.first),
        event_rate=_rate(arm.all),
    )


def _risk(arm: ArmEvents) -> Incidence | None:
    if not arm.n:
        return None
    low, high = clopper_pearson(arm.patients, arm.n)
    return Incidence(value=arm.patients / arm.n, ci_low=low, ci_high=high)


def _rate(arm: ArmEvents) -> Incidence | None:
    if not arm.person_days:
        return None
    value, low, high = (HUNDRED_YEARS * number for number in rate(arm))
    return Incidence(value=value, ci_low=low, ci_high=high)


def _ratio(treated: ArmEvents, control: ArmEvents, why_not: str | None) -> RateRatio:
    if why_not:
        return RateRatio(estimate=_nothing(RATE), test=NO_TEST, status="not_estimable", reason=why_not)
    found = rate_ratio(Events(treated=treated, control=control))
    return RateRatio(
        estimate=_unbounded(found), test=test_result(found), status=found.status, reason=found.reason
    )


def _unbounded(found: Estimate) -> EstimateResult:
    """Without an event of the controls there is a lower limit, and none above."""
    e = estimate_result(found)
    if e.ci_low is None or e.ci_high is not None:
        return e
    return EstimateResult(
        name=e.name, value=e.value, ci_low=e.ci_low, ci_high="Inf", level=e.level, interval=e.interval
    )


def _nothing(name: str) -> EstimateResult:
    return EstimateResult(name=name, value=None, ci_low=None, ci_high=None, level=None, interval=None)


NO_TEST = TestResult(name="none", version="", statistic=None, p=None, p_holm=None, p_bh=None)
