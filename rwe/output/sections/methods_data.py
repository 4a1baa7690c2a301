"""Where the data came from and what made the results of them, in words."""

from collections.abc import Iterator

from rwe.output.prose import listed, sentences
from rwe.output.sections.events import ratios
from rwe.output.words import VALIDATION, plural, standing
from rwe.results import Results, SiteResult


def data(results: Results) -> Iterator[str]:
    if results.sites:
        counts = [c for s in results.sites for c in s.resources.values()]
        mapped, aside = sum(c.mapped for c in counts), sum(c.set_aside for c in counts)
        yield f"Data were read as FHIR resources from {listed(map(_site, results.sites))}."
        yield f"{plural(mapped, 'resource')} were mapped to tables and {aside} set aside."
    yield f"Validated: {VALIDATION[results.validation]}."
    if results.units:
        n, ways = sum(u.n for u in results.units), plural(len(results.units), "way")
        yield f"{plural(n, 'value')} were converted from another unit, in {ways}."
    if results.checks:
        n, rules = sum(c.n for c in results.checks), {c.rule for c in results.checks}
        yield f"{plural(len(rules), 'check')} of plausibility found {plural(n, 'row')}."
    yield from sentences(*(("Deviation", text) for text in results.deviations))


def _site(s: SiteResult) -> str:
    when = f", as of {s.pulled_at}" if s.pulled_at else ""
    return f"{s.id} (FHIR {s.fhir_version}, by {s.method}{when})"


def software(results: Results) -> Iterator[str]:
    s = results.software
    tests = [c.test for c in results.comparisons]
    tests += [t for e in results.adverse_events for t in (e.test, *(r.test for r in ratios(e)))]
    versions = dict.fromkeys(t.version for t in tests if t.version and t.p is not None)
    by = f"; tests by {listed(versions)}" if versions else ""
    yield f"Software: {s.name} {s.version}{by}."
    hashes = (
        ("study file and code lists", results.study.sha256),
        ("SQL", s.sql_sha256),
        ("mappings", s.mappings_sha256),
    )
    yield f"SHA-256: {listed(f'{name} {digest}' for name, digest in hashes)}."
    yield f"The plan was {standing(results.plan)}."
