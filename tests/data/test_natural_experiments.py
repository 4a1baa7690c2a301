"""Other questions, no new code: the two natural experiments of the public Synthea set.

Albuterol has no effect and must end without a claim; enoxaparin follows a clot and must be seen to do so
before any estimate.  Expected figures: ../shared/data/natural_experiment.json, by the standard library alone.
Both are here since a test process maps the set for each file that uses it.
"""

import html
import json
import re
from statistics import median

import pytest

from rwe.output.words import NOT_RANDOMISED
from tests.cli import folders
from tests.data.conftest import same_tables
from tests.run import rwe

ABOUT_THE_LANDING = {"landed", "shard", "resource", "invalid", "set_aside_subject"}
ABOUT_THE_LANDING |= {"passed_over", "site", "made"}
ENDPOINTS = {"d_dimer": "48065-7", "ferritin": "2276-4", "crp": "1988-5"}
VISITS = ("d3", "d7", "d14")


SCORE = """
[propensity]
terms = ["age", "sex", "d_dimer", "ferritin", "crp"]
"""
# Words that a difference between arms which were not randomised never earns.
CLAIM = re.compile(
    r"\b(effects?|efficac\w+|effective(?! n\b| \d)|benefi\w+|improve\w*|superior\w*|inferior\w*|better"
    r"|worse\w*|harm\w*|prevent\w*|protect\w*|lower(s|ed)|reduc\w+|significan\w+|works?)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def figures():
    return json.loads(folders.public_set("natural_experiment.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def expected(figures):
    return figures["A_albuterol"]


@pytest.fixture
def found(ndjson):
    return folders.results(ndjson.study)


@pytest.fixture(scope="module")
def adjusted(synthea, tmp_path_factory):
    """The null experiment with a propensity score of the baseline values, and what is said of it."""
    study = same_tables(synthea["ndjson"].result().study, "albuterol", tmp_path_factory.mktemp("adjusted"))
    with (study / "study.toml").open("a") as file:
        file.write(SCORE)
    return study, [rwe(verb, "--dir", study).stdout for verb in ("cohort", "compare", "report")]


@pytest.fixture(scope="module")
def enoxaparin(synthea, tmp_path_factory):
    """The study with nothing run on it but `rwe cohort`, and what that said, in words and as JSON."""
    study = same_tables(synthea["ndjson"].result().study, "enoxaparin", tmp_path_factory.mktemp("enoxaparin"))
    text = rwe("cohort", "--dir", study).stdout
    assert not (study / "results").exists()
    return study, " ".join(text.split()), json.loads(rwe("cohort", "--dir", study, "--json").stdout)


@pytest.fixture(scope="module")
def compared(enoxaparin):
    study, *_ = enoxaparin
    for verb in ("compare", "report"):
        rwe(verb, "--dir", study)
    return study


def arms_are(study, expected):
    """Patient by patient, and none of them in both."""
    for arm in ("treated", "control"):
        ids = [i for (i,) in folders.rows(study, f"SELECT patient_id FROM cohort WHERE arm = '{arm}'")]
        assert sorted(ids) == sorted(expected["arms"][arm]["ids"])


def values_are(found, expected, endpoint, visit):
    (want,) = [e[visit] for name, e in expected["endpoints"].items() if name.startswith(ENDPOINTS[endpoint])]
    c = main(found, endpoint, visit)
    for arm in ("treated", "control"):
        assert c[arm]["n"] == want[arm]["n"]
        for name in ("median", "mean", "sd"):
            assert c[arm][name] == pytest.approx(want[arm][name], abs=6e-5, rel=1e-9)
    assert c["test"]["statistic"] == want["U_treated"]


def main(found, endpoint, visit):
    declared = {**found, "comparisons": [c for c in found["comparisons"] if c["analysis"] == "main"]}
    return folders.comparison(declared, endpoint, stratum="all", visit=visit)


def test_arms_of_albuterol_are_as_expected(ndjson, expected):
    arms_are(ndjson.study, expected)


def test_arms_and_excluded_add_up_in_the_attrition(found):
    assert [folders.remaining(found, arm=arm, stratum="all") for arm in ("treated", "control")] == [32, 44]
    first = found["attrition"][0]
    eligible = sum(a["n_out"] for a in found["attrition"] if a["step"] == first["step"])
    assert eligible - 32 - 44 == 5
    assert eligible == 81


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_values_and_statistic_of_albuterol_are_as_expected(found, expected, endpoint, visit):
    values_are(found, expected, endpoint, visit)


def test_published_counts_of_d_dimer(found):
    """README of the data: 32/44, 31/44, 22/34."""
    rows = [main(found, "d_dimer", v) for v in VISITS]
    assert [(c["treated"]["n"], c["control"]["n"]) for c in rows] == [(32, 44), (31, 44), (22, 34)]


def test_those_not_measured_are_counted_as_missing(found):
    for c in found["comparisons"]:
        assert c["treated"]["n"] + c["treated"]["n_missing"] == 32
        assert c["control"]["n"] + c["control"]["n_missing"] == 44
        assert sum(c["control"]["missing"].values()) == c["control"]["n_missing"]


def test_null_drug_is_not_called_effective(found):
    """What a right tool says: adjusted P, the imbalance at baseline, tails and not medians."""
    assert min(c["test"]["p_holm"] for c in found["comparisons"]) > 0.05
    (ferritin,) = [b for b in found["baseline"] if b["variable"] == "ferritin"]
    assert abs(ferritin["smd"]) > 0.25


def said(study):
    """The words of the report and its figures, without the study's own."""
    paths = [study / "results" / "report.html", *(study / "results" / "figures").glob("*.svg")]
    text = " ".join(path.read_text(encoding="utf-8") for path in paths)
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)
    return without_own_words(study, html.unescape(text))


def without_own_words(study, text):
    own = folders.results(study)
    text = " ".join(text.split())
    population = "in effect the admis"  # as far as a narrow column shows it
    for words in (own["label"], own["study"]["title"], *own["deviations"], NOT_RANDOMISED, population):
        text = text.replace(words, " ")
    return text


def test_no_difference_of_a_null_drug_is_called_an_effect_published_or_adjusted(adjusted):
    study, printed = adjusted
    assert [p["status"] for p in folders.results(study)["propensity"]] == ["estimated"]
    for text in (said(study), *(without_own_words(study, p) for p in printed)):
        assert [m[0] for m in CLAIM.finditer(text)] == []


def test_the_report_of_a_null_drug_says_what_chance_and_imbalance_do(adjusted):
    study, _ = adjusted
    text = said(study)
    assert "raw P values below 0.05 would be expected by chance" in text
    assert "0 remain below 0.05 after Holm" in text
    assert re.search(r"Before treatment the arms differ in \d+ of \d+ rows of Table 1, all", text)


def test_weights_balance_what_the_null_drug_was_given_by(adjusted):
    (score,) = folders.results(adjusted[0])["propensity"]
    (ferritin,) = [b for b in score["balance"] if b["variable"] == "ferritin"]
    assert ferritin["smd_before"] < -0.25
    assert abs(ferritin["smd_after"]) < 1e-6


def test_arms_of_enoxaparin_are_as_expected_and_nobody_is_left_out(enoxaparin, figures):
    study, _, shown = enoxaparin
    arms_are(study, figures["B_enoxaparin"])
    assert [folders.remaining(shown, arm=arm, stratum="all") for arm in ("treated", "control")] == [55, 26]


def test_cohort_alone_shows_that_enoxaparin_follows_the_clot(enoxaparin):
    """No positivity: with one everybody is treated, without one nobody."""
    _, text, shown = enoxaparin
    (clot,) = [b for b in shown["baseline"] if b["variable"] == "clot"]
    assert [(clot[arm]["count"], clot[arm]["n"]) for arm in ("treated", "control")] == [(55, 55), (0, 26)]
    assert "clot: yes 55/55 (100.0 %) 0/26 (0.0 %) – no spread, wholly apart" in text
    assert (
        "not estimable: some values occur in one arm only, so that nobody can be compared (clot: yes)" in text
    )
    (score,) = shown["propensity"]
    assert (score["status"], score["at_fault"], score["treated"]["weights"]) == (
        "not_estimable",
        ["clot: yes"],
        None,
    )


def test_cohort_alone_shows_what_the_arms_differ_in(enoxaparin):
    _, text, shown = enoxaparin
    smd = {b["variable"]: b["smd"] for b in shown["baseline"] if b["level"] is None}
    assert min(smd["d_dimer"], smd["ferritin"], smd["days_from_anchor"]) > 0.5
    assert "days from anchor (days) 8.0 [6.0, 10.0] 0.0 [0.0, 0.0] 3.24 above 0.25" in text
    assert "! Before treatment the arms differ in" in text
    assert "! Time zero does not lie as long after the anchor in both arms" in text
    assert "immortal time" in text


def test_cohort_alone_shows_the_months_in_which_one_arm_has_patients(enoxaparin):
    """Treated until April, controls to the middle of March."""
    _, text, shown = enoxaparin
    months = {c["arm"]: c["n"] for c in shown["checks"] if c["rule"] == "one_arm_month"}
    assert months == {"treated": 2}
    assert "info one_arm_month site treated 2" in text


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_values_and_statistic_of_enoxaparin_are_as_expected(compared, figures, endpoint, visit):
    values_are(folders.results(compared), figures["B_enoxaparin"], endpoint, visit)


def test_the_report_of_enoxaparin_shows_the_imbalance_before_any_estimate(compared):
    text = (compared / "results" / "report.html").read_text(encoding="utf-8")
    estimates = min(text.index(f'id="{name}"') for name in ("overview", "comparison-d-dimer-0"))
    cautions = text.index('class="cautions"')
    assert cautions < text.index('id="baseline-table"') < text.index('id="scores"') < estimates
    head = text[cautions : text.index("<section")]
    assert "clot: yes in 55/55 (100.0 %) and 0/26 (0.0 %)" in head
    assert "immortal time" in head
    assert "No difference of the outcomes can be read as an effect of the treatment" in head


def test_the_same_clock_for_both_arms_does_not_make_enoxaparin_estimable(enoxaparin, tmp_path):
    """Controls drawn from risk sets start as late as the treated; the clot still tells the arms apart."""
    study = same_tables(enoxaparin[0], "enoxaparin", tmp_path)
    folders.edit(study / "study.toml", 'time_zero = "anchor"', RISK_SET)
    shown = json.loads(rwe("cohort", "--dir", study, "--json").stdout)
    (score,) = shown["propensity"]
    assert (score["status"], score["at_fault"]) == ("not_estimable", ["clot: yes"])
    (days,) = [b for b in shown["baseline"] if b["variable"] == "days_from_anchor"]
    assert days["control"]["n"] > 10
    assert days["control"]["median"] > 3


RISK_SET = """time_zero = "risk-set"

[control.risk_set]
within_days = 1
calendar_days = 60
ratio = 1
replacement = false
seed = 1
"""


def test_bundles_and_ndjson_give_the_same_tables(ndjson, bundles):
    first, second = folders.tables(ndjson.study), folders.tables(bundles.study)
    assert first.keys() == second.keys()
    assert first["observation"][0] > 76_000
    for name in first.keys() - ABOUT_THE_LANDING:
        assert first[name] == second[name], name


def test_bundles_and_ndjson_land_the_same_resources(ndjson, bundles):
    """By id and content hash but for what a Bundle's references become."""
    sql = "SELECT resource_type, id, version, fate FROM resource ORDER BY ALL"
    assert folders.rows(ndjson.study, sql) == folders.rows(bundles.study, sql)


def test_bundles_and_ndjson_give_the_same_results(found, bundles):
    other = folders.results(bundles.study)
    for name in (
        "study",
        "design",
        "attrition",
        "baseline",
        "comparisons",
        "adverse_events",
        "checks",
        "units",
    ):
        assert found[name] == other[name], name


def test_oxygen_saturation_counts_once(ndjson):
    """Each carries two LOINC codes."""
    sql = "SELECT COUNT(DISTINCT observation_id) FROM observation WHERE code IN ('2708-6', '59408-5')"
    assert folders.rows(ndjson.study, sql) == [(1527,)]


def test_median_of_days_is_by_instant_across_a_change_of_offset(ndjson):
    """All 32 treated begin at the anchor, on either side of summer time."""
    days = [d for (d,) in folders.rows(ndjson.study, "SELECT days_from_anchor FROM cohort")]
    assert median(days) == 0
    assert {float(d) for d in days} == {0.0}
