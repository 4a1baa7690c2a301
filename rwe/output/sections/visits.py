"""Who was alive, seen and measured at each visit, and why the others were not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rwe.output.arrange import endpoint, in_order, strata
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import counted
from rwe.results import Results, VisitCount

ARMS = ("treated", "control")
WAYS = (
    ("n", "measured"),
    ("treated later", "treated_later"),
    ("dead", "dead"),
    ("lost", "lost"),
    ("not measured", "in_contact"),
    ("set aside", "set_aside"),
    ("window not reached", "window_not_reached"),
)
NOTE = (
    "n: patients with a value. Dead: before the window's end. Lost: no contact from its first day on."
    " Treated later: a control, with an infusion before the window's end."
    " The columns of an arm add up to its patients in that stratum."
)


def missing(results: Results) -> Section:
    title = "Missing values"
    if not results.visits:
        return Section("missing", title, [Part(paragraphs=["No visit was asked for."])])
    return Section("missing", title, [Part(tables=[_presence(results), _values(results)])])


def _presence(results: Results) -> Table:
    """The same for every endpoint, so of the first."""
    first = [c for c in results.visits if c.endpoint == results.visits[0].endpoint]
    groups = [Group(name, list(_seen_rows(results, first, name))) for name in _strata(results)]
    columns = _columns("n", "alive", "seen")
    notes = [
        "Alive when the window opens, and of a control not yet treated; seen: a dated record within it, of"
        " whatever kind."
    ]
    return Table("presence", "Patients alive and seen at each visit", columns, groups, notes)


def _seen_rows(results: Results, found: Sequence[VisitCount], stratum: str) -> Iterator[Row]:
    for visit, by_arm in _by_visit(results, [c for c in found if c.stratum == stratum]):
        yield row(visit, *(str(total[key]) for total in by_arm for key in ("n", "alive", "seen")))


def _values(results: Results) -> Table:
    groups = []
    ways = [w for w in WAYS if w[1] != "treated_later" or any(c.treated_later for c in results.visits)]
    for name in in_order((c.endpoint for c in results.visits), (e.id for e in results.design.endpoints)):
        info = endpoint(results, name)
        label = f"{info.label} ({info.unit})" if info.unit else info.label
        for stratum in _strata(results):
            found = [c for c in results.visits if (c.endpoint, c.stratum) == (name, stratum)]
            rows = [_value_row(visit, by_arm, ways) for visit, by_arm in _by_visit(results, found)]
            groups += [Group(f"{label}, {stratum}", rows)] if rows else []
    caption = "Patients with a value, and why others have none"
    return Table("missing-table", caption, _columns(*(title for title, _ in ways)), groups, [NOTE])


def _value_row(visit: str, by_arm: Sequence[Counter[str]], ways: Iterable[tuple[str, str]]) -> Row:
    return row(visit, *(Cell(str(total[key]), _reasons(total, key)) for total in by_arm for _, key in ways))


def _reasons(total: Counter[str], key: str) -> str:
    found = {k.removeprefix("aside "): n for k, n in total.items() if k.startswith("aside ")}
    return counted(found) if key == "set_aside" else ""


def _columns(*titles: str) -> list[Column]:
    return [Column("Visit", prose=True), *(Column(t, over=a) for a in ("Treated", "Control") for t in titles)]


def _strata(results: Results) -> list[str]:
    return strata(results, (c.stratum for c in results.visits))


def _by_visit(results: Results, found: Sequence[VisitCount]) -> Iterator[tuple[str, list[Counter[str]]]]:
    """Each visit with the sums over the sites of both arms."""
    order = in_order((c.visit for c in found), (v.name for v in results.design.visits))
    ordered = sorted(found, key=lambda c: order.index(c.visit))
    for visit, group in groupby(ordered, key=lambda c: c.visit):
        here = list(group)
        yield visit, [_total(c for c in here if c.arm == arm) for arm in ARMS]


def _total(found: Iterable[VisitCount]) -> Counter[str]:
    total: Counter[str] = Counter()
    for c in found:
        total.update(_counts(c))
    return total


def _counts(c: VisitCount) -> Counter[str]:
    return Counter(
        n=c.n,
        alive=c.alive,
        seen=c.seen,
        **c.ways(),
        **{f"aside {reason}": n for reason, n in c.set_aside.items()},
    )
