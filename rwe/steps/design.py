"""What the study file declares, in words for the report; nothing is computed from them."""

from collections.abc import Iterator

from rwe.results import Definition, Design, EndpointInfo, VisitInfo
from rwe.study import Endpoint, Propensity, RiskSet, Study, StudyFile


def design(plan: Study) -> Design:
    f = plan.file
    return Design(
        treatment=f.exposure.label,
        control=f.control.label,
        time_zero_treated=_time_zero_treated(f),
        time_zero_control=_time_zero_control(f),
        days=f.study.days,
        definitions=[Definition(term=term, text=text) for term, text in _definitions(f)],
        strata=[s.name for s in f.stratum] or ["all"],
        endpoints=[
            EndpointInfo(id=e.id, label=e.label, kind=e.kind, unit=e.unit, digits=e.digits)
            for e in f.endpoint
        ],
        visits=[VisitInfo(name=v.name, target=v.target, start=v.start, end=v.end) for v in f.visit],
        analyses=[a.name for a in f.analysis] + ([f.propensity.name] if f.propensity else []),
    )


def _time_zero_treated(f: StudyFile) -> str:
    text = f"start of the first administration with status {' or '.join(f.exposure.statuses)}"
    if dose := f.exposure.dose:
        text += f", dose {dose.value:g} {dose.unit} ± {dose.tolerance:.0%} or not stated"
    if first := f.exposure.first_dose:
        text += f", from day {first.start:g} to day {first.end:g} of the anchor, both included"
    return text


def _time_zero_control(f: StudyFile) -> str:
    if f.control.time_zero == "anchor":
        return f"the anchor: the earliest record of {f.population.label}"
    if f.control.time_zero == "risk-set":
        return "as many days after the own anchor as the treated patient who drew it"
    return f"the first record of the code list {f.control.codes}"


def _definitions(f: StudyFile) -> Iterator[tuple[str, str]]:
    yield (
        "Population",
        f"{f.population.label} (code list {f.population.codes}); its earliest record is the anchor",
    )
    yield "Product", f"code list {f.exposure.codes}" + _planned(f)
    if f.control.risk_set:
        yield "Controls", "; ".join(_risk_set(f.control.risk_set))
    yield "Eligibility", "; ".join(_eligibility(f)) or "no rule declared"
    yield from _recorded(f)
    if f.stratification:
        levels = ", ".join(f"{s.name} ({s.label})" for s in f.stratum)
        yield "Severity", f"the worst state recorded up to time zero, mildest first: {levels}"
    if f.baseline:
        days = f"[{f.baseline.start:g}, {f.baseline.end:g}]"
        yield "Baseline", f"the last value on days {days} that is not after time zero"
    yield (
        "Value at a visit",
        "nearest the target day; of two equally near the earlier; repeats of one instant averaged",
    )
    yield "Death", "Patient.deceased; a death without a day takes part in no rule about time"
    for e in f.endpoint:
        yield f"Endpoint {e.id}", _endpoint(e)
    for d in f.default_unit:
        yield f"No unit, {d.endpoint}", f"taken for {d.unit} at {d.site}"
    for a in f.analysis:
        of = "change from baseline; " if a.measure == "change" else ""
        yield f"Analysis {a.name}", f"{of}test {a.test}; quartiles type {a.quantile_type}"
    if f.propensity:
        yield "Propensity score", _propensity(f.propensity)
        yield f"Analysis {f.propensity.name}", _adjusted(f.propensity)
    if f.adverse_events:
        yield (
            "Adverse events",
            f"onset from time zero to day {f.adverse_events.until_day:g}; each term's first per patient",
        )
        yield (
            "Person-time",
            f"from time zero to death, the last contact{_own_infusion(f)} or that day; of first events, to"
            " the event",
        )


def _own_infusion(f: StudyFile) -> str:
    shared = f.control.risk_set is not None and f.control.risk_set.future_treated
    return ", the own infusion of a control who is treated later" if shared else ""


def _planned(f: StudyFile) -> str:
    n, days, within = f.exposure.infusions, f.exposure.days, f.exposure.days_within
    if not n:
        return ""
    on = f" on days {', '.join(map(str, days))} (± {within})" if days else ""
    others = "another number or other days" if days else "another number"
    return f"; planned: {n}{on}; who had {others} stays, and is counted by check"


def _recorded(f: StudyFile) -> Iterator[tuple[str, str]]:
    """What is asked of a patient's records before time zero."""
    for x in f.exclusion:
        back = f"within {x.lookback_days} days" if x.lookback_days else "at any time"
        yield "Exclusion", f"{x.label}: a record of the code list {x.codes} {back} before time zero"
    for c in f.covariate:
        back = f"within {c.lookback_days} days" if c.lookback_days else "at any time"
        text = f"{c.label}: a record of the code list {c.codes} {back} up to time zero; no record is no"
        yield f"Covariate {c.name}", text


def _propensity(p: Propensity) -> str:
    """The baseline value is meant where a term is an endpoint."""
    how = {
        "overlap": "overlap weights",
        "att": "weights for the treated (ATT)",
        "match": f"pairs of one site and stratum within {p.caliper:g} SD of the score, seed {p.seed}",
    }
    where = "in each stratum" if p.strata == "each" else "over all strata"
    return f"logistic, {where}, of {', '.join(p.terms)}; {how[p.estimand]}"


def _adjusted(p: Propensity) -> str:
    how = "mean difference within pairs" if p.estimand == "match" else "difference of weighted means"
    return f"{how}; the score is fitted anew in the patients measured at each visit"


def _endpoint(e: Endpoint) -> str:
    text = f"Observation or component with a code of the list {e.codes}, in {e.unit}"
    if e.plausible:
        text += f"; below {e.plausible[0]:g} or above {e.plausible[1]:g} it is set aside"
    if e.ratio_up_to is not None:
        text += f"; up to {e.ratio_up_to:g} it is taken for a ratio and set aside"
    if e.worse:
        text += f"; {e.worse} values are worse"
    return text


def _risk_set(r: RiskSet) -> Iterator[str]:
    """Rule, parameters and seed: whoever has the data can draw the same controls again."""
    until = "not yet treated" if r.future_treated else "never treated"
    yield f"for each treated patient, drawn from those of its site and stratum, alive, eligible, {until}"
    if r.in_hospital:
        yield f"in hospital: within an Encounter whose class or type is in the code list {r.in_hospital}"
    yield f"as many days after the anchor as the treated patient, or the nearest up to {r.within_days} apart"
    yield f"time zero at most {r.calendar_days} calendar days from that of the treated patient"
    yield f"up to {r.ratio} for each, {'with' if r.replacement else 'without'} replacement, seed {r.seed}"
    yield (
        "a patient drawn more than once is analysed once, from the earliest of its times zero"
        if r.replacement
        else "treated patients choose in the order of time zero"
    )
    yield (
        "patients treated later are controls until their own infusion, which censors them; tests and"
        " intervals take the arms for different people"
        if r.future_treated
        else "patients treated later are no controls before, which leans on what was not known then"
    )


def _eligibility(f: StudyFile) -> Iterator[str]:
    rules = f.eligibility
    if rules.min_age is not None:
        yield f"aged {rules.min_age} or more"
    if rules.max_age is not None:
        yield f"aged {rules.max_age} or less"
    if rules.time_zero_from or rules.time_zero_to:
        yield f"time zero from {rules.time_zero_from or 'any day'} to {rules.time_zero_to or 'any day'}"
    if rules.alive_at_time_zero or f.control.risk_set:
        yield "alive at time zero"
