"""purge: what is removed is nowhere, what stays is sound, and no pull brings it back."""

import json
import os
import pty
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import zstandard

from rwe.landing import current
from rwe.landing.purge import Patient
from rwe.steps import map as mapping
from rwe.steps import purge
from tests.cli import folders, small
from tests.run import rwe

ID, WORD = "can4ry-4711-tweety", "Kanarienvogel"
LETTER = {"resourceType": "Patient", "name": [{"family": WORD}]}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One patient is the canary: with resources, a broken line, one of another's that refers to it."""
    study = small.study(tmp_path_factory.mktemp("purge") / "study")
    path = study / "export" / "all.ndjson"
    lines = path.read_text()
    old, other = [r["id"] for r in small.found(study) if r["resourceType"] == "Patient"][:2]
    lines = lines.replace(f'"Patient/{old}"', f'"Patient/{ID}"').replace(f'"id": "{old}"', f'"id": "{ID}"')
    mother = {"resourceType": "Observation", "id": "of-another", "status": "final", "code": {"text": "x"}}
    mother |= {"subject": {"reference": f"Patient/{other}"}, "focus": [{"reference": f"urn:x/Patient/{ID}"}]}
    path.write_text(lines + json.dumps(mother) + "\n")
    broken = f'{{"resourceType": "Observation", "subject": {{"reference": "Patient\\/{ID}"}}, "x": "{WORD}\n'
    alone = f'{{"resourceType": "Patient", "id": "{ID}", "id": "{ID}"}}\n{{"resourceType": "Patient", "id"\n'
    (study / "export" / f"letter-{ID}.ndjson").write_text(
        broken + alone + json.dumps({**LETTER, "id": "next"})
    )
    (study / "export" / f"{ID}.docx").write_bytes(b"PK")
    rwe("run", "--dir", study, expect=3)
    return study


@pytest.fixture
def study(ran, tmp_path):
    return shutil.copytree(ran, tmp_path / "study")


def holding(study: Path) -> list[str]:
    """Files below data/ and results/ with the id in their names or in what they unpack to."""
    found = []
    for path in (p for top in ("data", "results") for p in (study / top).rglob("*") if p.is_file()):
        content = path.read_bytes()
        if path.suffix == ".zst":
            with zstandard.open(path) as stream:
                content = stream.read()
        if path.suffix == ".parquet":
            content = repr(pl.read_parquet(path).to_dicts()).encode()
        if ID.encode() in content + path.name.encode():
            found.append(path.name)
    return found


def landed(study: Path) -> dict[str, tuple[int, int]]:
    return {k: (s.landed, s.set_aside) for k, s in current(study / "data" / "raw" / "only").types.items()}


def test_a_patient_is_gone_from_everything_and_the_rest_is_sound(study):
    assert len(holding(study)) > 5
    before, export = landed(study), study / "data" / "export"
    (export / "tables").mkdir(parents=True)
    (export / "tables" / "patients.csv").write_text("patient\nP0123456789abcdef\n")
    done = json.loads(rwe("purge", "--dir", study, "--patient", ID, "--json").stdout)
    removed = dict(done["removed"])
    assert removed["files of data/export/, which were made with it"] == 1
    assert not export.exists()
    assert (holding(study), (study / "results").exists()) == ([], False)
    assert removed["Patient"] == removed["Patient, set aside"] == 1
    assert removed["Observation"] > 2
    aside = {k.removesuffix(", set aside"): n for k, n in removed.items() if "set aside" in k}
    gone = {k: (removed.get(k, 0) + aside.get(k, 0), aside.get(k, 0)) for k in before}
    assert landed(study) == {k: (n - gone[k][0], a - gone[k][1]) for k, (n, a) in before.items()}
    assert any("1 of the Observation are another's" in note for note in done["notes"])
    assert ID not in rwe("inventory", "--dir", study).stdout
    rwe("verify", "--dir", study)
    line = (study / "data" / "raw" / "only" / "ledger.ndjson").read_text().splitlines()[-1]
    assert json.loads(line)["purged"] == sum(n for k, n in removed.items() if not k.startswith("files"))


def test_a_pull_does_not_bring_the_patient_back(study):
    rwe("purge", "--dir", study, "--patient", f"only/{ID}")
    after = landed(study)
    assert "purged: not landed" in rwe("pull", "--dir", study, expect=3).stdout
    rwe("map", "--dir", study, expect=3)
    assert landed(study) == after
    gone = "SELECT COUNT(*) FROM patient WHERE patient_id = '" + ID + "'"
    assert folders.rows(study, gone) == [(0,)]


def test_the_list_of_the_purged_holds_no_id_and_its_key_is_the_owners(study):
    rwe("purge", "--dir", study, "--patient", ID)
    assert ID not in (study / "data" / "purged.ndjson").read_text()
    for name in ("purged.key", "purged.ndjson"):
        assert stat.S_IMODE((study / "data" / name).stat().st_mode) == 0o600
    (study / "data" / "purged.key").unlink()
    assert "who was purged cannot be read" in rwe("pull", "--dir", study, expect=13).stderr


