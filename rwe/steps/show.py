"""What the steps found, as plain text for a terminal and as objects for --json."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rwe.reasons import REASONS
from rwe.results import Attrition
from rwe.steps.cohort import Cohort
from rwe.steps.map import Mapped, SetAside
from rwe.steps.pull import Pulled

SHOWN = 20


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns side by side; numbers to the right; None as –."""
    cells = [list(head), *([_cell(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    right = [all(row[i].replace("–", "0").isdigit() for row in cells[1:]) for i in range(len(head))]
    lines = (
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: object) -> str:
    return "–" if value is None else str(value)


def pulled(outcomes: Iterable[Pulled]) -> dict[str, Any]:
    return {
        "sites": [
            {"site": o.site, "new": o.new, "manifest": o.manifest, "missing": o.missing} for o in outcomes
        ]
    }


def pulled_table(outcomes: Iterable[Pulled]) -> str:
    found = list(outcomes)
    rows = [
        (o.site, kind, c.asked, c.landed, c.set_aside)
        for o in found
        if o.manifest
        for kind, c in o.manifest.types.items()
    ]
    notes = [line for o in found if o.manifest for line in _notes(o)]
    return "\n".join([table(("site", "type", "asked", "landed", "set aside"), rows), *notes])


def _notes(o: Pulled) -> Iterable[str]:
    assert o.manifest is not None
    if not o.new:
        yield f"{o.site}: " + ("nothing new" if o.manifest.whole else "not whole: the earlier pull is kept")
    if o.manifest.passed_over:
        yield f"{o.site}: not asked for: " + ", ".join(f"{n} {t}" for t, n in o.manifest.passed_over.items())
    if names := o.manifest.passed_over_files:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"{o.site}: {len(names)} files of another kind: {', '.join(names[:3])}{more}"


def mapped(outcome: Mapped) -> dict[str, Any]:
    return {
        "resources": [asdict(c) for c in outcome.counts],
        "set_aside": [asdict(s) for s in outcome.set_aside],
        "missing": outcome.missing,
        "notes": outcome.notes,
    }


def mapped_table(outcome: Mapped) -> str:
    head = ("site", "type", "asked", "landed", "mapped", "superseded", "set aside")
    rows = [(c.site, c.type, c.asked, c.landed, c.mapped, c.superseded, c.set_aside) for c in outcome.counts]
    return "\n".join([table(head, rows), *outcome.notes, *_set_aside(outcome.set_aside)])


def _set_aside(pieces: list[SetAside]) -> Iterable[str]:
    """Each reason with what to do, then the first places; all of them are in --json."""
    for reason, n in sorted(Counter(p.reason for p in pieces).items()):
        what, todo = REASONS[reason]
        yield f"\nset aside: {n} × {reason}: {what}; {todo}"
        for p in [p for p in pieces if p.reason == reason][:SHOWN]:
            yield f"  {p.site}: {p.source}:{p.position} {p.type}" + (f" ({p.detail})" if p.detail else "")
        if n > SHOWN:
            yield f"  and {n - SHOWN} more: `rwe map --json` lists all"


def cohort(outcome: Cohort) -> dict[str, Any]:
    return {
        "attrition": outcome.attrition,
        "checks": outcome.checks,
    }


def cohort_table(outcome: Cohort) -> str:
    steps = list(dict.fromkeys((f.step, f.description) for f in outcome.attrition))
    rows = [
        (text, *_sums([f for f in outcome.attrition if (f.step, f.description) == (step, text)]))
        for step, text in steps
    ]
    checks = [(c.severity, c.rule, c.site, c.arm, c.n) for c in outcome.checks]
    return "\n\n".join(
        [
            table(("step", "in", "left out", "remain", "treated", "control"), rows),
            *([table(("check", "rule", "site", "arm", "n"), checks)] if checks else []),
        ]
    )


def _sums(rows: list[Attrition]) -> tuple[int, int, int, int | None, int | None]:
    n_in, n_out = sum(f.n_in for f in rows), sum(f.n_out for f in rows)
    arms = [
        sum(f.n_out for f in rows if f.arm == arm) if any(f.arm for f in rows) else None
        for arm in ("treated", "control")
    ]
    return n_in, n_in - n_out, n_out, arms[0], arms[1]
