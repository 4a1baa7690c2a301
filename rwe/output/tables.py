"""The tables of a study as polars frames, and as CSV and Parquet for machines.

Every row carries the label, so that a table that travels alone still says what it is.
An infinite limit is inf; a number that does not exist is null, in CSV an empty field.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from rwe.output.arrange import varied
from rwe.results import Adjusted, Arm, Comparison, Results

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Beginnings of a text that a spreadsheet would run, or hide one behind."""

TEXT, INT, FLOAT, BOOL = pl.String, pl.Int64, pl.Float64, pl.Boolean
Schema = Mapping[str, type[pl.DataType]]

SUMMARY: Schema = {"median": FLOAT, "q1": FLOAT, "q3": FLOAT, "mean": FLOAT, "sd": FLOAT}
ESTIMATE: Schema = {
    "name": TEXT,
    "value": FLOAT,
    "ci_low": FLOAT,
    "ci_high": FLOAT,
    "level": FLOAT,
    "interval": TEXT,
}
TEST: Schema = {"name": TEXT, "version": TEXT, "statistic": FLOAT, "p": FLOAT, "p_holm": FLOAT, "p_bh": FLOAT}
OUTCOME: Schema = {"status": TEXT, "reason": TEXT}
COMPARED: Schema = {
    "n": INT,
    "n_missing": INT,
    "missing": TEXT,
    "n_censored": INT,
    **{f"{name}_bound": TEXT for name in ("median", "q1", "q3")},
    **SUMMARY,
    **dict.fromkeys(("n_dead", "n_imputed"), INT),
}
WEIGHTED: Schema = {"weighted_mean": FLOAT, "effective": FLOAT}
BASELINE_ARM: Schema = {"n": INT, "n_missing": INT, **SUMMARY, "count": INT, "share": FLOAT}


def _named(prefix: str, schema: Schema) -> Schema:
    return {f"{prefix}_{name}": kind for name, kind in schema.items()}


def _arms(schema: Schema) -> Schema:
    return {**_named("treated", schema), **_named("control", schema)}


RESULT: Schema = {**_named("estimate", ESTIMATE), **_named("test", TEST), **OUTCOME}
INCIDENCE: Schema = dict.fromkeys(("value", "ci_low", "ci_high"), FLOAT)
EVENT_ARM: Schema = {
    **dict.fromkeys(("patients", "events", "n"), INT),
    **dict.fromkeys(("person_days", "follow_up_days"), FLOAT),
    **_named("risk", INCIDENCE),
    **_named("first_rate", INCIDENCE),
    **_named("event_rate", INCIDENCE),
}
COMPARISON: Schema = {
    **dict.fromkeys(("analysis", "endpoint", "kind", "stratum", "visit", "unit", "measure"), TEXT),
    "primary": BOOL,
    **_arms(COMPARED),
    **RESULT,
    "estimand": TEXT,
    **_arms(WEIGHTED),
    "pairs": INT,
    **dict.fromkeys(("detail", "at_fault"), TEXT),
}
SCHEMAS: Mapping[str, Schema] = {
    "comparisons": COMPARISON,
    "sensitivity": {
        **dict.fromkeys(("variant", "theme", "varied", "caution", "not_run"), TEXT),
        **COMPARISON,
    },
    "attrition": {
        **dict.fromkeys(("step", "description", "site", "arm", "stratum"), TEXT),
        "n_in": INT,
        "n_out": INT,
    },
    "baseline": {
        **dict.fromkeys(("variable", "level", "unit", "stratum"), TEXT),
        **_arms(BASELINE_ARM),
        "smd": FLOAT,
    },
    "visits": {
        **dict.fromkeys(("endpoint", "visit", "stratum", "arm", "site"), TEXT),
        **dict.fromkeys(("n", "alive", "seen", "measured", "treated_later"), INT),
        **dict.fromkeys(("dead", "window_not_reached"), INT),
        **dict.fromkeys(("not_measured_lost", "not_measured_in_contact"), INT),
        "set_aside": TEXT,
    },
    "propensity": {
        **dict.fromkeys(("stratum", "estimand"), TEXT),
        **_arms({"n": INT, "n_missing": INT, "effective": FLOAT}),
        "pairs": INT,
        "caliper": FLOAT,
        "steps": INT,
        **OUTCOME,
        "detail": TEXT,
    },
    "balance": {
        **dict.fromkeys(("stratum", "estimand", "variable", "level", "unit"), TEXT),
        "in_score": BOOL,
        **{f"{what}_{when}": FLOAT for when in ("before", "after") for what in ("treated", "control", "smd")},
    },
    "adverse_events": {
        **dict.fromkeys(("theme", "term", "stratum"), TEXT),
        **_arms(EVENT_ARM),
        **RESULT,
        **_named("first_rate_ratio", RESULT),
        **_named("event_rate_ratio", RESULT),
    },
    "checks": {**dict.fromkeys(("rule", "site", "arm", "severity"), TEXT), "n": INT},
    "sites": {
        **dict.fromkeys(("site", "fhir_version", "method", "pulled_at", "resource_type"), TEXT),
        **dict.fromkeys(("asked", "landed", "mapped", "superseded", "gone", "set_aside", "passed_over"), INT),
    },
}


