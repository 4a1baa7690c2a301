"""What was declared and what was done to the data: definitions, checks, units, deviations, provenance."""

from rwe.output.figures import design_figures
from rwe.output.numbers import NONE, fixed
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import CONVERTED, DAYS, VALIDATION, short, spoken, standing
from rwe.results import Counts, Results, SiteResult


def definitions(results: Results) -> Section:
    d = results.design
    facts = [
        ("Treated", d.treatment),
        ("Control", d.control),
        ("Time zero, treated", d.time_zero_treated),
        ("Time zero, control", d.time_zero_control),
        *((rule.term, rule.text) for rule in d.definitions),
        ("Days are counted", DAYS.get(d.days, d.days)),
        ("Strata", ", ".join(d.strata) or "none"),
        ("Analyses", ", ".join(d.analyses) or "none"),
    ]
    visits = [row(v.name, f"{v.target:g}", f"[{v.start:g}, {v.end:g})") for v in d.visits]
    columns = [Column("Visit", prose=True), Column("Target day"), Column("Window, days from time zero")]
    endpoints = [
        row(e.label, Cell(e.id), Cell(spoken(e.kind)), Cell(e.unit or NONE), str(e.digits))
        for e in d.endpoints
    ]
    heads = [Column(t, prose=True) for t in ("Endpoint", "Name", "Kind", "Unit")]
    notes = ["A window holds its first day and not its last: [start, end)."]
    tables = [
        _facts("design", "Arms, time zero and strata", facts),
        Table("visits", "Visits", columns, [Group("", visits)], notes),
        Table("endpoints", "Endpoints", [*heads, Column("Decimals shown")], [Group("", endpoints)]),
    ]
    return Section("definitions", "Definitions", [Part(figures=design_figures(results), tables=tables)])


def _facts(name: str, caption: str, facts: list[tuple[str, str]]) -> Table:
    columns = [Column("Item", prose=True), Column("Value", prose=True)]
    return Table(name, caption, columns, [Group("", [row(head, value) for head, value in facts])])


def checks(results: Results) -> Section:
    title, none = "Checks", "No check found anything."
    if not results.checks:
        return Section("checks", title, [Part(paragraphs=[none])])
    rank = ("error", "warning", "info")
    rows = [
        row(short(c.rule), c.severity, c.site, c.arm or NONE, str(c.n))
        for c in sorted(results.checks, key=lambda c: rank.index(c.severity))
    ]
    columns = [*(Column(t, prose=True) for t in ("Rule", "Severity", "Site", "Arm")), Column("Rows found")]
    return Section("checks", title, [Part(tables=[Table("checks-table", title, columns, [Group("", rows)])])])


def units(results: Results) -> Section:
    title, none = "Unit conversions", "No unit was converted."
    if not results.units:
        return Section("units", title, [Part(paragraphs=[none])])
    rows = [
        row(u.from_, Cell(u.to), f"{u.factor:g}", f"{u.offset:g}", Cell(CONVERTED[u.how]), str(u.n))
        for u in results.units
    ]
    columns = [
        *(Column(t, prose=True) for t in ("From", "To")),
        *(Column(t) for t in ("Factor", "Offset")),
        Column("By", prose=True),
        Column("Values"),
    ]
    return Section("units", title, [Part(tables=[Table("units-table", title, columns, [Group("", rows)])])])


def deviations(results: Results) -> Section:
    none = ["None was declared."] if not results.deviations else []
    return Section("deviations", "Deviations", [Part(paragraphs=none, items=results.deviations)])


def provenance(results: Results) -> Section:
    software, study = results.software, results.study
    facts = [
        ("Study", f"{study.id}: {study.title}"),
        ("Study file, SHA-256", study.sha256),
        ("Software", f"{software.name} {software.version}"),
        ("SQL, SHA-256", software.sql_sha256),
        ("Mappings, SHA-256", software.mappings_sha256),
        ("Validation", VALIDATION[results.validation]),
        ("Plan", standing(results.plan)),
    ]
    tables = [_facts("software", "Study, software and plan", facts), *_sites(results)]
    return Section("provenance", "Provenance", [Part(tables=tables)])


def _sites(results: Results) -> list[Table]:
    if not results.sites:
        return []
    titles = ("Asked", "Landed", "Mapped", "Superseded", "Gone", "Set aside")
    columns = [Column("Resource type", prose=True), *map(Column, titles), Column("Whole?", prose=True)]
    groups = [
        Group(_site(s), [_resources(name, c) for name, c in s.resources.items()]) for s in results.sites
    ]
    notes = [
        "Whole: asked = mapped + superseded + gone + set aside. Superseded: the same content again, or an"
        " older version. Gone: the source held it once and holds it no longer. Values kept out of the"
        " analysis are under Checks and Missing values."
    ]
    return [Table("sites", "Sites and resources", columns, groups, notes)]


def _site(s: SiteResult) -> str:
    passed = ", ".join(f"{name} {n}" for name, n in s.passed_over.items())
    said = "newest file changed at" if s.method == "files" else "pulled at"
    pulled = f"{said} {s.pulled_at}" if s.pulled_at else "time of pull unknown"
    over = f"; passed over, as nobody asked for these types: {passed}" if passed else ""
    return f"{s.id}: FHIR {s.fhir_version}, by {s.method}, {pulled}; {_deletions(s)}{over}"


def _deletions(s: SiteResult) -> str:
    if s.method == "files":
        return "what is not in the folder is not in the data"
    known = s.deletions_known_at
    return f"deletions known up to {known}" if known else "deletions at the source are not tracked"


def _resources(name: str, c: Counts) -> Row:
    asked = NONE if c.asked is None else fixed(c.asked, 0)
    counts = (c.landed, c.mapped, c.superseded, c.gone, c.set_aside)
    return row(name, asked, *map(str, counts), whole(c))


def whole(c: Counts) -> str:
    if c.asked is None:
        return "source cannot tell"
    lacking = c.asked - c.mapped - c.superseded - c.gone - c.set_aside
    return "whole" if lacking == 0 else f"not whole: {lacking} unaccounted for"
