"""The adjusted comparisons, each beside that of the main analysis."""

from collections.abc import Sequence
from itertools import groupby

from rwe.output.adjusted import explained
from rwe.output.arrange import Block, analyses, blocks
from rwe.output.figures import forest_figures
from rwe.output.numbers import fixed, interval, p_phrase, p_value
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import counted, methods, slug, spoken, verdict
from rwe.results import AdjustedArm, Arm, Comparison, Results

TITLE = "Adjusted comparisons"
Key = tuple[str, str, str, str]


def adjusted(results: Results) -> Section:
    found = [b for b in blocks(results) if b.adjusted]
    if not found:
        return Section("adjusted", TITLE, [Part(paragraphs=["No adjusted analysis was asked for."])])
    words = list(explained(c for b in found for c in b.rows))
    main = {_key(c): c for c in results.comparisons if c.analysis == analyses(results)[0]}
    parts = [
        Part(same[0].name, tables=[_table(same, main, f"{slug(same[0].info.id)}-{i}")])
        for i, (_, group) in enumerate(groupby(found, key=lambda b: (b.info.id, b.measure)))
        for same in [list(group)]
    ]
    forests = [figure for drawn, figure in forest_figures(results) if drawn[0].adjusted]
    last = Part("Adjusted estimates with intervals", figures=forests)
    return Section("adjusted", TITLE, [Part(paragraphs=words), *parts, last])


def _key(c: Comparison) -> Key:
    return c.endpoint, c.measure, c.stratum, c.visit


def _table(found: Sequence[Block], main: dict[Key, Comparison], name: str) -> Table:
    rows = [c for b in found for c in b.rows]
    beside = [main[_key(c)] for c in rows if _key(c) in main]
    titles = ("n (effective n) / missing", "weighted mean")
    columns = [
        Column("Visit", prose=True),
        *(Column(t, over=arm) for arm in ("Treated", "Control") for t in titles),
        *map(Column, ("Difference [95 % CI]", "P", "Holm", "BH")),
        *([Column(_beside_title(beside[0]))] if beside else []),
    ]
    groups = [
        Group(b.stratum, [_row(c, main.get(_key(c)), b.info.digits, bool(beside)) for c in b.rows])
        for b in found
    ]
    caption = f"{found[0].name}, analysis “{found[0].analysis}”"
    return Table(f"adjusted-{name}", caption, columns, groups, [f"{w}." for w in methods(rows)], cards=True)


def _beside_title(c: Comparison) -> str:
    return f"Beside it “{c.analysis}”: {spoken(c.estimate.name)} [95 % CI]"


def _row(c: Comparison, other: Comparison | None, digits: int, beside: bool) -> Row:
    assert c.adjusted is not None
    return row(
        c.visit,
        *_arm(c.treated, c.adjusted.treated, digits),
        *_arm(c.control, c.adjusted.control, digits),
        Cell(interval(c.estimate, digits), verdict(c)),
        *(p_value(p) for p in (c.test.p, c.test.p_holm, c.test.p_bh)),
        *([_other(other, digits)] if beside else []),
        note="primary" if c.primary else "",
    )


def _arm(arm: Arm, weighted: AdjustedArm, digits: int) -> tuple[Cell, Cell]:
    plain = f"{fixed(arm.mean, digits)} without weights" if arm.mean is not None else ""
    return (
        Cell(f"{arm.n} ({fixed(weighted.effective, 1)}) / {arm.n_missing}", counted(arm.missing)),
        Cell(fixed(weighted.mean, digits), plain),
    )


def _other(c: Comparison | None, digits: int) -> Cell:
    if c is None:
        return Cell("not asked")
    return Cell(interval(c.estimate, digits), p_phrase(c.test.p) if c.test.p is not None else verdict(c))
