"""carry: a signed request goes to its sites by the engine, and their answers come back as files.

request, the coordinator's kit  ──▶  a job  ──▶  federate/answer-….sealed, and what became of each site
"""

import base64
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nvflare.fuel.flare_api.flare_api import Session, new_secure_session

from rwe.errors import SiteError, UsageError
from rwe.federate import envelope, members
from rwe.federate.engine import kits, policy
from rwe.federate.engine.coordinator import ANSWERED, FAILED, OUTCOME, SILENT
from rwe.federate.files import content, whole
from rwe.federate.messages import ANSWER, REQUEST, Request
from rwe.federate.refusals import REFUSALS

GRACE = 120
"""Seconds for what the engine does around a job."""


@dataclass(frozen=True, kw_only=True)
class Came:
    """answers: files, by site.  missing: of the other sites, why: a code of REFUSALS, or `silent`."""

    answers: dict[str, Path]
    missing: dict[str, str]


def carry(study_dir: Path, path: Path, *, kit: Path | None, timeout: int) -> Came:
    known = members.load(study_dir)
    asked = envelope.opened(content(path), REQUEST, Request, keys=[known.public()], where=path)
    kit = kit or _newest(study_dir)
    with tempfile.TemporaryDirectory() as work:
        job = Path(work) / f"request-{asked.query[:8]}"
        write_job(job, content(path), asked.sites, timeout=timeout)
        got = _run(kit, job, Path(work), timeout=timeout)
        return _sorted(study_dir, asked, got)


def write_job(job: Path, request: bytes, sites: list[str], *, timeout: int) -> None:
    """A job's folder; who may run what is not its to say."""
    config = job / "app" / "config"
    config.mkdir(parents=True)
    asks = {"request": base64.b64encode(request).decode(), "sites": sites, "timeout": timeout}
    server = {"components": [], "workflows": [{"id": "ask", "path": policy.CONTROLLER, "args": asks}]}
    client = {
        "components": [],
        "executors": [{"tasks": ["answer"], "executor": {"path": policy.EXECUTOR, "args": {}}}],
    }
    meta = {"name": job.name, "resource_spec": {}, "min_clients": 1, "deploy_map": {"app": ["@ALL"]}}
    for file, text in (
        (job / "meta.json", meta),
        (config / "config_fed_server.json", {"format_version": 2, **server}),
        (config / "config_fed_client.json", {"format_version": 2, **client}),
    ):
        file.write_text(json.dumps(text), encoding="utf-8")


@contextlib.contextmanager
def session(kit: Path) -> Iterator[Session]:
    """Prints of the engine go where messages go."""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            opened = new_secure_session(kits.ADMIN, str(kit.resolve()))
        except Exception as e:  # noqa: BLE001  many kinds, each with a text of its own
            hint = "is `rwe federate serve` running at the coordinator, and is the kit of this authority?"
            raise SiteError(f"{kit}: no connection to the engine ({type(e).__name__})", hint=hint) from None
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


def _sorted(study_dir: Path, asked: Request, got: Path) -> Came:
    told: dict[str, Any] = json.loads((got / OUTCOME).read_bytes())
    answers, missing = {}, {}
    for site in asked.sites:
        sealed = got / f"{site}.sealed"
        if told.get(site) == ANSWERED and sealed.exists():
            answers[site] = members.folder_of(study_dir) / f"{ANSWER}-{asked.query[:8]}-{site}.sealed"
            whole(answers[site], content(sealed))
        else:
            code = told.get(site, SILENT)
            missing[site] = code if code in (*REFUSALS, SILENT) else FAILED
    return Came(answers=answers, missing=missing)


def _newest(study_dir: Path) -> Path:
    made = sorted((study_dir / members.FOLDER / kits.FOLDER / kits.PROJECT).glob(f"prod_*/{kits.ADMIN}"))
    if not made:
        raise UsageError(f"{study_dir}: no kit to ask with", hint="run `rwe federate provision` first")
    return made[-1]
