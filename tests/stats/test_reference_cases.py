"""Every number against R 4.2.2: reference_cases.json, or the file RWE_REFERENCE_CASES names.

One test a case, field by field: |got - want| <= atol + rtol * |want|.  null must be None here too.
A field of the file is offered, informational (the file says so) or stands in FIELDS_NOT_OFFERED.
"""

import json
import os
from math import exp, inf
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from rwe.stats import TESTS
from rwe.stats.adjusted import Sample, difference
from rwe.stats.balance import smd, smd_weighted
from rwe.stats.conditional import Conditional
from rwe.stats.logistic import fit
from rwe.stats.matching import match
from rwe.stats.multiplicity import benjamini_hochberg, holm
from rwe.stats.proportions import (
    clopper_pearson,
    fisher_p,
    pearson,
    rule_of_three,
    smallest_expected,
    two_by_two,
    wilson,
)
from rwe.stats.quantile import METHODS, Description, median_interval, quantiles
from rwe.stats.ranks import mann_whitney_exact, superiority
from rwe.stats.ratios import HALDANE, e_value, log_odds, odds_ratio, risk_ratio
from rwe.stats.shift import EXACT, moses
from rwe.stats.summaries import TwoSamples, finite
from rwe.stats.weights import effective_size, weights
from tests.stats.stratified import FAMILIES, table

OURS = Path(__file__).with_name("reference_cases.json")
CASES = json.loads(Path(os.environ.get("RWE_REFERENCE_CASES", OURS)).read_text())["cases"]


def text(number):
    """As the file has what JSON has not."""
    return "Inf" if number == inf else number


def interval(low, high):
    return None if low is None else [low, high]


def mann_whitney(x, y, conf_level=0.95):
    samples = TwoSamples.of(x, y)
    exact = mann_whitney_exact(samples, level=conf_level)
    sizes = {"status": exact.status, "n_x": exact.n_treated, "n_y": exact.n_control}
    if exact.status == "not_estimable":
        return sizes
    untied = exact.interval == EXACT
    k, coverage = moses(len(x), len(y), level=conf_level)
    ci = interval(exact.ci_low, exact.ci_high)
    assert coverage == exact.level
    return sizes | {
        "ties": not untied,
        "U_x": exact.statistic,
        "prob_superiority": superiority(samples),
        "p_asymptotic_continuity": TESTS["mann_whitney_asymptotic"](samples).p,
        "p_asymptotic_no_continuity": TESTS["mann_whitney_asymptotic_no_continuity"](samples).p,
        "p_exact_no_ties": exact.p if untied else None,
        "p_exact_conditional_coin": exact.p,
        "hl_median_of_pairwise_differences": exact.value,
        "hl_ci95_exact_no_ties": ci if untied else None,
        "moses_k": k,
        "moses_ci": ci,
        "moses_coverage": coverage,
        "moses_attains_95": exact.reason is None,
    }


def quantile(x, probs=(0.25, 0.5, 0.75)):
    found = Description.of(x)
    kinds = {kind: quantiles(finite(x), tuple(probs), kind=kind) for kind in METHODS if found.n}
    return {
        "status": "estimated" if found.n else "not_estimable",
        "n": found.n,
        "mean": found.mean,
        "sd": found.sd,
        "median": found.median,
    } | {f"type{kind}": values for kind, values in kinds.items()}


def two_by_two_table(events_treated, n_treated, events_control, n_control):
    (a, m), (b, n) = (events_treated, n_treated), (events_control, n_control)
    counts = table(a, m, b=b, n=n)
    found = two_by_two(counts)
    if found.reason == "empty_arm":
        return {"status": found.status}
    degenerate = (found.status, found.reason, found.p) == ("not_estimable", "no_events", None)
    chi2, p = (None, None) if degenerate else pearson(a, m, b=b, n=n)
    conditional = Conditional.of([(a, m, b, n)])
    odds, risk = odds_ratio(counts), risk_ratio(counts)
    zero = odds.interval == HALDANE
    haldane, se = log_odds(a, m, b=b, n=n, more=0.5)
    spread = exp(NormalDist().inv_cdf(0.975) * se)
    e_values = (None, None)
    if risk.status == "estimated":
        e_values = e_value(risk.value, low=risk.ci_low, high=risk.ci_high)
    return {
        "fisher_or_conditional_mle": text(conditional.odds_ratio()),
        "fisher_or_ci95": [text(limit) for limit in conditional.limits()],
        "or_sample": None if zero else odds.value,
        "or_woolf_ci95": None if zero else interval(odds.ci_low, odds.ci_high),
        "or_haldane": haldane,
        "or_haldane_ci95": [haldane / spread, haldane * spread],
        "rr": risk.value,
        "rr_katz_ci95": interval(risk.ci_low, risk.ci_high),
        "e_value_point": e_values[0],
        "e_value_ci": e_values[1],
        "status": found.status,
        "risk_treated": a / m,
        "risk_control": b / n,
        "min_expected": smallest_expected(a, m, b=b, n=n),
        "fisher_p": fisher_p(a, m, b=b, n=n),
        "degenerate_margin": degenerate,
        "chisq_p_pearson": p,
        "chisq_stat_pearson": chi2,
        "rd": found.value,
        "rd_newcombe_ci95": interval(found.ci_low, found.ci_high),
        "wilson_treated": [*wilson(a, m)],
        "wilson_control": [*wilson(b, n)],
        "clopper_pearson_treated": [*clopper_pearson(a, m)],
        "clopper_pearson_control": [*clopper_pearson(b, n)],
    }


