"""diff: what moved between two results, at the level of the estimate, and why.

    Results, Results  ──▶  what differs in what they were made of  ──▶  Moved: each comparison and event row

Why is what the results themselves hold: counts at the visit, by site and arm, and what of the whole study is
another (its file, rwe, what the sites gave, who was analysed).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from rwe.output.flow import last_step
from rwe.results import AdverseEventResult, Comparison, RateRatio, Results, VisitCount

T = TypeVar("T", bound=Comparison | AdverseEventResult)
Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Moved(Generic[T]):
    """before is None of what is new, after of what is gone; why: a line each."""

    key: Key
    before: T | None
    after: T | None
    why: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Diff:
    """causes: of the study as a whole.  n_same: comparisons and event rows that did not move."""

    causes: tuple[str, ...]
    comparisons: tuple[Moved[Comparison], ...]
    events: tuple[Moved[AdverseEventResult], ...]
    n_same: int


def diff(before: Results, after: Results) -> Diff:
    first, second = (_by_key(r.comparisons, _comparison_key) for r in (before, after))
    third, fourth = (_by_key(r.adverse_events, _event_key) for r in (before, after))
    counts = _counted(before.visits), _counted(after.visits)
    comparisons = list(_moved(first, second, lambda key: _why(key, *counts)))
    events = list(_moved(third, fourth, lambda _: ()))
    same = len({**first, **second}) + len({**third, **fourth}) - len(comparisons) - len(events)
    return Diff(
        causes=tuple(_causes(before, after)),
        comparisons=tuple(comparisons),
        events=tuple(events),
        n_same=same,
    )


def _by_key(rows: Iterable[T], key: Callable[[T], Key]) -> dict[Key, T]:
    return {key(row): row for row in rows}


def _comparison_key(c: Comparison) -> Key:
    return c.analysis, c.endpoint, c.measure, c.stratum, c.visit


def _event_key(e: AdverseEventResult) -> Key:
    return e.theme, e.term, e.stratum


def _moved(
    before: Mapping[Key, T], after: Mapping[Key, T], why: Callable[[Key], tuple[str, ...]]
) -> Iterator[Moved[T]]:
    """In the order of the second, then what is gone."""
    for key in [*after, *(k for k in before if k not in after)]:
        pair = before.get(key), after.get(key)
        if _bare(pair[0]) != _bare(pair[1]):
            reasons = (*_method(*pair), *why(key))
            yield Moved(key=key, before=pair[0], after=pair[1], why=reasons)


def _bare(row: Comparison | AdverseEventResult | None) -> object:
    """Without the version of the program that made the P value: it moves no number by itself."""
    if row is None:
        return None
    if isinstance(row, AdverseEventResult):
        ratios = {name: _unversioned(getattr(row, name)) for name in ("first_rate_ratio", "event_rate_ratio")}
        row = msgspec.structs.replace(row, **ratios)
    return _unversioned(row)


def _unversioned(row: Comparison | AdverseEventResult | RateRatio) -> object:
    return msgspec.structs.replace(row, test=msgspec.structs.replace(row.test, version=""))


def _method(before: Comparison | AdverseEventResult | None, after: object) -> Iterator[str]:
    if before is None or not isinstance(after, Comparison | AdverseEventResult):
        return
    if before.test.name != after.test.name:
        yield f"another test: {before.test.name} → {after.test.name}"
    if before.estimate.name != after.estimate.name:
        yield f"another estimate: {before.estimate.name} → {after.estimate.name}"


Counts = Mapping[Key, Mapping[str, int]]
"""By endpoint, stratum, visit, site and arm: how many are measured, and how many miss by reason."""


def _counted(found: Iterable[VisitCount]) -> Counts:
    return {
        (v.endpoint, v.stratum, v.visit, v.site, v.arm): {
            "not measured" if way == "in_contact" else way.replace("_", " "): n for way, n in v.ways().items()
        }
        for v in found
    }


def _why(key: Key, before: Counts, after: Counts) -> tuple[str, ...]:
    """Of one comparison: what of each site and arm is counted otherwise; else that a value is another."""
    places = sorted({place for counts in (before, after) for place in counts if _is_at(place, key)})
    lines = [
        f"{place[3]} {place[4]}{f', {place[1]}' if key[3] == 'all' != place[1] else ''}: {', '.join(changed)}"
        for place in places
        if (changed := list(_changed(before.get(place, {}), after.get(place, {}))))
    ]
    same = "as many as before: values, baselines or weights are others, or P alone by the family"
    return tuple(lines) or (same,)


def _is_at(place: Key, key: Key) -> bool:
    """A comparison of `all` is of every stratum."""
    _, endpoint, _, stratum, visit = key
    return place[0] == endpoint and place[2] == visit and stratum in ("all", place[1])


def _changed(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[str]:
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name, 0), after.get(name, 0)
        if old != new:
            yield f"{name} {old} → {new}"


def _causes(before: Results, after: Results) -> Iterator[str]:
    for name, old, new in _made_of(before, after):
        if old != new:
            yield f"{name}: {old} → {new}"
    yield from (f"no longer partial: {line}" for line in before.partial if line not in after.partial)
    yield from (f"now partial: {line}" for line in after.partial if line not in before.partial)
    yield from _of_sites(before, after)
    yield from _of_patients(before, after)


def _made_of(before: Results, after: Results) -> Sequence[tuple[str, str, str]]:
    return (
        ("study", before.study.id, after.study.id),
        ("study file and code lists", before.study.sha256[:12], after.study.sha256[:12]),
        ("rwe", before.software.version, after.software.version),
        ("SQL of rwe", before.software.sql_sha256[:12], after.software.sql_sha256[:12]),
        ("mappings", before.software.mappings_sha256[:12], after.software.mappings_sha256[:12]),
    )


def _of_sites(before: Results, after: Results) -> Iterator[str]:
    """What each site gave, by type; a pull that brought nothing says nothing."""
    old, new = ({s.id: s.resources for s in r.sites} for r in (before, after))
    for site in dict.fromkeys((*new, *old)):
        if site not in old or site not in new:
            yield f"{site}: {'a new site' if site not in old else 'no longer a site'}"
            continue
        for kind in dict.fromkeys((*new[site], *old[site])):
            counts = [
                {} if kind not in of[site] else msgspec.structs.asdict(of[site][kind]) for of in (old, new)
            ]
            shown = [{k: n for k, n in c.items() if k in ("mapped", "gone", "set_aside")} for c in counts]
            if changed := ", ".join(_changed(*shown)):
                yield f"{site} {kind}: {changed.replace('_', ' ')}"


def _of_patients(before: Results, after: Results) -> Iterator[str]:
    old, new = _analysed(before), _analysed(after)
    for place in sorted({*old, *new}):
        if old[place] != new[place]:
            yield f"{', '.join(place)}: analysed {old[place]} → {new[place]}"


def _analysed(results: Results) -> Counter[Key]:
    """By site, arm and stratum, after the last step."""
    found: Counter[Key] = Counter()
    for a in last_step(results.attrition):
        found[tuple(part for part in (a.site, a.arm, a.stratum) if part)] += a.n_out
    return found
