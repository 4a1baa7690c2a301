"""No patient's name, identifier or value leaves the raw data and the store: not in a table, not in an
error, not in a crash.

Every string and number that a patient could be known by is a canary.
"""

import json
import subprocess
import sys
import zlib

import polars as pl
import pytest

from rwe import study as study_file
from rwe.steps.dummy import Dummies
from tests.cli import folders
from tests.run import rwe

WORD, NUMBER, BIG = "Kanarienvogel", "187.654321", "7654.321"
BORN, ID = "1931-07-29", "can4ry-4711"
CANARIES = (WORD.lower(), NUMBER, BIG, BORN, ID, "tweety")
LAB = {"coding": [{"system": "http://loinc.org", "code": "48065-7"}]}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": LAB,
    "subject": {"reference": f"Patient/{ID}"},
    "effectiveDateTime": "2021-01-15T12:00:00Z",
}
EXTENSION = [{"url": f"urn:{WORD}", "valueString": WORD}]


def quantity(value):
    return {"valueQuantity": {"value": value, "unit": "ug/mL"}}


# what a source may get wrong, each with canaries where it is wrong
BROKEN = {
    "unknown element": {WORD: WORD, **quantity(1.5)},
    "unknown element inside": {"valueQuantity": {"value": 1.5, WORD: {"Tweety": WORD}}},
    "bad date": {"effectiveDateTime": f"{BORN}T{WORD}", **quantity(1.5)},
    "impossible date": {"effectiveDateTime": "1931-07-99", "note": [{"text": BORN}]},
    "wrong type": {"valueQuantity": {"value": WORD}},
    "list for one": {"valueQuantity": [{"value": float(BIG)}]},
    "text for an object": {"valueQuantity": BIG},
    "number for a text": {"valueString": float(BIG)},
    "two values": {"valueString": WORD, **quantity(float(NUMBER))},
    "invalid code": {"status": WORD},
    "code that is a number": {"status": float(BIG)},
    "no status": {"status": None, "note": [{"text": WORD}]},
    "unknown contained type": {"contained": [{"resourceType": f"{WORD}", "id": ID, WORD: 1}]},
    "contained without type": {"contained": [{"id": ID, WORD: WORD}]},
    "contained text": {"contained": [WORD]},
    "bad reference": {"subject": {"reference": f"{WORD} {ID}"}},
    "reference that is a text": {"subject": f"Patient/{ID}"},
    "subject by identifier": {"subject": {"identifier": {"value": ID}, "display": WORD}},
    "bad extension": {"extension": [{"url": WORD, f"value{WORD}": WORD}]},
    "extension without url": {"extension": [{"valueString": WORD}]},
    "null in a list": {"category": [None, WORD]},
    "primitive extension alone": {"_status": {"extension": EXTENSION}},
    "meta that is a text": {"meta": WORD},
    "language": {"language": f"{WORD} {ID}", "implicitRules": WORD},
    "unit": {"valueQuantity": {"value": float(NUMBER), "unit": WORD, "code": WORD, "system": f"urn:{WORD}"}},
    "NUL": {"valueString": f"{WORD}\x00{ID}"},
    "lone surrogate": {"valueString": f"{WORD}\ud800"},
}
HUGE, NAN = '{"value": 1e999}', '{"value": NaN}'
LINES = [
    f'{{"resourceType": "Observation", "id": "{ID}-cut", "note": "{WORD}',
    f'{{"resourceType": "{WORD} {ID}", "id": "{WORD}"}}',
    f'{{"resourceType": "Observation", "id": "{ID}-huge", "valueQuantity": {HUGE}, "x": "{WORD}"}}',
    f'{{"resourceType": "Observation", "id": "{ID} {WORD}", "note": [{{"text": "{WORD}"}}]}}',
    f'{{"resourceType": "Observation", "note": [{{"text": "{WORD}"}}]}}',
    f'{{"resourceType": "Observation", "id": "{ID}-nan", "valueQuantity": {NAN}, "x": "{WORD}"}}',
    f'"{WORD}"',
    f"{WORD} {ID} {BIG}",
    f"[{BIG}]",
    f'{{"resourceType": "Patient", "id": "{ID}-twice", "id": "{ID}", "birthDate": "{BORN}"}}',
]


