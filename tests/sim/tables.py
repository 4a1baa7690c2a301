"""Replicates as the tables that `rwe map` would make of them, with the traps of real records.

numbers  ──▶  people()  ──▶  tables()  ──▶  {table: frame of texts, without columns that are all NULL}

One instant is written on the ward's clock or in UTC; CRP in mg/L, mg/dL, g/L or ug/mL; FEV1 in L or mL, by
code or only by text; the dose in three units; an infusion as a time or a period.  Decoys are never to be
used: FEV1 in % of predicted, a number of mL called L, a result entered in error, an infusion declined.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from tests.sim import truth
from tests.sim.spelling import CRP, FEV1, dose, quantity, said, written

SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PRODUCT = "https://registry.example/fhir/CodeSystem/product"
FIRST_DAY = pl.datetime(2020, 3, 1, time_zone="UTC")
KEYS = ("site_id", "patient_id", "subject_reference")


def people(numbers: Iterable[int]) -> pl.DataFrame:
    """CRP in tenths, FEV1 in hundredths, as whole numbers: no spelling of them is a hair off."""
    found = [(n, truth.replicate(n)) for n in numbers]
    columns = {name: np.concatenate([r[name] for _, r in found]) for name in found[0][1]}
    frame = pl.DataFrame(columns).with_columns(
        site_id=pl.Series([site(n) for n, _ in found for _ in range(truth.PATIENTS)]),
        patient_id=pl.Series([f"p{i:03}" for i in range(truth.PATIENTS)] * len(found)),
        home=pl.Series([480 if n % 2 else -300 for n, _ in found for _ in range(truth.PATIENTS)]),
        zero=FIRST_DAY + pl.duration(seconds="admitted_at"),
        **{name: (pl.col(name) * 100).round().cast(pl.Int64) for name in ("fev1", "later")},
        crp=(pl.col("crp") * 10).round().cast(pl.Int64),
    )
    laboratory = pl.when(pl.col("clock") < 0.3).then(0).otherwise("home")
    reference = "Patient/" + pl.col("patient_id")
    return frame.with_columns(laboratory=laboratory, subject_reference=reference)


def site(number: int) -> str:
    return f"r{number:04}"


def tables(who: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        "patient": patient(who),
        "encounter": encounter(who),
        "condition": condition(who),
        "medication_administration": administration(who),
        "observation": pl.concat([baseline(who), later(who), decoy(who)], how="diagonal"),
    }


def patient(who: pl.DataFrame) -> pl.DataFrame:
    return who.select(
        "site_id",
        "patient_id",
        birth_date=(pl.col("zero") - pl.duration(days=(pl.col("age") * 365.25).round())).dt.strftime("%F"),
        gender=pl.when("female").then(pl.lit("female")).otherwise(pl.lit("male")),
        deceased_datetime=pl.when("dies").then(written("out_at")),
    )


def encounter(who: pl.DataFrame) -> pl.DataFrame:
    return who.select(
        *KEYS,
        encounter_id="e-" + pl.col("patient_id"),
        status=pl.lit("finished"),
        class_system=pl.lit(CLASS),
        class_code=pl.lit("IMP"),
        period_start=written(0.0),
        period_end=written("out_at"),
    )


def condition(who: pl.DataFrame) -> pl.DataFrame:
    """COVID-19 with its severity at admission, and again where it became severe."""
    worse = who.filter(pl.col("worse_at").is_not_nan())
    return pl.concat(
        [
            _condition(who, "c-", pl.col("severe_first"), written(0.0)),
            _condition(worse, "w-", pl.lit(True), written("worse_at")),
        ]
    )


def _condition(who: pl.DataFrame, prefix: str, severe: pl.Expr, recorded: pl.Expr) -> pl.DataFrame:
    return who.select(
        *KEYS,
        condition_id=prefix + pl.col("patient_id"),
        verification_status=pl.lit("confirmed"),
        onset=written(0.0),
        recorded_date=recorded,
        system=pl.lit(SNOMED),
        code=pl.lit("840539006"),
        severity_system=pl.lit(SNOMED),
        severity_code=pl.when(severe).then(pl.lit("24484000")).otherwise(pl.lit("6736007")),
    )


def administration(who: pl.DataFrame) -> pl.DataFrame:
    """Of who is treated one, and another three days later if still there; and one that was declined."""
    treated = who.filter("treated")
    again = treated.filter(pl.col("out_at") > pl.col("offered") + 72)
    return pl.concat(
        [
            _administration(treated, "a-", pl.col("offered"), "completed"),
            _administration(again, "b-", pl.col("offered") + 72, "completed"),
            _administration(who.filter("declined"), "n-", pl.col("offered"), "not-done"),
        ]
    )


def _administration(who: pl.DataFrame, prefix: str, hours: pl.Expr, status: str) -> pl.DataFrame:
    period = pl.col("period") < 0.5
    return who.select(
        *KEYS,
        medication_administration_id=prefix + pl.col("patient_id"),
        status=pl.lit(status),
        effective=pl.when(~period).then(written(hours)),
        effective_start=pl.when(period).then(written(hours)),
        effective_end=pl.when(period).then(written(hours + 1)),
        system=pl.lit(PRODUCT),
        code=pl.lit("cells"),
        **dose(),
    )


def baseline(who: pl.DataFrame) -> pl.DataFrame:
    """At the admission."""
    return pl.concat(
        [
            _observation(who, "f-", "20150-9", 2.0, **quantity("fev1", "fev1_unit", FEV1)),
            _observation(who, "r-", "1988-5", 3.0, **quantity("crp", "crp_unit", CRP)),
        ],
        how="diagonal",
    )


def later(who: pl.DataFrame) -> pl.DataFrame:
    seen = who.filter("seen")
    return _observation(seen, "l-", "20150-9", "seen_at", **quantity("later", "later_unit", FEV1))


def decoy(who: pl.DataFrame) -> pl.DataFrame:
    """Beside the later FEV1 of six in ten, a day before or after it."""
    seen = who.filter("seen")
    draw, at = pl.col("decoy"), pl.col("seen_at") + 48 * pl.col("decoy_at") - 24
    percent = _observation(seen.filter(draw < 0.2), "d-", "20150-9", at, **said("87", "%", "%"))
    called_litres = said(pl.col("later") * 10, "L", "L")
    ml = _observation(seen.filter((draw >= 0.2) & (draw < 0.4)), "d-", "20150-9", at, **called_litres)
    mistake = seen.filter((draw >= 0.4) & (draw < 0.6))
    wrong = _observation(mistake, "d-", "20150-9", at, status="entered-in-error", **said("0.91", "L", "L"))
    return pl.concat([percent, ml, wrong], how="diagonal")


def _observation(
    who: pl.DataFrame,
    prefix: str,
    code: str,
    hours: pl.Expr | str | float,
    *,
    status: str = "final",
    **quantity: pl.Expr,
) -> pl.DataFrame:
    return who.select(
        *KEYS,
        observation_id=prefix + pl.col("patient_id"),
        status=pl.lit(status),
        effective=written(hours, "laboratory"),
        system=pl.lit(LOINC),
        code=pl.lit(code),
        **quantity,
    )
