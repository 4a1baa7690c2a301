"""Data that are not whole are named by every step, and at the head of what people read."""

import json

import pytest

from tests.cli import folders
from tests.run import rwe

LINE = "north: MedicationAdministration: 1 of 173 set aside"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A treated patient's first administration is invalid; the run goes on and ends with 3."""
    folder = folders.copy("msc", tmp_path_factory.mktemp("partial") / "study")
    path = folder / "fhir" / "north" / "MedicationAdministration.ndjson.gz"
    found = folders.resources(path)
    first = next(r for r in found if r["status"] == "completed")
    first["status"] = "done"
    folders.write_resources(path, found)
    assert f"partial: {LINE}" in rwe("run", "--dir", folder, expect=3).stderr
    return folder


@pytest.mark.parametrize("verb", ["map", "cohort", "compare", "report"])
def test_every_step_after_it_ends_with_3(study, verb):
    assert f"partial: {LINE}" in rwe(verb, "--dir", study, expect=3).stderr


def test_results_hold_it(study):
    found = json.loads((study / "results" / "results.json").read_bytes())
    assert found["partial"] == [LINE]
    (check,) = [c for c in found["checks"] if c["rule"] == "administration_set_aside"]
    assert (check["site"], check["n"], check["severity"]) == ("north", 1, "error")


def test_it_stands_before_the_first_number(study):
    text = " ".join(rwe("compare", "--dir", study, expect=3).stdout.split())
    page = (study / "results" / "report.html").read_text()
    for shown, first in ((text, "moderate (published)"), (page, "<main")):
        head = shown[: shown.index(first)]
        assert f"The data are partial: {LINE}." in head
        assert "A check failed: administration set aside, 1 row; see Checks." in head
