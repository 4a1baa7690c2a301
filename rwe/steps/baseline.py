"""Table 1: who the arms were at time zero, by stratum, with standardised differences and no P values."""

from collections.abc import Iterator

import polars as pl

from rwe.results import Baseline, BaselineArm
from rwe.stats.balance import smd, smd_level
from rwe.stats.quantile import Description
from rwe.store import Store
from rwe.study import Study

PATIENTS = "SELECT stratum, arm, sex, age_years, days_from_anchor FROM cohort ORDER BY site_id, patient_id"
VALUES = (
    "SELECT stratum, arm, endpoint, value FROM endpoint_value WHERE is_baseline "
    "ORDER BY site_id, patient_id, endpoint"
)


def baseline(store: Store, plan: Study) -> Iterator[Baseline]:
    """Age, sex and days from the anchor; then each endpoint's baseline value, where one is declared."""
    patients, values = store.frame(PATIENTS), store.frame(VALUES)
    for stratum in [s.name for s in plan.file.stratum] or ["all"]:
        here = patients.filter(pl.col("stratum") == stratum)
        yield _measured(here, "age_years", variable="age", unit="years", stratum=stratum)
        yield from _levels(here, stratum)
        yield _measured(here, "days_from_anchor", variable="days_from_anchor", unit="days", stratum=stratum)
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
        yield Baseline(
            variable="sex",
            level=level,
            unit=None,
            stratum=stratum,
            treated=first,
            control=second,
            smd=smd_level(first.count or 0, first.n, control=second.count or 0, n_control=second.n),
            n_missing=first.n_missing + second.n_missing,
        )


def _counted(sexes: pl.Series, level: str) -> BaselineArm:
    n, count = int((sexes != "unknown").sum()), int((sexes == level).sum())
    share = count / n if n else None
    return BaselineArm(n=n, n_missing=len(sexes) - n, count=count, share=share)
