"""Pulls again and again from real servers: nothing new leaves all as it was, and what changed is told."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rwe import data
from rwe.store import Store
from tests.faults.exporting import picture
from tests.fhir.proxy import Proxy
from tests.live import hapi
from tests.live.conftest import VERSIONS
from tests.live.process import Running, session
from tests.live.test_pull_exports import PLAYED, SECRET
from tests.run import rwe

pytestmark = pytest.mark.live

NEW = {"resourceType": "Patient", "id": "live-new", "gender": "female", "birthDate": "1970-01-01"}


def study(folder: Path, table: str) -> Path:
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    (folder / "sites.toml").write_text(f'[north]\nfhir_version = "{VERSIONS["R4"]}"\n{table}')
    return folder


def raw(folder: Path) -> dict[str, bytes]:
    paths = sorted(p for p in (folder / "data" / "raw").rglob("*") if p.is_file())
    return {str(p): p.read_bytes() for p in paths}


def tables(folder: Path) -> dict[str, list[str]]:
    """The store, whatever the order of its rows."""
    with Store.open(folder / "data") as store:
        return {
            t: sorted(map(repr, store.rows(f'SELECT COLUMNS(*)::VARCHAR FROM "{t}"')))
            for t in sorted(store.tables())
        }


@pytest.fixture
def hapi_table(request: pytest.FixtureRequest, servers: dict[str, str]) -> Iterator[str]:
    """By search or by bulk; HAPI would have us wait 120 s between two polls."""
    with Proxy(servers["north"], retry_after="1") as proxy:
        yield f'url = "{proxy.base}"\nmethod = "{request.param}"\nlimits.page_size = 200\n'


def twice(folder: Path, environment: dict[str, str]) -> None:
    rwe("pull", "--dir", folder, "--everything", environment=environment)
    rwe("map", "--dir", folder)
    landed, mapped = raw(folder), tables(folder)
    rwe("pull", "--dir", folder, "--everything", environment=environment)
    rwe("map", "--dir", folder)
    assert raw(folder) == landed
    assert tables(folder) == mapped


@pytest.mark.parametrize("hapi_table", ["search", "bulk"], indirect=True)
def test_a_pull_from_hapi_again_changes_nothing(hapi_table: str, tmp_path: Path) -> None:
    twice(study(tmp_path / "study", hapi_table), {})


def test_a_pull_from_the_player_again_changes_nothing(player: Running, tmp_path: Path) -> None:
    """Nobody can read its Group, so all of it is asked for again."""
    table = PLAYED.format(base=player.base_url) + 'file_token = "always"\n'
    twice(study(tmp_path / "study", table), SECRET)


@pytest.fixture
def changing(servers: dict[str, str]) -> Iterator[str]:
    """north, with one Patient that is put back at the end."""
    base = servers["north"]
    yield base
    with session() as http:
        http.delete(f"{base}/Patient/{NEW['id']}", timeout=60)


@pytest.mark.parametrize("method", ["search", "bulk"])
def test_a_refresh_tells_changed_new_and_gone(changing: str, tmp_path: Path, method: str) -> None:
    gone = {**NEW, "id": f"live-gone-{method}"}
    changed = {**NEW, "id": f"live-changed-{method}"}
    hapi.load(changing, [gone, changed])
    with Proxy(changing, retry_after="1") as proxy, session() as http:
        table = f'url = "{proxy.base}"\nmethod = "{method}"\nlimits.page_size = 200\n'
        folder = study(tmp_path / "study", table)
        rwe("pull", "--dir", folder, "--everything")
        hapi.load(changing, [{**changed, "gender": "male"}, {**NEW, "gender": "other"}])
        assert http.delete(f"{changing}/Patient/{gone['id']}", timeout=60).ok
        said = json.loads(rwe("refresh", "--dir", folder, "--everything", "--json").stdout)
        fresh = study(tmp_path / "fresh", table)
        rwe("run", "--dir", fresh, "--everything")
        http.delete(f"{changing}/Patient/{NEW['id']}", timeout=60)
        http.delete(f"{changing}/Patient/{changed['id']}", timeout=60)
    assert counts(said) == {"Patient": (1, 1, 1)}
    assert picture(folder) == picture(fresh)
    assert mapped(folder) == mapped(fresh)


def counts(said: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    """By type, where there is any: new, changed, gone."""
    (site,) = said["sites"]
    found = {kind: (t["new"], t["changed"], t["gone"]) for kind, t in site["arrived"].items()}
    return {kind: n for kind, n in found.items() if any(n)}


def mapped(folder: Path) -> dict[str, list[str]]:
    """What the mappings made of it: not the shards, runs and places that it came by."""
    names = [p.name.removesuffix(".json") for p in data.mapping_files(VERSIONS["R4"])]
    found = tables(folder)
    return {t: found[t] for t in found if t in names}
