"""Which job a site lets in: one of a request's files alone, whose configuration is the one that we know.

    a job's folder, as it came  ──▶  nothing, or the code of why it is not started

What lies in that folder the engine reads by name wherever it stands: settings of its own, of its network, of
modules to import.  So nothing may lie there that it would look for.
"""

import json
from pathlib import Path
from typing import Any

from rwe.federate.engine.jobs import is_id
from rwe.federate.engine.policy import CLIENT_CONFIG, SERVER_CONFIG, site_job

SIGNED = {".__nvfl_sig.json", ".__nvfl_submitter.crt"}
"""In each folder of a signed job."""
CONFIG = "config"
FILES = SIGNED | {f"{CONFIG}/{name}" for name in (*SIGNED, CLIENT_CONFIG, SERVER_CONFIG)}


def refused(app: Path) -> str:
    """app: ENGINE/JOB/app_SITE."""
    if not is_id(app.parent.name):
        return "job refused: no_job_id"
    found = {path.relative_to(app).as_posix() for path in app.rglob("*")} - {CONFIG}
    if found - FILES:
        return "job refused: foreign_file"
    if _read(app / CONFIG / CLIENT_CONFIG) != site_job():
        return "job refused: foreign_configuration"
    return ""


def _read(path: Path) -> Any:
    """As the engine does, by the same reader."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
