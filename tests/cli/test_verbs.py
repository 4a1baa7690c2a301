"""The verbs as the contract has them: help, what they write where, and what they refuse."""

import gzip
import io
import json
import subprocess
import sys
import tomllib

import polars as pl
import pytest
import zstandard

import rwe as package
from tests.cli import folders
from tests.run import rwe

VERBS = ["init", "check", "demo", "pull", "map", "cohort", "compare", "report", "run", "codes", "view", "sql"]
VERBS += ["inventory", "verify", "purge", "lock", "why"]
LABEL = "synthetic, calibrated to the published abstract"
PATIENTS = folders.FIXTURES / "msc" / "fhir" / "north" / "Patient.ndjson.gz"
VIEW = folders.ROOT / "mappings" / "r4" / "patient.json"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verbs") / "study"
    assert rwe("init", folder, "--example", "msc").stdout == ""
    return folder


def json_of(verb, study, *more, expect=0):
    done = rwe(verb, "--dir", study, "--json", *more, expect=expect)
    found = json.loads(done.stdout)
    assert found["label"].startswith(LABEL)
    assert verb == "compare" or next(iter(found)) == "label"
    return found


# help


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_begins_with_a_sentence(verb):
    usage, first, *_ = (part for part in rwe(verb, "--help").stdout.split("\n\n") if part.strip())
    assert usage.strip().startswith(f"Usage: rwe {verb} ")
    assert first.strip()[0].isupper()
    assert first.strip().endswith((".", "?")) or ". " in first or "? " in first


def test_help_names_every_verb_and_every_exit_code():
    text = rwe("--help").stdout
    assert all(f"\n  {verb} " in text for verb in VERBS)
    assert all(code in text for code in ("3 partial", "10 study", "11 mapping", "12 site", "13 data"))


def test_version():
    assert rwe("--version").stdout == f"rwe {package.__version__}\n"


def test_unknown_verb_is_a_usage_error():
    assert "No such command" in rwe("fly", expect=2).stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['rwe', '--help']\n"
        "from rwe.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print({'duckdb', 'scipy', 'polars', 'fhir', 'pydantic', 'requests', 'jinja2'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


def test_a_pull_does_not_wait_for_what_fits_and_compares():
    assert loaded("pull", "show") == "{'zstandard'}"


@pytest.mark.parametrize("step", ["check", "cohort", "codes", "lock", "map", "report", "verify", "why"])
def test_no_step_waits_for_scipy_before_it_computes(step):
    assert "scipy" not in loaded(step)


def test_a_new_study_folder_waits_for_no_data():
    assert loaded("init", "sql") == "set()"


def loaded(*steps):
    """What of the heavy packages is read by importing them."""
    named = ", ".join(f"rwe.steps.{step}" for step in steps)
    heavy = {"scipy", "jinja2", "pint", "fhir", "zstandard"}
    code = f"import sys, {named}; print({heavy} & {{*sys.modules}})"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


# init


def test_blank_study_is_sound(tmp_path):
    done = rwe("init", tmp_path / "new" / "study")
    assert done.stdout == ""
    assert "rwe check --dir" in done.stderr
    assert not (tmp_path / "new" / "study" / "fhir").exists()
    assert "sound" in rwe("check", "--dir", tmp_path / "new" / "study").stdout


def test_example_is_the_demo_with_its_data(study):
    have = {name: digest for name, digest in folders.digests(study).items() if not name.startswith("data")}
    assert have.items() <= folders.digests(folders.FIXTURES / "msc").items()
    assert "fhir/south/Patient.ndjson.gz" in have


