"""why: one patient's way is what the store has of it, and nobody else's."""

import json
from pathlib import Path

import pytest

from rwe import audit
from rwe.steps.show_way import way_text
from rwe.steps.why import TIME_ZERO, VALUE, Way
from tests.cli import folders, small
from tests.run import rwe

ESC = "\x1b[31m\u202e\x9b\n"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The same patients at two sites; one of them has no record but that of the Patient."""
    study = small.study(tmp_path_factory.mktemp("why") / "study")
    folders.sites(study, only=Path("export"), other=Path("export"))
    (study / "export" / "nobody.ndjson").write_text('{"resourceType": "Patient", "id": "nobody"}\n')
    for verb in ("pull", "map", "cohort"):
        rwe(verb, "--dir", study)
    return study


def way(study, patient):
    return json.loads(rwe("why", patient, "--site", "only", "--dir", study, "--json").stdout)


@pytest.mark.parametrize("arm", ["treated", "control"])
def test_a_patient_of_the_cohort_has_passed_every_step_and_has_each_value(study, arm):
    of = f"FROM cohort WHERE site_id = 'only' AND arm = '{arm}'"
    patient, zero, stratum = folders.rows(study, f"SELECT patient_id, zero_date::VARCHAR, stratum {of}")[0]
    found = way(study, patient)
    assert found["in_cohort"]
    assert {s["fate"] for s in found["steps"]} == {"passed"}
    assert [(z["arm"], z["zero_date"]) for z in found["time_zero"]] == [(arm, zero)]
    made = [s for s in found["starts"] if s["made_it"]]
    assert made
    assert all(s["happened"].startswith(zero) for s in made)
    assert {s["kind"] == "infusion" for s in made} == {arm == "treated"}
    assert found["strata"] == [stratum]
    held = "SELECT endpoint, visit, value, missing FROM endpoint_value WHERE site_id = 'only'"
    values = folders.rows(study, f"{held} AND patient_id = '{patient}'")
    assert {(v["endpoint"], v["visit"], v["value"], v["missing"]) for v in found["values"]} == {*values}


def test_who_was_left_out_sees_where_and_why_on_the_terminal(study):
    done = rwe("why", "only/nobody", "--dir", study)
    assert "only/nobody: not analysed" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "LEFT OUT" in line]
    assert "no record of: " in line
    assert "no anchor, and so no time zero" in done.stdout
    assert not (study / "results").exists()


def test_the_same_id_at_two_sites_asks_which(study):
    stderr = rwe("why", "nobody", "--dir", study, expect=2).stderr
    assert "--site is one of only, other" in stderr
    assert "nobody" not in stderr


def test_a_patient_that_is_not_there_is_a_usage_error_that_names_nobody(study):
    stderr = rwe("why", "can4ry", "--dir", study, expect=2).stderr
    assert "no such patient is in the store" in stderr
    assert "can4ry" not in stderr + (study / "data" / audit.NAME).read_text()


def test_the_log_has_that_a_patient_was_asked_for_and_not_which(study):
    rwe("why", "only/nobody", "--dir", study)
    begun = [x for x in audit.lines(study / "data") if x.what == "begin" and x.command == "why"]
    assert begun[-1].options == {"patient": True}
    assert "nobody" not in (study / "data" / audit.NAME).read_text()


def test_no_control_character_of_a_record_reaches_the_terminal():
    step = {"step": "a", "description": ESC, "fate": "left_out", "reason": ESC}
    value = dict.fromkeys(VALUE, ESC)
    zero = {**dict.fromkeys(TIME_ZERO), "no_arm": ESC}
    found = Way(
        site="s",
        patient=ESC,
        in_cohort=False,
        steps=[step],
        time_zero=[zero],
        starts=[],
        strata=[ESC],
        states=[],
        values=[value],
    )
    text = way_text(found)
    assert text.count("\\x1b[31m\\u202e\\x9b\\n") == 15
    assert all(c.isprintable() or c == "\n" for c in text)
