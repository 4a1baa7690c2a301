"""Flow of patients, and Table 1."""

from collections.abc import Sequence

from rwe.output.arrange import endpoint, strata
from rwe.output.figures import flow_figures
from rwe.output.flow import Step, left_out, sites, steps
from rwe.output.numbers import digits_for, fixed, mean_sd, quartiles, share
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.table_one import how_far
from rwe.results import Baseline, BaselineArm, Results


def flow(results: Results) -> Section:
    found = steps(results)
    if not found:
        return Section("flow", "Flow of patients", [Part(paragraphs=["No step was recorded."])])
    names = sites(results)
    columns = [
        Column("Patients", prose=True),
        *(Column(title, over="All sites") for title in ("in", "dropped", "remain")),
        *(Column(name, over="By site: in → remain") for name in names),
    ]
    groups = [Group(f"{s.name}: {s.description}", list(_step(s, names))) for s in found]
    table = Table("attrition", "Attrition, in the order the rules were applied", columns, groups)
    return Section("flow", "Flow of patients", [Part(figures=flow_figures(results), tables=[table])])


def _step(step: Step, names: Sequence[str]) -> list[Row]:
    rows = [
        _counts(_who(arm, stratum), [step.at(site=name, arm=arm, stratum=stratum) for name in names])
        for arm, stratum in step.cells
    ]
    sums = [step.site(name) for name in names]
    return rows if len(rows) == 1 else [_counts("all", sums), *rows]


def _who(arm: str | None, stratum: str | None) -> str:
    return ", ".join(part for part in (arm, stratum) if part) or "arm not yet known"


def _counts(who: str, by_site: Sequence[tuple[int, int]]) -> Row:
    n_in, n_out = (sum(pair[i] for pair in by_site) for i in (0, 1))
    return row(who, str(n_in), left_out(n_in, n_out), str(n_out), *(f"{a} → {b}" for a, b in by_site))


def table_one(results: Results) -> Section:
    title = "Table 1: patients at time zero"
    if not results.baseline:
        return Section("baseline", title, [Part(paragraphs=["No baseline variable was asked for."])])
    arms = [Column(t, over=arm) for arm in ("Treated", "Control") for t in ("n", "value", "missing")]
    columns = [Column("Variable", prose=True), *arms, Column("SMD"), Column("|SMD|", prose=True)]
    groups = [
        Group(stratum, [_variable(b, results) for b in results.baseline if b.stratum == stratum])
        for stratum in strata(results, (b.stratum for b in results.baseline))
    ]
    notes = [
        "Median [Q1, Q3], or count/known (%). SMD: standardised mean difference, treated minus control;"
        " above 0.1 and above 0.25 are written out. It is of the patients in whom the variable is known, n;"
        " of a covariate of all, no record being no. No test of balance is made."
    ]
    table = Table("baseline-table", "Baseline by stratum and arm", columns, groups, notes, cards=True)
    return Section("baseline", title, [Part(tables=[table])])


def _variable(b: Baseline, results: Results) -> Row:
    info = endpoint(results, b.variable)
    digits = info.digits if info.kind else digits_for(_numbers(b.treated) + _numbers(b.control))
    level = f": {b.level}" if b.level is not None else ""
    unit = f" ({b.unit})" if b.unit else ""
    cells = [
        cell
        for arm in (b.treated, b.control)
        for cell in (Cell(str(arm.n)), _value(arm, digits), Cell(str(arm.n_missing)))
    ]
    return row(f"{info.label}{level}{unit}", *cells, fixed(b.smd, 2), how_far(b))


def _numbers(arm: BaselineArm) -> list[float | None]:
    return [arm.median, arm.q1, arm.q3]


def _value(arm: BaselineArm, digits: int) -> Cell:
    if arm.count is not None:
        return Cell(share(arm.count, arm.n))
    return Cell(quartiles(arm, digits), mean_sd(arm.mean, arm.sd, digits))
