"""Summary: the primary comparisons, then every comparison of the main analysis at a glance."""

from rwe.output.arrange import Block, Tally, analyses, blocks, in_order, strata, tallies
from rwe.output.numbers import interval, p_phrase, p_value
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import plural, verdict
from rwe.results import Comparison, Results


def summary(results: Results) -> Section:
    if not results.comparisons:
        return Section("summary", "Summary", [Part(paragraphs=["No comparison was asked for."])])
    main = analyses(results)[0]
    parts = [Part(paragraphs=multiplicity(name, tally)) for name, tally in tallies(results).items()]
    found = blocks(results)
    tables = [*_primary(found), _overview(results, [b for b in found if b.analysis == main])]
    return Section("summary", "Summary", [*parts, Part(tables=tables)])


def multiplicity(analysis: str, tally: Tally) -> list[str]:
    """How many P values there are, and how many stay small when that is taken into account."""
    head = (
        f"Analysis “{analysis}”: {plural(tally.asked, 'comparison')} asked for,"
        f" {tally.estimable} could be estimated (m = {tally.estimable})."
    )
    if not tally.estimable:
        return [head]
    return [
        f"{head} {tally.raw} of {tally.estimable} raw P values are below 0.05;"
        f" {tally.holm} remain below 0.05 after Holm and {tally.bh} after Benjamini–Hochberg."
        f" The smallest P is {p_value(tally.smallest_holm)} by Holm and"
        f" {p_value(tally.smallest_bh)} by Benjamini–Hochberg.",
        f"If no endpoint differed at all, about {tally.estimable * 0.05:.1f} raw P values below 0.05"
        " would be expected by chance.",
    ]


def _primary(found: list[Block]) -> list[Table]:
    rows = [_primary_row(c, block) for block in found for c in block.rows if c.primary]
    columns = [
        Column("Comparison", prose=True),
        Column("n treated / control"),
        Column("Estimate [95 % CI]"),
        Column("P"),
        Column("Holm"),
        Column("BH"),
    ]
    caption = "Primary comparisons, as named in the study file"
    return [Table("primary", caption, columns, [Group("", rows)], cards=True)] if rows else []


def _primary_row(c: Comparison, block: Block) -> Row:
    estimate = Cell(interval(c.estimate, block.info.digits), verdict(c))
    p_values = (p_value(p) for p in (c.test.p, c.test.p_holm, c.test.p_bh))
    name = f"{block.name}, {c.stratum}, {c.visit}"
    return row(name, f"{c.treated.n} / {c.control.n}", estimate, *p_values, note=c.analysis)


def _overview(results: Results, found: list[Block]) -> Table:
    visits = in_order((c.visit for b in found for c in b.rows), (v.name for v in results.design.visits))
    groups = [
        Group(stratum, [_overview_row(b, visits) for b in found if b.stratum == stratum])
        for stratum in strata(results, (b.stratum for b in found))
    ]
    none = any(c.primary for b in found for c in b.rows)
    notes = [
        "Treated minus (ratios: over) control, with the 95 % confidence interval; below it the P value"
        " and the P value by Holm over all comparisons of this analysis.",
        *([] if none else ["The study file names no primary comparison."]),
    ]
    caption = f"All comparisons, analysis “{found[0].analysis}”"
    return Table(
        "overview", caption, [Column("Endpoint", prose=True), *map(Column, visits)], groups, notes, cards=True
    )


def _overview_row(block: Block, visits: list[str]) -> Row:
    cells = {c.visit: _overview_cell(c, block.info.digits) for c in block.rows}
    return Row(Cell(block.name), [cells.get(visit, Cell("not asked")) for visit in visits])


def _overview_cell(c: Comparison, digits: int) -> Cell:
    mark = "primary; " if c.primary else ""
    if c.test.p is None:
        return Cell(interval(c.estimate, digits), mark + verdict(c))
    return Cell(interval(c.estimate, digits), f"{mark}{p_phrase(c.test.p)}; Holm {p_value(c.test.p_holm)}")
