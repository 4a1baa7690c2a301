"""Bad input: the exit code says who is at fault, the message names file and key and what would be right."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import pytest

from tests.cli import folders
from tests.run import rwe

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-01-01"}


@pytest.fixture
def study(tmp_path):
    """The albuterol study with a folder of one patient for a site."""
    folder = folders.copy("albuterol", tmp_path / "study")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "Patient.ndjson").write_text(json.dumps(PATIENT) + "\n")
    return folders.sites(folder, only=tmp_path / "site")


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """The demo study as far as `map`."""
    folder = folders.copy("msc", tmp_path_factory.mktemp("landed") / "study")
    rwe("pull", "--dir", folder)
    rwe("map", "--dir", folder)
    return folder


@pytest.fixture
def again(landed, tmp_path):
    """A copy of it to spoil."""
    shutil.copytree(landed, tmp_path / "study")
    return tmp_path / "study"


# study.toml

UNSOUND = {
    "unknown key": (
        'title = "Alb',
        'tittle = "x"\ntitle = "Alb',
        "study.tittle: unknown key",
        "did you mean title?",
    ),
    "unknown table": ("[baseline]", "[baselines]", "baselines: unknown key", "did you mean baseline?"),
    "unknown key of a visit": (
        "target = 3\n",
        "target = 3\ntargets = 4\n",
        "visit[1].targets: unknown key",
        "target",
    ),
    "wrong type": ("target = 3\n", 'target = "three"\n', "visit[1].target", "valid number"),
    "true for a number": ("digits = 3", "digits = true", "endpoint[1].digits", "valid integer"),
    "needed key": ('kind = "quantity"\ncodes = "d-dimer"', 'codes = "d-dimer"', "endpoint[1].kind", "needed"),
    "not a choice": (
        'time_zero = "anchor"',
        'time_zero = "soon"',
        "control.time_zero",
        "'anchor', 'enrolment' or 'risk-set'",
    ),
    "missing code list": ('codes = "crp"', 'codes = "crq"', "codes/crq.csv", "system,code,display"),
    "list outside of codes/": ('codes = "crp"', 'codes = "../study"', "endpoint[3].codes", "pattern"),
    "windows overlap": ("from = 5\n", "from = 4\n", "d3 ends at day 5", "d7 begins at 4"),
    "target outside": ("target = 3\n", "target = 5\n", "visit d3", "target must lie in [from, to)"),
    "window backwards": ("from = -1\nto = 0", "from = 0\nto = -1", "baseline", "must not be after"),
    "baseline after time zero": ("from = -1\nto = 0", "from = -1\nto = 1", "baseline", "beyond day 0"),
    "kind without SQL": (
        'kind = "quantity"\ncodes = "crp"',
        'kind = "guess"\ncodes = "crp"',
        "crp",
        "kinds: quantity",
    ),
    "no such test": ('test = "mann_whitney_asymptotic"', 'test = "coin"', "analysis main", "mann_whitney"),
    "age that nobody has": (
        "[baseline]",
        "[eligibility]\nmin_age = 150\n\n[baseline]",
        "eligibility.min_age",
        "130",
    ),
    "ages crossed": (
        "[baseline]",
        "[eligibility]\nmin_age = 60\nmax_age = 50\n[baseline]",
        "`min_age`",
        "`max_age`",
    ),
    "endpoint twice": ('id = "crp"', 'id = "ferritin"', "[[endpoint]] ferritin", "stands twice"),
    "odd endpoint id": ('id = "crp"', 'id = "crp\'); DROP TABLE cohort; --"', "endpoint[3].id", "pattern"),
    "endpoint that is a path": ('id = "crp"', 'id = "../../crp"', "endpoint[3].id", "pattern"),
    "infinite day": ("to = 18", "to = inf", "visit[3].to", "number"),
    "not a number": ("plausible = [0, 1000]", "plausible = [0, nan]", "endpoint[3].plausible", "number"),
    "plausible backwards": (
        "plausible = [0, 1000]",
        "plausible = [1000, 0]",
        "endpoint[3]",
        "[lowest, highest]",
    ),
    "no TOML": ("[baseline]", "[baseline", "not valid TOML", "line"),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_unsound_study_file_names_file_key_and_what_is_right(study, case):
    old, new, place, right = UNSOUND[case]
    path = study / "study.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    stderr = rwe("check" if case == "no such test" else "pull", "--dir", study, expect=10).stderr
    assert place in stderr
    assert right in stderr
    assert ".csv" in stderr or "study.toml" in stderr


@pytest.mark.parametrize("verb", ["pull", "map", "cohort", "compare", "run"])
def test_unsound_study_file_stops_every_step_before_it_writes(study, verb):
    folders.edit(study / "study.toml", "digits = 3", "digits = -3")
    before = folders.digests(study)
    assert "endpoint[1].digits" in rwe(verb, "--dir", study, expect=10).stderr
    (log,) = folders.digests(study).items() - before.items()
    assert log[0] == "data/audit.ndjson"


BAD_LISTS = {
    "no header": (b"http://loinc.org,1988-5,CRP\n", "the header must be system,code,display"),
    "empty": (b"", "the header must be system,code,display"),
    "no code": (b"system,code,display\n", "would match nobody"),
    "a column short": (b"system,code,display\nhttp://loinc.org,1988-5\n", ":2: 2 columns"),
    "no system": (b"system,code,display\n,1988-5,CRP\n", ":2: system and code must both be given"),
    "not UTF-8": (b"system,code,display\nhttp://loinc.org,1988-5,\xe4\n", "UTF-8"),
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_unsound_code_list_names_file_and_line(study, case):
    content, words = BAD_LISTS[case]
    (study / "codes" / "crp.csv").write_bytes(content)
    stderr = rwe("cohort", "--dir", study, expect=10).stderr
    assert "codes/crp.csv" in stderr
    assert words in stderr


def test_folder_without_a_study(tmp_path):
    for verb in ("check", "map", "run"):
        stderr = rwe(verb, "--dir", tmp_path, expect=10).stderr
        assert "study.toml: there is no such file" in stderr
        assert "rwe init" in stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["check", "pull", "map", "cohort", "compare", "report", "run"])
def test_folder_that_does_not_exist(tmp_path, verb):
    assert "does not exist" in rwe(verb, "--dir", tmp_path / "nowhere", expect=2).stderr


def test_report_where_nothing_was_made_makes_no_folder(tmp_path):
    assert "rwe compare" in rwe("report", "--dir", tmp_path, expect=2).stderr
    assert not list(tmp_path.iterdir())


# sites.toml

BAD_SITES = {
    "no file": (None, "sites.toml: there is no such file"),
    "no site": ("", "no site in it"),
    "no TOML": ("[a", "not valid TOML"),
    "key outside": ('files = "x"\n', "stands outside of a site"),
    "unknown key": ('[a]\nfile = "x"\nfhir_version = "4.0.1"\n', "[a]: file: unknown key"),
    "no version": ('[a]\nfiles = "x"\n', "fhir_version: this key is needed"),
    "unknown version": ('[a]\nfiles = "x"\nfhir_version = "3.0.2"\n', "4.0.1"),
    "url and files": (
        '[a]\nurl = "https://a.example"\nfiles = "x"\nfhir_version = "4.0.1"\n',
        "either `url` or `files`",
    ),
    "neither": ('[a]\nfhir_version = "4.0.1"\n', "either `url` or `files`"),
    "clear text": ('[a]\nurl = "http://a.example/fhir"\nfhir_version = "4.0.1"\n', "clear"),
    "name is a path": ('["../a"]\nfiles = "x"\nfhir_version = "4.0.1"\n', "pattern"),
    "secret in the file": (
        '[a]\nurl = "https://a.example"\nfhir_version = "4.0.1"\nauth = {token = "hunter2"}\n',
        "auth.token",
    ),
}


@pytest.mark.parametrize("case", BAD_SITES)
def test_unsound_sites_file_names_site_and_key(study, case):
    content, words = BAD_SITES[case]
    (study / "sites.toml").unlink()
    if content is not None:
        (study / "sites.toml").write_text(content)
    stderr = rwe("pull", "--dir", study, expect=12).stderr
    assert words in stderr
    assert "sites.toml" in stderr
    assert "hunter2" not in stderr


# what a site holds


def test_folder_of_a_site_that_does_not_exist(study, tmp_path):
    folders.sites(study, only=tmp_path / "nowhere")
    stderr = rwe("run", "--dir", study, expect=12).stderr
    assert "only: " in stderr
    assert "nowhere is not a folder" in stderr


def test_folder_of_a_site_without_a_fhir_file(study, tmp_path):
    """It would read as a hospital without patients."""
    for name in ("empty", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "letter.docx").write_bytes(b"PK")
    for name in ("empty", "other"):
        folders.sites(study, only=tmp_path / name)
        assert f"{name} holds no FHIR file" in rwe("pull", "--dir", study, expect=12).stderr


def test_empty_fhir_file_is_a_site_without_resources(study, tmp_path):
    (tmp_path / "site" / "Patient.ndjson").write_bytes(b"")
    rwe("pull", "--dir", study)
    rwe("map", "--dir", study)


def test_site_that_is_gone_leaves_the_others_and_its_own_last_data(study, tmp_path):
    shutil.copytree(tmp_path / "site", tmp_path / "second")
    folders.sites(study, first=tmp_path / "site", second=tmp_path / "second", third=tmp_path / "never")
    assert "partial: third: " in rwe("pull", "--dir", study, expect=3).stderr
    shutil.rmtree(tmp_path / "second")
    done = rwe("run", "--dir", study, expect=3)
    assert "partial: second: " in done.stderr
    assert "partial: third: " in done.stderr
    assert [s["id"] for s in folders.results(study)["sites"]] == ["first", "second"]


def test_all_sites_gone(study, tmp_path):
    folders.sites(study, first=tmp_path / "a", second=tmp_path / "b")
    assert "is not a folder" in rwe("run", "--dir", study, expect=12).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user, who may not read all, needs root")
def test_file_that_may_not_be_read(study):
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(study.parent, name, dirs_exist_ok=True)
        open_to_all = Path(name)
        folders.sites(open_to_all / "study", only=open_to_all / "site")
        for path in (open_to_all, *open_to_all.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o644)
        (open_to_all / "site" / "Patient.ndjson").chmod(0)
        code = (  # once as root, for what Python imports late may stand where another user cannot read
            "import os, sys\n"
            "from rwe.__main__ import main\n"
            "for folder in sys.argv[1:]:\n"
            "    sys.argv = ['rwe', 'pull', '--dir', folder]\n"
            "    try: main()\n"
            "    except SystemExit as e: code = e.code\n"
            "    if os.geteuid() == 0: os.setuid(65534)\n"
            "sys.exit(code)"
        )
        words = [sys.executable, "-c", code, study, open_to_all / "study"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 12, done.stderr
    assert "only: " in done.stderr
    assert "Patient.ndjson cannot be read" in done.stderr


def test_server_that_refuses(study):
    (study / "sites.toml").write_text(
        '[only]\nurl = "http://127.0.0.1:9"\nfhir_version = "4.0.1"\nlimits = {attempts = 1}\n'
    )
    stderr = rwe("pull", "--dir", study, expect=12).stderr
    assert "only" in stderr
    assert "bug" not in stderr


# the store


def test_compare_before_cohort_says_so(landed):
    assert "run `rwe cohort` first" in rwe("compare", "--dir", landed, expect=2).stderr


def test_store_that_is_no_database(again):
    (again / "data" / "store.duckdb").write_bytes(b"nothing of DuckDB\n" * 1000)
    for verb in ("cohort", "compare"):
        stderr = rwe(verb, "--dir", again, expect=13).stderr
        assert "store.duckdb" in stderr
        assert "rwe map" in stderr
    assert "built anew from the landed data" in rwe("map", "--dir", again).stdout


def test_store_with_overwritten_blocks(again):
    path = again / "data" / "store.duckdb"
    body = bytearray(path.read_bytes())
    body[12288 + 100 :] = b"\xa5" * (len(body) - 12288 - 100)
    path.write_bytes(body)
    assert "store.duckdb" in rwe("cohort", "--dir", again, expect=13).stderr


def test_store_cut_short(again):
    path = again / "data" / "store.duckdb"
    path.write_bytes(path.read_bytes()[:300_000])
    assert "store.duckdb" in rwe("cohort", "--dir", again, expect=13).stderr


def test_store_in_use_by_another(again):
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    words = [sys.executable, "-c", hold, again / "data" / "store.duckdb"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"1\n"
        assert "another rwe may be running" in rwe("map", "--dir", again, expect=13).stderr
        other.communicate(b"\n")
    rwe("cohort", "--dir", again)


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize("name", ["Observation.001.ndjson.zst", "Patient.001.index.parquet", "manifest.json"])
def test_damaged_landing_is_a_data_error(again, name, part):
    """DuckDB takes a shard that is cut for one that ends there."""
    path = again / "data" / "raw" / "north" / "000001" / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    stderr = rwe("map", "--dir", again, expect=13).stderr
    assert f"north/000001/{name}: " in stderr
    assert "pull north again" in stderr


def test_a_folder_with_the_signs_of_a_pattern_is_refused(tmp_path):
    assert "rename it" in rwe("demo", tmp_path / "what?", expect=2).stderr


def test_landed_shard_that_is_gone_is_a_data_error(again):
    (again / "data" / "raw" / "north" / "000001" / "Observation.001.ndjson.zst").unlink()
    assert "pull north again" in rwe("map", "--dir", again, expect=13).stderr


@pytest.mark.parametrize("verb", ["pull", "map"])
def test_two_at_once_in_one_folder(again, verb):
    with (again / "data" / ".lock").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "another rwe works here" in rwe(verb, "--dir", again, expect=13).stderr
    rwe(verb, "--dir", again)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_named_and_no_bug(again):
    words = [sys.executable, "-m", "rwe", "cohort", "--dir", again]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "No space left" in done.stderr, "bug" in done.stderr) == (13, True, False)


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&-"])
def test_a_closed_stream_costs_nothing(again, closed):
    rwe("cohort", "--dir", again)
    command = f'exec "$0" -m rwe compare --dir "$1" {closed}'
    done = subprocess.run(["bash", "-c", command, sys.executable, again], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    rwe("report", "--dir", again)


def test_ctrl_c_ends_with_130_and_leaves_what_was_whole(again):
    before = folders.tables(again)
    words = ["timeout", "--preserve-status", "-s", "INT", "0.9", sys.executable, "-m", "rwe"]
    done = subprocess.run(
        [*words, "run", "--dir", again],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert folders.tables(again) == before


INTERRUPTED = """
import sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "rwe.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
"""
BUILDING = """
import typer.main
def interrupted(*_):
    raise KeyboardInterrupt
