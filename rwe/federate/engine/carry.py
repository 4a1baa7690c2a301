"""carry: a signed request goes to its sites by the engine, and their answers come back as files.

request, the coordinator's kit  ──▶  a job a round  ──▶  federate/answer-….sealed, what became of each site
"""

import base64
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from nvflare.fuel.flare_api.flare_api import Session, new_secure_session

from rwe.errors import SiteError, UsageError
from rwe.federate import envelope, members
from rwe.federate.engine import kits, policy
from rwe.federate.engine.coordinator import ANSWERED, FAILED, OUTCOME, SILENT
from rwe.federate.files import content, whole
from rwe.federate.messages import ANSWER, REQUEST, Request
from rwe.federate.pool import next_round
from rwe.federate.refusals import REFUSALS

CONNECTS = 30
"""Seconds until the coordinator's server has answered; the engine takes a few more to give up."""
GRACE = 120
"""Seconds for what the engine does around a job."""


@dataclass(frozen=True, kw_only=True)
class Came:
    """answers: files, of all rounds.  missing: of the other sites, why: a code of REFUSALS, or `silent`."""

    answers: list[Path]
    missing: dict[str, str]


def carry(study_dir: Path, path: Path, *, kit: Path | None, timeout: int, now: datetime) -> Came:
    """A job for each round, until every model has ended or a site does not answer."""
    known = members.load(study_dir)
    asked = envelope.opened(content(path), REQUEST, Request, keys=[known.public()], where=path)
    kit = kit or _newest(study_dir)
    brought, answers = dict.fromkeys(asked.sites, content(path)), []
    for number in count(1):
        with tempfile.TemporaryDirectory() as work:
            job = Path(work) / f"request-{asked.query[:8]}-{number}"
            write_job(job, brought, timeout=timeout)
            came = _sorted(study_dir, asked, _run(kit, job, Path(work), timeout=timeout), number)
        answers += came.answers
        files = [] if came.missing else next_round(study_dir, path, answers, now=now)
        if not files:
            break
        brought = {site: content(file) for site, file in zip(asked.sites, files, strict=True)}
    return Came(answers=answers, missing=came.missing)


def write_job(job: Path, brought: Mapping[str, bytes], *, timeout: int) -> None:
    """A job's folder, with what each site is brought; who may run what is not its to say."""
    config = job / "app" / "config"
    config.mkdir(parents=True)
    texts = {site: base64.b64encode(what).decode() for site, what in brought.items()}
    asks = {"brought": texts, "timeout": timeout}
    server = {"components": [], "workflows": [{"id": "ask", "path": policy.CONTROLLER, "args": asks}]}
    meta = {"name": job.name, "resource_spec": {}, "min_clients": 1, "deploy_map": {"app": ["@ALL"]}}
    for file, text in (
        (job / "meta.json", meta),
        (config / policy.SERVER_CONFIG, {"format_version": 2, **server}),
        (config / policy.CLIENT_CONFIG, policy.site_job()),
    ):
        file.write_text(json.dumps(text), encoding="utf-8")


@contextlib.contextmanager
def session(kit: Path) -> Iterator[Session]:
    """Prints of the engine go where messages go."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            opened = new_secure_session(kits.ADMIN, str(kit.resolve()), timeout=CONNECTS)
        except Exception as e:  # noqa: BLE001  many kinds, each with a text of its own
            hint = "is `rwe federate serve` running at the coordinator, and is the kit of this authority?"
            why = f"no connection to the engine within {CONNECTS} s ({type(e).__name__})"
            raise SiteError(f"{kit}: {why}", hint=hint) from None
        try:
            yield opened
        finally:
            opened.close()


def _run(kit: Path, job: Path, work: Path, *, timeout: int) -> Path:
    """Where the job's answers lie."""
    with session(kit) as opened:
        try:
            name = opened.submit_job(str(job))
            meta = opened.wait_for_job(name, timeout=timeout + GRACE, poll_interval=0.5)
            got = Path(opened.download_job_result(name, str(work / "got")))
            with contextlib.suppress(Exception):  # what came is here; else the server keeps all of all times
                opened.delete_job(name)
        except Exception as e:  # noqa: BLE001  the engine names no kind of its own
            hint = "federate/engine/log.txt at the coordinator says why"
            raise SiteError(
                f"{job.name}: the engine did not run it ({type(e).__name__})", hint=hint
            ) from None
    found = next(got.rglob(OUTCOME), None)
    if found is None:
        status = meta.get("status", "?")
        raise SiteError(f"{job.name}: no site was asked ({status})", hint="are the sites connected?")
    return found.parent


def _sorted(study_dir: Path, asked: Request, got: Path, number: int) -> Came:
    told: dict[str, Any] = json.loads((got / OUTCOME).read_bytes())
    answers, missing = [], {}
    of_round = f"-{number}" if number > 1 else ""
    for site in asked.sites:
        sealed = got / f"{site}.sealed"
        if told.get(site) == ANSWERED and sealed.exists():
            name = f"{ANSWER}-{asked.query[:8]}-{site}{of_round}.sealed"
            answers.append(members.folder_of(study_dir) / name)
            whole(answers[-1], content(sealed))
        else:
            code = told.get(site, SILENT)
            missing[site] = code if code in (*REFUSALS, SILENT) else FAILED
    return Came(answers=answers, missing=missing)


def _newest(study_dir: Path) -> Path:
    made = sorted((study_dir / members.FOLDER / kits.FOLDER / kits.PROJECT).glob(f"prod_*/{kits.ADMIN}"))
    if not made:
        raise UsageError(f"{study_dir}: no kit to ask with", hint="run `rwe federate provision` first")
    return made[-1]
