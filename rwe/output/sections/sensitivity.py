"""The main analysis beside its variants, one thing done otherwise in each."""

from collections.abc import Iterator, Mapping, Sequence

from rwe.output.arrange import endpoint, in_order, strata, varied
from rwe.output.numbers import NONE, interval, p_phrase, quartiles
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import method, sentence, slug, spoken, verdict
from rwe.results import Comparison, EndpointInfo, Results, Variant

Shown = Sequence[tuple[str, Sequence[Comparison]]]
"""The main analysis and its variants by name."""

TITLE = "Sensitivity"
NOT_RUN = "Sensitivity analyses were not run; `rwe compare --sensitivity` runs them."
WORDS = (
    "Each row does one thing otherwise than the analysis “{main}”, which stands first. The variants are no"
    " further tests of the question: none is counted by Holm or Benjamini–Hochberg in any analysis, and no P"
    " here is adjusted. Where a row departs from the first, the result depends on what was varied; a row"
    " of fewer patients departs by chance too. All are of who was measured at the visit, but where death is"
    " ranked or values are imputed."
)


def sensitivity(results: Results) -> Section:
    if not results.sensitivity:
        return Section("sensitivity", TITLE, [Part(paragraphs=[NOT_RUN])])
    main = varied(results)
    words = WORDS.format(main=main[0].analysis if main else NONE)
    first = Part(paragraphs=[words], tables=[_variants(results.sensitivity)])
    return Section("sensitivity", TITLE, [first, *_endpoints(results, main)])


def _variants(found: Sequence[Variant]) -> Table:
    columns = [Column(t, prose=True) for t in ("Variant", "Done otherwise", "P by", "Mind")]
    rows = [
        row(
            sentence(spoken(v.name)),
            sentence(v.varied),
            "; ".join(_ways(v)) or NONE,
            Cell(v.caution or NONE, f"not run: {spoken(v.reason)}" if v.reason else ""),
        )
        for v in found
    ]
    return Table("sensitivity-variants", "What was varied", columns, [Group("", rows)], cards=True)


def _ways(variant: Variant) -> list[str]:
    return list(dict.fromkeys(method(c.test) for c in variant.rows if c.test.p is not None))


def _endpoints(results: Results, main: Sequence[Comparison]) -> Iterator[Part]:
    ran = [v for v in results.sensitivity if v.rows]
    same = [v for v in ran if v.theme == "quartiles"]  # estimate and P are those of the main analysis
    effects, types = (_named(main, found) for found in ([v for v in ran if v not in same], same))
    declared = [e.id for e in results.design.endpoints]
    for name in in_order((c.endpoint for _, rows in effects for c in rows), declared):
        info = endpoint(results, name)
        tables = [_table(results, info, "effects", effects)]
        if same:
            tables.append(_table(results, info, "quartiles", types))
        yield Part(_title(info), tables=tables)


def _named(main: Sequence[Comparison], found: Sequence[Variant]) -> Shown:
    return [("Main analysis", main), *((sentence(spoken(v.name)), v.rows) for v in found)]


def _title(info: EndpointInfo) -> str:
    return f"{info.label} ({info.unit})" if info.unit else info.label


def _table(results: Results, info: EndpointInfo, kind: str, shown: Shown) -> Table:
    """A row a variant, a column a visit."""
    what, cell = KINDS[kind]
    mine = [(head, [c for c in rows if c.endpoint == info.id]) for head, rows in shown]
    every = [c for _, rows in mine for c in rows]
    visits = in_order((c.visit for c in every), (v.name for v in results.design.visits))
    groups = []
    for stratum in strata(results, (c.stratum for c in every)):
        cells = [
            (head, {c.visit: cell(c, info.digits) for c in found if c.stratum == stratum})
            for head, found in mine
        ]
        groups.append(Group(stratum, [_row(head, found, visits) for head, found in cells if found]))
    columns = [Column("Variant", prose=True), *map(Column, visits)]
    caption = f"{_title(info)}: {what}"
    return Table(f"sensitivity-{kind}-{slug(info.id)}", caption, columns, groups, cards=True)


def _row(head: str, cells: Mapping[str, Cell], visits: Sequence[str]) -> Row:
    return row(head, *(cells.get(v, Cell("")) for v in visits))


def _effect(c: Comparison, digits: int) -> Cell:
    p = p_phrase(c.test.p) if c.test.p is not None else ""
    notes = (_sizes(c), p, verdict(c), "primary" if c.primary else "")
    return Cell(interval(c.estimate, digits), "; ".join(part for part in notes if part))


def _sizes(c: Comparison) -> str:
    """`n 21 v 26, imputed 8 v 10`."""
    arms = c.treated, c.control
    made = {"dead": [a.n_dead for a in arms], "imputed": [a.n_imputed for a in arms]}
    of = [f"{word} {n} v {m}" for word, (n, m) in made.items() if n or m]
    return ", ".join([f"n {c.treated.n} v {c.control.n}", *of])


def _quartiles(c: Comparison, digits: int) -> Cell:
    return Cell(f"{quartiles(c.treated, digits)} v {quartiles(c.control, digits)}")


KINDS = {
    "effects": ("treated minus control [95 % CI]", _effect),
    "quartiles": ("median [Q1, Q3] of treated and of control", _quartiles),
}