typer.main.get_command = interrupted
"""


@pytest.mark.parametrize("where", [INTERRUPTED, BUILDING])
def test_ctrl_c_while_it_still_starts_ends_with_130_too(tmp_path, where):
    (tmp_path / "sitecustomize.py").write_text(where)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    done = rwe("--version", environment={"PYTHONPATH": path}, expect=130)
    assert (done.stdout, done.stderr) == ("", "")


def test_damaged_results_are_a_data_error(tmp_path):
    (tmp_path / "results").mkdir()
    for text in ("", "{}", "[1, 2"):
        (tmp_path / "results" / "results.json").write_text(text)
        assert "results.json" in rwe("report", "--dir", tmp_path, expect=13).stderr


# results that are no error


def test_empty_arm_is_a_result(again):
    (again / "codes" / "uc-msc.csv").write_text("system,code,display\nurn:none,none,nobody has it\n")
    rwe("cohort", "--dir", again)
    done = rwe("compare", "--dir", again)
    rwe("report", "--dir", again)
    rows = folders.results(again)["comparisons"]
    assert {(c["status"], c["reason"]) for c in rows} == {("not_estimable", "empty_arm")}
    assert {c["test"]["p"] for c in rows} == {None}
    assert "not estimable: an arm has no value" in done.stdout


def test_population_that_nobody_is_in_is_a_result(again):
    (again / "codes" / "covid19.csv").write_text("system,code,display\nurn:none,none,nobody has it\n")
    rwe("cohort", "--dir", again)
    rwe("compare", "--dir", again)
    rwe("report", "--dir", again)
    found = folders.results(again)
    assert {c["reason"] for c in found["comparisons"]} == {"empty_arm"}
    assert {a["n_out"] for a in found["attrition"]} == {0}


# a study file of an enemy

ESCAPE = "\x1b[31m\x1b]0;owned\x07"
MARKUP = "<script>alert(1)</script>\"'>&lt;"
HOSTILE = MARKUP + ESCAPE + "\u202e" + "'); DROP TABLE cohort; --"


def toml_text(text):
    return json.dumps(text)


def test_hostile_study_breaks_neither_sql_nor_html_nor_terminal(again):
    """Labels, units, titles and codes with quotes, markup, SQL and escape sequences."""
    path = again / "study.toml"
    text = re.sub(
        r'^(title|label) = ".*"$', lambda m: f"{m[1]} = {toml_text(HOSTILE)}", path.read_text(), flags=re.M
    )
    path.write_text(text.replace('unit = "pg/mL"', f"unit = {toml_text(HOSTILE)}"))
    for name in ("il-6", "malignancy"):
        with (again / "codes" / f"{name}.csv").open("a") as file:
            file.write('"urn:\'); DROP TABLE cohort; --","x\'""); DROP TABLE step; --","<b>"\n')
    outputs = [rwe("check", "--dir", again)]
    outputs += [rwe(verb, "--dir", again) for verb in ("cohort", "compare", "report")]
    for done in outputs:
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout
    html = (again / "results" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "\x1b" not in html
    found = folders.results(again)
    assert found["label"] == HOSTILE
    assert folders.comparison(found, "FEV1", stratum="moderate", visit="d28")["treated"]["n"] == 13
    for figure in (again / "results" / "figures").glob("*.svg"):
        assert "<script" not in figure.read_text(encoding="utf-8")


def test_hostile_keys_and_names_do_not_reach_the_terminal(study):
    with (study / "study.toml").open("a") as file:
        file.write(f"\n[{toml_text(ESCAPE)}]\nx = 1\n")
    stderr = rwe("check", "--dir", study, expect=10).stderr
    assert "unknown key" in stderr
    assert "\x1b" not in stderr


def test_hostile_file_names_do_not_reach_the_terminal(study, tmp_path):
    (tmp_path / "site" / f"{ESCAPE}.ndjson").write_text("{\n")
    (tmp_path / "site" / f"{ESCAPE}.txt").write_text("x")
    for verb in ("pull", "map"):
        done = rwe(verb, "--dir", study, expect=3)
        assert "\x1b" not in done.stdout + done.stderr


def test_nothing_is_read_or_written_outside_by_sql(again):
    """The store that a study filled opens nothing by itself."""
    with duckdb.connect(again / "data" / "store.duckdb", read_only=True) as db:
        found = db.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall()
    assert all(re.fullmatch(r"CREATE VIEW last_load AS SELECT '[^']*' AS line;", sql) for (sql,) in found)
