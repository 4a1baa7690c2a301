"""The one adjusted analysis that [propensity] declares: means made comparable by the score.

    People, Outcome  ──▶  those measured, with all terms  ──▶  score, weights or pairs  ──▶  Adjusted

Who is measured decides the weights, not what was measured: the score of `rwe cohort` is fitted anew in the
patients with a value at the visit, and is that of `rwe cohort` where all have one.  The weights then balance
those who are compared, exactly for the means of the terms, and the difference is right as long as, given the
terms, who is measured does not depend on the outcome.  Weights made once of everybody would need more: that
the arms lose alike patients alike, and a registry and routine care do not (tests/spec/test_adjusted.py has
both).  As in any analysis of complete cases (White IR, Carlin JB. Stat Med 2010;29:2920-31), whom the answer
is about shifts to those measured.

Zeros and ones are an outcome too: the difference of their means is that of risks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rwe.results import Adjusted as AdjustedResult
from rwe.results import AdjustedArm, Comparison
from rwe.stats.adjusted import NAME, TESTS, Sample, in_pairs, weighted
from rwe.stats.balance import weighted_mean
from rwe.stats.estimate import Estimate
from rwe.stats.means import WITHIN
from rwe.stats.summaries import FloatArray
from rwe.stats.weights import effective_size
from rwe.steps.comparisons import (
    Values,
    arm_result,
    estimate_result,
    in_family,
    is_primary,
    test_result,
)
from rwe.steps.covariates import People, matrix, people
from rwe.steps.propensity import Scored, complete, groups, score
from rwe.store import Store
from rwe.study import Endpoint, Propensity, Study

VALUES = (
    "SELECT endpoint, visit, site_id, patient_id, arm, value, comparator, missing FROM endpoint_value "
    "WHERE NOT is_baseline ORDER BY ALL"
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One endpoint at one visit, a row a patient as in People; where a value is NaN, `missing` says why."""

    values: FloatArray
    comparators: tuple[str | None, ...]
    missing: tuple[str | None, ...]

    def at(self, rows: Sequence[int]) -> "Outcome":
        return Outcome(
            values=self.values[list(rows)],
            comparators=tuple(self.comparators[row] for row in rows),
            missing=tuple(self.missing[row] for row in rows),
        )


Outcomes = Mapping[tuple[str, str], Outcome]
"""By endpoint and visit."""


@dataclass(frozen=True, kw_only=True)
class Adjusted:
    """left_out: of each patient why they are not compared, None of those who are.

    scored: of those with a value and all terms, in their order; outcome: their values.
    """

    estimate: Estimate
    scored: Scored
    outcome: FloatArray
    left_out: tuple[str | None, ...]


def adjusted(store: Store, plan: Study) -> list[Comparison]:
    """One for each endpoint, stratum (of the score) and visit; none where the study declares no score."""
    if plan.file.propensity is None:
        return []
    who = people(store, plan)
    return compared(who, outcomes(store, who), plan)


def outcomes(store: Store, who: People) -> dict[tuple[str, str], Outcome]:
    place = {name: row for row, name in enumerate(who.ids)}
    found: dict[tuple[str, str], list[tuple[float | None, str | None, str | None]]] = {}
    for endpoint, visit, site, patient, arm, *read in store.rows(VALUES):
        cell = found.setdefault((endpoint, visit), [(None, None, None)] * len(who.ids))
        cell[place[f"{site}/{patient}/{arm}"]] = (read[0], read[1], read[2])
    return {key: _outcome(cell) for key, cell in found.items()}


def _outcome(cell: Sequence[tuple[float | None, str | None, str | None]]) -> Outcome:
    return Outcome(
        values=np.array([np.nan if value is None else value for value, _, _ in cell], dtype=np.float64),
        comparators=tuple(comparator for _, comparator, _ in cell),
        missing=tuple(missing for _, _, missing in cell),
    )


