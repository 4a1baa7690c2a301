"""lock and the audit log: was the plan fixed before outcomes were seen, and who ran what?"""

import json
import os
import pwd
import shutil

import duckdb
import pytest

from rwe import audit, locks
from tests.cli import folders, small
from tests.run import rwe


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """All is done but a comparison."""
    study = small.study(tmp_path_factory.mktemp("lock") / "study")
    for verb in ("pull", "map", "cohort"):
        rwe(verb, "--dir", study)
    return study


@pytest.fixture(scope="module")
def in_time(built, tmp_path_factory):
    """Locked, compared, changed and compared again; what each command printed."""
    study = shutil.copytree(built, tmp_path_factory.mktemp("lock") / "in-time")
    said = {"lock": rwe("lock", "--dir", study), "compare": rwe("compare", "--dir", study)}
    plans = [folders.results(study)["plan"]]
    folders.edit(study / "study.toml", "[study]", "# a word more\n[study]")
    said["again"] = rwe("lock", "--dir", study, "--json")
    rwe("cohort", "--dir", study)
    rwe("compare", "--dir", study)
    plans.append(folders.results(study)["plan"])
    return study, said, plans


def lines(study):
    return audit.lines(study / "data")


def test_a_plan_locked_before_the_first_comparison_is_so_in_results_and_terminal(in_time):
    _, said, (plan, _) = in_time
    assert said["lock"].stderr == ""
    assert f"plan locked at {plan['locked_at']}" in said["lock"].stdout
    assert plan["locked_at"] < plan["first_comparison_at"]
    assert (plan["before_comparison"], plan["changed_since"]) == (True, [])
    shown = " ".join(said["compare"].stdout.split())
    assert f"Plan: locked at {plan['locked_at']}, before the first comparison" in shown


def test_a_second_lock_says_what_changed_and_that_it_came_too_late(in_time):
    study, said, (first, second) = in_time
    again = json.loads(said["again"].stdout)
    assert again["first_at"] == first["locked_at"]
    assert again["compared_at"] == first["first_comparison_at"]
    assert "WARNING: the endpoints were compared before this lock" in said["again"].stderr
    assert second == {
        **first,
        "changed_since": [f"the study file changed (as locked again at {again['locked_at']})"],
    }
    assert len(locks.lines(study)) == 2


def test_comparing_again_changes_no_byte(in_time):
    study, _, _ = in_time
    before = (study / "results" / "results.json").read_bytes()
    rwe("compare", "--dir", study, fresh=True)  # with other seeds of hashes
    assert (study / "results" / "results.json").read_bytes() == before


def test_a_purge_of_all_leaves_the_log_and_with_it_the_first_comparison(in_time, tmp_path):
    study = shutil.copytree(in_time[0], tmp_path / "study")
    before = lines(study)
    assert "audit.ndjson stays" in rwe("purge", "--all", "--dir", study).stdout
    assert [p.name for p in (study / "data").iterdir()] == [audit.NAME]
    assert lines(study)[: len(before)] == before
    assert "nothing is held" in rwe("purge", "--all", "--dir", study, expect=2).stderr


def test_a_comparison_before_the_lock_is_known_without_the_log(in_time, tmp_path):
    """The results file is there, and a lock that came after it says so for good."""
    study = shutil.copytree(in_time[0], tmp_path / "study")
    shutil.rmtree(study / "data")
    (study / locks.NAME).unlink()
    assert "compared before this lock" in rwe("lock", "--dir", study).stderr
    shutil.rmtree(study / "results")
    assert "compared before this lock" in rwe("lock", "--dir", study).stderr


def test_an_unlocked_plan_is_null(built, tmp_path):
    study = shutil.copytree(built, tmp_path / "study")
    assert "Plan: never locked" in rwe("compare", "--dir", study).stdout
    assert {*folders.results(study)["plan"].values()} == {None}


def test_cohort_prints_the_same_whatever_was_measured_after_time_zero(built, tmp_path):
    study = shutil.copytree(built, tmp_path / "study")
    shown = rwe("cohort", "--dir", study, "--json").stdout
    values = "SELECT * FROM endpoint_value ORDER BY ALL"
    before = folders.rows(study, values)
    with duckdb.connect(study / "data" / "store.duckdb") as db:
        later = "SELECT site_id, observation_id FROM measurement WHERE day > 0"
        changed = "UPDATE observation SET value = value * 1.01"
        db.execute(f"{changed} WHERE (site_id, observation_id) IN ({later})")
    assert rwe("cohort", "--dir", study, "--json").stdout == shown
    assert folders.rows(study, values) != before


# the log


def test_every_command_has_its_lines_with_who_what_counts_and_exit_code(in_time):
    study, _, _ = in_time
    found = lines(study)
    begun, ended = ([x for x in found if x.what == what] for what in ("begin", "end"))
    commands = ["pull", "map", "cohort", "lock", "compare", "lock", "cohort", "compare"]
    assert [x.command for x in begun][:8] == commands
    assert {x.user for x in found} == {pwd.getpwuid(os.getuid()).pw_name}
    assert all(x.sites == ["only"] and len(x.study) == 64 for x in begun)
    assert begun[5].options == {"json": True}
    counts = {x.command: x.counts for x in ended}
    assert counts["pull"]["landed"] == counts["map"]["mapped"] > 10
    assert counts["compare"] == {"comparisons": len(folders.results(study)["comparisons"])}
    assert {x.exit_code for x in ended} == {0}
    assert [x.what for x in found if x.command == "compare"][:3] == ["begin", "comparison", "end"]


def test_a_command_that_fails_is_logged_with_its_exit_code_and_without_a_patient(built, tmp_path):
    study = shutil.copytree(built, tmp_path / "study")
    before = len(lines(study))
    rwe("purge", "--dir", study, "--patient", "only/can4ry", expect=2)
    rwe("codes", "--dir", study, "--site", "can4ry", expect=2)
    (study / "study.toml").write_text("[study")
    rwe("cohort", "--dir", study, expect=10)
    new = lines(study)[before:]
    assert [x.exit_code for x in new if x.what == "end"] == [2, 2, 10]
    assert new[0].options == {"patient": True}
    assert (new[2].sites, new[4].study) == ([], None)
    assert "can4ry" not in (study / "data" / audit.NAME).read_text()


def test_a_broken_log_stops_all_but_verify_which_names_it(built, tmp_path):
    study = shutil.copytree(built, tmp_path / "study")
    path = study / "data" / audit.NAME
    path.write_bytes(path.read_bytes().replace(b'"map"', b'"why"', 1))
    store = folders.digests(study / "data" / "raw")
    for words in (("purge", "--all"), ("map",)):
        assert "audit log was changed, lost or put in" in rwe(*words, "--dir", study, expect=13).stderr
    assert folders.digests(study / "data" / "raw") == store
    done = rwe("verify", "--dir", study, expect=13)
    assert "audit.ndjson" in done.stdout
    assert "audit log was changed, lost or put in" in done.stderr


def test_a_log_that_cannot_be_written_stops_the_command_before_it_acts(tmp_path):
    study = small.study(tmp_path / "study")
    (study / "data" / audit.NAME).mkdir(parents=True)
    assert "audit log cannot be written" in rwe("pull", "--dir", study, expect=13).stderr
    assert not (study / "data" / "raw").exists()


def test_where_there_is_no_study_there_is_no_log(tmp_path):
    rwe("map", "--dir", tmp_path, expect=10)
    assert list(tmp_path.iterdir()) == []
