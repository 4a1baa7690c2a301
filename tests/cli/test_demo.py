"""`rwe demo`: from FHIR resources to the table a physician expects, with nothing published in the code."""

import json
import re
import shutil
import stat
from collections import Counter
from itertools import pairwise

import jsonschema
import pytest

from rwe import results as shape
from tests.cli import folders
from tests.run import rwe

LABEL = (
    "synthetic, calibrated to the published abstract; agreement is by construction and validates the"
    " pipeline, not the treatment"
)
PUBLISHED = [
    row
    for row in folders.csv_rows(folders.FIXTURES / "calibration" / "published.csv")
    if row["treated_median"]
]
QUARTILES = ("median", "q1", "q3")
P_VALUES = sorted({row["p"] for row in PUBLISHED})
SCHEMA = folders.ROOT / "rwe" / "schemas" / "results.schema.json"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo as it is begun by a newcomer: in some folder, without a word more."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    return cwd / "rwe-demo", rwe("demo", cwd=cwd)


@pytest.fixture(scope="module")
def found(demo):
    return folders.results(demo[0])


@pytest.fixture(scope="module")
def without_one(demo, tmp_path_factory):
    """The demo again without one treated patient with a FEV1 on day 28: the patient and the results."""
    study = tmp_path_factory.mktemp("without") / "study"
    shutil.copytree(demo[0], study, ignore=shutil.ignore_patterns("data", "results"))
    ((site, patient),) = folders.rows(
        demo[0],
        "SELECT site_id, patient_id FROM endpoint_value WHERE endpoint = 'FEV1' AND visit = 'd28' AND "
        "stratum = 'moderate' AND arm = 'treated' AND value IS NOT NULL ORDER BY value DESC LIMIT 1",
    )
    path = study / "fhir" / site / "Patient.ndjson.gz"
    everyone = folders.resources(path)
    folders.write_resources(path, [p for p in everyone if p["id"] != patient])
    rwe("run", "--dir", study)
    return folders.results(study)


def test_demo_runs_from_resources_to_report_in_any_folder(demo):
    study, done = demo
    assert done.stderr == "\nreport: rwe-demo/results/report.html\n"
    assert (study / "results" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arm", "stratum", "n"),
    [
        ("treated", "moderate", 21),
        ("treated", "severe", 31),
        ("control", "moderate", 26),
        ("control", "severe", 32),
    ],
)
def test_arms_are_as_large_as_published(found, arm, stratum, n):
    assert folders.remaining(found, arm=arm, stratum=stratum) == n


def test_attrition_leaves_nobody_uncounted(found):
    """What remains after a step enters the next, by site."""
    steps = list(dict.fromkeys((a["step"], a["description"]) for a in found["attrition"]))
    for before, after in pairwise(steps):
        for site in ("north", "centre", "south"):
            of = [a for a in found["attrition"] if a["site"] == site]
            left = sum(a["n_out"] for a in of if (a["step"], a["description"]) == before)
            assert left == sum(a["n_in"] for a in of if (a["step"], a["description"]) == after), after


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda r: f"{r['endpoint']} {r['stratum']} d{r['day']}")
def test_published_spirometry_comes_out(found, row):
    c = folders.comparison(found, row["endpoint"], stratum=row["stratum"], visit=f"d{row['day']}")
    for arm in ("treated", "control"):
        assert [f"{c[arm][q]:.2f}" for q in QUARTILES] == [row[f"{arm}_{q}"] for q in QUARTILES]
    assert f"{c['test']['p']:.3f}" == row["p"]
    assert c["estimate"]["value"] > 0
    assert c["unit"] == row["unit"]


def test_six_rows_of_spirometry_are_published():
    assert len(PUBLISHED) == 6


def test_published_ground_glass_comes_out_lower(found):
    c = folders.comparison(found, "ground_glass", stratum="severe", visit="d90")
    assert f"{c['test']['p']:.3f}" == "0.045"
    assert c["estimate"]["value"] < 0


def test_table_a_physician_expects(demo):
    """A line holds visit, n, median [quartiles], estimate [interval], P."""
    row = re.compile(
        r"^d28 +13 +2\.75 \[2\.35, 3\.23\] +16 +2\.11 \[1\.96, 2\.35\] .*\d\.\d\d \[.+\] +.* 0\.008 ", re.M
    )
    assert len(row.findall(demo[1].stdout)) == 1


