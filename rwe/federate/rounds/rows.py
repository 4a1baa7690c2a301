"""A site's own rows of a model: as numbers, and as what the ledger remembers of them.

store, ask  ──▶  Seen with a value (n,) each  ──▶  Rows of each slot

Rows end here.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rwe.federate.messages import Ask
from rwe.federate.rounds import slots
from rwe.federate.rounds.slots import Slot
from rwe.federate.seen import Seen, time_of
from rwe.federate.statistics import STATISTICS
from rwe.stats.rounds.score import Term
from rwe.stats.rounds.step import Rows
from rwe.steps.adjusted import outcomes
from rwe.steps.covariates import Known, people
from rwe.store import Store
from rwe.study import Study, StudyFile

CHANGES = """
SELECT v.site_id, v.patient_id, v.stratum, v.arm, v.value, b.value
FROM endpoint_value AS v
INNER JOIN endpoint_value AS b
    ON v.site_id = b.site_id AND v.patient_id = b.patient_id AND v.arm = b.arm
    AND v.endpoint = b.endpoint AND b.is_baseline
WHERE
    NOT v.is_baseline AND v.endpoint = ? AND v.visit = ?
    AND v.value IS NOT NULL AND b.value IS NOT NULL AND v.comparator IS NULL AND b.comparator IS NULL
ORDER BY ALL
"""


def changes(store: Store, ask: Ask) -> Iterator[Seen]:
    """As rwe.steps.comparisons has them: both known, neither beyond a limit of measurement."""
    for site, patient, stratum, arm, value, before in store.rows(CHANGES, [ask.variable, ask.visit]):
        yield Seen(patient=(site, patient), stratum=stratum, arm=arm, value=(value, before))


def scored(store: Store, plan: Study, ask: Ask) -> Iterator[Seen]:
    """As rwe.steps.adjusted has them: measured, and with all terms."""
    who, columns = people(store, plan), slots.terms(plan.file)
    found = outcomes(store, who).get((ask.variable, ask.visit or ""))
    asked = plan.file.propensity
    assert asked is not None
    for row, name in enumerate(who.ids if found else ()):
        assert found is not None
        known = [who.variables[term][row] for term in asked.terms]
        if np.isnan(found.values[row]) or None in known:
            continue
        (site, rest), arm = name.split("/", 1), name.rpartition("/")[2]
        patient = rest.removesuffix(f"/{arm}")
        value = (float(found.values[row]), *(_number(t, who.variables[t.variable][row]) for t in columns))
        yield Seen(patient=(site, patient), stratum=who.strata[row], arm=arm, value=value)


def _number(term: Term, known: Known) -> float:
    if term.level is not None:
        return float(known == term.level)
    assert isinstance(known, int | float)
    return float(known)


def _rows(ask: Ask, seen: Sequence[Seen], file: StudyFile) -> Rows:
    """Of one slot.  A score may have a site as a term, and severity beside it; others have both in one."""
    of = STATISTICS[ask.statistic].of
    values = [time_of(s.value) if of == "event" else s.value for s in seen]
    width = 1 + len(slots.terms(file)) if of == "score" else 2
    groups = [(s.patient[0], "" if of == "score" else s.stratum) for s in seen]
    place = {name: at for at, name in enumerate(sorted({*groups}))}
    return Rows(
        treated=np.array([s.arm == "treated" for s in seen], dtype=np.bool_),
        group=np.array([place[name] for name in groups], dtype=np.int64),
        values=np.array(values, dtype=np.float64).reshape(-1, width),
    )


def of_slots(place: int, ask: Ask, by: Mapping[str, Sequence[Seen]], file: StudyFile) -> dict[Slot, Rows]:
    """by: stratum."""
    everyone = [s for seen in by.values() for s in seen]
    return {Slot(place, name): _rows(ask, by.get(name, everyone), file) for name in slots.strata(ask, file)}