def frames(results: Results) -> dict[str, pl.DataFrame]:
    rows: dict[str, Sequence[dict[str, Any]]] = {
        "comparisons": [_compared(c) for c in results.comparisons],
        "sensitivity": list(_variants(results)),
        "attrition": [_flat(a) for a in results.attrition],
        "baseline": [_flat(b) for b in results.baseline],
        "visits": [{**_flat(v), "set_aside": _text(v.set_aside)} for v in results.visits],
        "propensity": [_flat(p) for p in results.propensity],
        "balance": [
            {"stratum": p.stratum, "estimand": p.estimand, **_flat(b)}
            for p in results.propensity
            for b in p.balance
        ],
        "adverse_events": [_flat(e) for e in results.adverse_events],
        "checks": [_flat(c) for c in results.checks],
        "sites": _sites(results),
    }
    return {name: _frame(rows[name], schema, label=results.label) for name, schema in SCHEMAS.items()}


def _frame(rows: Sequence[dict[str, Any]], schema: Schema, *, label: str) -> pl.DataFrame:
    columns = {
        name: pl.Series(name, [_number(r.get(name)) if kind is FLOAT else r.get(name) for r in rows], kind)
        for name, kind in schema.items()
    }
    return pl.DataFrame({"label": pl.Series("label", [label] * len(rows), TEXT), **columns})


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def _flat(record: msgspec.Struct) -> dict[str, Any]:
    """treated.n becomes treated_n; an arm's reasons become text, its bounds a column each."""
    flat: dict[str, Any] = {}
    for name, value in msgspec.structs.asdict(record).items():
        if isinstance(value, Arm):
            extra = {"missing": _text(value.missing), **{f"{q}_bound": s for q, s in value.bounds.items()}}
            inner = {**msgspec.structs.asdict(value), **extra}
        elif isinstance(value, msgspec.Struct):
            inner = _flat(value)
        else:
            flat[name] = value
            continue
        flat.update({f"{name}_{key}": item for key, item in inner.items()})
    return flat


def _compared(c: Comparison) -> dict[str, Any]:
    return {**_flat(c), **_adjusted(c.adjusted)}


def _variants(results: Results) -> Iterator[dict[str, Any]]:
    """The main analysis first; a variant that was not run has one row, with the reason."""
    for c in varied(results):
        yield {"variant": "main", **_compared(c)}
    for v in results.sensitivity:
        head = {"variant": v.name, "theme": v.theme, "varied": v.varied, "caution": v.caution}
        yield from ({**head, **_compared(c)} for c in v.rows)
        if v.reason:
            yield {**head, "not_run": v.reason}


def _adjusted(found: Adjusted | None) -> dict[str, Any]:
    """Of other analyses nothing."""
    if found is None:
        return {}
    arms = (("treated", found.treated), ("control", found.control))
    means = {f"{name}_weighted_mean": arm.mean for name, arm in arms}
    sizes = {f"{name}_effective": arm.effective for name, arm in arms}
    at_fault = "; ".join(found.at_fault)
    known = {"estimand": found.estimand, "pairs": found.pairs, "detail": found.detail}
    return {**means, **sizes, **known, "at_fault": at_fault or None}


def _text(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{reason} {n}" for reason, n in sorted(reasons.items()))


def _sites(results: Results) -> list[dict[str, Any]]:
    """A type that nobody asked for has a row with the number passed over, and nothing else."""
    rows = []
    for site in results.sites:
        head = {
            "site": site.id,
            "fhir_version": site.fhir_version,
            "method": site.method,
            "pulled_at": site.pulled_at,
        }
        rows += [{**head, "resource_type": t, **_flat(c)} for t, c in site.resources.items()]
        rows += [{**head, "resource_type": t, "passed_over": n} for t, n in site.passed_over.items()]
    return rows


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """A text that a spreadsheet would take for a formula gets a leading quote; numbers do not.

    TRUE and FALSE, for R takes no other spelling for a logical.
    """
    spelled = frame.with_columns(pl.col(BOOL).cast(TEXT).str.to_uppercase())
    guarded = spelled.with_columns(
        pl.when(pl.any_horizontal(pl.col(name).str.starts_with(sign) for sign in FORMULA))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in frame.schema.items()
        if kind == TEXT
    )
    return guarded.write_csv().encode()


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
