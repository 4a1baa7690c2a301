"""Each verb by a Python started for it: it imports what it needs, and nothing is said at Python's end."""

import pytest

from tests.cli import folders, small
from tests.run import rwe

VIEW = folders.ROOT / "mappings" / "r4" / "patient.json"
# In an order in which each finds what it needs.
DONE = ["check", "pull", "map", "cohort", "lock", "compare", "report", "export", "refresh"]
READ = ["codes", "inventory", "verify", "doctor", "sql"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return small.study(tmp_path_factory.mktemp("start") / "study")


def run(*words, expect=0):
    done = rwe(*words, fresh=True, expect=expect)
    assert done.stdout
    return done.stderr


def test_every_verb_starts_by_itself(study):
    """But demo and run, which are one step: tests/cli/test_demo is both."""
    said = {verb: run(verb, *(() if verb == "sql" else ("--dir", study))) for verb in (*DONE, *READ)}
    assert said.pop("refresh") == f"\nreport: {study}/results/report.html\n"
    assert {*said.values()} == {""}
    ((patient,), *_) = folders.rows(study, "SELECT patient_id FROM cohort")
    assert run("why", patient, "--dir", study) == ""
    assert run("view", VIEW, study / "export" / "all.ndjson") == ""
    assert run("sql", "r4/patient") == ""
    run("federate", "keygen", "site", "--dir", study)
    assert run("purge", "--all", "--dir", study) == ""


def test_init_starts_by_itself(tmp_path):
    assert rwe("init", tmp_path / "new", fresh=True).stderr.startswith(f"{tmp_path / 'new'}: edit study.toml")
