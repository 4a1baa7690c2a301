"""results.json as one HTML file for people: no script, nothing from outside, every text escaped."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rwe.output import words
from rwe.output.cautions import cautions
from rwe.output.page import Section
from rwe.output.sections import (
    adjusted,
    balance,
    comparisons,
    events,
    methods,
    patients,
    record,
    sensitivity,
    summary,
    visits,
)
from rwe.results import Results

# Who was compared stands before what came of it: no estimate is read before the balance.
ORDER = (
    patients.flow,
    record.definitions,
    methods.methods,
    patients.table_one,
    balance.balance,
    summary.summary,
    comparisons.comparisons,
    adjusted.adjusted,
    visits.missing,
    events.adverse_events,
    sensitivity.sensitivity,
    record.checks,
    record.units,
    record.deviations,
    record.provenance,
)


def sections(results: Results) -> list[Section]:
    return [section(results) for section in ORDER]


def render_html(results: Results, found: list[Section] | None = None) -> str:
    """found: the sections, where they are made already."""
    html = (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=results.study.title,
            study=results.study.id,
            label=results.label,
            css_label=Markup(words.css_string(results.label)),  # noqa: S704  nothing in it ends a string
            not_randomised=words.NOT_RANDOMISED,
            cautions=cautions(results),
            sections=sections(results) if found is None else found,
        )
    )
    return html.rstrip("\n") + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["short"] = words.short
    return environment


def _printable(value: object) -> object:
    return value if isinstance(value, Markup) else words.plain(str(value))
