"""The demo study by REST search from three HAPI FHIR servers, against the same study from files.

Two R4 hospitals and one R5, a server each, loaded by transaction Bundles.  Skipped, with the reason,
where there is no JDK or Maven.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rwe import data
from tests.live.conftest import HAPI, VERSIONS
from tests.run import rwe

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def by_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("files") / "study"
    rwe("demo", folder)
    return results(folder)


def of(servers: dict[str, str], folder: Path) -> Path:
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    sites = [
        f'[{site}]\nurl = "{url}"\nfhir_version = "{VERSIONS[HAPI[site]]}"\nmethod = "search"\n'
        "limits.page_size = 200\n"
        for site, url in servers.items()
    ]
    (folder / "sites.toml").write_text("\n".join(sites))
    return folder


@pytest.fixture(scope="module")
def by_search(servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = of(servers, tmp_path_factory.mktemp("search") / "study")
    rwe("run", "--dir", folder, "--everything")
    return folder


@pytest.fixture(scope="module")
def of_need(servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = of(servers, tmp_path_factory.mktemp("need") / "study")
    rwe("run", "--dir", folder)
    return folder


def results(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results" / "results.json").read_bytes())
    return found


@pytest.mark.parametrize("part", ["comparisons", "attrition", "adverse_events", "baseline"])
def test_search_gives_what_files_give(part: str, by_files: dict[str, Any], by_search: Path) -> None:
    assert results(by_search)[part] == by_files[part]


@pytest.mark.parametrize("part", ["comparisons", "attrition", "adverse_events", "baseline"])
def test_what_the_study_needs_gives_what_all_gives(
    part: str, by_files: dict[str, Any], of_need: Path
) -> None:
    assert results(of_need)[part] == by_files[part]


def test_of_observations_only_those_that_the_study_names_are_asked_for(
    by_files: dict[str, Any], of_need: Path
) -> None:
    def observations(found: dict[str, Any]) -> int:
        return sum(s["resources"]["Observation"]["mapped"] for s in found["sites"])

    assert 0 < observations(results(of_need)) < observations(by_files)


@pytest.mark.parametrize("site", ["centre", "south"])
def test_medications_come_along_with_their_administrations(site: str, of_need: Path) -> None:
    """South's are R5, where the reference is within a CodeableReference."""
    (index,) = of_need.glob(f"data/raw/{site}/0*/Medication.*.parquet")
    sources = pl.read_parquet(index)["source"].to_list()
    assert sources
    assert all(source.startswith("MedicationAdministration, page") for source in sources)


def test_what_the_servers_count_is_what_was_mapped(by_files: dict[str, Any], by_search: Path) -> None:
    counted = {s["id"]: s["resources"] for s in results(by_search)["sites"]}
    assert counted == {s["id"]: s["resources"] for s in by_files["sites"]}
    for types in counted.values():
        for n in types.values():
            assert n["asked"] == n["mapped"] + n["superseded"] + n["set_aside"]


def test_a_second_run_changes_no_byte(by_search: Path) -> None:
    def contents() -> dict[str, bytes]:
        folders = (by_search / "results", by_search / "data" / "raw")
        return {str(p): p.read_bytes() for f in folders for p in sorted(f.rglob("*")) if p.is_file()}

    before = contents()
    rwe("run", "--dir", by_search, "--everything")
    assert contents() == before


def test_a_server_of_another_fhir_version_is_named(servers: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    (folder / "sites.toml").write_text(f'[south]\nurl = "{servers["south"]}"\nfhir_version = "4.0.1"\n')
    ended = rwe("pull", "--dir", folder, expect=12)
    assert "south: the server speaks FHIR 5.0.0, not 4.0.1" in ended.stderr
