"""The figures of a study: flow, design, balance, each endpoint over the visits, estimates, events."""

from itertools import chain, count

from rwe.output.arrange import Block, blocks, endpoint, strata
from rwe.output.balance import name
from rwe.output.flow import steps
from rwe.output.page import Figure
from rwe.output.plot_balance import balance_plot
from rwe.output.plot_design import design_plot
from rwe.output.plot_events import events_plot
from rwe.output.plot_flow import flow_plot
from rwe.output.plot_forest import forest_plot
from rwe.output.plot_visits import visits_plot
from rwe.output.words import commonest, slug
from rwe.results import Results

MOST_TERMS = 20
"""Of adverse events in a figure."""


def all_figures(results: Results) -> list[Figure]:
    visits = [figure for _, figure in visit_figures(results)]
    forests = [figure for _, figure in forest_figures(results)]
    first = [*flow_figures(results), *design_figures(results), *balance_figures(results)]
    return [*first, *visits, *forests, *event_figures(results)]


def flow_figures(results: Results) -> list[Figure]:
    found = steps(results)
    if not found:
        return []
    return [Figure("flow-diagram", flow_plot(found, slug="flow-diagram", label=results.label))]


def design_figures(results: Results) -> list[Figure]:
    if not results.design.visits:
        return []
    return [Figure("design-diagram", design_plot(results.design, slug="design-diagram", label=results.label))]


def balance_figures(results: Results) -> list[Figure]:
    """Of each score that could be had."""
    figures, files = [], _Names()
    for p in results.propensity:
        if p.status == "estimated":
            names = [name(b, endpoint(results, b.variable).label) for b in p.balance]
            file = files.of("balance", p.stratum)
            figures.append(Figure(file, balance_plot(p, names, slug=file, label=results.label)))
    return figures


def visit_figures(results: Results) -> list[tuple[Block, Figure]]:
    """Medians do not depend on the analysis: one figure, where an endpoint and stratum first occur.

    None of an adjusted analysis: it compares means, and of fewer patients.
    """
    first: dict[tuple[str, str, str], Block] = {}
    for block in blocks(results):
        if not block.adjusted:
            first.setdefault((block.info.id, block.measure, block.stratum), block)
    names = _Names()
    return [(block, _visits(block, names.of("visits", *key), results.label)) for key, block in first.items()]


def _visits(block: Block, name: str, label: str) -> Figure:
    return Figure(name, visits_plot(block, slug=name, label=label))


def forest_figures(results: Results) -> list[tuple[list[Block], Figure]]:
    """One analysis and stratum each."""
    grouped: dict[tuple[str, str], list[Block]] = {}
    for block in blocks(results):
        grouped.setdefault((block.analysis, block.stratum), []).append(block)
    order = strata(results, (name for _, name in grouped))
    figures, names = [], _Names()
    for analysis, stratum in sorted(grouped, key=lambda key: order.index(key[1])):
        name = names.of("estimates", analysis, stratum)
        title = f"Estimates, {stratum}, {analysis}"
        svg = forest_plot(grouped[analysis, stratum], slug=name, label=results.label, title=title)
        figures.append((grouped[analysis, stratum], Figure(name, svg)))
    return figures


def event_figures(results: Results) -> list[Figure]:
    """Of all strata together, or of each where they are not; as many terms as a page holds."""
    rows, files = results.adverse_events, _Names()
    names = strata(results, (e.stratum for e in rows))
    figures = []
    for stratum in ["all"] if "all" in names else names:
        here = [e for e in rows if e.stratum == stratum]
        total, terms = ([e for e in here if e.theme == theme] for theme in ("total", "term"))
        shown = [*total, *commonest(terms)[:MOST_TERMS]]
        file, more = files.of("events", stratum), max(0, len(terms) - MOST_TERMS)
        if shown:
            title = f"Adverse events, {stratum}"
            svg = events_plot(shown, more=more, title=title, slug=file, label=results.label)
            figures.append(Figure(file, svg))
    return figures


class _Names:
    """Names that differ even where only signs that a file name cannot hold tell two apart."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def of(self, *parts: str) -> str:
        name = "-".join(slug(part) for part in parts)
        free = next(new for new in chain([name], (f"{name}-{i}" for i in count(2))) if new not in self.used)
        self.used.add(free)
        return free


def standalone(figure: Figure) -> bytes:
    """A file of its own: inside HTML the namespace is implied."""
    head = '<svg xmlns="http://www.w3.org/2000/svg" '
    return str(figure.svg).replace("<svg ", head, 1).encode() + b"\n"
