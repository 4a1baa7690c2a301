"""A kit, and what is taken from it.  Only where NVFlare is installed; no engine is started."""

import json
import socket
import subprocess
import sys

import pytest

from rwe.errors import RweError, SiteError, UsageError
from tests.federate import drop
from tests.run import rwe

pytest.importorskip("nvflare", reason="engine mode is an extra: pip install 'rwe[federated]'")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return drop.federation(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def kits(made):
    from rwe.federate.engine.kits import provision

    return {path.name: path for path in provision(made.coordinator, host="localhost", port=18002)}


def test_there_is_a_kit_for_the_server_each_site_and_the_coordinator_alone(kits):
    assert {*kits} == {"localhost", *drop.SITES, "coordinator@rwe.federation"}


def test_the_recipe_asks_for_signed_jobs_and_mutual_tls(made, kits):
    recipe = json.loads((made.coordinator / "federate" / "kits" / "project.yml").read_text())
    assert recipe["builders"][1]["args"]["require_signed_jobs"] is True
    for name in drop.SITES:
        assert json.loads((kits[name] / "startup" / "fed_client.json").read_text())["require_signed_jobs"]


def test_a_site_takes_certificates_and_address_from_a_kit_and_no_setting(made, kits):
    from rwe.federate.engine.serve import prepared

    kit, folder = kits["north"], made.folders["north"]
    settings = json.loads((kit / "startup" / "fed_client.json").read_text())
    lax = settings | {"require_signed_jobs": False, "components": [{"id": "x", "path": "a.b"}]}
    (kit / "startup" / "fed_client.json").write_text(json.dumps(lax))
    (kit / "local" / "custom").mkdir()
    (kit / "local" / "custom" / "own.py").write_text("raise SystemExit\n")
    found = prepared(folder, kit)
    root = folder / "federate" / "engine"
    ours = json.loads((root / "startup" / "fed_client.json").read_text())
    assert (found.who, found.address) == ("north", "localhost:18002")
    assert (ours["require_signed_jobs"], ours["client"]["connection_security"]) == (True, "mtls")
    assert "components" not in ours
    assert sorted(p.name for p in (root / "startup").iterdir()) == [
        *("client.crt", "client.key", "fed_client.json", "rootCA.pem")
    ]
    assert sorted(p.name for p in (root / "local").iterdir()) == [
        *("authorization.json", "log_config.json", "resources.json")
    ]
    assert all(
        p.stat().st_mode & 0o077 == 0 for part in ("startup", "local") for p in (root / part).iterdir()
    )


def test_a_folder_that_is_no_kit_is_named(made, tmp_path):
    from rwe.federate.engine.serve import prepared

    with pytest.raises(UsageError, match="no kit to serve with"):
        prepared(made.folders["south"], tmp_path)


def test_without_a_server_or_a_kit_it_says_what_to_do(made, kits, tmp_path):
    from rwe.federate.engine.carry import _newest

    assert _newest(made.coordinator) == kits["coordinator@rwe.federation"]
    with pytest.raises(RweError, match="no kit to ask with"):
        _newest(tmp_path)


def test_a_class_that_is_not_ours_may_not_be_built_either(made, kits):
    from nvflare.apis.fl_exception import UnsafeComponentError
    from nvflare.apis.workspace import Workspace
    from nvflare.app_common.widgets.component_path_authorizer import ComponentPathAuthorizer

    from rwe.federate.engine import policy
    from rwe.federate.engine.serve import prepared

    prepared(made.folders["south"], kits["south"])
    site = Workspace(str(made.folders["south"] / "federate" / "engine"), "south")
    allows = ComponentPathAuthorizer().authorize_component_config
    allows({"path": policy.EXECUTOR}, workspace=site)
    for path in (policy.CONTROLLER, policy.ADMISSION, "nvflare.app_common.executors.client_api.Any"):
        with pytest.raises(UnsafeComponentError):
            allows({"path": path}, workspace=site)


def test_a_start_keeps_the_newest_of_old_jobs_and_bounds_the_audit(made, kits):
    from rwe.federate.engine import jobs
    from rwe.federate.engine.serve import prepared

    root = made.folders["centre"] / "federate" / "engine"
    for k in range(jobs.KEPT + 2):
        (root / f"8f14e45f-ceea-467f-a1f8-00000000000{k}").mkdir(parents=True)
    (root / "audit.log").write_bytes(b"x" * (jobs.LARGE + 1))
    prepared(made.folders["centre"], kits["centre"])
    assert len([path for path in root.iterdir() if jobs.is_id(path.name)]) == jobs.KEPT
    assert not (root / "audit.log").exists()
    assert (root / "audit.log.1").stat().st_size > jobs.LARGE


@pytest.mark.parametrize("listens", [False, True])
def test_a_server_that_is_not_there_or_never_answers_is_named_with_the_time_waited(made, tmp_path, listens):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not listens:
            server.close()
        made = drop.federation(tmp_path)
        rwe("federate", "provision", "--dir", made.coordinator, "--port", str(port))
        asked = made.request("count:cohort", days=90)
        ended = rwe(
            "federate", "carry", asked, "--dir", made.coordinator, expect=SiteError.exit_code, fresh=True
        )
    assert "no connection to the engine within 30 s" in ended.stderr
    assert "rwe federate serve" in ended.stderr


def impatient(*words):
    """rwe that waits a second for a connection."""
    patched = (
        "from rwe import __main__; from rwe.federate.engine import carry; carry.CONNECTS = 1; __main__.main()"
    )
    return subprocess.run(
        [sys.executable, "-c", patched, *words], capture_output=True, text=True, check=False
    )
