"""report.html read back: each number in it is that of results.json, and there is none else."""

import html
import json
import re
from xml.etree import ElementTree

import pytest
import results_sample as sample
import test_report_adjusted
from expected_figures import expected_figures
from expected_tables import ARMS, expected
from expected_words import cautions, methods, summary
from msgspec.structs import replace
from read_html import Report
from tokens import tokens

from rwe.output.report import render_html
from rwe.results import encode

ELSEWHERE = "sensitivity-"
"""Tables whose numbers have a test of their own: test_report_sensitivity.py."""


@pytest.fixture(scope="module")
def results():
    """With a difference of means among the shifts, which is shown with means and standard deviations."""
    made = test_report_adjusted.build()
    rows = [
        replace(c, estimate=replace(c.estimate, name="mean difference")) if c.endpoint == "d_dimer" else c
        for c in made.comparisons
    ]
    events = [replace(e, term="other") if e.term == sample.HOSTILE else e for e in made.adverse_events]
    scores = [replace(p, at_fault=["site: west"] if p.at_fault else []) for p in made.propensity]
    visits = [replace(made.visits[1], treated_later=3), *made.visits[:1], *made.visits[2:]]
    return replace(made, comparisons=rows, adverse_events=events, propensity=scores, visits=visits)


@pytest.fixture(scope="module")
def found(results):
    return json.loads(encode(results))


@pytest.fixture(scope="module")
def report(results):
    return Report(render_html(results))


def test_every_number_of_every_table_is_that_of_the_results_and_no_table_is_left_out(found, report):
    tables = {name: table for name, table in report.tables.items() if not name.startswith(ELSEWHERE)}
    for name, rows in expected(found):
        held = tables.pop(name, None) or tables.pop(next(n for n in tables if n.startswith(name)))
        assert [(r.head, tokens(" ".join(r.cells))) for r in held.rows] == [
            (r.head, row) for r, row in zip(held.rows, rows, strict=True)
        ], held.id
    assert tables == {}


@pytest.fixture(scope="module")
def drawings(results):
    page = render_html(results)
    figures = re.findall(r'<figure id="([^"]+)">\n(<svg.*?</svg>)', page, re.DOTALL)
    return {name: ElementTree.fromstring(svg) for name, svg in figures}


def words(drawing, tag, found):
    """Without names of endpoints, which hold numbers of their own.  Ticks of a scale are no results."""
    text = " ".join(t.text or "" for t in drawing.iter(tag) if t.get("class") != "tick")
    for endpoint in found["design"]["endpoints"]:
        text = text.replace(endpoint["label"], " ")
    return text


def test_every_number_of_every_figure_is_that_of_the_results_and_no_figure_is_left_out(found, drawings):
    left = dict(drawings)
    for name, said, shown in expected_figures(found):
        drawing = left.pop(name)
        assert tokens(words(drawing, "desc", found)) == said, name
        assert sorted(tokens(words(drawing, "text", found))) == sorted(shown), name
    assert left == {}


def leaves(value, path=()):
    """Path of every number, and the name of its kind: the path without its places in lists."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, (*path, i))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def kind(path):
    return ".".join(key for key in path if isinstance(key, str) and not key.isupper())


def put(found, path, value):
    """Returns what stood there."""
    *way, last = path
    for key in way:
        found = found[key]
    before, found[last] = found[last], value(found[last])
    return before


NOT_SHOWN = {
    "comparisons.test.statistic": "P and estimate say it",
    "adverse_events.test.statistic": "likewise",
    "adverse_events.first_rate_ratio.test.statistic": "likewise",
    "adverse_events.event_rate_ratio.test.statistic": "likewise",
    "sites.passed_over.Encounter": "in words, at the head of a site",
    "sites.passed_over.Device": "likewise",
    "propensity.terms.coefficient": "the balance they bring is shown",
    "propensity.steps": "in the words of a score, beside the table",
    "comparisons.treated.n_imputed": "of the sensitivity analyses alone",
    "comparisons.control.n_imputed": "likewise",
    "baseline.n_missing": "each arm has its own",
    "baseline.treated.share": "count of n in percent is it",
    "baseline.control.share": "count of n in percent is it",
}


def test_every_kind_of_number_of_the_results_stands_in_a_table(found):
    """Other numbers of one kind give other tables; what stands nowhere is named, with the reason."""
    before = list(expected(found))
    kinds = {}
    for path in leaves({key: value for key, value in found.items() if key != "sensitivity"}):
        kinds.setdefault(kind(path), []).append(path)
    unseen = set()
    for name, paths in kinds.items():
        held = [put(found, path, lambda n: 2 * n + 8) for path in paths]
        unseen |= {name} if list(expected(found)) == before else set()
        for path, value in zip(paths, held, strict=True):
            put(found, path, lambda _, value=value: value)
    assert unseen == set(NOT_SHOWN)


def strings(value):
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)
    elif isinstance(value, str) and len(value) > 1:
        yield value


@pytest.fixture(scope="module")
def sentences(results, found):
    """Numbers of the sentences below each heading, without those of the results' own texts."""
    own = re.compile("|".join(re.escape(text) for text in sorted(set(strings(found)), key=len, reverse=True)))
    heading, held = "", {}
    for tag, inside in re.findall(r"<(h1|h2|h3|p|li)\b[^>]*>(.*?)</\1>", render_html(results), re.DOTALL):
        text = html.unescape(re.sub("<[^>]+>", " ", inside))
        if tag.startswith("h"):
            heading = text
        else:
            held.setdefault(heading, []).extend(tokens(own.sub(" ", text)))
    return held


def test_every_number_of_every_sentence_is_that_of_the_results(found, sentences, results):
    left = dict(sentences)
    for heading, numbers in methods(found).items():
        both = left.pop(heading)
        assert both == numbers + (sentences_of_events(found) if heading == "Adverse events" else []), heading
    assert left.pop("Summary") == summary(found)
    assert left.pop(results.study.title) == cautions(found)
    unstated = [e for e in found["adverse_events"] if e["theme"] == "grade" and e["reason"] == "not_stated"]
    assert left.pop("By CTCAE grade") == [str(sum(e[arm]["events"] for e in unstated for arm in ARMS))]
    assert {n for numbers in left.values() for n in numbers} <= {"0.1", "0.25", "24"}


def sentences_of_events(found):
    """The section of this name says how many of its P values are adjusted for nothing."""
    tests = [t for e in found["adverse_events"] for t in (e, e["first_rate_ratio"], e["event_rate_ratio"])]
    return [str(sum(t["test"]["p"] is not None for t in tests))]
