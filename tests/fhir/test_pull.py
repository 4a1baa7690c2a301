"""pull from a server, as the command line runs it: whole, partial, refused."""

import json
import shutil

import pytest

from rwe import data
from rwe.steps.ask import types
from tests.fhir.server import Reply
from tests.run import rwe

TYPES = types("4.0.1")
ONCE = "limits.attempts = 1\n"


@pytest.fixture
def study(tmp_path, server):
    """A study of one server that offers every type asked for, and holds two Patients."""
    folder = tmp_path / "study"
    shutil.copytree(data.demo_study(), folder, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    (folder / "sites.toml").write_text(f'[north]\nurl = "{server.base}"\nfhir_version = "4.0.1"\n{ONCE}')
    server.statement["rest"][0]["resource"] = [{"type": kind} for kind in TYPES]
    for kind in TYPES:
        server.pages(kind, [{"resourceType": kind, "id": name} for name in "ab"] if kind == "Patient" else [])
    return folder


def counts(study):
    (manifest,) = (study / "data" / "raw" / "north").glob("*/manifest.json")
    return {kind: (c["asked"], c["landed"]) for kind, c in json.loads(manifest.read_bytes())["types"].items()}


def test_what_the_server_counts_has_landed(study):
    assert rwe("pull", "--dir", study).stderr == ""
    assert counts(study) == {kind: (2, 2) if kind == "Patient" else (0, 0) for kind in TYPES}


def test_a_login_that_is_refused_for_every_type_is_the_sites_fault(study, server):
    for kind in TYPES:
        server.script(kind, Reply(status=401, forever=True))
    ended = rwe("pull", "--dir", study, expect=12)
    assert "the server refuses the login (401)" in ended.stderr
    assert "check [north.auth]" in ended.stderr
    assert not list((study / "data" / "raw" / "north").glob("0*"))


def test_a_type_that_cannot_be_had_is_named_and_the_others_land(study, server):
    server.script("Observation", Reply(status=500, forever=True))
    ended = rwe("pull", "--dir", study, expect=3)
    assert "partial: north: Observation: the count of Observation: the server answers 500" in ended.stderr
    assert counts(study)["Patient"] == (2, 2)


def test_a_type_that_is_not_offered_is_named(study, server):
    server.statement["rest"][0]["resource"].remove({"type": "AdverseEvent"})
    ended = rwe("pull", "--dir", study, expect=3)
    assert "partial: north: AdverseEvent: the server does not offer it" in ended.stderr


def test_a_row_short_of_the_servers_count_is_named(study, server):
    server.totals["Patient"] = 3
    ended = rwe("pull", "--dir", study, expect=3)
    assert "partial: north: Patient: the server counts 3, 2 came, in two walks" in ended.stderr


def test_a_type_that_fails_keeps_what_was_pulled_of_it_before(study, server):
    server.totals["Observation"] = 1
    server.pages("Observation", [{"resourceType": "Observation", "id": "o"}])
    rwe("pull", "--dir", study)
    server.script("Observation", Reply(status=500, forever=True))
    ended = rwe("pull", "--dir", study, expect=3)
    assert "partial: north: Observation: the count of Observation: the server answers 500" in ended.stderr
    assert counts(study)["Observation"] == (1, 1)


def test_a_server_that_is_not_there_is_the_sites_fault(study):
    gone = 'url = "http://127.0.0.1:9/fhir"'
    (study / "sites.toml").write_text(f'[north]\n{gone}\nfhir_version = "4.0.1"\n{ONCE}')
    ended = rwe("pull", "--dir", study, expect=12)
    assert "no connection" in ended.stderr
    assert "is the server up and reachable" in ended.stderr
