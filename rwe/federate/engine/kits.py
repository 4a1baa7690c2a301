"""provision: a kit for the coordinator's server, one for each site and one to submit jobs with.

    members.toml, host, port  ──▶  federate/kits/…: certificates of one authority, and the address

The authority's own key stays in federate/kits/ at the coordinator.
"""

import contextlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nvflare.lighter.constants import CtxKey
from nvflare.lighter.prov_utils import prepare_builders
from nvflare.lighter.provision import prepare_project
from nvflare.lighter.provisioner import Provisioner

from rwe.errors import DataError, UsageError
from rwe.federate import members
from rwe.federate.engine.policy import LEAD, org

FOLDER, PROJECT = "kits", "rwe"
ADMIN = "coordinator@rwe.federation"
"""Names a certificate; nobody is written to."""


def provision(study_dir: Path, *, host: str, port: int) -> list[Path]:
    known = members.load(study_dir)
    folder = members.folder_of(study_dir) / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    recipe = project(host, port, known.site)
    (folder / "project.yml").write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints
            made = Provisioner(str(folder), prepare_builders(recipe)).provision(prepare_project(recipe))
    except ValueError as e:
        raise UsageError(f"--host {host}: {e}") from None
    if made.get(CtxKey.BUILD_ERROR):
        raise DataError(
            f"{folder}: the kits could not be made", hint="is there room, and may we write there?"
        )
    return sorted(p for p in Path(made[CtxKey.CURRENT_PROD_DIR]).iterdir() if p.is_dir())


def project(host: str, port: int, sites: Iterable[str]) -> dict[str, Any]:
    """What `nvflare provision -p` reads, too: YAML of which JSON is a part."""
    lighter = "nvflare.lighter.impl."
    static = {"config_folder": "config", "scheme": "grpc", "require_signed_jobs": True}
    return {
        "api_version": 3,
        "name": PROJECT,
        "description": "one coordinator, its sites, mutual TLS, signed jobs",
        "participants": [
            {"name": host, "type": "server", "org": org(PROJECT), "fed_learn_port": port, "admin_port": port},
            *({"name": site, "type": "client", "org": org(site)} for site in sites),
            {"name": ADMIN, "type": "admin", "org": org(PROJECT), "role": LEAD},
        ],
        "builders": [
            {
                "path": f"{lighter}workspace.WorkspaceBuilder",
                "args": {"template_file": ["master_template.yml"]},
            },
            {"path": f"{lighter}static_file.StaticFileBuilder", "args": static},
            {"path": f"{lighter}cert.CertBuilder", "args": {"root_valid_days": 3650}},
            {"path": f"{lighter}signature.SignatureBuilder", "args": {}},
        ],
    }
