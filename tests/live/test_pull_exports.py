"""`rwe pull` by $export from real servers: what lands is what they hold."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rwe import data
from tests.fhir.proxy import Proxy
from tests.live import google
from tests.live.conftest import FIRST, GROUP
from tests.live.process import Running
from tests.live.test_exports import HELD
from tests.run import rwe

pytestmark = pytest.mark.live


def landed(folder: Path) -> dict[str, Any]:
    (manifest,) = (folder / "data" / "raw").glob("*/*/manifest.json")
    found: dict[str, Any] = json.loads(manifest.read_bytes())["types"]
    return found


def study(folder: Path, table: str) -> Path:
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    (folder / "sites.toml").write_text(f'[north]\nfhir_version = "4.0.1"\n{table}')
    return folder


@pytest.mark.parametrize("group", ["", f'group = "{GROUP}"\n'])
def test_a_pull_by_export_lands_what_hapi_holds(servers: dict[str, str], tmp_path: Path, group: str) -> None:
    with Proxy(servers["north"], retry_after="1") as proxy:  # HAPI would have us wait 120 s
        folder = study(tmp_path / "study", f'url = "{proxy.base}"\nmethod = "bulk"\n{group}')
        rwe("pull", "--dir", folder, "--everything")
    counts = {kind: n["landed"] for kind, n in landed(folder).items() if n["landed"]}
    assert counts == HELD


SECRET = {"RWE_LIVE_SECRET": google.SECRET}
PLAYED = f"""
url = "{{base}}"
method = "bulk"
group = "{GROUP}"
auth.scheme = "client_secret"
auth.client_id = "{google.CLIENT}"
auth.client_secret = "env:RWE_LIVE_SECRET"
auth.token_url = "{{base}}/token"
"""


def test_a_pull_from_the_player_lands_its_files(player: Running, tmp_path: Path) -> None:
    played = PLAYED.format(base=player.base_url) + 'file_token = "always"\n'
    by_export = study(tmp_path / "export", played)
    rwe("pull", "--dir", by_export, "--everything", environment=SECRET)
    by_files = study(tmp_path / "files", f'files = "{player.log.parent / "data" / GROUP / FIRST}"\n')
    rwe("pull", "--dir", by_files, "--everything")
    assert {k: n["hash"] for k, n in landed(by_export).items()} == {
        k: n["hash"] for k, n in landed(by_files).items()
    }


def test_a_server_that_lies_about_the_token_is_refused_aloud(player: Running, tmp_path: Path) -> None:
    folder = study(tmp_path / "study", PLAYED.format(base=player.base_url))
    ended = rwe("pull", "--dir", folder, "--everything", environment=SECRET, expect=12)
    assert "401" in ended.stderr
    assert google.SECRET not in ended.stderr + ended.stdout
