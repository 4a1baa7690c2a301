"""Adverse events by arm: patients with at least one, events, person-time to the first.

    event, follow_up  ──▶  Events per site  ──▶  their sum  ──▶  two_by_two  ──▶  AdverseEventResult

Where a site recorded no event at all for an arm, nobody is known to have asked: its patients are left
out, and an arm with nobody left is not ascertained, which is not zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from rwe.results import AdverseEventResult, EstimateResult, EventArm, TestResult
from rwe.stats.proportions import two_by_two
from rwe.stats.summaries import ArmEvents, Events
from rwe.steps.comparisons import ARMS, estimate_result, test_result
from rwe.store import Store
from rwe.study import Study

ANY, SERIOUS = "any adverse event", "any serious adverse event"
Patient = tuple[str, str]
Onsets = dict[Patient, list[float]]
"""Days from time zero of each patient's events."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A patient's follow-up in days."""

    patient: Patient
    arm: str
    stratum: str
    days: float


def adverse_events(store: Store, plan: Study) -> list[AdverseEventResult]:
    if plan.file.adverse_events is None:
        return []
    watched = [
        Watched(patient=(site, patient), arm=arm, stratum=stratum, days=days)
        for site, patient, arm, stratum, days in store.rows(
            "SELECT site_id, patient_id, arm, stratum, days FROM follow_up WHERE ascertained ORDER BY ALL"
        )
    ]
    declared = [s.name for s in plan.file.stratum]
    terms = _terms(store)
    return [
        _result(term, stratum, watched, onsets) for term, onsets in terms for stratum in ("all", *declared)
    ]


def _terms(store: Store) -> list[tuple[str, Onsets]]:
    """The two totals first, then the terms by name; a term may be called like a total."""
    everything: Onsets = {}
    serious: Onsets = {}
    terms: dict[str, Onsets] = {}
    rows = store.rows("SELECT term, site_id, patient_id, day, seriousness_code FROM event ORDER BY ALL")
    for term, site, patient, day, seriousness in rows:
        counted = [everything, terms.setdefault(term, {}), *([serious] if seriousness == "serious" else [])]
        for onsets in counted:
            onsets.setdefault((site, patient), []).append(float(day))
    return [(ANY, everything), (SERIOUS, serious), *terms.items()]


def _result(term: str, stratum: str, watched: Iterable[Watched], onsets: Onsets) -> AdverseEventResult:
    inside = [w for w in watched if stratum in ("all", w.stratum)]
    arms = {arm: _arm([w for w in inside if w.arm == arm], onsets) for arm in ARMS}
    estimate = two_by_two(Events(treated=arms["treated"], control=arms["control"]))
    asked = all(arm.n for arm in arms.values())
    return AdverseEventResult(
        term=term,
        stratum=stratum,
        treated=_shown(arms["treated"]),
        control=_shown(arms["control"]),
        estimate=estimate_result(estimate) if asked else NO_ESTIMATE,
        test=test_result(estimate) if asked else NO_TEST,
        status=estimate.status if asked else "not_estimable",
        reason=estimate.reason if asked else "not_ascertained",
    )


NO_ESTIMATE = EstimateResult(
    name="risk difference", value=None, ci_low=None, ci_high=None, level=None, interval=None
)
NO_TEST = TestResult(name="none", version="", statistic=None, p=None, p_holm=None, p_bh=None)


def _arm(watched: list[Watched], onsets: Onsets) -> ArmEvents:
    hit = [w for w in watched if w.patient in onsets]
    return ArmEvents(
        patients=len(hit),
        events=sum(len(onsets[w.patient]) for w in hit),
        n=len(watched),
        person_days=sum(min([w.days, *onsets.get(w.patient, [])]) for w in watched),
    )


def _shown(arm: ArmEvents) -> EventArm:
    return EventArm(patients=arm.patients, events=arm.events, n=arm.n, person_days=arm.person_days)
