"""Another question, no new code: the albuterol experiment of the public Synthea set.

Expected figures: ../shared/data/natural_experiment.json, made with the standard library alone.
"""

import json
from statistics import median

import pytest

from tests.cli import folders

ABOUT_THE_LANDING = {"landed", "shard", "resource", "invalid", "set_aside_subject"}
ABOUT_THE_LANDING |= {"passed_over", "site", "made"}
ENDPOINTS = {"d_dimer": "48065-7", "ferritin": "2276-4", "crp": "1988-5"}
VISITS = ("d3", "d7", "d14")


@pytest.fixture(scope="module")
def expected():
    text = folders.public_set("natural_experiment.json").read_text(encoding="utf-8")
    return json.loads(text)["A_albuterol"]


@pytest.fixture
def found(ndjson):
    return folders.results(ndjson.study)


def test_arms_are_as_expected(ndjson, expected):
    """Patient by patient, and none of them in both."""
    for arm in ("treated", "control"):
        ids = [i for (i,) in folders.rows(ndjson.study, f"SELECT patient_id FROM cohort WHERE arm = '{arm}'")]
        assert sorted(ids) == sorted(expected["arms"][arm]["ids"])


def test_arms_and_excluded_add_up_in_the_attrition(found):
    assert [folders.remaining(found, arm=arm, stratum="all") for arm in ("treated", "control")] == [32, 44]
    first = found["attrition"][0]
    eligible = sum(a["n_out"] for a in found["attrition"] if a["step"] == first["step"])
    assert eligible - 32 - 44 == 5
    assert eligible == 81


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_values_and_statistic_are_as_expected(found, expected, endpoint, visit):
    (want,) = [e[visit] for name, e in expected["endpoints"].items() if name.startswith(ENDPOINTS[endpoint])]
    c = folders.comparison(found, endpoint, stratum="all", visit=visit)
    for arm in ("treated", "control"):
        assert c[arm]["n"] == want[arm]["n"]
        for name in ("median", "mean", "sd"):
            assert c[arm][name] == pytest.approx(want[arm][name], abs=6e-5, rel=1e-9)
    assert c["test"]["statistic"] == want["U_treated"]


def test_published_counts_of_d_dimer(found):
    """README of the data: 32/44, 31/44, 22/34."""
    rows = [folders.comparison(found, "d_dimer", stratum="all", visit=v) for v in VISITS]
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
