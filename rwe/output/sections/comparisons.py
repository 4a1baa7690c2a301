"""Every comparison that was asked for, but for the adjusted ones."""

from collections.abc import Sequence
from itertools import groupby

from rwe.output.arrange import Block, analyses, blocks
from rwe.output.figures import forest_figures, visit_figures
from rwe.output.numbers import interval, mean_sd, p_value, quartiles
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import counted, how, methods, sentence, slug, spoken, verdict
from rwe.results import Arm, Comparison, Results

NONE_ASKED = [Part(paragraphs=["No comparison was asked for."])]


def comparisons(results: Results) -> Section:
    title = "Comparisons"
    found = [b for b in blocks(results) if not b.adjusted]
    if not found:
        return Section("comparisons", title, NONE_ASKED)
    figures = visit_figures(results)
    parts = []
    for i, (_, group) in enumerate(groupby(found, key=lambda b: (b.analysis, b.info.id, b.measure))):
        same = list(group)
        drawn = [figure for block, figure in figures if any(block is b or block == b for b in same)]
        name = f"{same[0].name}: {same[0].analysis}" if len(analyses(results)) > 1 else same[0].name
        parts.append(Part(name, figures=drawn, tables=[_table(same, f"{slug(same[0].info.id)}-{i}")]))
    forests = [figure for drawn, figure in forest_figures(results) if not drawn[0].adjusted]
    return Section("comparisons", title, [*parts, Part("Estimates with intervals", figures=forests)])


def _table(found: Sequence[Block], name: str) -> Table:
    rows = [c for block in found for c in block.rows]
    estimates = list(dict.fromkeys(c.estimate.name for c in rows))
    ways = methods(rows)
    arms = [Column(t, over=a) for a in ("Treated", "Control") for t in ("n / missing", "median [Q1, Q3]")]
    shown = sentence(spoken(estimates[0])) if len(estimates) == 1 else "Estimate"
    columns = [
        Column("Visit", prose=True),
        *arms,
        Column(f"{shown} [95 % CI]"),
        *map(Column, ("P", "Holm", "BH")),
    ]
    groups = [Group(b.stratum, [_row(c, b.info.digits, ways, estimates) for c in b.rows]) for b in found]
    caption = f"{found[0].name}, analysis “{found[0].analysis}”"
    return Table(f"comparison-{name}", caption, columns, groups, _method_notes(ways), cards=True)


def _method_notes(ways: Sequence[str]) -> list[str]:
    if len(ways) == 1:
        return [f"{ways[0]}."]
    return [f"Method {i}: {way}." for i, way in enumerate(ways, 1)]


def _row(c: Comparison, digits: int, ways: Sequence[str], estimates: Sequence[str]) -> Row:
    name = spoken(c.estimate.name) if len(estimates) > 1 else ""
    why = "; ".join(part for part in (name, verdict(c)) if part)
    number = f"method {ways.index(how(c)) + 1}" if len(ways) > 1 and c.test.p is not None else ""
    return row(
        c.visit,
        *_arm(c.treated, c, digits),
        *_arm(c.control, c, digits),
        Cell(interval(c.estimate, digits), why),
        Cell(p_value(c.test.p), number),
        p_value(c.test.p_holm),
        p_value(c.test.p_bh),
        note="primary" if c.primary else "",
    )


def _arm(arm: Arm, c: Comparison, digits: int) -> tuple[Cell, Cell]:
    dead = f"{arm.n_dead} dead, ranked worst" if arm.n_dead else ""
    limits = f"{arm.n_censored} beyond a limit of measurement" if arm.n_censored else ""
    mean = mean_sd(arm.mean, arm.sd, digits) if "mean" in c.estimate.name.lower() else ""
    notes = "; ".join(part for part in (mean, limits, dead) if part)
    return Cell(f"{arm.n} / {arm.n_missing}", counted(arm.missing)), Cell(quartiles(arm, digits), notes)
