"""Table 1: who the arms were at time zero, by stratum, with standardised differences and no P values.

Of a level the denominator is the patients in whom it is known; of a covariate it is all of the arm, since
no record is taken for no.
"""

from collections.abc import Iterator

import polars as pl

from rwe.results import Baseline, BaselineArm
from rwe.stats.balance import smd, smd_level
from rwe.stats.quantile import Description
from rwe.store import Store
from rwe.study import Study

PATIENTS = (
    "SELECT stratum, arm, sex, age_years, days_from_anchor FROM cohort ORDER BY site_id, patient_id, arm"
)
RECORDED = (
    "SELECT h.stratum, h.arm, v.covariate, v.is_recorded FROM history AS v "
    "INNER JOIN cohort AS h "
    "ON v.site_id = h.site_id AND v.patient_id = h.patient_id AND v.arm = h.arm ORDER BY ALL"
)
VALUES = (
    "SELECT stratum, arm, endpoint, value FROM endpoint_value WHERE is_baseline "
    "ORDER BY site_id, patient_id, arm, endpoint"
)


def baseline(store: Store, plan: Study) -> Iterator[Baseline]:
    """Age, sex, days from the anchor and covariates; then baseline values, where a baseline is declared."""
    patients, values, recorded = store.frame(PATIENTS), store.frame(VALUES), store.frame(RECORDED)
    for stratum in [s.name for s in plan.file.stratum] or ["all"]:
        here = patients.filter(pl.col("stratum") == stratum)
        yield _measured(here, "age_years", variable="age", unit="years", stratum=stratum)
        yield from _levels(here, stratum)
        yield _measured(here, "days_from_anchor", variable="days_from_anchor", unit="days", stratum=stratum)
        for c in plan.file.covariate:
            of = recorded.filter((pl.col("stratum") == stratum) & (pl.col("covariate") == c.name))
            yield _recorded(*_arms(of, "is_recorded"), variable=c.name, stratum=stratum)
        for e in plan.file.endpoint if plan.file.baseline else ():
            of = values.filter((pl.col("stratum") == stratum) & (pl.col("endpoint") == e.id))
            yield _measured(of, "value", variable=e.id, unit=e.unit, stratum=stratum)


def _arms(frame: pl.DataFrame, column: str) -> tuple[pl.Series, pl.Series]:
    return (
        frame.filter(pl.col("arm") == "treated")[column],
        frame.filter(pl.col("arm") == "control")[column],
    )


def _measured(frame: pl.DataFrame, column: str, *, variable: str, unit: str, stratum: str) -> Baseline:
    treated, control = _arms(frame, column)
    first, second = (Description.of(s.drop_nulls().to_list()) for s in (treated, control))
    return Baseline(
        variable=variable,
        level=None,
        unit=unit,
        stratum=stratum,
        treated=_described(first, treated.null_count()),
        control=_described(second, control.null_count()),
        smd=smd(first, second),
        n_missing=treated.null_count() + control.null_count(),
    )


def _described(d: Description, n_missing: int) -> BaselineArm:
    return BaselineArm(n=d.n, n_missing=n_missing, median=d.median, q1=d.q1, q3=d.q3, mean=d.mean, sd=d.sd)


def _levels(frame: pl.DataFrame, stratum: str) -> Iterator[Baseline]:
    """One row per recorded sex; `unknown` is missing.  The column of an empty cohort has no type."""
    treated, control = (s.cast(pl.String) for s in _arms(frame, "sex"))
    known = [s.filter(s != "unknown") for s in (treated, control)]
    for level in sorted(set(known[0]) | set(known[1])):
        first, second = _counted(treated, level), _counted(control, level)
        yield _level(first, second, variable="sex", level=level, stratum=stratum)


def _recorded(treated: pl.Series, control: pl.Series, *, variable: str, stratum: str) -> Baseline:
    first, second = (_share(int(s.sum() or 0), of=len(s), n=len(s)) for s in (treated, control))
    return _level(first, second, variable=variable, level="yes", stratum=stratum)


def _level(first: BaselineArm, second: BaselineArm, *, variable: str, level: str, stratum: str) -> Baseline:
    return Baseline(
        variable=variable,
        level=level,
        unit=None,
        stratum=stratum,
        treated=first,
        control=second,
        smd=smd_level(first.count or 0, first.n, control=second.count or 0, n_control=second.n),
        n_missing=first.n_missing + second.n_missing,
    )


def _counted(sexes: pl.Series, level: str) -> BaselineArm:
    return _share(int((sexes == level).sum()), of=int((sexes != "unknown").sum()), n=len(sexes))


def _share(count: int, *, of: int, n: int) -> BaselineArm:
    return BaselineArm(n=of, n_missing=n - of, count=count, share=count / of if of else None)
