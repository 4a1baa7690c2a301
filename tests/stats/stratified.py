"""The families of reference_cases.json that need strata, times, pairs or a model: input to our numbers."""

import numpy as np

from rwe.stats import mantel_haenszel
from rwe.stats.ancova import ancova
from rwe.stats.ancova import fit as fit_ancova
from rwe.stats.cox import cox
from rwe.stats.distributions import t_quantile, t_two_sided
from rwe.stats.mixed import fit as fit_mixed
from rwe.stats.paired import Differences, signed_rank
from rwe.stats.ratios import rate, rate_ratio
from rwe.stats.rubin import pool
from rwe.stats.summaries import ArmEvents, Events, TwoSamples
from rwe.stats.survival import Times, expected, log_rank, median, restricted_mean, survival
from rwe.stats.van_elteren import Ranked, van_elteren


def interval(found):
    return None if found.ci_low is None else [found.ci_low, found.ci_high]


def table(a, m, *, b, n):
    return Events(
        treated=ArmEvents(patients=a, events=a, n=m, person_days=0),
        control=ArmEvents(patients=b, events=b, n=n, person_days=0),
    )


def cmh(strata):
    names = ("events_treated", "n_treated", "events_control", "n_control")
    tables = [table(a, m, b=b, n=n) for a, m, b, n in ([s[name] for name in names] for s in strata)]
    odds, exact = mantel_haenszel.odds_ratio(tables), mantel_haenszel.exact(tables)
    risk, difference = mantel_haenszel.risk_ratio(tables), mantel_haenszel.risk_difference(tables)
    breslow_day, tarone = mantel_haenszel.breslow_day(tables)
    return {
        "stat_no_continuity": odds.statistic,
        "p_no_continuity": odds.p,
        "p_exact": exact.p,
        "or_exact_cmle": exact.value,
        "or_exact_ci95": interval(exact),
        "or_mh": odds.value,
        "or_mh_ci95": interval(odds),
        "rr_mh": risk.value,
        "rr_mh_ci95": interval(risk),
        "rd_mh": difference.value,
        "rd_mh_ci95": interval(difference),
        "breslow_day_p": breslow_day,
        "tarone_p": tarone,
    }


def rates(*, events_treated, time_treated, events_control, time_control):
    both = Events(
        treated=ArmEvents(patients=0, events=events_treated, n=1, person_days=time_treated),
        control=ArmEvents(patients=0, events=events_control, n=1, person_days=time_control),
    )
    found = rate_ratio(both)
    if found.status != "estimated":
        return {"status": found.status}
    (treated, *limits_treated), (control, *limits_control) = rate(both.treated), rate(both.control)
    return {
        "rate_treated": treated,
        "rate_control": control,
        "rate_treated_exact_ci95": limits_treated,
        "rate_control_exact_ci95": limits_control,
        "irr": found.value,
        "irr_exact_ci95": interval(found),
        "p_exact": found.p,
    }


def stratified_ranks(y, arm, stratum):
    def side(name, *, msc):
        return [v for v, a, s in zip(y, arm, stratum, strict=True) if s == name and (a == "msc") == msc]

    names = sorted(set(stratum))
    found = van_elteren([Ranked.of(TwoSamples.of(side(s, msc=True), side(s, msc=False))) for s in names])
    z, p = found.statistic, found.p
    return {"z": z, "p_two_sided": p, "z_coin": z, "p_coin": p}


def signed(baseline, followup):
    differences = Differences.of(baseline, followup)
    continuity, plain, exact, pratt = (
        signed_rank(differences, kind) for kind in ("continuity", "plain", "exact", "pratt")
    )
    changed = [v for v in differences.all() if v]
    untied = len({abs(v) for v in changed}) == differences.n
    return {
        "n_pairs": differences.n,
        "n_nonzero": len(changed),
        "V": plain.statistic if changed else 0,
        "p_asymptotic_continuity": continuity.p,
        "p_asymptotic_no_continuity": plain.p,
        "p_exact": exact.p if untied else None,
        "p_exact_exactRankTests": exact.p,
        "p_pratt_asymptotic_coin": pratt.p,
        "walsh_hl": plain.value,
    }