def proportion_ci(k, n):
    return {
        "clopper_pearson": [*clopper_pearson(k, n)],
        "wilson": [*wilson(k, n)],
        "rule_of_three_upper": rule_of_three(k, n),
    }


def p_adjust(p):
    return {"holm": holm(p), "BH": benjamini_hochberg(p)}


def smd_and_welch(x, y):
    welch = TESTS["welch"](TwoSamples.of(x, y))
    return {
        "status": welch.status,
        "smd": smd(Description.of(x), Description.of(y)),
        "mean_diff": welch.value,
        "welch_p": welch.p,
        "welch_ci95": interval(welch.ci_low, welch.ci_high),
    }


def median_ci(x):
    low, high, level = median_interval(x) or (None, None, None)
    return {"median": Description.of(x).median, "lower": low, "upper": high, "coverage": level}


def propensity(*, arm, age, male, severe, baseline, y):
    names = ("age", "male", "severe", "baseline")
    x, treated = np.column_stack([age, male, severe, baseline]).astype(float), np.array(arm, dtype=bool)
    found = fit(x, treated)
    sample = Sample(covariates=x, treated=treated, outcome=np.array(y))
    ids = [f"{row:02}" for row in range(len(arm))]
    matched = match(found.probabilities, treated, ids=ids, groups=severe)

    def smds(w):
        return {
            name: smd_weighted(x[:, i], treated, w, level=name in ("male", "severe"))
            for i, name in enumerate(names)
        }

    def weighted(weighting):
        w = weights(found.probabilities, treated, weighting)
        effect, se = difference(sample, w)
        return {
            "weights": w.tolist(),
            "smd": smds(w),
            "effect": effect,
            "se_HC0": se,
            "se_svyglm": se * (len(arm) / (len(arm) - 1)) ** 0.5,
            "ess_treated": effective_size(w[treated]),
            "ess_control": effective_size(w[~treated]),
        }

    return {
        "ps_coef": dict(zip(("intercept", *names), found.coefficients.tolist(), strict=True)),
        "ps": found.probabilities.tolist(),
        "smd_unweighted": smds(np.ones(len(arm))),
        "ato": weighted("overlap"),
        "att": weighted("att"),
        "match_caliper": matched.width,
        "match_pairs": [[a + 1, b + 1] for a, b in matched.pairs],
    }


OFFERED = FAMILIES | {
    "mann_whitney": mann_whitney,
    "median_ci": median_ci,
    "p_adjust": p_adjust,
    "propensity": propensity,
    "proportion_ci": proportion_ci,
    "quantile": quantile,
    "smd": smd_and_welch,
    "two_by_two": two_by_two_table,
}
FIELDS_NOT_OFFERED = {
    "cmh": {"p_continuity"},  # R's rule for when to correct is nobody's expectation
    "mmrm": {"gls_unstructured_diff", "gls_unstructured_se", "gls_reml_loglik"},  # of an MMRM
    "rate_ratio": {"irr_wald_ci95"},
    "mann_whitney": {"hl_ci95_exact_no_ties_achieved"},  # R's label; moses_coverage is the coverage
    "p_adjust": {"hochberg", "BY", "bonferroni"},
    "propensity": {"ate", "ato.se_HC3", "att.se_HC3"},
    "quantile": {"min", "max", "fivenum"},
    "smd": {"pooled_sd"},
    "two_by_two": {"chisq_p_yates", "rd_wald_ci95"},
}


def flat(fields, prefix=""):
    """ato: {effect: 1} as ato.effect: 1; a field not offered stays whole."""
    found = {}
    for name, value in fields.items():
        key = prefix + name
        whole = not isinstance(value, dict) or key in FIELDS_NOT_OFFERED["propensity"]
        found |= {key: value} if whole else flat(value, key + ".")
    return found


def differs(got, want, *, rtol, atol):
    """Where got is not want, as text; "" where it is."""
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return f"{got} is not {want}"
        return "; ".join(
            filter(None, (differs(g, w, rtol=rtol, atol=atol) for g, w in zip(got, want, strict=True)))
        )
    if want is None or got is None or isinstance(want, (str, bool)):
        return "" if got == want else f"{got} is not {want}"
    return "" if abs(got - want) <= atol + rtol * abs(want) else f"{got} is not {want}"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_case(case):
    family, tolerance = case["family"], case["tolerance"]
    got, expected = flat(OFFERED[family](**case["input"])), flat(case["expected"])
    rtols = tolerance["field_rtol"] or {}
    informational = set(case["informational_fields"] or ())
    compared = set(expected) - informational - FIELDS_NOT_OFFERED.get(family, set())
    assert compared <= set(got), f"neither offered nor listed: {compared - set(got)}"
    wrong = {
        field: differs(
            got[field],
            expected[field],
            rtol=rtols.get(field, tolerance["rtol"]),
            atol=tolerance["atol"],
        )
        for field in compared
    }
    assert not any(wrong.values()), {field: text for field, text in wrong.items() if text}


def test_every_family_and_field_of_our_copy_is_offered_or_listed():
    cases = json.loads(OURS.read_text())["cases"]
    assert set(OFFERED) == {case["family"] for case in cases}
    for family, listed in FIELDS_NOT_OFFERED.items():
        assert listed <= {
            field for case in cases if case["family"] == family for field in flat(case["expected"])
        }


@pytest.mark.parametrize(
    ("got", "want"),
    [(1.0, None), (None, 1.0), ([1.0], [1.0, 2.0]), (1.0, 1.1), ("estimated", "not_estimable")],
)
def test_a_difference_is_found(got, want):
    assert differs(got, want, rtol=1e-9, atol=1e-12)
