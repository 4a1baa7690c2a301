"""rwe codes: what each site really records, as a user asks for it."""

import json

import pytest

from tests.cli import folders
from tests.run import rwe


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = folders.copy("msc", tmp_path_factory.mktemp("codes") / "study")
    rwe("pull", "--dir", folder)
    rwe("map", "--dir", folder)
    return folder


def codes(study, *words):
    found = json.loads(rwe("codes", "--dir", study, "--json", *words).stdout)
    assert found["label"].startswith("synthetic")
    return found["codes"]


def test_figures_are_those_of_the_files(study):
    """D-dimer of centre, counted from its NDJSON by hand."""
    observations = folders.resources(study / "fhir" / "centre" / "Observation.ndjson.gz")
    mine = [o for o in observations if o["code"]["coding"][0]["code"] == "48067-3"]
    values = [o["valueQuantity"]["value"] for o in mine]
    days = [o.get("effectiveDateTime", "")[:10] for o in mine]
    (row,) = [c for c in codes(study, "--site", "centre") if c["code"] == "48067-3"]
    assert row == {
        "site": "centre",
        "type": "Observation",
        "system": "http://loinc.org",
        "code": "48067-3",
        "display": mine[0]["code"]["coding"][0]["display"],
        "displays": 1,
        "unit": "ng/mL{FEU}",
        "n": len(mine),
        "patients": len({o["subject"]["reference"] for o in mine}),
        "low": min(values),
        "high": max(values),
        "first": min(days),
        "last": max(days),
    }


def test_each_unit_of_a_code_has_its_row(study):
    units = {c["unit"] for c in codes(study, "--type", "Observation") if c["code"] == "20150-9"}
    assert units == {"L", "mL", "ML", "%", None}


def test_a_site_and_a_type_alone(study):
    found = codes(study, "--site", "south", "--type", "Observation")
    assert {c["site"] for c in found} == {"south"}
    assert {c["type"] for c in found} == {"Observation", "Observation.component"}
    assert {c["site"] for c in codes(study)} == {"north", "centre", "south"}
    types = {"Condition", "MedicationAdministration", "Medication", "AdverseEvent", "Encounter"}
    assert types < {c["type"] for c in codes(study)}
    for kind in types:
        assert {c["type"] for c in codes(study, "--type", kind)} == {kind}


def test_the_table_has_the_label_and_a_line_for_each_row(study):
    lines = rwe("codes", "--dir", study, "--type", "Medication").stdout.splitlines()
    assert lines[0].startswith("synthetic")
    assert lines[2].split() == [
        *(
            "site",
            "type",
            "code",
            "unit",
            "n",
            "patients",
            "low",
            "high",
            "first",
            "last",
            "display",
            "system",
        )
    ]
    assert len(lines) - 3 == len(codes(study, "--type", "Medication"))


def test_it_leaves_the_store_as_it_was(study):
    before = folders.tables(study)
    rwe("codes", "--dir", study)
    assert folders.tables(study) == before


def test_help_says_that_it_is_local():
    assert "not to leave the site" in rwe("codes", "--help").stdout


def test_a_site_that_is_not_there(study):
    stderr = rwe("codes", "--dir", study, "--site", "west", expect=2).stderr
    assert "no site is called west" in stderr
    assert "north, centre, south" in stderr


def test_a_type_that_is_not_listed(study):
    stderr = rwe("codes", "--dir", study, "--type", "Claim", expect=2).stderr
    assert "'Claim' is not one of" in stderr
    assert "'AdverseEvent'" in stderr


def test_before_the_map_it_says_what_comes_first(tmp_path):
    study = folders.copy("msc", tmp_path / "study")
    assert "run `rwe map` first" in rwe("codes", "--dir", study, expect=2).stderr


def test_tables_of_other_data_are_not_taken_for_these(tmp_path):
    study = folders.copy("msc", tmp_path / "study")
    rwe("pull", "--dir", study)
    rwe("map", "--dir", study)
    shard = study / "fhir" / "north" / "Observation.ndjson.gz"
    folders.write_resources(shard, folders.resources(shard)[1:])
    rwe("pull", "--dir", study)
    stderr = rwe("codes", "--dir", study, expect=2).stderr
    assert "changed after `rwe map` ran" in stderr
