"""One resource that a folder holds twice."""

import json
import shutil

import pytest

from rwe import data
from tests.run import rwe

PATIENT = {"resourceType": "Patient", "id": "a", "meta": {"versionId": "1"}, "birthDate": "1970-01-01"}


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    (folder / "sites.toml").write_text('[north]\nfiles = "in"\nfhir_version = "4.0.1"\n')
    (folder / "in").mkdir()
    return folder


def patients(study, expect=0):
    rwe("pull", "--dir", study)
    found = json.loads(rwe("map", "--dir", study, "--json", expect=expect).stdout)
    return next(
        (c["mapped"], c["superseded"], c["set_aside"]) for c in found["resources"] if c["type"] == "Patient"
    )


def test_in_other_white_space_it_is_the_same(study):
    (study / "in" / "a.ndjson").write_text(json.dumps(PATIENT))
    bundle = {"resourceType": "Bundle", "entry": [{"resource": PATIENT}]}
    (study / "in" / "b.json").write_text(json.dumps(bundle, indent=2))
    (study / "in" / "c.json").write_text(json.dumps(PATIENT, separators=(",", ":")))
    assert patients(study) == (1, 2, 0)


def test_in_other_digits_it_is_another_and_nothing_orders_them(study):
    text = json.dumps(PATIENT)
    (study / "in" / "a.ndjson").write_text(
        text.replace('"1970-01-01"', '"1970-01-01","multipleBirthInteger":1')
    )
    (study / "in" / "b.ndjson").write_text(
        text.replace('"1970-01-01"', '"1970-01-01","multipleBirthInteger":2')
    )
    assert patients(study, expect=3) == (0, 0, 2)