def canary_patients(plan):
    """Patients who fit the study.  The canary's value is the highest or lowest of three, for the middle
    one is the median, which a result shows."""
    found = list(Dummies(plan, "4.0.1").resources())
    patients = [r for r in found if r["resourceType"] == "Patient"]
    old = patients[2]["id"]
    text = (
        json.dumps(found)
        .replace(f'"Patient/{old}"', f'"Patient/{ID}"')
        .replace(f'"id": "{old}"', f'"id": "{ID}"')
    )
    found = json.loads(text)
    for r in found:
        r["text"] = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{WORD}</div>'}
        r["extension"] = EXTENSION
        if r["resourceType"] == "Patient":
            r |= {"name": [{"family": WORD, "given": ["Tweety"]}], "identifier": [{"value": f"{ID}-{WORD}"}]}
            r |= {"address": [{"line": [WORD], "postalCode": BIG}]}
        if r["id"] == ID:
            r["birthDate"] = BORN
        if r.get("subject", {}).get("reference") == f"Patient/{ID}" and r["resourceType"] == "Observation":
            r["valueQuantity"]["value"] = float(NUMBER)
            r["note"] = [{"text": f"{WORD} {BIG}"}]
    return found


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    base = tmp_path_factory.mktemp("canary")
    folder = folders.copy("albuterol", base / "study")
    plan = study_file.load(folder)
    site = base / "site"
    site.mkdir()
    lines = [json.dumps(r) for r in canary_patients(plan)]
    implausible = {**OBSERVATION, "id": f"{ID}-high", **quantity(float(BIG))}
    twice = [{**OBSERVATION, "id": f"{ID}-conflict", **quantity(n)} for n in (float(NUMBER), float(BIG))]
    lines += [json.dumps(r) for r in (implausible, *twice)]
    lines += [
        json.dumps({**OBSERVATION, "id": f"{ID}-{n}", **broken}) for n, broken in enumerate(BROKEN.values())
    ]
    (site / "all.ndjson").write_text("\n".join([*lines, *LINES]) + "\n")
    (site / "bundle.json").write_text(
        f'{{"resourceType": "Bundle", "entry": [{{"resource": "{WORD}"}}, {BIG}]}}'
    )
    (site / "cut.ndjson.gz").write_bytes(b"\x1f\x8b" + zlib.compress(WORD.encode()))
    return folders.sites(folder, only=site)


def clean(text):
    assert [c for c in CANARIES if c in text.lower()] == []


@pytest.fixture(scope="module")
def outputs(study):
    """stdout and stderr of every verb, as tables and as JSON."""
    found = {}
    steps = [(verb, *more) for verb in ("pull", "map", "cohort", "compare") for more in ((), ("--json",))]
    sound = (("check",), ("verify",), ("verify", "--json"))
    for words, code in {
        **dict.fromkeys([*steps, ("report",), ("export",)], 3),
        **dict.fromkeys(sound, 0),
    }.items():
        done = rwe(*words, "--dir", study, expect=code)
        found[" ".join(words)] = done.stdout + done.stderr
    return found


def test_canaries_are_in_the_data(study, outputs):
    """Else nothing below would mean anything."""
    assert folders.rows(study, f"SELECT arm FROM cohort WHERE patient_id = '{ID}'") == [("treated",)]
    used = folders.rows(study, f"SELECT COUNT(*) FROM endpoint_value WHERE value = {NUMBER}")
    assert used > [(0,)]
    reasons = {r for (r,) in folders.rows(study, "SELECT DISTINCT fate FROM resource")}
    assert {"not_json", "not_a_resource", "bad_id", "no_id", "invalid", "invalid_code", "conflict"} <= reasons


