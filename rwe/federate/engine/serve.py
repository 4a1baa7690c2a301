"""serve: take part, until it is stopped; a kit says as whom.

    kit: certificates and an address  ──▶  federate/engine/, all settings our own (policy.py)  ──▶  the engine

A site connects outwards, to the coordinator's one port, and listens to nobody but itself.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rwe.errors import UsageError
from rwe.federate import members
from rwe.federate.engine import jobs, policy
from rwe.federate.engine.policy import org
from rwe.federate.engine.wire import STUDY

FOLDER = "engine"
APP = "nvflare.private.fed.app."
OUTCOMES = 10
"""Seconds, once all have answered or had their time, that the server waits for a site's process to end."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """command: what this process goes on as.  study: whose store answers."""

    command: list[str]
    who: str
    address: str
    study: Path

    @property
    def log(self) -> Path:
        return self.study / members.FOLDER / FOLDER / "log.txt"


def run(start: Start) -> None:
    # The engine starts a process for each job, which finds the study by this alone: a job cannot name one.
    os.execve(sys.executable, start.command, {**os.environ, STUDY: str(start.study.resolve())})  # noqa: S606


def prepared(study_dir: Path, kit: Path) -> Start:
    """The engine's folder, written anew; what is left of an earlier run stays there."""
    for made in (_coordinator, _site):
        if start := made(study_dir, kit / "startup"):
            return start
    raise UsageError(f"{kit}: is no kit to serve with", hint="`rwe federate provision` makes one for each")


def _coordinator(study_dir: Path, startup: Path) -> Start | None:
    if not (given := _read(startup / "fed_server.json")):
        return None
    members.load(study_dir)
    server = given["servers"][0]
    target = server["service"]["target"]
    root = _folder(study_dir, startup, "server")
    admin = {key: server[key] for key in ("admin_server", "admin_port")}
    ours = _settings(server, **admin, **_certificates("server"))
    _write(root / "startup" / "fed_server.json", ours)
    _local(root, policy.coordinator_resources(str(root / "storage")), policy.AT_COORDINATOR)
    words = {"org": "rwe", "client_outcome_wait_timeout": str(OUTCOMES)}
    command = _command("server.server_train", root, "fed_server.json", **words)
    return Start(command=command, who="coordinator", address=target, study=study_dir)


def _site(study_dir: Path, startup: Path) -> Start | None:
    if not (given := _read(startup / "fed_client.json")):
        return None
    name = members.own(study_dir).name
    server = given["servers"][0]
    target = server["service"]["target"]
    root = _folder(study_dir, startup, "client")
    client = {"fqsn": name, "is_leaf": True, **_certificates("client")}
    ours = {**_settings(server, identity=server["identity"]), "client": client}
    _write(root / "startup" / "fed_client.json", ours)
    _local(root, policy.site_resources(), policy.AT_SITE)
    command = _command("client.client_train", root, "fed_client.json", uid=name, org=org(name))
    return Start(command=command, who=name, address=target, study=study_dir)


def _settings(server: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """server: as the kit has it, of which its name and address are taken."""
    service = {"target": server["service"]["target"], "scheme": "grpc"}
    ours = {"name": server["name"], "service": service, **more}
    return {"format_version": 2, "require_signed_jobs": True, "servers": [ours]}


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as e:
        raise UsageError(f"{path}: cannot be read as a kit's ({type(e).__name__})") from None
    return found


def _folder(study_dir: Path, startup: Path, who: str) -> Path:
    """Of a kit, the certificates alone."""
    root = (members.folder_of(study_dir) / FOLDER).resolve()
    for part in ("startup", "local"):
        shutil.rmtree(root / part, ignore_errors=True)
        (root / part).mkdir(parents=True, mode=0o700)
    jobs.tidy(root)
    jobs.bound(root / "audit.log")
    for file in (f"{who}.crt", f"{who}.key", "rootCA.pem"):
        try:
            shutil.copyfile(startup / file, root / "startup" / file)
        except OSError as e:
            raise UsageError(f"{startup / file}: cannot be read ({e.strerror})") from None
        (root / "startup" / file).chmod(0o600)
    return root


def _local(root: Path, resources: Mapping[str, Any], granted: dict[str, str]) -> None:
    _write(root / "local" / "resources.json", resources)
    _write(root / "local" / "authorization.json", policy.permissions(granted))
    _write(root / "local" / "log_config.json", policy.logging())


def _certificates(who: str) -> dict[str, str]:
    return {
        "ssl_private_key": f"{who}.key",
        "ssl_cert": f"{who}.crt",
        "ssl_root_cert": "rootCA.pem",
        "connection_security": "mtls",
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
    path.chmod(0o600)


def _command(module: str, root: Path, settings: str, **given: str) -> list[str]:
    """What is set here goes before any resources.json, also one that a job brings along."""
    named = {"secure_train": "true", "config_folder": "config", "allow_log_streaming": "false", **given}
    words = [f"{name}={value}" for name, value in named.items()]
    return [sys.executable, "-u", "-m", APP + module, "-m", str(root), "-s", settings, "--set", *words]