def time_to_event(time, event, arm):
    times = Times.of(time, event, np.array(arm) == "msc")
    sides, days = (times.treated, times.control), (28, 90, 180, 360)
    at = [survival(side, day) for side in sides for day in days]
    until = min(side.last for side in sides)
    means = [restricted_mean(side, until) for side in sides]
    tested, hazard = log_rank([times]), cox([times])
    ratios = {}
    if hazard.value is not None:
        ratios = {
            "cox_hr_control_vs_msc_efron": 1 / hazard.value,
            "cox_ci95": [1 / hazard.ci_high, 1 / hazard.ci_low],
        }
    return ratios | {
        "logrank_chisq": tested.statistic,
        "logrank_p": tested.p,
        "peto_peto_chisq": log_rank([times], rho=1).statistic,
        "observed": [int(side.events.sum()) for side in sides],
        "expected": [*expected(times)],
        "km_strata": [f"g={name}" for name in ("msc", "control") for _ in days],
        "km_time": [*days, *days],
        "km_surv": [s for s, _, _ in at],
        "km_loglog_lower": [low for _, low, _ in at],
        "km_loglog_upper": [high for _, _, high in at],
        "n_risk": [side.n_risk(day) for side in sides for day in days],
        "tau": until,
        "rmean": [mean for mean, _ in means],
        "rmean_se": [se for _, se in means],
        "median": [median(side) for side in sides],
    }


def change_from_baseline(*, arm, baseline, severe, y):
    rows = [r for r in zip(arm, baseline, severe, y, strict=True) if None not in r]
    a, b, s, outcome = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    model = fit_ancova(outcome - b, a == 1, {"baseline": b, "severe": s})
    effect = float(model.coefficients[1])
    half = t_quantile(0.975, model.df) * model.se
    return {
        "n": len(rows),
        "coef": dict(zip(model.names, model.coefficients.tolist(), strict=True)),
        "se_arm": model.se,
        "ci95_arm": [effect - half, effect + half],
        "p_arm": t_two_sided(effect / model.se, model.df),
        "hc3_se_arm": model.hc3,
        "hc3_p_arm": ancova(outcome, b, a == 1, {"severe": s}).p,
        "ls_mean_control": model.means[0],
        "ls_mean_treated": model.means[1],
    }


def random_intercept(**columns):
    patient, visit, arm, baseline, y = (np.array(columns[c]) for c in ("id", "visit", "arm", "baseline", "y"))
    later = [90, 180, 270, 360]
    visits = {f"vf{day}": (visit == day).astype(float) for day in later}
    x = {"(Intercept)": np.ones(y.size), "arm": arm.astype(float), **visits, "baseline": baseline}
    x |= {f"arm:{name}": arm * column for name, column in visits.items()}
    found = fit_mixed(y, np.column_stack(list(x.values())), patient)
    errors = np.sqrt(np.diag(found.covariance))
    return {
        "nobs": y.size,
        "visit": [28, *later],
        "lmm_random_intercept_fixef": dict(zip(x, found.coefficients.tolist(), strict=True)),
        "lmm_random_intercept_se": dict(zip(x, errors.tolist(), strict=True)),
        "lmm_sigma2": found.within,
        "lmm_tau2": found.between,
    }


def imputed(estimates, variances, n, k):
    found = pool(estimates, variances, df=n - k)
    return {
        "qbar": found.estimate,
        "ubar": found.within,
        "b": found.between,
        "t": found.total,
        "df": found.df,
        "riv": found.rise,
        "fmi": found.lost,
    }


FAMILIES = {
    "ancova": change_from_baseline,
    "cmh": cmh,
    "mmrm": random_intercept,
    "rate_ratio": rates,
    "rubin": imputed,
    "survival": time_to_event,
    "van_elteren": stratified_ranks,
    "wilcoxon_signed_rank": signed,
}