def compared(who: People, found: Outcomes, plan: Study) -> list[Comparison]:
    """Of these people alone: those of one site, say.  P values are adjusted within the analysis."""
    asked = plan.file.propensity
    assert asked is not None
    strata = groups(who, asked, [s.name for s in plan.file.stratum])
    parts = [(name, rows, who.at(rows)) for name, rows in strata.items()]
    nothing = _outcome([(None, None, None)] * len(who.ids))
    family = [
        _comparison(part, found.get((e.id, v.name), nothing).at(rows), plan, e, (stratum, v.name))
        for e in plan.file.endpoint
        for stratum, rows, part in parts
        for v in plan.file.visit
    ]
    return in_family(family)


def adjust(who: People, outcome: Outcome, asked: Propensity) -> Adjusted:
    """A row a patient in both; who lacks both value and term is counted for the value."""
    left_out = list(_left_out(who, outcome, asked))
    rows = [row for row, reason in enumerate(left_out) if reason is None]
    scored, values = score(who.at(rows), asked), outcome.values[rows]
    if scored.matched is not None:
        paired = {row for pair in scored.matched.pairs for row in pair}
        for place, row in enumerate(rows):
            left_out[row] = None if place in paired else "no_partner"
    return Adjusted(
        estimate=_estimate(scored, values, asked), scored=scored, outcome=values, left_out=tuple(left_out)
    )


def _left_out(who: People, outcome: Outcome, asked: Propensity) -> Iterator[str | None]:
    known = set(complete(who, asked))
    for row, absent in enumerate(np.isnan(outcome.values)):
        if absent:
            yield outcome.missing[row] or "not_measured"
        else:
            yield None if row in known else "term_missing"


def _estimate(scored: Scored, outcome: FloatArray, asked: Propensity) -> Estimate:
    if scored.fit.reason:
        treated = int(scored.who.treated.sum())
        return Estimate.not_estimable(
            scored.fit.reason,
            name=WITHIN if asked.estimand == "match" else NAME,
            test=TESTS[asked.estimand],
            arms=(treated, len(scored.who.ids) - treated),
        )
    if asked.estimand == "match":
        assert scored.matched is not None
        return in_pairs(outcome, scored.matched)
    covariates = matrix(scored.who, scored.columns)
    sample = Sample(covariates=covariates, treated=scored.who.treated, outcome=outcome)
    return weighted(sample, scored.weights, asked.estimand)


def _comparison(who: People, outcome: Outcome, plan: Study, e: Endpoint, at: tuple[str, str]) -> Comparison:
    asked, (stratum, visit), kind = plan.file.propensity, at, plan.file.analysis[0].quantile_type
    assert asked is not None
    found = adjust(who, outcome, asked)
    return Comparison(
        endpoint=e.id,
        kind=e.kind,
        stratum=stratum,
        visit=visit,
        unit=e.unit,
        measure="value",
        analysis=asked.name,
        primary=is_primary(e, visit),
        treated=arm_result(_values(who, outcome, found, treated=True), kind),
        control=arm_result(_values(who, outcome, found, treated=False), kind),
        estimate=estimate_result(found.estimate),
        test=test_result(found.estimate),
        status=found.estimate.status,
        reason=found.estimate.reason,
        adjusted=_result(found, asked),
    )


def _values(who: People, outcome: Outcome, found: Adjusted, *, treated: bool) -> Values:
    values = Values()
    for row, reason in enumerate(found.left_out):
        if who.treated[row] == treated:
            value = None if reason else float(outcome.values[row])
            values.add(str(who.variables["site"][row]), value, outcome.comparators[row], reason)
    return values


def _result(found: Adjusted, asked: Propensity) -> AdjustedResult:
    matched = found.scored.matched
    return AdjustedResult(
        estimand=asked.estimand,
        treated=_arm(found, treated=True),
        control=_arm(found, treated=False),
        pairs=len(matched.pairs) if matched else None,
        detail=found.scored.fit.detail,
        at_fault=found.scored.at_fault,
    )


def _arm(found: Adjusted, *, treated: bool) -> AdjustedArm:
    if not found.scored.weights.size:
        return AdjustedArm(mean=None, effective=None)
    here = found.scored.who.treated == treated
    w = found.scored.weights[here]
    return AdjustedArm(mean=weighted_mean(found.outcome[here], w), effective=effective_size(w))