def test_init_refuses_a_folder_that_holds_something(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "is not empty" in rwe("init", tmp_path, expect=2).stderr


def test_init_and_demo_refuse_a_file_for_a_folder(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for verb in ("init", "demo"):
        assert "is no folder" in rwe(verb, tmp_path / "mine.txt", expect=2).stderr


def test_example_is_one_that_exists(tmp_path):
    assert "'msc'" in rwe("init", tmp_path / "new", "--example", "unheard-of", expect=2).stderr


# check


def test_demo_study_is_sound(study):
    text = rwe("check", "--dir", study).stdout
    assert "uc-msc-covid19: sound" in text
    assert "north, centre, south" in text


@pytest.mark.parametrize(
    ("name", "said"), [("albuterol", "albuterol-null: sound"), ("enoxaparin", "enoxaparin-indication: sound")]
)
def test_another_study_is_sound_without_its_data(name, said):
    assert said in rwe("check", "--dir", folders.FIXTURES / name).stdout


def test_check_writes_nothing(tmp_path):
    study = folders.copy("albuterol", tmp_path / "study")
    before = folders.digests(study)
    rwe("check", "--dir", study)
    assert folders.digests(study) == before


def test_check_names_the_rule_that_leaves_everybody_out(tmp_path):
    study = folders.copy("msc", tmp_path / "study")
    folders.edit(
        study / "study.toml",
        'in = ["condition"]\ncodes = "malignancy"',
        'in = ["condition"]\ncodes = "covid19"',
    )
    stderr = rwe("check", "--dir", study, expect=10).stderr
    assert "active malignancy in the year before time zero" in stderr
    assert "an exclusion share a code with the population" in stderr


# steps


def test_run_in_json_is_results_json(study):
    done = rwe("run", "--dir", study, "--json")
    assert done.stdout.encode() == (study / "results" / "results.json").read_bytes()


def test_steps_one_by_one_in_json(study):
    """The label stands first, and each step says what it did."""
    pulled = json_of("pull", study)
    assert [s["site"] for s in pulled["sites"]] == ["north", "centre", "south"]
    assert not any(s["new"] for s in pulled["sites"])
    mapped = json_of("map", study)
    assert all(c["asked"] == c["mapped"] + c["superseded"] + c["set_aside"] for c in mapped["resources"])
    assert json_of("cohort", study)["attrition"][0]["step"] == "population"
    assert json_of("compare", study) == folders.results(study)


def test_report_prints_the_files_it_wrote(study):
    done = rwe("report", "--dir", study)
    assert done.stderr == ""
    label, *written = done.stdout.splitlines()
    assert label.startswith(LABEL)
    assert written[0].endswith("results/report.html")
    assert all((study / name).is_file() for name in written)


def test_pull_of_one_site_leaves_the_others(tmp_path):
    study = folders.copy("msc", tmp_path / "study")
    assert [s["site"] for s in json_of("pull", study, "--site", "south")["sites"]] == ["south"]
    assert [p.name for p in (study / "data" / "raw").iterdir()] == ["south"]


def test_pull_of_a_site_that_is_not_there(study):
    stderr = rwe("pull", "--dir", study, "--site", "west", expect=2).stderr
    assert "no site is called west" in stderr
    assert "north, centre, south" in stderr


@pytest.mark.parametrize("verb", ["map", "cohort", "compare", "report"])
def test_step_before_its_input_says_which_step_comes_first(tmp_path, verb):
    before = {"map": "pull", "cohort": "map", "compare": "map", "report": "compare"}[verb]
    study = folders.copy("albuterol", tmp_path / "study")
    assert f"run `rwe {before}` first" in rwe(verb, "--dir", study, expect=2).stderr


def test_reader_who_leaves_early_changes_nothing():
    """`rwe sql … | true`: no traceback, no failure."""
    command = f"set -o pipefail; {sys.executable} -m rwe sql r4/observation | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_table_survives_a_terminal_without_unicode(study):
    done = rwe("compare", "--dir", study, environment={"PYTHONIOENCODING": "ascii"})
    assert "FEV1 (L)" in done.stdout


# sql


def test_sql_lists_names_and_prints_each():
    names = rwe("sql").stdout.split()
    assert {"r4/observation", "r5/patient", "cohort/10_person", "endpoint/quantity"} <= {*names}
    assert (
        "FROM lines" in rwe("sql", "r4/observation").stdout or "lines" in rwe("sql", "r4/observation").stdout
    )
    shown = rwe("sql", "cohort/10_person").stdout.rstrip()
    assert shown == (folders.ROOT / "sql" / "cohort" / "10_person.sql").read_text().rstrip()


def test_sql_lists_every_mapping_and_file():
    have = {f"{p.parent.name}/{p.stem}" for p in (folders.ROOT / "mappings").rglob("*.json")}
    have |= {f"{p.parent.name}/{p.stem}" for p in (folders.ROOT / "sql").rglob("*.sql")}
    assert {*rwe("sql").stdout.split()} == have


@pytest.mark.parametrize("name", ["nonsense", "r4/nonsense", "r9/patient", "../study", "cohort/"])
def test_sql_of_an_unknown_name(name):
    assert "lists the names" in rwe("sql", name, expect=2).stderr


# view


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """The same patients as every form of file that is read."""
    folder = tmp_path_factory.mktemp("exports")
    patients = folders.resources(PATIENTS)
    ndjson = "".join(json.dumps(p) + "\n" for p in patients).encode()
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": p} for p in patients]}
    forms = {
        "patients.ndjson": ndjson,
        "patients.ndjson.gz": gzip.compress(ndjson),
        "patients.ndjson.zst": zstandard.compress(ndjson),
        "bundle.json": json.dumps(bundle, indent=1).encode(),
        "bundle.json.gz": gzip.compress(json.dumps(bundle).encode()),
    }
    for name, content in forms.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def viewed():
    return rwe("view", VIEW, PATIENTS).stdout


@pytest.mark.parametrize("name", ["patients.ndjson", "patients.ndjson.zst", "bundle.json", "bundle.json.gz"])
def test_every_form_of_file_gives_the_same_rows(exports, viewed, name):
    assert len(viewed.splitlines()) == len(folders.resources(PATIENTS))
    assert rwe("view", VIEW, exports / name).stdout == viewed


@pytest.mark.parametrize(
    "name", ["patients.ndjson", "patients.ndjson.gz", "patients.ndjson.zst", "bundle.json"]
)
def test_standard_input_gives_the_same_rows(exports, viewed, name):
    assert rwe("view", VIEW, "-", stdin=(exports / name).read_bytes()).stdout == viewed


def test_rows_as_csv_and_parquet(tmp_path, viewed):
    want = pl.read_ndjson(io.StringIO(viewed), infer_schema_length=None)
    text = rwe("view", VIEW, PATIENTS, "--format", "csv").stdout
    assert pl.read_csv(io.StringIO(text))["patient_id"].to_list() == want["patient_id"].to_list()
    for name, read in (("p.csv", pl.read_csv), ("p.parquet", pl.read_parquet), ("p.ndjson", pl.read_ndjson)):
        assert rwe("view", VIEW, PATIENTS, "-o", tmp_path / name).stdout == ""
        assert read(tmp_path / name)["patient_id"].to_list() == want["patient_id"].to_list()
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_format_goes_before_the_suffix(tmp_path, viewed):
    rwe("view", VIEW, PATIENTS, "--format", "ndjson", "-o", tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text() == viewed


def test_other_types_are_passed_over(viewed):
    others = PATIENTS.parent / "Encounter.ndjson.gz"
    assert rwe("view", VIEW, others, PATIENTS).stdout == viewed
    assert rwe("view", VIEW, others).stdout == ""


def test_file_of_another_kind_is_named_and_the_rest_is_done(tmp_path, viewed):
    (tmp_path / "letter.docx").write_bytes(b"PK")
    done = rwe("view", VIEW, tmp_path / "letter.docx", PATIENTS, expect=3)
    assert "letter.docx: is neither .ndjson nor .json" in done.stderr
    assert done.stdout == viewed


def test_broken_resource_is_named_and_the_rest_is_done(tmp_path, viewed):
    (tmp_path / "p.ndjson").write_bytes(
        b'{"resourceType": "Patient", "id": \n' + gzip.decompress(PATIENTS.read_bytes())
    )
    done = rwe("view", VIEW, tmp_path / "p.ndjson", expect=3)
    assert "p.ndjson:1: it is not valid JSON" in done.stderr
    assert done.stdout == viewed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"resource": "Patient"}',
        '{"resource": "Patient", "select": [{"column": [{"path": "name("}]}]}',
    ],
)
def test_broken_view_definition_is_a_mapping_error(tmp_path, text):
    (tmp_path / "view.json").write_text(text)
    assert "rwe: " in rwe("view", tmp_path / "view.json", PATIENTS, expect=11).stderr


def test_file_that_is_not_there_is_a_usage_error(tmp_path):
    assert "nowhere.ndjson" in rwe("view", VIEW, tmp_path / "nowhere.ndjson", expect=2).stderr
    assert "nowhere.json" in rwe("view", tmp_path / "nowhere.json", PATIENTS, expect=2).stderr
    assert "is a folder" in rwe("view", VIEW, tmp_path, expect=2).stderr


def test_output_that_cannot_be_written_is_a_usage_error(tmp_path):
    out = tmp_path / "nowhere" / "rows.csv"
    assert "cannot be written" in rwe("view", VIEW, PATIENTS, "-o", out, expect=2).stderr


def test_a_new_study_carries_no_label_and_no_deviation_of_the_example(tmp_path):
    rwe("init", tmp_path / "new")
    header = tomllib.loads((tmp_path / "new" / "study.toml").read_text())["study"]
    assert (header["id"], header["deviations"], "label" in header) == ("my-study", [], False)
