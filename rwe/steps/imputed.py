"""Differences of means at each visit, with what is missing of the living imputed.

endpoint_value, cohort  ──▶  a Panel of each endpoint and stratum  ──▶  imputed sets  ──▶  Comparison

The dead have no value and stay out of the comparison; their earlier values help to impute others'.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from rwe.results import Arm, Comparison
from rwe.stats.estimate import Estimate, Reason
from rwe.stats.imputation import NAME, TEST, Panel, impute, pooled_difference
from rwe.stats.logistic import BoolArray
from rwe.stats.summaries import FloatArray
from rwe.steps.comparisons import estimate_result, is_primary, test_result
from rwe.store import Store
from rwe.study import Endpoint, Study

MODEL = "Bayesian regressions on arm, age (where that of all is known) and the visits before and after"
VALUES = """
SELECT q.endpoint, q.stratum, q.visit, q.site_id, q.patient_id, q.arm, h.age_years, q.value, q.comparator,
    q.missing
FROM endpoint_value AS q
INNER JOIN cohort AS h ON q.site_id = h.site_id AND q.patient_id = h.patient_id AND q.arm = h.arm
ORDER BY q.site_id, q.patient_id, q.arm
"""


@dataclass(kw_only=True)
class Patient:
    """By visit; the baseline is one."""

    treated: bool
    age: float | None
    values: dict[str, float | None] = field(default_factory=dict)
    missing: dict[str, str | None] = field(default_factory=dict)
    limits: set[str] = field(default_factory=set)

    def counts(self, visit: str, *, made: bool) -> bool:
        """made: what is missing of the living was imputed."""
        if self.values.get(visit) is not None:
            return True
        return made and self.missing.get(visit) != "dead"


def imputed(store: Store, plan: Study) -> list[Comparison]:
    """As `comparisons`, of the one analysis of the plan; P values are not adjusted."""
    found = _patients(store)
    strata = [s.name for s in plan.file.stratum] or ["all"]
    return [
        c
        for e in plan.file.endpoint
        for stratum in strata
        for c in _of_panel(found.get((e.id, stratum), []), plan, e, stratum)
    ]


def _patients(store: Store) -> dict[tuple[str, str], list[Patient]]:
    """In the order of site and patient, whatever order they were stored in."""
    found: dict[tuple[str, str], dict[tuple[str, str, str], Patient]] = {}
    for endpoint, stratum, visit, site, name, arm, age, *read in store.rows(VALUES):
        patients = found.setdefault((endpoint, stratum), {})
        patient = patients.setdefault((site, name, arm), Patient(treated=arm == "treated", age=age))
        patient.values[visit], comparator, patient.missing[visit] = read
        if comparator is not None:
            patient.limits.add(visit)
    return {key: list(patients.values()) for key, patients in found.items()}


def _of_panel(who: list[Patient], plan: Study, e: Endpoint, stratum: str) -> Iterator[Comparison]:
    settings = plan.file.sensitivity
    visits = [v.name for v in sorted(plan.file.visit, key=lambda v: v.start)]
    columns = ["baseline", *visits] if plan.file.baseline else visits
    panel = _panel(who, columns)
    sets = impute(panel, sets=settings.imputations, seed=(settings.seed, _number(e.id, stratum)))
    for v in plan.file.visit:
        at = columns.index(v.name)
        alive = np.array([p.missing.get(v.name) != "dead" for p in who], dtype=np.bool_)
        estimate = _estimate(panel, at, [s[alive, at] for s in sets], alive)
        here = [_arm(who, v.name, [s[:, at] for s in sets], estimate, treated=arm) for arm in (True, False)]
        yield Comparison(
            endpoint=e.id,
            kind=e.kind,
            stratum=stratum,
            visit=v.name,
            unit=e.unit,
            measure="value",
            analysis=plan.file.analysis[0].name,
            primary=is_primary(e, v.name),
            treated=here[0],
            control=here[1],
            estimate=estimate_result(estimate),
            test=test_result(estimate),
            status=estimate.status,
            reason=estimate.reason,
        )


def _panel(who: list[Patient], columns: list[str]) -> Panel:
    values = [[p.values.get(c) for c in columns] for p in who]
    ages = [p.age for p in who]
    known = np.empty((len(who), 0)) if None in ages else np.array(ages, dtype=np.float64)[:, None]
    return Panel(
        values=np.array(values, dtype=np.float64).reshape(len(who), len(columns)),
        treated=np.array([p.treated for p in who], dtype=np.bool_),
        known=known,
    )


def _number(*words: str) -> int:
    """So that no other endpoint or stratum of the study changes what is drawn for this one."""
    return int.from_bytes(sha256("/".join(words).encode()).digest()[:8], "big")


def _estimate(panel: Panel, at: int, sets: list[FloatArray], alive: BoolArray) -> Estimate:
    treated, seen = panel.treated[alive], ~np.isnan(panel.values[alive, at])
    if seen.all() or panel.usable(at):
        return pooled_difference(sets, treated)
    arms = int((seen & treated).sum()), int((seen & ~treated).sum())
    y = panel.values[alive, at][seen]
    reason: Reason = "empty_arm" if not all(arms) else "no_variation" if not np.ptp(y) else "not_identified"
    return Estimate.not_estimable(reason, name=NAME, test=TEST.format(sets=len(sets)), arms=arms)


def _arm(who: list[Patient], visit: str, sets: list[FloatArray], estimate: Estimate, *, treated: bool) -> Arm:
    """Where nothing could be imputed, who was measured."""
    made = estimate.status == "estimated" or estimate.value is not None
    rows = [row for row, p in enumerate(who) if p.treated == treated and p.counts(visit, made=made)]
    out = [p for p in who if p.treated == treated and not p.counts(visit, made=made)]
    missing = Counter(p.missing.get(visit) or "not_measured" for p in out)
    return Arm(
        n=len(rows),
        n_missing=len(out),
        missing=dict(sorted(missing.items())),
        n_censored=sum(visit in who[row].limits for row in rows),
        bounds={},
        median=None,
        q1=None,
        q3=None,
        mean=float(np.mean([s[rows].mean() for s in sets])) if rows else None,
        sd=None,
        n_imputed=sum(who[row].values.get(visit) is None for row in rows),
    )
