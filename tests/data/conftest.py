"""The two forms of the large public set, run once for all tests of this folder."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cli import folders
from tests.run import rwe


class Ran:
    """A study over public data with what `pull` and `map` said in JSON."""

    def __init__(self, study, exits=(0, 0)):
        self.study = study
        self.pulled, self.mapped = (
            json.loads(rwe(verb, "--dir", study, "--json", expect=code).stdout)
            for verb, code in zip(("pull", "map"), exits, strict=True)
        )

    def finish(self):
        """cohort and compare, each with its own seeds of hashes: what is the same does not hang on them."""
        rwe("cohort", "--dir", self.study, fresh=True)
        rwe("compare", "--dir", self.study, fresh=True)
        return self


def run_set(base, name, version, exits=(0, 0)):
    study = folders.copy("albuterol", base / "study")
    return Ran(folders.sites(study, site=(folders.public_set(name), version)), exits)


def same_tables(mapped, name, base):
    """Another study of the data that a study mapped: to map them again takes longer than all of its steps."""
    study = folders.copy(name, base / "study")
    shutil.copy(mapped / "sites.toml", study)
    shutil.copytree(mapped / "data", study / "data")
    return study


def at_once(calls):
    """Two at a time: a child's work is its own, and most of it uses one core.  Name ▶ its future."""
    with ThreadPoolExecutor(2) as pool:
        return {name: pool.submit(*call) for name, call in calls.items()}


@pytest.fixture(scope="session")
def synthea(tmp_path_factory):
    """The large set in both its forms."""
    sets = {form: folders.public_set(f"synthea-covid-{form}").name for form in ("bundles", "ndjson")}
    return at_once({form: (_whole, tmp_path_factory.mktemp(form), name) for form, name in sets.items()})


def _whole(base, name):
    return run_set(base, name, "4.0.1").finish()


@pytest.fixture
def ndjson(synthea):
    return synthea["ndjson"].result()


@pytest.fixture
def bundles(synthea):
    return synthea["bundles"].result()