def test_no_canary_in_what_any_verb_prints(outputs):
    for verb, text in outputs.items():
        assert text, verb
        clean(text)


def test_no_canary_in_results(study, outputs):
    for path in (study / "results").rglob("*"):
        clean(path.name)
        if path.is_file():
            clean(path.read_bytes().decode("latin-1"))


def test_an_export_has_the_value_of_a_pseudonym(study, outputs):
    """It is made to; a name, an id, a birth date and a note are still nowhere."""
    files = [p for p in (study / "data" / "export").rglob("*") if p.is_file()]
    text = "\n".join(
        pl.read_parquet(p).write_csv() if p.suffix == ".parquet" else p.read_text() for p in files
    )
    assert len(files) > 10
    assert NUMBER in text
    assert [c for c in CANARIES if c in text.lower()] == [NUMBER]
    assert "**Partial**: " in (study / "data" / "export" / "codebook.md").read_text()


def test_no_canary_in_file_names_and_ledgers(study, outputs):
    """Shards and set-aside bytes hold the data; what stands beside them does not."""
    files = [p for p in (study / "data").rglob("*") if p.is_file()]
    for path in files:
        clean(path.name)
    ledgers = [
        p
        for p in files
        if p.name in ("manifest.json", "ledger.ndjson", "loads.ndjson", ".lock", "audit.ndjson")
    ]
    assert len(ledgers) == 5
    ledgers += [p for p in files if p.name.endswith(".set_aside.ndjson")]
    for path in ledgers:
        clean(path.read_text())


def test_set_aside_names_every_broken_line(study, outputs):
    """A reason and a place for each; the place leads to the line."""
    found = json.loads(rwe("map", "--dir", study, "--json", expect=3).stdout)["set_aside"]
    rwe("cohort", "--dir", study, expect=3)
    assert all(s["reason"] and s["source"] and s["position"] >= 1 for s in found)
    lines = (study.parent / "site" / "all.ndjson").read_text().splitlines()
    broken = [s["position"] for s in found if s["source"] == "all.ndjson"]
    assert max(broken) == len(lines)


def test_no_canary_in_what_view_prints_about_it(study):
    definition = folders.ROOT / "mappings" / "r4" / "encounter.json"
    done = rwe("view", definition, study.parent / "site" / "all.ndjson", expect=3)
    assert "all.ndjson:" in done.stderr
    clean(done.stdout + done.stderr)


def crash(study, *words, patch):
    """A child in which a step fails as no step should, with a patient's value in the error."""
    code = (
        "import sys\n"
        "def fail(*_, **__):\n"
        f"    try: int('{WORD} {BIG}')\n"
        f"    except ValueError as e: raise ValueError('{ID} {NUMBER}') from e\n"
        f"import {patch.rpartition('.')[0]} as step\n"
        f"step.{patch.rpartition('.')[2]} = fail\n"
        f"sys.argv = {['rwe', *map(str, words), '--dir', str(study)]!r}\n"
        "from rwe.__main__ import main\n"
        "main()\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("verb", "patch"),
    [
        ("compare", "rwe.steps.compare.collect"),
        ("cohort", "rwe.steps.cohort.build"),
        ("map", "rwe.steps.map.build"),
        ("pull", "rwe.steps.pull._pull_site"),
    ],
)
def test_crash_of_ours_shows_no_patient_value(study, outputs, verb, patch):
    done = crash(study, verb, patch=patch)
    assert done.returncode == 1
    assert "ValueError; this is a bug of rwe" in done.stderr
    assert f"rwe/steps/{verb}.py:" in done.stderr
    assert done.stdout == ""
    clean(done.stderr)


def test_crash_in_a_transaction_leaves_the_tables_as_they_were(study, outputs):
    before = folders.rows(study, "SELECT COUNT(*) FROM observation")
    crash(study, "map", patch="rwe.steps.map._make_tables")
    assert folders.rows(study, "SELECT COUNT(*) FROM observation") == before
