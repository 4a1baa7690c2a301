"""Three stores that share nothing but files give the answer of all their rows in one store.

The reference is computed from the merged rows by another formula, by scipy, or stands in the merged
results.json.
"""

import json
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from rwe.federate.pool import pool
from tests.cli import folders
from tests.federate import drop
from tests.federate.drop import LATER

EXACT = 1e-9
ARMS = ("treated", "control")
STRATA = ("moderate", "severe")


@pytest.fixture(scope="module")
def asked(made):
    return made.request(
        *("count:cohort", "van_elteren:il6:d28", "van_elteren:il6:d90", "van_elteren:FEV1:d28"),
        *("van_elteren:d_dimer:d28", "van_elteren:six_mwd:d28"),
        *("difference_of_means:il6:d28@10", "mean:age@50", "mean:days_from_anchor", "mean:il6:baseline@10"),
        *(
            f"{name}:any_event"
            for name in ("two_by_two", "odds_ratio", "risk_difference", "exact", "rate_ratio")
        ),
        agreement="DUA 1",
    )


@pytest.fixture(scope="module")
def pooled(made, asked, answers):
    return pool(made.coordinator, asked, [*answers.values()], publish=False, now=LATER)


def row(pooled, ask, stratum="all"):
    (found,) = [
        r
        for r in pooled.rows
        if ":".join(filter(None, (r.statistic, r.variable, r.visit))) == ask and r.stratum == stratum
    ]
    return found


def values(merged, endpoint, visit):
    """By site and stratum: the values of either arm."""
    found = {}
    for site, stratum, arm, value in folders.rows(
        merged,
        "SELECT site_id, stratum, arm, value FROM endpoint_value WHERE value IS NOT NULL "
        f"AND endpoint = '{endpoint}' AND visit = '{visit}'",
    ):
        found.setdefault((site, stratum), {a: [] for a in ARMS})[arm].append(value)
    return found


def of(merged, column, stratum):
    where = "TRUE" if stratum == "all" else f"stratum = '{stratum}'"
    rows = folders.rows(merged, f"SELECT arm, {column} FROM cohort WHERE {where}")
    return [np.array([v for a, v in rows if a == arm]) for arm in ARMS]


def tables(merged):
    """By site and stratum: events and patients of either arm."""
    rows = folders.rows(
        merged,
        "SELECT f.site_id, f.stratum, f.arm, e.patient_id IS NOT NULL FROM follow_up AS f LEFT JOIN "
        "(SELECT DISTINCT site_id, patient_id, arm FROM event) AS e "
        "ON e.site_id = f.site_id AND e.patient_id = f.patient_id AND e.arm = f.arm WHERE f.ascertained",
    )
    found = {}
    for site, stratum, arm, had in rows:
        cell = found.setdefault((site, stratum), {a: [0, 0] for a in ARMS})[arm]
        cell[0] += had
        cell[1] += 1
    return found


def permutation_z(strata):
    """van Elteren from the permutation moments of rank / (N + 1)."""
    away = variance = 0.0
    for arms in strata:
        m, n = len(arms["treated"]), len(arms["control"])
        scores = stats.rankdata(arms["treated"] + arms["control"]) / (m + n + 1)
        away += scores[:m].sum() - m * scores.mean()
        variance += m * n / (m + n) * scores.var(ddof=1)
    return away / sqrt(variance)


@pytest.mark.parametrize(
    ("endpoint", "visit", "stratum"),
    [
        *(("il6", visit, stratum) for visit in ("d28", "d90") for stratum in (*STRATA, "all")),
        ("d_dimer", "d28", "severe"),
        ("six_mwd", "d28", "severe"),
    ],
)
def test_van_elteren_is_that_of_the_merged_rows_over_sites_and_severity(
    pooled, merged, endpoint, visit, stratum
):
    found = row(pooled, f"van_elteren:{endpoint}:{visit}", stratum)
    strata = [v for (_, s), v in values(merged, endpoint, visit).items() if stratum in (s, "all")]
    assert found.status == "estimated"
    assert found.treated.n == sum(len(v["treated"]) for v in strata)
    assert found.test.statistic == pytest.approx(permutation_z(strata), abs=EXACT)
    assert found.test.p == pytest.approx(2 * stats.norm.sf(abs(found.test.statistic)), abs=EXACT)
    assert found.test.name.startswith("van Elteren (stratified ranks)")


