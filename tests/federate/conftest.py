"""Three hospitals with a store of their own, and all their patients in one."""

import shutil
from functools import cache

import pytest

from tests.cli import folders
from tests.federate import drop


@pytest.fixture(scope="session")
def ready(tmp_path_factory):
    """ready(SITE), ready("merged"): a folder, by the ordinary way from FHIR resources to a cohort."""
    made = tmp_path_factory.mktemp("ready")
    sites = {name: (folders.FIXTURES / "msc" / "fhir" / name, v) for name, v in drop.SITES.items()}

    @cache
    def built(who):
        folder = made / who
        folder.mkdir()
        shutil.copy(folders.FIXTURES / "msc" / "study.toml", folder)
        shutil.copytree(folders.FIXTURES / "msc" / "codes", folder / "codes")
        folders.sites(folder, **(sites if who == "merged" else {who: sites[who]}))
        for verb in ("pull", "map", "cohort"):
            drop.run(verb, "--dir", folder)
        return folder

    return built


@pytest.fixture(scope="module")
def merged(ready):
    drop.run("compare", "--dir", ready("merged"))
    return ready("merged")


@pytest.fixture(scope="module")
def made(ready, tmp_path_factory):
    """Three sites that all let small cells go to the coordinator."""
    made = drop.federation(tmp_path_factory.mktemp("agreed"), {name: ready(name) for name in drop.SITES})
    for name in drop.SITES:
        made.policy(name, 'agreement = "DUA 1"\n')
    return made


@pytest.fixture(scope="module")
def answers(made, asked):
    """asked: of the module, which has its own."""
    return {name: made.answer(name, asked) for name in drop.SITES}
