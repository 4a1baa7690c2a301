"""The variables of an export: rwe/reviewed/export/variable.csv, made out for one study.

`@name` among the levels stands for the study's own; a variable with {covariate} or {endpoint} in its name for
one of each.
"""

from collections.abc import Iterator, Mapping
from typing import cast

from rwe import data
from rwe.output.codebook import Type, Variable
from rwe.study import Study

TABLES = ("patients", "values", "adverse_events", "infusions")
BANDS = (*(f"{n} to {n + 9}" for n in range(0, 90, 10)), "90 or more")


def variables(plan: Study, sites: list[str], *, age_bands: bool) -> list[Variable]:
    """By table, in the order of their columns; of age either the years or the bands."""
    levels, left_out = _levels(plan, sites), "age" if age_bands else "age_band"
    return [
        v
        for table in TABLES
        for row in data.reviewed("export/variable")
        if row["table"] in (table, "*") and row["variable"] != left_out
        for v in _made_out(row, table, plan, levels)
    ]


def _levels(plan: Study, sites: list[str]) -> Mapping[str, tuple[str, ...]]:
    f = plan.file
    return {
        "@label": (plan.label,),
        "@site": tuple(sites),
        "@stratum": tuple(s.name for s in f.stratum) or ("all",),
        "@age_band": BANDS,
        "@endpoint": tuple(e.id for e in f.endpoint),
        "@visit": (*(("baseline",) if f.baseline else ()), *(v.name for v in f.visit)),
        "@unit": tuple(dict.fromkeys(e.unit for e in f.endpoint)),
        "#code": (),
        "": (),
    }


def _made_out(
    row: Mapping[str, str], table: str, plan: Study, levels: Mapping[str, tuple[str, ...]]
) -> Iterator[Variable]:
    held = levels.get(row["levels"])
    for words in _named(row["variable"], plan):
        said = {key: row[key].format_map(words) for key in ("variable", "label", "unit")}
        yield Variable(
            table=table,
            **said,
            type=cast(Type, row["type"]),
            levels=tuple(row["levels"].split("|")) if held is None else held,
            missing=row["missing"],
            source=row["source"],
        )


def _named(name: str, plan: Study) -> list[dict[str, str]]:
    if "{covariate}" in name:
        return [{"covariate": c.name, "covariate_label": c.label} for c in plan.file.covariate]
    if "{endpoint}" in name:
        found = plan.file.endpoint if plan.file.baseline else ()
        return [{"endpoint": e.id, "endpoint_label": e.label, "unit": e.unit} for e in found]
    return [{}]