def test_the_tables_are_those_of_a_study_that_never_held_the_patient(study, tmp_path):
    rwe("purge", "--dir", study, "--patient", ID)
    fresh = shutil.copytree(study, tmp_path / "fresh", ignore=shutil.ignore_patterns("data"))
    export = fresh / "export" / "all.ndjson"
    export.write_text("".join(li for li in export.read_text().splitlines(True) if ID not in li))
    rwe("pull", "--dir", fresh, expect=3)
    rwe("map", "--dir", fresh, expect=3)
    assert folders.tables(study)["patient"][0] == folders.tables(fresh)["patient"][0]
    for table in ("encounter", "observation", "condition", "medication_administration"):
        assert folders.tables(study)[table] == folders.tables(fresh)[table]


def test_purged_twice_is_no_fault(study):
    rwe("purge", "--dir", study, "--patient", ID)
    before = folders.digests(study / "data" / "raw")
    assert "not found" in rwe("purge", "--dir", study, "--patient", ID).stdout
    assert folders.digests(study / "data" / "raw") == before


def test_a_purge_that_was_stopped_goes_on(study, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(mapping, "mapped", stop)
        with pytest.raises(KeyboardInterrupt):
            purge.patient(study, Patient(site="only", id=ID), say=lambda _: None)
    rwe("purge", "--dir", study, "--patient", ID)
    assert holding(study) == []
    rwe("map", "--dir", study, expect=3)
    rwe("verify", "--dir", study)


def test_an_id_that_is_left_somewhere_is_found(study):
    (study / "data" / "note.txt").write_text(f"call {ID} back")
    stderr = rwe("purge", "--dir", study, "--patient", ID, expect=13).stderr
    assert "data/note.txt" in stderr
    assert ID not in stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--patient", "only/n0-such-patient"), "nothing of such a patient is held"),
        (("--patient", f"west/{ID}"), "sites: only"),
        (("--patient", "only/"), "no id of a Patient"),
        (("--patient", "../x'; --"), "no id of a Patient"),
        (("--site", "west"), "sites: only"),
        (("--site", ".."), "sites: only"),
        ((), "one of --site, --patient and --all"),
        (("--all", "--site", "only"), "one of --site, --patient and --all"),
    ],
)
def test_what_is_not_held_is_a_usage_error_and_nothing_is_removed(study, words, said):
    before = {t: folders.digests(study / "data" / "raw") for t in ("data/raw", "results")}
    stderr = rwe("purge", "--dir", study, *words, expect=2).stderr
    assert said in " ".join(stderr.split())
    assert ID not in stderr
    assert {t: folders.digests(study / "data" / "raw") for t in before} == before


def test_nothing_that_purge_prints_names_the_patient(study):
    done = rwe("purge", "--dir", study, "--patient", ID)
    assert [w for w in (ID, WORD) if w in done.stdout + done.stderr] == []


def test_a_site_is_gone_and_the_others_stay(study):
    folders.sites(study, only=Path("export"), other=Path("export"))
    for verb in ("pull", "map"):
        rwe(verb, "--dir", study, expect=3)
    assert "whose patient is it?" in rwe("purge", "--dir", study, "--patient", ID, expect=2).stderr
    assert "out of sites.toml" in rwe("purge", "--dir", study, "--site", "only").stdout
    assert folders.rows(study, "SELECT DISTINCT site_id FROM patient") == [("other",)]
    assert [p.name for p in (study / "data" / "raw").iterdir()] == ["other"]
    rwe("verify", "--dir", study)


def test_a_patient_of_another_site_of_the_same_id_stays(study):
    folders.sites(study, only=Path("export"), other=Path("export"))
    for verb in ("pull", "map"):
        rwe(verb, "--dir", study, expect=3)
    assert "in references alone" in rwe("purge", "--dir", study, "--patient", f"other/{ID}").stdout
    assert ID in rwe("inventory", "--dir", study, "--site", "only").stdout
    assert ID not in rwe("inventory", "--dir", study, "--site", "other").stdout


def test_all_leaves_what_people_wrote(study):
    rwe("purge", "--dir", study, "--all")
    assert [p.name for p in (study / "data").iterdir()] == ["audit.ndjson"]
    assert not (study / "results").exists()
    assert (study / "study.toml").exists()
    assert (study / "sites.toml").exists()
    assert "nothing is held" in rwe("purge", "--dir", study, "--all", expect=2).stderr


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 2, True), (b"y\n", 0, False)])
def test_on_a_terminal_it_asks(study, answer, code, left):
    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "rwe", "purge", "--all", "--dir", str(study)]
    process = subprocess.Popen(words, stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.write(leader, answer)
    _, err = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)
    assert (process.returncode, b"cannot be undone" in err, (study / "data" / "raw").exists()) == (
        code,
        True,
        left,
    ), err
