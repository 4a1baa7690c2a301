"""Three stores, a secure sum: as the merged rows, and no number of one site."""

import json

import pytest

from rwe.federate.pool import pool
from rwe.federate.show import show
from rwe.stats import TESTS
from rwe.stats.summaries import TwoSamples
from rwe.stats.survival import Times, log_rank, median
from tests.cli import folders
from tests.federate import drop
from tests.federate.drop import LATER
from tests.federate.test_pooled import ARMS, EXACT, STRATA, row, values

SPIROMETRY = [(e, v) for e in ("FEV1", "VCmax") for v in ("d28", "d90", "d360")]
RANKS = ("mann_whitney_exact", "mann_whitney_asymptotic", "mann_whitney_asymptotic_no_continuity")


@pytest.fixture(scope="module")
def asked(made):
    return made.request(
        *(f"mann_whitney_asymptotic:{e}:{v}" for e, v in SPIROMETRY),
        *(f"{name}:il6:d28" for name in RANKS),
        *("quartiles:age", "log_rank:any_event", "van_elteren:six_mwd:d28"),
        agreement="DUA 1",
        patients=120,
    )


@pytest.fixture(scope="module")
def pooled(made, asked, answers):
    return pool(made.coordinator, asked, [*answers.values()], publish=False, now=LATER)


@pytest.mark.parametrize(("endpoint", "visit"), SPIROMETRY)
def test_a_spirometry_row_that_no_site_may_tell_is_the_merged_results_files(pooled, merged, endpoint, visit):
    found = row(pooled, f"mann_whitney_asymptotic:{endpoint}:{visit}", "moderate")
    (wanted,) = [
        c
        for c in folders.results(merged)["comparisons"]
        if (c["endpoint"], c["visit"], c["stratum"]) == (endpoint, visit, "moderate")
    ]
    assert any(
        len(v["treated"]) < 5 for (_, s), v in values(merged, endpoint, visit).items() if s == "moderate"
    )
    assert (found.status, found.test.name) == (wanted["status"], wanted["test"]["name"])
    for key in ("value", "ci_low", "ci_high", "level"):
        assert getattr(found.estimate, key) == pytest.approx(wanted["estimate"][key], abs=EXACT)
    for key in ("statistic", "p"):
        assert getattr(found.test, key) == pytest.approx(wanted["test"][key], abs=EXACT)
    for arm in ARMS:
        for key in ("n", "median", "q1", "q3", "mean", "sd"):
            assert getattr(getattr(found, arm), key) == pytest.approx(wanted[arm][key], abs=EXACT)


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("stratum", [*STRATA, "all"])
def test_mann_whitney_is_that_of_the_merged_rows_without_strata(pooled, merged, name, stratum):
    found = row(pooled, f"{name}:il6:d28", stratum)
    some = [v for (_, s), v in values(merged, "il6", "d28").items() if stratum in (s, "all")]
    wanted = TESTS[name](TwoSamples.of(*([x for v in some for x in v[arm]] for arm in ARMS)))
    assert (found.test.name, found.treated.n) == (wanted.test, wanted.n_treated)
    assert found.test.p == pytest.approx(wanted.p, abs=EXACT)
    assert found.estimate.value == pytest.approx(wanted.value, abs=EXACT)


@pytest.mark.parametrize("stratum", [*STRATA, "all"])
def test_log_rank_and_kaplan_meier_are_those_of_the_merged_rows(pooled, merged, stratum):
    found = row(pooled, "log_rank:any_event", stratum)
    where = "TRUE" if stratum == "all" else f"f.stratum = '{stratum}'"
    rows = folders.rows(
        merged,
        "SELECT COALESCE(MIN(e.day), ANY_VALUE(f.days)), COUNT(e.day) > 0, f.arm = 'treated' "
        "FROM follow_up AS f LEFT JOIN event AS e ON e.site_id = f.site_id AND e.patient_id = f.patient_id "
        f"AND e.arm = f.arm WHERE f.ascertained AND {where} GROUP BY f.site_id, f.patient_id, f.arm",
    )
    times = Times.of(*zip(*rows, strict=True))
    wanted = log_rank([times])
    assert (found.test.name, found.treated.n) == (wanted.test, wanted.n_treated)
    assert found.test.statistic == pytest.approx(wanted.statistic, abs=EXACT)
    assert found.test.p == pytest.approx(wanted.p, abs=EXACT)
    assert (found.treated.median, found.control.median) == (median(times.treated), median(times.control))
    assert len(found.control.curve) == len({*times.control.days[times.control.events > 0]})


def test_the_total_over_a_stratum_that_is_held_back_is_held_back_too(pooled):
    for endpoint, visit in SPIROMETRY:
        ask = f"mann_whitney_asymptotic:{endpoint}:{visit}"
        parts = [row(pooled, ask, stratum).reason for stratum in STRATA]
        assert (row(pooled, ask).reason == "small_arm") == ("small_arm" in parts)


def test_the_limits_stand_with_the_result_and_in_what_a_site_is_shown(made, asked, answers, pooled):
    said = drop.run("federate", "pool", asked, *answers.values(), "--dir", made.coordinator)
    assert len(pooled.limits) == 8
    assert all(line in said for line in pooled.limits)
    assert "mann_whitney_asymptotic FEV1 d28: Mann–Whitney" in said
    assert "(secure sum)" in said
    told = made.request("quartiles:days_from_anchor", agreement="DUA 1", patients=100)
    lines = show(made.folders["north"], told, now=LATER).lines
    assert {f"  {line}" for line in pooled.limits} <= {*lines}
    assert any("treated and" in line and "under masks shared with centre, south" in line for line in lines)


def test_what_is_published_has_no_curve(made, asked, answers):
    found = pool(made.coordinator, asked, [*answers.values()], publish=True, now=LATER)
    assert not [arm for r in found.rows for arm in (r.treated, r.control) if arm and arm.curve]


def test_without_a_site_there_is_no_sum_and_the_rest_is_partial(made, asked, answers):
    some = [answers["north"], answers["south"]]
    said = drop.run("federate", "pool", asked, *some, "--dir", made.coordinator, expect=3)
    assert "masks cancel over all sites alone: the first answers of all are needed (centre)" in said
    found = json.loads((made.coordinator / "results" / "pooled.json").read_bytes())
    sums = [r for r in found["rows"] if r["secure_sum"]]
    assert {(r["status"], r["reason"]) for r in sums} == {("suppressed", "site_missing")}
    assert all(r["treated"] is r["estimate"] is None for r in sums)
    assert {r["statistic"] for r in found["rows"] if not r["secure_sum"]} == {"van_elteren"}
