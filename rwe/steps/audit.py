"""The audit log around a command: a line before it acts, one before it compares, one when it has ended.

Of options only what names no patient is kept: of `--patient P` that it was given.
"""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rwe import audit, site, study
from rwe.audit import BrokenLogError, Line
from rwe.errors import RweError
from rwe.steps import folder

TEXTS = ("kind", "memory")
"""Options that are kept as they were written; --site is among the line's sites."""
SPELLED = {"as_json": "json", "kind": "type"}


@dataclass(kw_only=True)
class Entry:
    """A command that has begun."""

    study: Path
    command: str
    begun: str
    counts: dict[str, int] = field(default_factory=dict)

    def end(self, code: int) -> None:
        _write(self.study, self.command, "end", begun=self.begun, counts=self.counts, exit_code=code)


def begin(study_dir: Path, command: str, options: Mapping[str, object]) -> Entry | None:
    """None where there is no study to log for, or `verify` is to name a broken log."""
    if not (study_dir / study.FILE).is_file():
        return None
    asked = options.get("site") or ()
    # An option is any object to the log; --site is one text or several.
    sites = _sites(study_dir, [asked] if isinstance(asked, str) else list(asked))  # type: ignore[call-overload]
    said = _said(command, options)
    try:
        begun = _write(study_dir, command, "begin", study=_sha256(study_dir), sites=sites, options=said)
    except BrokenLogError:
        if command == "verify":
            return None
        raise
    return Entry(study=study_dir, command=command, begun=begun)


def comparison(plan: study.Study, by: str = "compare") -> None:
    """Outcomes are about to be seen."""
    _write(plan.folder, by, "comparison", study=plan.sha256)


def noted(study_dir: Path, command: str, ledger: str) -> None:
    """The federated ledger has a line more, of this hash."""
    _write(study_dir, command, "ledger", ledger=ledger)


def now() -> str:
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Of a moment in UTC; as texts they sort as times."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _write(study_dir: Path, command: str, what: str, **more: object) -> str:
    at, who = now(), _user()

    def line(before: str) -> Line:
        # `more` is the rest of the fields of a Line, under their names.
        return Line(before=before, at=at, user=who, what=what, command=command, **more)  # type: ignore[arg-type]

    return audit.write(folder.data_folder(study_dir), line)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container without a name
        return str(os.getuid())


def _sha256(study_dir: Path) -> str | None:
    try:
        return study.load(study_dir).sha256
    except RweError:
        return None


def _sites(study_dir: Path, asked: list[str]) -> list[str]:
    """Those asked for, or all; a name that is no site's may be anything, and is not written down."""
    raw = study_dir / folder.DATA / folder.RAW
    try:
        named = [s.id for s in site.load(study_dir)]
    except RweError:
        named = []
    held = sorted(p.name for p in raw.iterdir() if p.is_dir()) if raw.is_dir() else []
    return [name for name in asked if name in {*named, *held}] if asked else named


def _said(command: str, options: Mapping[str, object]) -> dict[str, bool | str]:
    spelled = {**SPELLED, **({"everything": "all"} if command == "purge" else {})}
    return {
        spelled.get(name, name): str(value) if name in TEXTS else True
        for name, value in options.items()
        if value and name not in ("study_dir", "site")
    }
