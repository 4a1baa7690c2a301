"""What the report counts of adverse events: a row for each total, degree, cause and term.

    event, infusion_event  ──▶  Row: which events of which patients, and why it is not compared

An event is in one row of severity, grade and causality, or in the row of those that state none.  Where
no event of the study states one, that row stands alone: zero of it would be no finding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rwe.results import Theme
from rwe.store import Store

Patient = tuple[str, str, str]
"""Site, patient and arm: an event before the own infusion is one of a control, if of anybody."""
Onsets = dict[Patient, list[float]]
"""Days from time zero of each patient's events."""

ANY, SERIOUS = "any adverse event", "any serious adverse event"
NOT_STATED, OTHER = "not stated", "stated in other codes"
WORDS: dict[Theme, tuple[str, ...]] = {
    "severity": ("mild", "moderate", "severe"),
    "grade": ("1", "2", "3", "4", "5"),
    "causality": ("certain", "probable", "possible", "unlikely", "conditional", "unassessable"),
}
AT_LEAST: dict[Theme, tuple[str, tuple[str, ...]]] = {
    "grade": ("3 or higher", ("3", "4", "5")),
    "causality": ("at least possible", ("certain", "probable", "possible")),
}
INFUSION = {
    "within_24_hours": "onset within 24 h",
    "perhaps_within_24_hours": "within 24 h, or perhaps",
    "suspected": "a suspect",
    "suspected_related": "suspect, at least possible",
}


@dataclass(frozen=True, kw_only=True)
class Event:
    patient: Patient
    day: float
    term: str
    seriousness: str | None
    words: dict[Theme, str | None]
    infusion: frozenset[str]
    """The keys of INFUSION that hold."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """why_not: why it is not compared, else None."""

    theme: Theme
    term: str
    onsets: Onsets
    why_not: str | None = None


def event_rows(store: Store) -> list[Row]:
    """Themes in the order of a reader; a term may be called like a total."""
    events = list(_events(store))
    by_theme = [row for theme in WORDS for row in _theme(theme, events)]
    return [*_totals(events), *by_theme, *_infusion(events), *_terms(events)]


def _events(store: Store) -> Iterator[Event]:
    flags = ", ".join(f"COALESCE(i.{name}, FALSE)" for name in INFUSION)
    rows = store.rows(
        "SELECT e.term, e.site_id, e.patient_id, e.arm, e.day, e.seriousness_code, e.severity, e.grade, "
        f"e.causality, {flags} FROM event AS e LEFT JOIN infusion_event AS i "
        "ON e.site_id = i.site_id AND e.adverse_event_id = i.adverse_event_id AND e.arm = 'treated' "
        "ORDER BY ALL"
    )
    for term, site, patient, arm, day, seriousness, severity, grade, causality, *held in rows:
        yield Event(
            patient=(site, patient, arm),
            day=float(day),
            term=term,
            seriousness=seriousness,
            words={"severity": severity, "grade": grade, "causality": causality},
            infusion=frozenset(name for name, holds in zip(INFUSION, held, strict=True) if holds),
        )


def _totals(events: list[Event]) -> Iterator[Row]:
    yield _row("total", ANY, events)
    yield _row("total", SERIOUS, [e for e in events if e.seriousness == "serious"])
    unknown = [e for e in events if e.seriousness not in ("serious", "non-serious")]
    if unknown:
        yield _row("total", f"seriousness {NOT_STATED}", unknown, why_not="not_stated")


def _theme(theme: Theme, events: list[Event]) -> Iterator[Row]:
    """Every degree, also one that nobody had, once any event states one.

    A cause is not compared: only the treated have an infusion that could be suspected.
    """
    why_not = "suspects_differ" if theme == "causality" else None
    if any(e.words[theme] in WORDS[theme] for e in events):
        for word in WORDS[theme]:
            yield _row(theme, word, [e for e in events if e.words[theme] == word], why_not=why_not)
        if theme in AT_LEAST:
            name, words = AT_LEAST[theme]
            yield _row(theme, name, [e for e in events if e.words[theme] in words], why_not=why_not)
    for name, left in ((OTHER, "other"), (NOT_STATED, None)):
        unsorted = [e for e in events if e.words[theme] == left]
        if unsorted:
            yield _row(theme, name, unsorted, why_not="not_stated")


def _infusion(events: list[Event]) -> Iterator[Row]:
    for name, term in INFUSION.items():
        yield _row("infusion", term, [e for e in events if name in e.infusion], why_not="treated_only")


def _terms(events: list[Event]) -> Iterator[Row]:
    for term in sorted({e.term for e in events}):
        yield _row("term", term, [e for e in events if e.term == term])


def _row(theme: Theme, term: str, events: list[Event], *, why_not: str | None = None) -> Row:
    onsets: Onsets = {}
    for e in events:
        onsets.setdefault(e.patient, []).append(e.day)
    return Row(theme=theme, term=term, onsets=onsets, why_not=why_not)