def test_whatever_was_not_published_shows_no_difference(found):
    published = {(r["endpoint"], r["stratum"], f"d{r['day']}") for r in PUBLISHED}
    published.add(("ground_glass", "severe", "d90"))
    others = [c for c in found["comparisons"] if (c["endpoint"], c["stratum"], c["visit"]) not in published]
    assert len(others) == 63
    assert min(c["test"]["p"] for c in others) > 0.08


def test_the_counts_of_each_visit_are_those_of_the_comparisons_and_add_up(found):
    """By reason, and over the sites to the arm that the attrition ends with."""
    for c in found["comparisons"]:
        key = {name: c[name] for name in ("endpoint", "stratum", "visit")}
        for arm in ("treated", "control"):
            here = [v for v in found["visits"] if v.items() >= {**key, "arm": arm}.items()]
            totals = Counter()
            for v in here:
                totals += Counter({"n": v["n"], "measured": v["measured"], "dead": v["dead"]})
                totals += Counter(window_not_reached=v["window_not_reached"])
                totals += Counter(not_measured=sum(v["not_measured"].values()))
                totals += Counter(set_aside=sum(v["set_aside"].values()))
            assert totals.pop("n") == folders.remaining(found, arm=arm, stratum=c["stratum"])
            assert totals.pop("measured") == c[arm]["n"]
            assert totals == c[arm]["missing"]
    assert len(found["visits"]) == 70 * 2 * len(found["sites"])


def test_results_have_their_shape(demo):
    body = (demo[0] / "results" / "results.json").read_bytes()
    assert shape.encode(shape.decode(body)) == body
    assert b"NaN" not in body


def test_results_fit_the_shipped_schema(demo):
    jsonschema.validate(folders.results(demo[0]), json.loads(SCHEMA.read_bytes()))


@pytest.mark.parametrize("verb", ["check", "pull", "map", "cohort", "compare"])
def test_label_comes_first_on_every_table(demo, verb):
    done = rwe(verb, "--dir", demo[0])
    assert " ".join(done.stdout.split()).startswith(LABEL)
    assert done.stderr == ""


