"""rwe refresh: what is new, changed or gone at a server, in the table, the results and the report."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.served import dummies, study_of
from tests.fhir.memory import Memory, outcome
from tests.run import rwe

COLUMNS = ("new", "changed", "same", "gone", "asked", "landed")


@pytest.fixture(scope="module")
def memory():
    with Memory() as m:
        m.now = datetime(2026, 3, 1, 8, tzinfo=UTC)
        yield m


@pytest.fixture(scope="module")
def study(memory, tmp_path_factory):
    folder = study_of(tmp_path_factory.mktemp("refresh") / "study", memory.base)
    memory.put(*dummies(folder))
    return folder


@pytest.fixture(scope="module")
def first(study):
    return rwe("refresh", "--dir", study)


def rows(text):
    """By type, of the table of the pull."""
    table = text.split("\n\n")[1].splitlines()
    found = {}
    for cells in (line.split() for line in table[1:] if line.startswith("north  ")):
        found[cells[1]] = dict(zip(COLUMNS, cells[2:], strict=False))
    return found


def results(study):
    return (study / "results" / "results.json").read_bytes()


def test_the_first_refresh_is_a_run(memory, study, first, tmp_path):
    other = study_of(tmp_path / "study", memory.base)
    rwe("run", "--dir", other)
    ours, theirs = (json.loads(results(s)) for s in (study, other))
    for found in (ours, theirs):
        for site in found["sites"]:
            site.pop("pulled_at", None)
            site.pop("deletions_known_at", None)
    assert ours == theirs
    assert rows(first.stdout)["Observation"]["new"] == rows(first.stdout)["Observation"]["asked"] == "504"


def test_a_refresh_without_news_changes_no_result(memory, study, first):
    memory.now += timedelta(hours=1)
    before = results(study)
    done = rwe("refresh", "--dir", study)
    assert "north: nothing new" in done.stdout
    assert all(r["new"] == r["changed"] == r["gone"] == "0" for r in rows(done.stdout).values())
    assert "study as a whole:\n- nothing\n\n0 rows moved," in done.stdout
    assert results(study) == before


def test_what_changed_at_the_source_is_shown_by_type_and_reaches_the_report(memory, study, first):
    memory.now += timedelta(hours=1)
    found = {r["id"]: r for r in dummies(study)}
    patient = next(r for r in found.values() if r["resourceType"] == "Patient")
    lab = next(r for r in found.values() if r["resourceType"] == "Observation")
    memory.put({**patient, "active": True}, {**lab, "id": "made-later"})
    memory.delete("Observation", lab["id"])
    done = rwe("refresh", "--dir", study)
    table = rows(done.stdout)
    assert (table["Patient"]["changed"], table["Patient"]["new"]) == ("1", "0")
    assert (table["Observation"]["new"], table["Observation"]["gone"]) == ("1", "1")
    assert table["Condition"]["new"] == "0"
    sites = json.loads(results(study))["sites"]
    assert sites[0]["pulled_at"].startswith("2026-03-01T1")
    known = sites[0]["deletions_known_at"]
    assert "- north Observation: gone 0 → 1" in done.stdout
    report = (study / "results" / "report.html").read_text()
    assert f"pulled at {sites[0]['pulled_at']}; deletions known up to {known}" in report


def test_what_is_not_whole_is_named_and_stays_as_it_was(memory, study, first, monkeypatch):
    plain = memory._of_type

    def shut(kind, *more):
        return outcome(500, "exception") if kind == "Encounter" else plain(kind, *more)

    monkeypatch.setattr(memory, "_of_type", shut)
    done = rwe("refresh", "--dir", study, expect=3)
    assert "partial: north: Encounter: " in done.stderr
    assert "the server answers 500" in done.stderr
    assert rows(done.stdout)["Encounter"]["landed"] == "6"
    assert "report: " in done.stderr
    (line,) = json.loads(results(study))["partial"]
    assert line.startswith("north: Encounter: not brought up to date: ")
    assert line in rwe("map", "--dir", study, expect=3).stderr
    monkeypatch.undo()
    rwe("refresh", "--dir", study)
    assert json.loads(results(study))["partial"] == []


def test_json_holds_the_pull_and_the_results(study, first):
    done = rwe("refresh", "--dir", study, "--json")
    found = json.loads(done.stdout)
    assert found["sites"][0]["site"] == "north"
    assert {"new", "changed", "unchanged", "gone"} <= {*found["sites"][0]["arrived"]["Patient"]}
    assert found["results"] == json.loads(results(study))
    assert found["moved"]["comparisons"] == found["moved"]["adverse_events"] == []
    assert done.stderr.startswith("\nreport: ")


def test_a_site_alone_is_refreshed(study, first):
    assert (
        "no site is called elsewhere"
        in rwe("refresh", "--dir", study, "--site", "elsewhere", expect=2).stderr
    )
