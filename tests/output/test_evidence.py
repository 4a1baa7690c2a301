"""The comparisons as FHIR R5 Evidence: the standard's models take each; it says what results.json says."""

import json

import pytest
import results_sample as sample
from msgspec.structs import replace

from rwe import data
from rwe.output.evidence import evidence
from rwe.stats import CHANGE_TESTS, DEATH_TESTS, TESTS, adjusted, means, ratios
from rwe.stats.ancova import Changes
from rwe.stats.summaries import TwoSamples
from rwe.stats.worst_rank import Composite
from rwe.validate import problem

# As HL7 Terminology 7.0.1 and FHIR R5 list them; looked up, not made up.
STATISTIC_TYPES = {
    "0000100": "Standardized Mean Difference",
    "0000301": "Covariance",
    "0000424": "Risk Difference",
    "0000457": "Mean Difference",
    "0000565": "Regression Coefficient",
    "C16726": "Incidence",
    "C16932": "Odds Ratio",
    "C17010": "Prevalence",
    "C25463": "Count",
    "C25564": "Maximum",
    "C25570": "Minimum",
    "C28007": "Median",
    "C44256": "Proportion",
    "C53319": "Mean",
    "C65171": "Spearman Rank-Order Correlation",
    "C65172": "Pearson Correlation Coefficient",
    "C93150": "Hazard Ratio",
    "C93152": "Relative Risk",
    "absolute-MedianDiff": "Absolute Median Difference",
    "descriptive": "Descriptive",
    "predictedRisk": "Predicted Risk",
    "rate-ratio": "Incidence Rate Ratio",
}
ROLES = ["population", "exposure", "referenceExposure", "measuredVariable"]
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


@pytest.fixture(scope="module")
def results():
    return sample.build()


@pytest.fixture(scope="module")
def found(results):
    return evidence(results)


def first(results, **changes):
    """The first comparison with changes, as Evidence and its statistic."""
    row = replace(results.comparisons[0], **changes)
    (resource,) = evidence(replace(results, comparisons=[row]))
    assert valid(resource)
    return row, resource["statistic"][0]


def valid(resource):
    return problem(json.dumps(resource, allow_nan=False).encode(), "Evidence", "5.0.0") is None


def test_the_standard_takes_each_and_refuses_what_is_wrong(found):
    assert len(found) == 70
    assert all(valid(resource) for resource in found)
    assert not valid({**found[0], "status": None})
    assert not valid({**found[0], "statistic": [{"quantity": {"value": "much"}}]})


def test_each_comparison_has_one_with_an_id_of_its_own(found, results):
    assert len({e["id"] for e in found}) == len(found) == len(results.comparisons)
    assert [e["id"] for e in evidence(results)] == [e["id"] for e in found]


def test_numbers_are_those_of_the_comparison(found, results):
    for c, e in zip(results.comparisons, found, strict=True):
        s = e["statistic"][0]
        assert s["quantity"].get("value") == c.estimate.value
        assert s["sampleSize"]["knownDataCount"] == c.treated.n + c.control.n
        missing = c.treated.n_missing + c.control.n_missing
        assert s["sampleSize"]["numberOfParticipants"] == c.treated.n + c.control.n + missing
        raw = [a for a in s.get("attributeEstimate", ()) if coded(a) == "C44185"]
        assert [a["quantity"]["value"] for a in raw] == [p for p in [c.test.p] if p is not None]
        spans = [a for a in s.get("attributeEstimate", ()) if coded(a) == "C53324"]
        assert len(spans) == (c.estimate.ci_low is not None)
        for a in spans:
            assert a["level"] == c.estimate.level
            ends = [a["range"][end].get("value") for end in ("low", "high")]
            assert ends == [
                x if isinstance(x, float) else None for x in (c.estimate.ci_low, c.estimate.ci_high)
            ]


def coded(attribute):
    (coding,) = attribute["type"].get("coding", [{}])
    return coding.get("code")


def test_it_names_population_exposure_comparator_and_outcome(found, results):
    for c, e in zip(results.comparisons, found, strict=True):
        by_role = {v["variableRole"]["coding"][0]["code"]: v["description"] for v in e["variableDefinition"]}
        assert [*by_role] == ROLES
        assert by_role["exposure"] == results.design.treatment
        assert by_role["referenceExposure"] == results.design.control
        assert f"({c.unit})" in by_role["measuredVariable"]


def test_the_label_and_that_nobody_was_randomised_stand_on_each(found):
    for e in found:
        assert e["note"][0]["text"] == sample.LABEL
        assert "not randomised" in e["note"][1]["text"]
        assert (e["status"], e["experimental"]) == ("draft", True)


def test_certainty_is_left_to_people(found):
    assert [e for e in found if "certainty" in e] == []


@pytest.mark.parametrize(("status", "why"), [("not_estimable", "not-applicable"), ("suppressed", "masked")])
def test_no_estimate_has_no_number_but_a_reason(results, status, why):
    c = results.comparisons[0]
    estimate = replace(c.estimate, value=None, ci_low=None, ci_high=None, level=None, interval=None)
    test = replace(c.test, p=None, p_holm=None, p_bh=None)
    _, s = first(results, status=status, reason="empty_arm", estimate=estimate, test=test)
    assert s["quantity"] == {"extension": [{"url": ABSENT, "valueCode": why}]}
    assert "an arm has no value" in s["note"][0]["text"]
    assert "attributeEstimate" not in s


def test_an_infinite_limit_is_said_to_be_infinite(results):
    estimate = replace(results.comparisons[0].estimate, ci_low="-Inf", ci_high="Inf", level=0.95)
    _, s = first(results, estimate=estimate)
    (span,) = (a for a in s["attributeEstimate"] if coded(a) == "C53324")
    ends = [span["range"][end]["extension"][0]["valueCode"] for end in ("low", "high")]
    assert ends == ["negative-infinity", "positive-infinity"]


def test_the_dead_who_are_ranked_are_not_called_measured(results):
    c = results.comparisons[0]
    _, s = first(results, treated=replace(c.treated, n_dead=2))
    assert s["sampleSize"]["description"].startswith("measured, or dead and ranked worst: treated")


def test_a_change_is_called_one(results):
    row = replace(results.comparisons[0], measure="change")
    (e,) = evidence(replace(results, comparisons=[row]))
    assert e["title"].startswith("change of ")


def test_every_estimate_of_a_comparison_is_reviewed():
    empty = TwoSamples.of([], [])
    names = {test(empty).name for test in TESTS.values()}
    names |= {test(Changes(treated=[], control=[])).name for test in CHANGE_TESTS.values()}
    nobody = Composite(samples=empty, dead=(0, 0), worse="low")
    names |= {test(nobody).name for test in DEATH_TESTS.values()}
    names |= {adjusted.NAME, means.WITHIN}
    assert names == {row["estimate"] for row in data.reviewed("export/estimate_code")}
    assert ratios.RATE not in names


def test_codes_are_those_of_hl7_with_their_displays():
    rows = data.reviewed("export/estimate_code")
    coded = [row for row in rows if row["code"]]
    assert coded
    assert all(STATISTIC_TYPES[row["code"]] == row["display"] for row in coded)


def test_a_median_of_differences_is_not_coded_as_a_difference_of_medians(results):
    estimate = replace(results.comparisons[0].estimate, name="Hodges–Lehmann shift")
    _, s = first(results, estimate=estimate)
    assert s["statisticType"] == {"text": "Hodges–Lehmann shift"}
    _, s = first(results, estimate=replace(estimate, name="difference of means"))
    assert s["statisticType"]["coding"][0]["code"] == "0000457"
