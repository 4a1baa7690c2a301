"""What the steps found, as plain text for a terminal and as objects for --json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rwe.locks import CODE_LIST, NAME
from rwe.output.balance import balance_text
from rwe.output.cautions import before_outcomes
from rwe.output.flow import last_step, left_out
from rwe.output.grid import filled
from rwe.output.table_one import baseline_text
from rwe.reasons import REASONS
from rwe.results import Attrition

if TYPE_CHECKING:  # of these the types alone: `rwe pull` need not wait for what fits and compares
    from rwe.steps.codes import RecordedCode
    from rwe.steps.cohort import Cohort
    from rwe.steps.doctor import Finding
    from rwe.steps.dry import Planned
    from rwe.steps.export import Exported
    from rwe.steps.lock import Locked
    from rwe.steps.map import Mapped
    from rwe.steps.pull import Pulled
    from rwe.steps.purge import PurgeOutcome
    from rwe.steps.set_aside import SetAside
    from rwe.steps.verify import Checked

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
            {
                "site": o.site,
                "new": o.new,
                "manifest": o.manifest,
                "arrived": {kind: asdict(tally) for kind, tally in o.tallies.items()},
                "notes": o.notes,
                "set_aside": [asdict(s) for s in o.set_aside],
                "missing": o.missing,
            }
            for o in outcomes
        ]
    }


def pulled_table(outcomes: Iterable[Pulled]) -> str:
    found = list(outcomes)
    rows = [
        (o.site, kind, *_arrived(o, kind), c.asked, c.landed, c.set_aside)
        for o in found
        if o.manifest
        for kind, c in o.manifest.types.items()
    ]
    notes = [line for o in found if o.manifest for line in _notes(o)]
    pieces = [piece for o in found for piece in o.set_aside]
    head = ("site", "type", "new", "changed", "same", "gone", "asked", "landed", "set aside")
    return "\n".join([table(head, rows), *notes, *_set_aside(pieces, "pull")])


def counted(outcomes: Iterable[Pulled]) -> dict[str, int]:
    """landed: what there is now.  The rest by what became of what came in this pull."""
    found = list(outcomes)
    landed = sum(c.landed for o in found if o.manifest for c in o.manifest.types.values())
    tallies = [asdict(tally) for o in found for tally in o.tallies.values()]
    return {"landed": landed, **{k: sum(t[k] for t in tallies) for k in ("new", "changed", "gone")}}


def _arrived(o: Pulled, kind: str) -> tuple[int | None, ...]:
    """By what became of them in this pull; nothing for a folder, which is read anew each time."""
    tally = o.tallies.get(kind)
    return (tally.new, tally.changed, tally.unchanged, tally.gone) if tally else (None,) * 4


def _notes(o: Pulled) -> Iterable[str]:
    assert o.manifest is not None
    if not o.new:
        yield f"{o.site}: nothing new"
    yield from (f"{o.site}: {note}" for note in o.notes)
    if o.manifest.passed_over:
        yield f"{o.site}: not asked for: " + ", ".join(f"{n} {t}" for t, n in o.manifest.passed_over.items())
    if names := o.manifest.passed_over_files:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"{o.site}: {len(names)} files of another kind: {', '.join(names[:3])}{more}"


def planned(found: Iterable[Planned]) -> dict[str, Any]:
    return {"requests": [asdict(p) for p in found]}


def findings(found: Sequence[Finding]) -> dict[str, Any]:
    return {"findings": [asdict(f) for f in found]}


def findings_table(found: Sequence[Finding]) -> str:
    """A line each, and below it what to do."""
    lines = []
    for f in found:
        lines.append(f"{f.verdict:5}  {f.site}: {f.about}: {f.what}")
        lines += [f"       {f.todo}"] if f.todo else []
    return "\n".join(lines)


def mapped(outcome: Mapped) -> dict[str, Any]:
    return {
        "resources": [asdict(c) for c in outcome.counts],
        "set_aside": [asdict(s) for s in outcome.set_aside],
        "missing": outcome.missing,
        "notes": outcome.notes,
    }


def mapped_table(outcome: Mapped) -> str:
    head = ("site", "type", "asked", "landed", "mapped", "superseded", "gone", "set aside")
    rows = [
        (c.site, c.type, c.asked, c.landed, c.mapped, c.superseded, c.gone, c.set_aside)
        for c in outcome.counts
    ]
    return "\n".join([table(head, rows), *outcome.notes, *_set_aside(outcome.set_aside, "map")])


def _set_aside(pieces: list[SetAside], verb: str) -> Iterable[str]:
    """Each reason with what to do, then the first places; all of them are in --json."""
    for reason, n in sorted(Counter(p.reason for p in pieces).items()):
        what, todo = REASONS[reason]
        yield f"\nset aside: {n} × {reason}: {what}; {todo}"
        for p in [p for p in pieces if p.reason == reason][:SHOWN]:
            yield f"  {p.site}: {p.source}:{p.position} {p.type}" + (f" ({p.detail})" if p.detail else "")
        if n > SHOWN:
            yield f"  and {n - SHOWN} more: `rwe {verb} --json` lists all"


def cohort(outcome: Cohort) -> dict[str, Any]:
    return {
        "attrition": outcome.attrition,
        "checks": outcome.checks,
        "baseline": outcome.baseline,
        "propensity": outcome.propensity,
        "cautions": _cautions(outcome),
        "missing": outcome.missing,
    }


def cohort_table(outcome: Cohort) -> str:
    steps = list(dict.fromkeys((f.step, f.description) for f in outcome.attrition))
    rows = [
        (text, *_sums([f for f in outcome.attrition if (f.step, f.description) == (step, text)]))
        for step, text in steps
    ]
    checks = [(c.severity, c.rule, c.site, c.arm, c.n) for c in outcome.checks]
    noted = [filled(f"! {text}", indent="  ") for text in _cautions(outcome)]
    return "\n\n".join(
        [
            table(("step", "in", "left out", "remain", "treated", "control"), rows),
            *([table(("check", "rule", "site", "arm", "n"), checks)] if checks else []),
            *([baseline_text(outcome.baseline, outcome.design)] if outcome.baseline else []),
            *(balance_text(p) for p in outcome.propensity),
            *(["\n".join(noted)] if noted else []),
        ]
    )


def _cautions(outcome: Cohort) -> list[str]:
    return list(before_outcomes(outcome.baseline, outcome.propensity, outcome.design))


def _sums(rows: list[Attrition]) -> tuple[int, str, int, int | None, int | None]:
    n_in, n_out = sum(f.n_in for f in rows), sum(f.n_out for f in rows)
    arms = [
        sum(f.n_out for f in rows if f.arm == arm) if any(f.arm for f in rows) else None
        for arm in ("treated", "control")
    ]
    return n_in, left_out(n_in, n_out), n_out, arms[0], arms[1]


def remaining(found: list[Attrition]) -> int:
    """Patients after the last step."""
    return sum(f.n_out for f in last_step(found))


def exported(found: Exported) -> dict[str, Any]:
    return {**asdict(found), "folder": str(found.folder)}


def exported_text(found: Exported) -> str:
    arms = " and ".join(f"{n} {arm}" for arm, n in found.arms.items())
    lines = [
        table(("table", "rows"), found.rows.items()),
        f"Rows are all that the store has of the cohort: {arms}; {found.persons} persons.",
        *(
            [f"Evidence resources: {found.evidence}, a comparison each."]
            if found.evidence is not None
            else []
        ),
        f"STROBE and RECORD: {found.open_items} items are left to be written; see reporting_items.md.",
        "These are still data on single persons: codebook.md says what was taken out and what risk remains.",
        f"Written to {found.folder}",
    ]
    return "\n".join(lines)


def locked(found: Locked) -> dict[str, Any]:
    return asdict(found)


def locked_text(found: Locked) -> str:
    n = sum(part.startswith(CODE_LIST) for part in found.hashes)
    what = f"the study file, {n} code lists, SQL, mappings, reviewed tables and software, in {NAME}"
    if found.first_at is None:
        return f"plan locked at {found.locked_at}: {what}"
    changed = [f"  {line}" for line in found.changed_since] or ["  nothing"]
    again = f"plan locked again at {found.locked_at}; changed since {found.first_at}:"
    return "\n".join([again, *changed])


def too_late(found: Locked) -> str:
    return (
        f"the endpoints were compared before this lock, first at {found.compared_at}: it does not show that"
        " the plan was fixed before outcomes were seen; the results say so"
    )


def codes(found: list[RecordedCode]) -> dict[str, Any]:
    return {"codes": [asdict(c) for c in found]}


def codes_table(found: list[RecordedCode]) -> str:
    """Widest last, so that the figures stay in sight."""
    figures = ("n", "patients", "low", "high", "first", "last")
    head = ("site", "type", "code", "unit", *figures, "display", "system")
    rows = [(c.site, c.type, c.code, c.unit, *_figures(c), _display(c), c.system) for c in found]
    return table(head, rows)


def _figures(c: RecordedCode) -> tuple[object, ...]:
    low, high = (None if x is None else f"{x:.6g}" for x in (c.low, c.high))
    return c.n, c.patients, low, high, c.first, c.last


def _display(c: RecordedCode) -> str | None:
    return f"{c.display} (and {c.displays - 1} more)" if c.displays > 1 else c.display


def verified(found: list[Checked]) -> dict[str, Any]:
    return {"checked": [asdict(c) for c in found], "sound": not any(c.troubles for c in found)}


def verified_table(found: list[Checked]) -> str:
    rows = [(c.where, c.what, c.rows, c.set_aside, _state(c)) for c in found]
    return table(("where", "what", "rows", "set aside", "found"), rows)


def _state(c: Checked) -> str:
    return f"{len(c.troubles)} wrong" if c.troubles else c.note or "sound"


def purged(outcome: PurgeOutcome) -> dict[str, Any]:
    return asdict(outcome)


def purged_table(outcome: PurgeOutcome) -> str:
    scanned = outcome.scanned
    seen = [f"scanned {scanned.files} files: not found"] if scanned else []
    return "\n".join([table(("removed", "n"), outcome.removed), *outcome.notes, *seen])
