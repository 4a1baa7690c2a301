"""A site's own rows, summed as a request asks: what would leave if no rule held it back.

    store, ask  ──▶  Seen (patient, arm, stratum, value)  ──▶  a Part for each stratum

Rows end here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rwe.federate.messages import Ask, Count, Part
from rwe.federate.rounds.rows import changes, scored
from rwe.federate.seen import Seen
from rwe.federate.statistics import STATISTICS, Leaves
from rwe.stats.moments import Moments, TwoMoments
from rwe.stats.summaries import ArmEvents, Events, TwoSamples
from rwe.stats.van_elteren import Ranked
from rwe.steps.event_rows import ANY, SERIOUS, event_rows
from rwe.steps.events import Watched, counted, watched
from rwe.store import Store
from rwe.study import Study

PEOPLE = "SELECT site_id, patient_id, stratum, arm, {} FROM cohort ORDER BY ALL"
SEX = "SELECT site_id, patient_id, stratum, arm, sex = ? FROM cohort WHERE sex != 'unknown' ORDER BY ALL"
VALUES = (
    "SELECT site_id, patient_id, stratum, arm, value FROM endpoint_value "
    "WHERE endpoint = ? AND (visit = ? AND NOT is_baseline OR ? = 'baseline' AND is_baseline) ORDER BY ALL"
)
RECORDED = (
    "SELECT h.site_id, h.patient_id, h.stratum, h.arm, v.is_recorded FROM history AS v "
    "INNER JOIN cohort AS h ON v.site_id = h.site_id AND v.patient_id = h.patient_id AND v.arm = h.arm "
    "WHERE v.covariate = ? ORDER BY ALL"
)
TERMS = {"any_event": ANY, "serious_event": SERIOUS}


@dataclass(frozen=True, kw_only=True)
class Summed:
    """rows: of whom it is the sum, by arm."""

    part: Part
    rows: dict[str, list[Seen]]

    @property
    def seen(self) -> list[Seen]:
        return [*self.rows["treated"], *self.rows["control"]]

    @property
    def arms(self) -> tuple[int, int]:
        return len(self.rows["treated"]), len(self.rows["control"])


def summed(store: Store, plan: Study, ask: Ask, *, site: str | None = None) -> list[Summed]:
    """Of each stratum of the study, in its order; also of one with nobody in it.  site: of many."""
    seen = [s for s in _seen(store, plan, ask) if s.value is not None and site in (None, s.patient[0])]
    strata = [s.name for s in plan.file.stratum] or ["all"]
    return [_summed(ask, name, [s for s in seen if s.stratum == name]) for name in strata]


def _summed(ask: Ask, stratum: str, seen: list[Seen]) -> Summed:
    rows = {arm: [s for s in seen if s.arm == arm] for arm in ("treated", "control")}
    leaves = STATISTICS[ask.statistic].leaves
    if leaves in ("masked", "rounds"):  # prepare.py has the keys of the masks
        return Summed(part=Part(stratum=stratum), rows=rows)
    part = Part(stratum=stratum, **{leaves: _summary(leaves, ask, rows)})
    return Summed(part=part, rows=rows)


def _summary(leaves: Leaves, ask: Ask, rows: dict[str, list[Seen]]) -> Any:
    treated, control = ([s.value for s in rows[arm]] for arm in ("treated", "control"))
    match leaves:
        case "count":
            return Count(treated=len(treated), control=len(control))
        case "ranks":
            return Ranked.of(TwoSamples.of(treated, control))
        case "moments":
            first, second = (Moments.of(values, centre=ask.centre) for values in (treated, control))
            return TwoMoments(treated=first, control=second)
        case "events":
            return Events(treated=_events(treated), control=_events(control))


def _events(values: list[Any]) -> ArmEvents:
    if values and isinstance(values[0], tuple):
        onsets = {w.patient: list(days) for w, days in values if days}
        return counted([w for w, _ in values], onsets).all
    held = sum(map(bool, values))
    return ArmEvents(patients=held, events=held, n=len(values), person_days=0.0)


def _seen(store: Store, plan: Study, ask: Ask) -> Iterable[Seen]:
    of, name = STATISTICS[ask.statistic].of, ask.variable
    if of == "event":
        return _followed(store, TERMS[name])
    if of == "change":
        return changes(store, ask)
    if of == "score":
        return scored(store, plan, ask)
    if of == "cohort":
        rows = store.rows(PEOPLE.format("TRUE"))
    elif name.startswith("sex="):
        rows = store.rows(SEX, [name.removeprefix("sex=")])
    elif name in {c.name for c in plan.file.covariate} and ask.visit is None:
        rows = store.rows(RECORDED, [name])
    elif ask.visit is not None:
        rows = store.rows(VALUES, [name, ask.visit, ask.visit])
    else:  # rules.named() let two columns through
        rows = store.rows(PEOPLE.format({"age": "age_years"}.get(name, "days_from_anchor")))
    return (
        Seen(patient=(site, patient), stratum=stratum, arm=arm, value=value)
        for site, patient, stratum, arm, value in rows
    )


def _followed(store: Store, term: str) -> Iterator[Seen]:
    (row,) = (r for r in event_rows(store) if (r.theme, r.term) == ("total", term))
    for w in watched(store):
        value: tuple[Watched, tuple[float, ...]] = (w, tuple(row.onsets.get(w.patient, ())))
        yield Seen(patient=w.patient, stratum=w.stratum, arm=w.arm, value=value)
