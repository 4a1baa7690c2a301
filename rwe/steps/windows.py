"""Visit windows narrower or wider than declared, for the sensitivity analyses.

As the visit itself declares, else by moving both ends from the target; a wider one ends midway to its
neighbour (or the baseline), so that a measurement still belongs to one visit.
"""

from math import inf

from rwe.study import StudyFile, Visit, Window


def narrower(file: StudyFile) -> list[Visit]:
    factor = file.sensitivity.narrower
    return [_declared(v, v.narrower) or _scaled(v, factor, -inf, inf) for v in file.visit]


def wider(file: StudyFile) -> list[Visit]:
    ordered = sorted(file.visit, key=lambda v: v.start)
    before = file.baseline.end if file.baseline else -inf
    ends = [before if before <= ordered[0].start else -inf, *(v.end for v in ordered)]
    starts = [*(v.start for v in ordered[1:]), inf]
    factor, found = file.sensitivity.wider, {}
    for v, end, start in zip(ordered, ends, starts, strict=False):
        lowest = max(
            (end + v.start) / 2, 0 if v.start >= 0 else -inf
        )  # nothing before time zero is an outcome
        found[v.name] = _declared(v, v.wider) or _scaled(v, factor, lowest, (v.end + start) / 2)
    return [found[v.name] for v in file.visit]


def spoken(visits: list[Visit]) -> str:
    return ", ".join(f"{v.name} [{v.start:g}, {v.end:g})" for v in visits)


def _declared(v: Visit, window: Window | None) -> Visit | None:
    return v.model_copy(update={"start": window.start, "end": window.end}) if window else None


def _scaled(v: Visit, factor: float, lowest: float, highest: float) -> Visit:
    start = max(v.target + factor * (v.start - v.target), lowest)
    end = min(v.target + factor * (v.end - v.target), highest)
    return v.model_copy(update={"start": start, "end": end})