@pytest.mark.parametrize("stratum", [*STRATA, "all"])
def test_the_difference_of_means_is_welchs_of_the_merged_rows(pooled, merged, stratum):
    found = row(pooled, "difference_of_means:il6:d28", stratum)
    strata = [v for (_, s), v in values(merged, "il6", "d28").items() if stratum in (s, "all")]
    treated, control = (np.concatenate([v[arm] for v in strata]) for arm in ARMS)
    wanted = stats.ttest_ind(treated, control, equal_var=False)
    limits = wanted.confidence_interval()
    assert found.estimate.value == pytest.approx(treated.mean() - control.mean(), abs=EXACT)
    assert (found.estimate.ci_low, found.estimate.ci_high) == pytest.approx(
        (limits.low, limits.high), abs=EXACT
    )
    assert found.test.p == pytest.approx(wanted.pvalue, abs=EXACT)
    assert found.treated.sd == pytest.approx(treated.std(ddof=1), abs=EXACT)


@pytest.mark.parametrize("ask", ["mean:age", "mean:days_from_anchor", "mean:il6:baseline"])
@pytest.mark.parametrize("stratum", STRATA)
def test_table_1_is_the_merged_results_files(pooled, merged, ask, stratum):
    found, variable = row(pooled, ask, stratum), ask.split(":")[1]
    (wanted,) = [
        b
        for b in folders.results(merged)["baseline"]
        if (b["variable"], b["stratum"], b["level"]) == (variable, stratum, None)
    ]
    for arm in ARMS:
        got, should = getattr(found, arm), wanted[arm]
        assert (got.n, got.mean, got.sd) == pytest.approx(
            (should["n"], should["mean"], should["sd"]), abs=EXACT
        )
    assert found.estimate.value == pytest.approx(wanted["smd"], abs=EXACT)


def test_a_mean_over_all_strata_is_that_of_all_patients(pooled, merged):
    found = row(pooled, "mean:age")
    for arm, ages in zip(ARMS, of(merged, "age_years", "all"), strict=True):
        got = getattr(found, arm)
        assert (got.mean, got.sd) == pytest.approx((ages.mean(), ages.std(ddof=1)), abs=EXACT)


@pytest.mark.parametrize("stratum", [*STRATA, "all"])
def test_the_table_of_events_and_the_rates_are_the_merged_results_files(pooled, merged, stratum):
    (wanted,) = [
        e
        for e in folders.results(merged)["adverse_events"]
        if (e["theme"], e["term"], e["stratum"]) == ("total", "any adverse event", stratum)
    ]
    found, rates = row(pooled, "two_by_two:any_event", stratum), row(pooled, "rate_ratio:any_event", stratum)
    for arm in ARMS:
        got = getattr(found, arm)
        assert (got.patients, got.events, got.n) == tuple(wanted[arm][k] for k in ("patients", "events", "n"))
        assert got.person_days == pytest.approx(wanted[arm]["follow_up_days"], abs=EXACT)
    assert found.estimate.value == pytest.approx(wanted["estimate"]["value"], abs=EXACT)
    assert found.estimate.ci_low == pytest.approx(wanted["estimate"]["ci_low"], abs=EXACT)
    assert (found.test.name, found.test.p) == (
        wanted["test"]["name"],
        pytest.approx(wanted["test"]["p"], abs=EXACT),
    )
    assert rates.estimate.value == pytest.approx(wanted["event_rate_ratio"]["estimate"]["value"], abs=EXACT)


@pytest.mark.parametrize("stratum", [*STRATA, "all"])
def test_fisher_of_the_pooled_table_is_scipys(pooled, merged, stratum):
    found = row(pooled, "two_by_two:any_event", stratum)
    cells = [t for (_, s), t in tables(merged).items() if stratum in (s, "all")]
    whole = [[sum(t[arm][0] for t in cells), sum(t[arm][1] - t[arm][0] for t in cells)] for arm in ARMS]
    if found.test.name.startswith("Fisher"):
        assert found.test.p == pytest.approx(stats.fisher_exact(whole)[1], abs=EXACT)
    else:
        assert found.test.p == pytest.approx(stats.chi2_contingency(whole, correction=False)[1], abs=EXACT)


