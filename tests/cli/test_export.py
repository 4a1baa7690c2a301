"""`rwe export`: all rows of the cohort, no sign of who they are, and what R makes of them.

The demo's study, with texts in its adverse events that name a patient or would run in a spreadsheet.
"""

import json
import re
import shutil
import stat
import subprocess
from collections import Counter

import polars as pl
import pytest

from rwe import store as stores
from rwe.errors import DataError, UsageError
from rwe.steps import cohort
from rwe.steps.export import export
from tests.cli import folders
from tests.run import rwe

TABLES = ("patients", "values", "adverse_events", "infusions")
TYPES = {pl.String: "text", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "boolean"}
HOSTILE = ("=cmd()", "<script>alert(1)</script>", "Kanarienvogel fell at home", "@SUM(A1)")
WITH_ID = "as told by {id} of room 4"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Run to results.  Each adverse event has a hostile text, and some a code that is one too."""
    folder = folders.copy("msc", tmp_path_factory.mktemp("export") / "study")
    for n, path in enumerate(sorted(folder.glob("fhir/*/AdverseEvent.ndjson.gz"))):
        events = folders.resources(path)
        for event, text in zip(events, HOSTILE * len(events), strict=False):
            what = event["code" if "code" in event else "event"]
            what["text"] = text
            what["coding"][0]["display"] = WITH_ID.format(id=event["subject"]["reference"].split("/")[1])
            if text != HOSTILE[n]:
                what["coding"][0]["code"] = text
        folders.write_resources(path, events)
    rwe("run", "--dir", folder)
    return folder


@pytest.fixture(scope="module")
def done(study):
    return rwe("export", "--dir", study)


@pytest.fixture(scope="module")
def at(study, done):
    return study / "data" / "export"


@pytest.fixture
def own(study, done, tmp_path):
    """A copy of the study, to be spoiled."""
    shutil.copytree(study, tmp_path / "own")
    return tmp_path / "own"


def table(at, name):
    return pl.read_parquet(at / "tables" / f"{name}.parquet")


def texts(at):
    """All that an export says: its texts as they are, its Parquet files as CSV."""
    for path in at.rglob("*"):
        if path.suffix == ".parquet":
            yield path, pl.read_parquet(path).write_csv()
        elif path.is_file():
            yield path, path.read_text(encoding="utf-8")


def test_it_says_what_it_wrote_of_whom_and_what_remains(done, at):
    assert done.stdout.startswith("synthetic")
    assert re.findall(r"^(\w+) +(\d+)$", done.stdout, re.M) == [
        (name, str(table(at, name).height)) for name in TABLES
    ]
    assert "52 treated and 58 control; 110 persons" in done.stdout
    assert "still data on single persons" in done.stdout
    assert done.stderr == ""


def test_it_is_for_its_owner_alone(at, study):
    for path in (*at.rglob("*"), at, study / "data" / "pseudonym.key"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_patients_are_those_with_whom_the_attrition_ends(at, study):
    found = folders.results(study)
    counts = Counter(table(at, "patients").select("arm", "stratum").iter_rows())
    assert counts == {
        (arm, stratum): folders.remaining(found, arm=arm, stratum=stratum)
        for arm in ("treated", "control")
        for stratum in ("moderate", "severe")
    }


def test_values_and_reasons_are_those_of_the_comparisons(at, study):
    values = table(at, "values")
    for c in folders.results(study)["comparisons"]:
        cell = values.filter(endpoint=c["endpoint"], stratum=c["stratum"], visit=c["visit"])
        for arm in ("treated", "control"):
            of = cell.filter(arm=arm)
            assert of["value"].count() == c[arm]["n"]
            assert Counter(of["missing"].drop_nulls()) == c[arm]["missing"]
            assert of["value"].median() == pytest.approx(c[arm]["median"], rel=1e-12)


def test_events_are_those_of_the_report(at, study):
    events = table(at, "adverse_events")
    rows = [
        e for e in folders.results(study)["adverse_events"] if (e["theme"], e["stratum"]) == ("total", "all")
    ]
    for arm in ("treated", "control"):
        first = [r[arm] for r in rows if r["term"] == "any adverse event"]
        of = events.filter(arm=arm)
        assert of.height == sum(r["events"] for r in first) > 0
        assert of["patient"].n_unique() == sum(r["patients"] for r in first)


def test_infusions_that_count_are_those_of_the_patients(at):
    given = Counter(table(at, "infusions").filter(verdict="counts")["patient"])
    patients = table(at, "patients").filter(arm="treated")
    assert given == dict(patients.select("patient", "n_infusions").iter_rows())


def test_every_row_of_every_table_is_of_a_patient_of_the_cohort(at):
    patients = table(at, "patients")
    assert patients["patient"].n_unique() == patients.height == 110
    for name in TABLES[1:]:
        assert (
            table(at, name).join(patients, on=["patient", "site", "arm", "stratum"], how="anti").height == 0
        )


def test_csv_parquet_and_codebook_have_the_same_variables(at):
    book = json.loads((at / "codebook.json").read_text())
    named = [(r["table"], r["variable"], r["type"]) for r in folders.csv_rows(at / "codebook.csv")]
    for name in TABLES:
        frame, said = table(at, name), book["tables"][name]
        rows = folders.csv_rows(at / "tables" / f"{name}.csv")
        assert said["rows"] == frame.height == len(rows)
        assert [v["variable"] for v in said["variables"]] == frame.columns == [*rows[0]]
        types = [(name, column, TYPES[type(kind)]) for column, kind in frame.schema.items()]
        assert [n for n in named if n[0] == name] == types
        assert [v["type"] for v in said["variables"]] == [kind for _, _, kind in types]
        assert all(f"| `{column}` |" in (at / "codebook.md").read_text() for column in frame.columns)


def test_no_id_is_anywhere(at, study):
    ids = {i for (i,) in folders.rows(study, "SELECT DISTINCT id FROM resource") if len(i) > 4}
    assert len(ids) > 2000
    for path, text in texts(at):
        assert not ids & set(re.findall(r"[A-Za-z0-9.-]+", text)), path


def test_no_date_or_time_is_anywhere(at):
    for path, text in texts(at):
        assert re.findall(r"\b(?:19|20)\d\d-\d\d|\d\d:\d\d", text) == [], path


def test_no_text_of_a_record_is_anywhere(at, study):
    """The report has the terms; the export has codes."""
    assert "Kanarienvogel" in (study / "data" / "store.duckdb").read_bytes().decode("latin-1")
    for path, text in texts(at):
        assert [h for h in (*HOSTILE, "room 4", "Kanarienvogel", "cmd", "script>") if h in text] == [], path


def test_an_event_whose_code_is_a_text_keeps_its_row(at):
    codes = table(at, "adverse_events")["code"]
    assert 0 < codes.null_count() < codes.len()
    assert all(re.fullmatch("[0-9]+", code) for code in codes.drop_nulls())


def test_rows_do_not_stand_in_the_order_of_ids(at, study):
    """Else the first pseudonym would be the first id."""
    by_id = folders.rows(study, "SELECT arm, sex FROM cohort ORDER BY patient_id")
    assert table(at, "patients").select("arm", "sex").rows() != by_id


def test_the_same_again_changes_no_byte(own):
    before = folders.digests(own / "data" / "export")
    export(own, None, age_bands=False, with_evidence=True)
    assert folders.digests(own / "data" / "export") == before


def test_with_another_key_every_pseudonym_is_another(own):
    before = set(table(own / "data" / "export", "patients")["patient"])
    (own / "data" / "pseudonym.key").unlink()
    export(own, None, age_bands=False, with_evidence=False)
    assert not before & set(table(own / "data" / "export", "patients")["patient"])


def test_a_key_that_others_may_read_or_that_is_none_is_refused(own):
    key = own / "data" / "pseudonym.key"
    key.chmod(0o640)
    with pytest.raises(DataError, match="others may read it"):
        export(own, None, age_bands=False, with_evidence=False)
    key.chmod(0o600)
    key.write_text("00")
    with pytest.raises(DataError, match="is no key"):
        export(own, None, age_bands=False, with_evidence=False)


def test_age_may_be_given_in_tens_of_years(own, tmp_path):
    export(own, tmp_path / "out", age_bands=True, with_evidence=False)
    patients = table(tmp_path / "out", "patients")
    assert "age" not in patients.columns
    exact = table(own / "data" / "export", "patients")
    joined = patients.join(exact.select("patient", "age"), on="patient")
    assert all(
        int(band.split(" ")[0]) == age // 10 * 10 for band, age in joined.select("age_band", "age").rows()
    )


def test_without_evidence_an_older_one_goes(own):
    at = own / "data" / "export"
    (at / "notes.txt").write_text("mine")
    export(own, None, age_bands=False, with_evidence=False)
    assert not (at / "evidence.ndjson").exists()
    assert (at / "notes.txt").read_text() == "mine"


def test_a_folder_of_someone_keeps_its_mode(own, tmp_path):
    (tmp_path / "mine").mkdir(mode=0o755)
    export(own, tmp_path / "mine", age_bands=False, with_evidence=False)
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o755


def test_a_folder_that_cannot_be_written_is_named(own, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="out cannot be written: Not a directory"):
        export(own, tmp_path / "file" / "out", age_bands=False, with_evidence=False)


@pytest.mark.parametrize("place", ["results", "results/tables", "data/../results/x"])
def test_rows_of_patients_do_not_come_among_the_results(own, place):
    """Which are sent around."""
    before = folders.digests(own / "results")
    with pytest.raises(UsageError, match="no place for an export"):
        export(own, own / place, age_bands=False, with_evidence=False)
    assert folders.digests(own / "results") == before


def test_there_is_an_evidence_for_each_comparison(at, study):
    found = [json.loads(line) for line in (at / "evidence.ndjson").read_text().splitlines()]
    assert [e["statistic"][0]["attributeEstimate"][0]["quantity"]["value"] for e in found] == [
        c["test"]["p"] for c in folders.results(study)["comparisons"]
    ]


def test_a_cohort_that_is_not_built_is_no_input(own):
    """`rwe map` leaves the store so."""
    with stores.Store.open(own / "data") as store, store.transaction("map"):
        store.run("DELETE FROM made WHERE step = 'cohort'")
    shutil.rmtree(own / "data" / "export")
    with pytest.raises(UsageError, match="newer than the cohort") as refused:
        export(own, None, age_bands=False, with_evidence=False)
    assert refused.value.hint == "run `rwe cohort` first"
    assert not (own / "data" / "export").exists()


def test_a_stale_cohort_is_no_input(own):
    folders.edit(own / "study.toml", "min_age = 18", "min_age = 19")
    before = folders.digests(own / "data" / "export")
    assert "run `rwe cohort` again" in rwe("export", "--dir", own, expect=2).stderr
    assert folders.digests(own / "data" / "export") == before


@pytest.mark.parametrize("place", [("study", "sha256"), ("attrition", -1, "n_out"), ("visits", 0, "dead")])
def test_results_of_another_study_or_cohort_are_no_input(own, place):
    path = own / "results" / "results.json"
    found = at = json.loads(path.read_text())
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = "0" * 64 if place[-1] == "sha256" else at[place[-1]] + 1
    path.write_text(json.dumps(found))
    with pytest.raises(UsageError, match="another study file, SQL or cohort") as refused:
        export(own, None, age_bands=False, with_evidence=True)
    assert refused.value.hint == "run `rwe compare` again, or export --no-evidence"
    assert export(own, None, age_bands=False, with_evidence=False).evidence is None


def test_of_an_empty_cohort_the_tables_have_no_rows(own):
    folders.edit(own / "study.toml", "min_age = 18", "min_age = 130")
    cohort.cohort(own)
    assert set(export(own, None, age_bands=False, with_evidence=False).rows.values()) == {0}
    assert table(own / "data" / "export", "values").schema["value"] == pl.Float64


def test_results_that_are_not_there_are_no_input(own):
    shutil.rmtree(own / "results")
    with pytest.raises(UsageError, match="nothing is compared yet"):
        export(own, None, age_bands=False, with_evidence=True)


def test_an_export_shows_outcomes_and_the_audit_log_says_so(own):
    """Whoever locks the plan after it has seen them."""
    lines = [json.loads(line) for line in (own / "data" / "audit.ndjson").read_text().splitlines()]
    assert [(x["command"], x["what"]) for x in lines[-3:]] == [
        ("export", "begin"),
        ("export", "comparison"),
        ("export", "end"),
    ]
    assert lines[-1]["counts"] == {name: table(own / "data" / "export", name).height for name in TABLES}


READ = """
for (name in c("patients", "values", "adverse_events", "infusions")) {
    file <- file.path("tables", paste0(name, ".csv"))
    found <- read.csv(file, na.strings = "", check.names = FALSE)
    cat("rows", name, nrow(found), "\\n")
    cat("types", name, sapply(found, function(column) class(column)[1]), "\\n")
    assign(name, found)
    if (requireNamespace("readr", quietly = TRUE)) {
        cat("readr", name, nrow(readr::read_csv(file, show_col_types = FALSE)), "\\n")
    }
    if (requireNamespace("arrow", quietly = TRUE)) {
        cat("arrow", name, nrow(arrow::read_parquet(sub("csv$", "parquet", file))), "\\n")
    }
}
results <- read.csv(commandArgs(TRUE)[1], na.strings = "", check.names = FALSE)
for (n in seq_len(nrow(results))) {
    row <- results[n, ]
    cell <- values[values$endpoint == row$endpoint & values$stratum == row$stratum &
        values$visit == row$visit & !is.na(values$value), ]
    treated <- cell$value[cell$arm == "treated"]
    control <- cell$value[cell$arm == "control"]
    p <- wilcox.test(treated, control, exact = FALSE, correct = TRUE)$p.value
    quarters <- quantile(treated, c(0.25, 0.75), type = 7)
    cat("p", sprintf("%.17g", c(p, row$test_p, quarters, row$treated_q1, row$treated_q3)), "\\n")
}
"""


def test_r_reads_the_tables_and_finds_the_same_p_values(at, study):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not there: apt-get install r-base-core")
    comparisons = study / "results" / "tables" / "comparisons.csv"
    found = subprocess.run(
        ["Rscript", "--vanilla", "-e", READ, str(comparisons)],
        cwd=at, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    lines = [line.split() for line in found.stdout.splitlines()]
    rows = {tuple(rest) for kind, *rest in lines if kind in ("rows", "readr", "arrow")}
    assert rows == {(name, str(table(at, name).height)) for name in TABLES}
    in_r = {"text": {"character"}, "integer": {"integer", "logical"}, "boolean": {"logical"}}
    in_r |= {"number": {"numeric", "integer"}}
    for _, name, *types in (line for line in lines if line[0] == "types"):
        frame = table(at, name)
        for column, kind in zip(frame.columns, types, strict=True):
            empty = frame[column].null_count() == frame.height
            known = {"logical"} if empty else in_r[TYPES[type(frame.schema[column])]]
            # A grade is a text of one digit.
            assert kind in known or (column in ("code", "grade") and kind == "integer"), (name, column)
    pairs = [[float(x) for x in line[1:]] for line in lines if line[0] == "p"]
    assert len(pairs) == len(folders.results(study)["comparisons"]) == 70
    for ours, theirs, *quarters in pairs:
        assert ours == pytest.approx(theirs, rel=1e-9)
        assert quarters[:2] == pytest.approx(quarters[2:], rel=1e-12)
