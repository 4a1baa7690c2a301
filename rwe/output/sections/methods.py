"""Methods in words that a paper can take over: from the results alone, each number one of theirs."""

from collections.abc import Callable, Iterator

from rwe.output.arrange import strata
from rwe.output.flow import ARMS, Step, steps
from rwe.output.page import Part, Section
from rwe.output.prose import listed, sentences
from rwe.output.sections.methods_analysis import adjustment, comparisons, events, missing, multiplicity
from rwe.output.sections.methods_data import data, software
from rwe.output.words import DAYS, plural
from rwe.results import Results

INTRODUCTION = (
    "These paragraphs are made from the results and can be taken over as they are; what a study adds of its"
    " own, such as ethics and funding, is not in them."
)

ENDPOINTS = (
    "The codes of each, and the limits beyond which a value was set aside, are in the table of definitions."
)


def methods(results: Results) -> Section:
    paragraphs: tuple[tuple[str, Callable[[Results], Iterator[str]]], ...] = (
        ("Design and population", _design),
        ("Time zero and controls", _time_zero),
        ("Visits and endpoints", _visits),
        ("Comparisons", comparisons),
        ("Multiplicity", multiplicity),
        ("Adjustment", adjustment),
        ("Missing values", missing),
        ("Adverse events", events),
        ("Data", data),
        ("Software and plan", software),
    )
    parts = [Part(title, [" ".join(said)]) for title, make in paragraphs if (said := list(make(results)))]
    return Section("methods", "Methods, in words", [Part(paragraphs=[INTRODUCTION]), *parts])


def _design(results: Results) -> Iterator[str]:
    """Who was compared, and how they were found."""
    d, sites = results.design, [s.id for s in results.sites]
    where = f" at {plural(len(sites), 'site')} ({listed(sites)})" if sites else ""
    yield f"{_arms(results)}{where}; treatment was not randomised."
    yield from sentences(("The treated received", d.treatment), ("The controls received", d.control))
    yield from _defined(results, "Population", "Product", "Eligibility", "Exclusion", "Severity", "Covariate")
    if names := strata(results, d.strata):
        yield f"Strata: {listed(names)}."
    if found := steps(results):
        yield f"Of {found[0].n_in} patients {_left(found[-1])}."


def _arms(results: Results) -> str:
    found = steps(results)
    if not found:
        return "Treated patients were compared with controls"
    treated, control = (found[-1].of(arm=arm)[1] for arm in ARMS)
    return f"{plural(treated, 'treated patient')} were compared with {plural(control, 'control')}"


def _left(last: Step) -> str:
    """More than entered the last step are the treated who were controls before."""
    twice = last.n_out - last.n_in
    both = f", {twice} of them first as a control, then as treated" if twice > 0 else ""
    return f"{min(last.n_in, last.n_out)} were left to be analysed{both}"


def _time_zero(results: Results) -> Iterator[str]:
    d = results.design
    yield from sentences(("Time zero of the treated", d.time_zero_treated))
    yield from sentences(("Time zero of a control", d.time_zero_control))
    yield from _defined(results, "Controls")
    yield f"Days from time zero were counted {DAYS.get(d.days, d.days)}."


def _visits(results: Results) -> Iterator[str]:
    d = results.design
    if d.visits:
        windows = (f"{v.name} (day {v.target:g}, window [{v.start:g}, {v.end:g}))" for v in d.visits)
        yield f"Visits: {listed(windows)}; a window holds its first day and not its last."
    yield from _defined(results, "Value at a visit", "Baseline")
    if d.endpoints:
        yield f"Endpoints: {listed(f'{e.label} ({e.unit})' if e.unit else e.label for e in d.endpoints)}."
        yield ENDPOINTS
    yield from _defined(results, "No unit", "Death")


def _defined(results: Results, *terms: str) -> Iterator[str]:
    """Rules of the study file whose name is, or begins with, one of `terms`; those of one name together."""
    for term in terms:
        found: dict[str, list[str]] = {}
        for rule in results.design.definitions:
            if rule.term == term or rule.term.startswith((f"{term} ", f"{term},")):
                found.setdefault(rule.term, []).append(rule.text)
        yield from sentences(*((name, "; or ".join(texts)) for name, texts in found.items()))
