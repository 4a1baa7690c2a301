"""A step refuses what an earlier step made from something that has changed since."""

import shutil

import pytest

from tests.cli import folders
from tests.run import rwe


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = folders.copy("msc", tmp_path_factory.mktemp("lineage") / "study")
    rwe("run", "--dir", folder)
    return folder


@pytest.fixture
def study(ran, tmp_path):
    return shutil.copytree(ran, tmp_path / "study")


def edit_study(study):
    folders.edit(study / "study.toml", "min_age = 18", "min_age = 50")


def edit_codes(study):
    path = study / "codes" / "fev1.csv"
    path.write_text(path.read_text() + "http://loinc.org,19926-5,FEV1/FVC\n")


def drop_a_site(study):
    text = (study / "sites.toml").read_text()
    (study / "sites.toml").write_text(text[: text.rindex("[")])


def name_an_address(study):
    with (study / "sites.toml").open("a") as sites:
        sites.write('base_urls = ["https://ehr.example"]\n')


def land_less(study):
    path = study / "fhir" / "north" / "Patient.ndjson.gz"
    folders.write_resources(path, folders.resources(path)[1:])
    rwe("pull", "--dir", study)


@pytest.mark.parametrize("edit", [edit_study, edit_codes])
def test_results_are_not_made_of_a_cohort_of_another_study_file(study, edit):
    before = (study / "results" / "results.json").read_bytes()
    edit(study)
    ended = rwe("compare", "--dir", study, expect=2)
    assert "study.toml or a code list changed after `rwe cohort` ran" in ended.stderr
    assert (study / "results" / "results.json").read_bytes() == before
    rwe("cohort", "--dir", study)
    rwe("compare", "--dir", study)
    assert (study / "results" / "results.json").read_bytes() != before


@pytest.mark.parametrize("edit", [drop_a_site, land_less, name_an_address])
@pytest.mark.parametrize("verb", ["cohort", "compare"])
def test_nothing_is_made_of_tables_of_other_data(study, edit, verb):
    edit(study)
    ended = rwe(verb, "--dir", study, expect=2)
    assert "sites.toml or the landed data changed after `rwe map` ran" in ended.stderr
    assert "run `rwe map` again" in ended.stderr


def test_a_cohort_older_than_the_map_is_refused(study):
    rwe("map", "--dir", study)
    assert "what is mapped is newer than the cohort" in rwe("compare", "--dir", study, expect=2).stderr


def test_a_pull_that_finds_the_same_makes_nothing_stale(study):
    rwe("pull", "--dir", study)
    rwe("compare", "--dir", study)