def test_mantel_haenszel_is_that_of_the_merged_rows_over_sites_and_severity(pooled, merged):
    up = down = away = variance = weight = 0.0
    for t in tables(merged).values():
        (a, m), (b, n) = t["treated"], t["control"]
        size, k = m + n, a + b
        up, down = up + a * (n - b) / size, down + b * (m - a) / size
        weight += m * n / size
        away += a - m * k / size
        variance += m * n * k * (size - k) / (size**2 * (size - 1))
    found = row(pooled, "odds_ratio:any_event")
    assert found.estimate.value == pytest.approx(up / down, abs=EXACT)
    assert found.test.statistic == pytest.approx(away**2 / variance, abs=EXACT)
    assert found.test.p == pytest.approx(stats.chi2.sf(away**2 / variance, 1), abs=EXACT)
    assert row(pooled, "risk_difference:any_event").estimate.value == pytest.approx(away / weight, abs=EXACT)


def test_the_exact_stratified_p_is_that_of_the_merged_tables(pooled, merged):
    chances, observed = np.array([1.0]), 0
    for t in tables(merged).values():
        (a, m), (b, n) = t["treated"], t["control"]
        support = np.arange(0, a + b + 1)
        chances = np.convolve(chances, stats.hypergeom.pmf(support, m + n, m, a + b))
        observed += a
    wanted = chances[chances <= chances[observed] * (1 + 1e-7)].sum()
    found = row(pooled, "exact:any_event")
    assert found.test.p == pytest.approx(wanted, abs=EXACT)
    assert "exact" in found.test.name


def test_counts_add_up(pooled, merged):
    found = row(pooled, "count:cohort")
    wanted = [len(ages) for ages in of(merged, "age_years", "all")]
    assert (found.status, found.treated.n, found.control.n) == ("counted", *wanted)


def test_a_row_with_a_suppressed_part_is_suppressed_and_says_where(pooled):
    found = row(pooled, "van_elteren:FEV1:d28", "severe")
    assert (found.status, found.reason) == ("suppressed", "small_arm")
    assert [(h.site, h.stratum) for h in found.held] == [("centre", "severe"), ("south", "severe")]
    assert (found.treated, found.control, found.estimate, found.test) == (None,) * 4
    assert row(pooled, "van_elteren:FEV1:d28").status == "suppressed"


def test_without_a_site_the_result_is_partial_says_which_and_ends_with_3(made, asked, answers):
    some = [answers["north"], answers["south"]]
    said = drop.run("federate", "pool", asked, *some, "--dir", made.coordinator, expect=3)
    assert "PARTIAL: 2 of 3; without centre" in said
    assert "partial: 2 of 3; without centre" in said
    found = json.loads((made.coordinator / "results" / "pooled.json").read_bytes())
    assert found["partial"] == "2 of 3; without centre"
    assert [s["id"] for s in found["sites"]] == ["north", "south"]


def test_all_sites_end_with_0_and_the_table_names_each_test(made, asked, answers):
    said = drop.run("federate", "pool", asked, *answers.values(), "--dir", made.coordinator)
    assert "not for publication" in said
    for name in ("van Elteren", "Mantel–Haenszel", "Welch t", "no test: a description"):
        assert name in said
    assert "suppressed: an arm of a site has too few patients (centre, south)" in said


def test_what_is_published_is_rounded_and_says_so_and_the_coordinators_is_exact(made, asked, answers, pooled):
    said = drop.run("federate", "pool", asked, *answers.values(), "--publish", "--dir", made.coordinator)
    found = json.loads((made.coordinator / "results" / "pooled.json").read_bytes())
    assert found["tier"] == "publish"
    assert "to the nearest 5" in found["rounding"][0]
    assert all(line in said for line in found["rounding"])
    arms = [arm for r in found["rows"] for arm in (r["treated"], r["control"]) if arm]
    assert arms
    assert all((arm[key] or 0) % 5 == 0 for arm in arms for key in ("n", "patients", "events"))
    assert f"≈{arms[0]['n']} v ≈{arms[1]['n']}" in said
    assert not [r for r in found["rows"] if r["test"] and r["test"]["statistic"]]
    assert pooled.rounding == []
    assert any(arm.n % 5 for r in pooled.rows for arm in (r.treated, r.control) if arm)


def test_an_answer_to_all_that_the_study_needs_has_less_than_100_kb(made):
    answered = made.answer("north", made.request(agreement="DUA 1"))
    assert answered.stat().st_size < 100_000
