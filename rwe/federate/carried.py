"""What an engine brings to a site: kept as a file, answered as `rwe federate answer` would.

    bytes of a request, or of a later round  ──▶  Carried: the sealed answer, or the code of why not

Until the steward has approved it, it lies in federate/ to be shown and approved, and the engine brings it
again.  A code leaves, never a text: an exception's may hold a patient's value.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rwe.errors import RefusedError
from rwe.federate import envelope, form, ledger, members
from rwe.federate.answer import answer
from rwe.federate.files import content, whole
from rwe.federate.messages import ANSWER, REQUEST, Request
from rwe.federate.refusals import refusal
from rwe.federate.rounds.site import again, given
from rwe.steps import audit

FAILED = "failed"
WHERE = "what the engine brought"
BROUGHT = "round-brought.sealed"
"""The last one: it is of no use once it is answered."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Either of the two.  code: of REFUSALS."""

    answer: bytes = b""
    code: str = ""


def carried(study_dir: Path, brought: bytes, *, now: datetime) -> Carried:
    log = audit.begin(study_dir, ledger.ANSWER, {})
    outcome = _outcome if envelope.is_text(brought) else _continued
    found, counts, ended = outcome(study_dir, brought, now)
    if log:
        log.counts.update(counts)
        log.end(ended)
    return found


def _outcome(study_dir: Path, request: bytes, now: datetime) -> tuple[Carried, dict[str, int], int]:
    """With the audit log's counts and exit code."""
    try:
        path, asked = _kept(study_dir, request, now)
    except RefusedError as e:
        return Carried(code=e.code), {}, e.exit_code
    except Exception:  # noqa: BLE001  its text may hold a patient's value: a code leaves
        return Carried(code=FAILED), {}, 1
    try:
        file, made = answer(study_dir, path, now=now)
    except RefusedError as e:
        again = _given(study_dir, asked, now) if e.code == "answered_before" else b""
        return (Carried(answer=again), {}, 0) if again else (Carried(code=e.code), {}, e.exit_code)
    except Exception:  # noqa: BLE001  its text may hold a patient's value: a code leaves
        return Carried(code=FAILED), {}, 1
    counts = {"answered": 1, "released": made.released, "suppressed": made.suppressed}
    return Carried(answer=content(file)), counts, 0


def _continued(study_dir: Path, brought: bytes, now: datetime) -> tuple[Carried, dict[str, int], int]:
    """Of a later round."""
    try:
        path = members.folder_of(study_dir) / BROUGHT
        whole(path, brought)
        file, models = again(study_dir, path, now=now)
    except RefusedError as e:
        kept = given(study_dir, path) if e.code == "answered_before" else b""
        return (Carried(answer=kept), {}, 0) if kept else (Carried(code=e.code), {}, e.exit_code)
    except Exception:  # noqa: BLE001  its text may hold a patient's value: a code leaves
        return Carried(code=FAILED), {}, 1
    return Carried(answer=content(file)), {"continued": 1, "models": models}, 0


def _kept(study_dir: Path, request: bytes, now: datetime) -> tuple[Path, Request]:
    """What the coordinator has not signed is not kept."""
    with ledger.recording(study_dir, "answer", now):
        keys = [members.load(study_dir).public()]
        asked = envelope.opened(request, REQUEST, Request, keys=keys, where=WHERE)
        form.request(asked, WHERE)
    path = members.folder_of(study_dir) / f"{REQUEST}-{asked.query[:8]}.json"
    if path.exists() and content(path) != request:  # a steward may have read it: it is not what is brought
        with ledger.recording(study_dir, "answer", now):
            raise refusal("name_taken", path)
    whole(path, request)
    return path, asked


def _given(study_dir: Path, asked: Request, now: datetime) -> bytes:
    """The very answer that was lost on the way, if it is still here: the same bytes tell nothing new."""
    entries = ledger.answered(ledger.entries(study_dir, now=now))
    if envelope.digest(asked) not in {entry.request for entry in entries}:
        return b""
    path = study_dir / members.FOLDER / f"{ANSWER}-{asked.query[:8]}-{members.own(study_dir).name}.sealed"
    return content(path) if path.exists() else b""
