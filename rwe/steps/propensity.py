"""Propensity scores and the balance they bring, without an endpoint after time zero.

People  ──▶  those whose terms are all known  ──▶  score  ──▶  weights  ──▶  balance
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rwe import results
from rwe.results import Balance, ScoreTerm, WeightedArm
from rwe.stats.balance import smd_weighted, weighted_mean
from rwe.stats.logistic import BoolArray, Fit, fit, none
from rwe.stats.matching import Caliper, Matched, match
from rwe.stats.summaries import FloatArray
from rwe.stats.weights import QUANTILES, effective_size, in_bins, weights
from rwe.steps.covariates import UNITS, Column, People, columns, matrix, people, terms
from rwe.store import Store
from rwe.study import Propensity, Study

BINS = 10


@dataclass(frozen=True, kw_only=True)
class Scored:
    """who: patients with all terms; weights: one each, empty where there is no score."""

    who: People
    columns: list[Column]
    fit: Fit
    weights: FloatArray
    matched: Matched | None

    @property
    def at_fault(self) -> list[str]:
        return [self.columns[i].name for i in self.fit.columns]


def propensity(store: Store, plan: Study) -> list[results.Propensity]:
    """One for each stratum, or one for all together; none where the study declares no score."""
    asked = plan.file.propensity
    if asked is None:
        return []
    everyone = people(store, plan)
    units = UNITS | {e.id: e.unit for e in plan.file.endpoint}
    found = groups(everyone, asked, [s.name for s in plan.file.stratum])
    return [_result(everyone.at(rows), asked, name, units) for name, rows in found.items()]


def groups(who: People, asked: Propensity, strata: Sequence[str]) -> dict[str, list[int]]:
    """Whom each score is of: the rows of each stratum, or all together."""
    if asked.strata == "together" or not strata:
        return {"all": list(range(len(who.ids)))}
    return {name: [row for row, stratum in enumerate(who.strata) if stratum == name] for name in strata}


def score(who: People, asked: Propensity) -> Scored:
    """Of patients without a missing term."""
    found = terms(who, asked.terms)
    fitted = fit(matrix(who, found), who.treated)
    if fitted.reason:
        return Scored(who=who, columns=found, fit=fitted, weights=np.empty(0), matched=None)
    if asked.estimand != "match":
        w = weights(fitted.probabilities, who.treated, asked.estimand)
        return Scored(who=who, columns=found, fit=fitted, weights=w, matched=None)
    alike = list(zip(who.variables["site"], who.strata, strict=True))
    caliper = Caliper(sds=asked.caliper, seed=asked.seed)
    pairs = match(
        fitted.probabilities,
        who.treated,
        ids=who.ids,
        groups=alike,
        persons=who.persons,
        caliper=caliper,
    )
    if not pairs.pairs:
        fitted = none("not_identified", "no_pairs", steps=fitted.steps)
        return Scored(who=who, columns=found, fit=fitted, weights=np.empty(0), matched=pairs)
    return Scored(who=who, columns=found, fit=fitted, weights=pairs.weights(len(who.ids)), matched=pairs)


def complete(who: People, asked: Propensity) -> list[int]:
    return [row for row in range(len(who.ids)) if all(who.variables[t][row] is not None for t in asked.terms)]


def _result(who: People, asked: Propensity, stratum: str, units: dict[str, str]) -> results.Propensity:
    scored = score(who.at(complete(who, asked)), asked)
    names: list[tuple[str | None, str | None]] = [
        (None, None),
        *((c.variable, c.level) for c in scored.columns),
    ]
    return results.Propensity(
        stratum=stratum,
        estimand=asked.estimand,
        terms=[
            ScoreTerm(variable=variable, level=level, coefficient=slope)
            for (variable, level), slope in zip(names, scored.fit.coefficients.tolist(), strict=False)
        ],
        steps=scored.fit.steps,
        treated=_arm(who, scored, asked, treated=True),
        control=_arm(who, scored, asked, treated=False),
        pairs=len(scored.matched.pairs) if scored.matched else None,
        caliper=scored.matched.width if scored.matched else None,
        balance=[
            _balance(c, scored, in_score=name in asked.terms, unit=units.get(name))
            for name in _shown(who, asked)
            for c in columns(scored.who, name)
        ],
        status=scored.fit.status,
        reason=scored.fit.reason,
        detail=scored.fit.detail,
        at_fault=scored.at_fault,
    )


def _shown(who: People, asked: Propensity) -> list[str]:
    """All of Table 1, what the score leaves out too; site and severity where they are terms."""
    return [name for name in who.variables if name in asked.terms or name not in ("site", "severity")]


def _arm(who: People, scored: Scored, asked: Propensity, *, treated: bool) -> WeightedArm:
    here = scored.who.treated == treated
    lacking = Counter(
        name
        for name in asked.terms
        for known, arm in zip(who.variables[name], who.treated, strict=True)
        if known is None and arm == treated
    )
    n, w = int(here.sum()), scored.weights[here] if scored.weights.size else None
    return WeightedArm(
        n=n,
        n_missing=int((who.treated == treated).sum()) - n,
        missing=dict(lacking),
        effective=None if w is None else effective_size(w),
        weights=None if w is None else np.quantile(w, QUANTILES).tolist(),
        scores=None if w is None else in_bins(scored.fit.probabilities[here], BINS),
    )


def _balance(column: Column, scored: Scored, *, in_score: bool, unit: str | None) -> Balance:
    before = _difference(column, scored.who.treated, np.ones(len(column.values)))
    after = _difference(column, scored.who.treated, scored.weights) if scored.weights.size else NOTHING
    return Balance(
        variable=column.variable,
        level=column.level,
        unit=unit,
        in_score=in_score,
        treated_before=before[0],
        control_before=before[1],
        smd_before=before[2],
        treated_after=after[0],
        control_after=after[1],
        smd_after=after[2],
    )


Difference = tuple[float | None, float | None, float | None]
NOTHING: Difference = (None, None, None)


def _difference(column: Column, treated: BoolArray, w: FloatArray) -> Difference:
    """The arms' means and their SMD, of the patients in whom the value is known."""
    known = ~np.isnan(column.values)
    values, arm, w = column.values[known], treated[known], w[known]
    return (
        weighted_mean(values[arm], w[arm]),
        weighted_mean(values[~arm], w[~arm]),
        smd_weighted(values, arm, w, level=column.level is not None),
    )