def test_label_comes_first_on_the_demo_and_the_report(demo):
    study, done = demo
    assert " ".join(done.stdout.split()).startswith(LABEL)
    page = (study / "results" / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", " ", page[page.index("<body") :])
    assert " ".join(text.split()).startswith(LABEL)


def test_label_is_a_column_of_every_table_file(demo):
    for path in (demo[0] / "results" / "tables").glob("*.csv"):
        assert {row["label"] for row in folders.csv_rows(path)} <= {LABEL}


def test_again_in_the_same_folder_changes_no_byte(demo):
    study, done = demo
    before = {name: folders.digests(study / name) for name in ("results", "data/raw", "fhir")}
    again = rwe("demo", cwd=study.parent, fresh=True)  # with other seeds of hashes
    assert again.stdout == done.stdout
    assert {name: folders.digests(study / name) for name in before} == before


def test_deleted_patient_moves_the_numbers(found, without_one):
    was = folders.comparison(found, "FEV1", stratum="moderate", visit="d28")
    now = folders.comparison(without_one, "FEV1", stratum="moderate", visit="d28")
    assert (was["treated"]["n"], now["treated"]["n"]) == (13, 12)
    assert folders.remaining(without_one, arm="treated", stratum="moderate") == 20
    assert was["treated"]["median"] != now["treated"]["median"]
    assert was["test"]["p"] != now["test"]["p"]
    assert was["control"] == now["control"]


def product():
    """Every text that ships."""
    for folder in ("rwe", "mappings", "sql"):
        for path in (folders.ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".json", ".sql", ".j2", ".toml", ".csv"):
                yield path, path.read_text(encoding="utf-8")


def test_no_published_quartiles_stand_in_the_product():
    """Median and quartiles of an arm, in either order and however they are set apart."""
    triples = [
        r"\D+".join(re.escape(row[f"{arm}_{q}"].rstrip("0")) + "0*" for q in order)
        for row in PUBLISHED
        for arm in ("treated", "control")
        for order in (QUARTILES, ("q1", "median", "q3"))
    ]
    pattern = re.compile(rf"(?<![\d.])(?:{'|'.join(triples)})(?!\d)")
    assert not [path for path, text in product() if pattern.search(text)]


@pytest.mark.parametrize("p", ["0.045", *P_VALUES])
def test_no_published_p_value_stands_in_the_product(p):
    pattern = re.compile(rf"(?<![\d.]){re.escape(p)}(?!\d)")
    assert not [path for path, text in product() if pattern.search(text)]


def test_demo_leaves_another_study_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "holds something else" in rwe("demo", tmp_path, expect=2).stderr
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_demo_leaves_another_study_of_the_same_form_alone(tmp_path):
    study = folders.copy("albuterol", tmp_path / "study")
    before = folders.digests(study)
    assert "holds something else" in rwe("demo", study, expect=2).stderr
    assert folders.digests(study) == before


def test_what_is_made_is_for_its_owner_alone(demo):
    study, _ = demo
    for path in [study, *study.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("name", ["study.toml", "codes/fev1.csv"])
def test_demo_leaves_an_edited_demo_alone(tmp_path, name):
    study = folders.copy("msc", tmp_path / "study")
    path = study / name
    path.write_text(path.read_text() + "\n")
    mine = path.read_text()
    assert f"{name}: is not as the demo study has it" in rwe("demo", study, expect=2).stderr
    assert path.read_text() == mine
    assert not (study / "data").exists()


def test_a_row_of_attrition_is_one_step_site_arm_and_stratum(found):
    keys = [(a["step"], a["site"], a["arm"], a["stratum"]) for a in found["attrition"]]
    assert len(keys) == len(set(keys))
    assert {"arm_1", "arm_2", "age_1", "alive"} <= {step for step, *_ in keys}


def test_every_interval_says_how_it_was_made(found):
    for c in (*found["comparisons"], *found["adverse_events"]):
        assert (c["estimate"]["interval"] is None) == (c["estimate"]["ci_low"] is None)
    for ratio in (e[f"{kind}_rate_ratio"] for e in found["adverse_events"] for kind in ("first", "event")):
        assert (ratio["estimate"]["interval"] is None) == (ratio["estimate"]["ci_low"] is None)


def test_events_are_as_frequent_in_both_arms_and_reactions_are_linked_in_r4_and_r5(demo, found):
    rows = {(e["theme"], e["term"]): e for e in found["adverse_events"] if e["stratum"] == "all"}
    total = rows["total", "any adverse event"]
    assert [(total[a]["patients"], total[a]["n"]) for a in ("treated", "control")] == [(16, 52), (17, 58)]
    assert min(total["test"]["p"], total["first_rate_ratio"]["test"]["p"]) > 0.5
    for term in ("onset within 24 h", "a suspect", "suspect, at least possible"):
        assert (rows["infusion", term]["treated"]["patients"], rows["infusion", term]["control"]["n"]) == (
            9,
            0,
        )
    linked = folders.rows(demo[0], "SELECT DISTINCT site_id FROM infusion_event WHERE suspected ORDER BY 1")
    assert [site for (site,) in linked] == ["centre", "north", "south"]


def adds_up(scored, found):
    """Beside each published row an adjusted one, of the same patients less those who lack a term."""
    mine = [c for c in scored["comparisons"] if c["analysis"] == "adjusted"]
    for c, published in zip(mine, found["comparisons"], strict=True):
        for arm in ("treated", "control"):
            lacking = c[arm]["missing"].pop("term_missing", 0)
            assert c[arm]["missing"] == published[arm]["missing"]
            assert c[arm]["n"] + lacking == published[arm]["n"]
            assert c["status"] != "estimated" or 1 < c["adjusted"][arm]["effective"] <= c[arm]["n"]
    assert sum(c["status"] == "estimated" for c in mine) > 35


def test_a_propensity_score_shows_balance_before_outcomes_and_moves_no_comparison(demo, found, tmp_path):
    study = tmp_path / "study"
    shutil.copytree(demo[0], study)
    with (study / "study.toml").open("a") as file:
        file.write('\n[propensity]\nterms = ["age", "sex", "days_from_anchor"]\n')
    shown = rwe("cohort", "--dir", study).stdout
    assert "Propensity score, moderate, overlap weights: converged in" in shown
    assert "  treated: 21 patients, effective " in shown
    rwe("compare", "--dir", study)
    scored = folders.results(study)
    assert [c for c in scored["comparisons"] if c["analysis"] == "published"] == found["comparisons"]
    adds_up(scored, found)
    assert (len(scored["propensity"]), found["propensity"]) == (2, [])
    assert all(
        abs(b["smd_after"]) < 1e-8 for p in scored["propensity"] for b in p["balance"] if b["in_score"]
    )
    jsonschema.validate(scored, json.loads(SCHEMA.read_bytes()))
