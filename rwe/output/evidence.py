"""The comparisons as FHIR R5 Evidence resources, one each, for registries and guideline tools.

Results  ──▶  [Evidence as a dict]

Codes are HL7's (terminology.hl7.org: statistic-type, attribute-estimate-type, variable-role,
data-absent-reason); an estimate without one of its own has words alone.  Certainty is a judgement, and
left to people.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from rwe import data
from rwe.output.words import NOT_RANDOMISED, counted, method, slug, verdict
from rwe.results import Comparison, EstimateResult, Limit, Results

HL7 = "http://terminology.hl7.org/CodeSystem/"
UCUM = "http://unitsofmeasure.org"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
P_VALUE, INTERVAL = ("C44185", "P-value"), ("C53324", "Confidence interval")
WHY_ABSENT = {"not_estimable": "not-applicable", "suppressed": "masked", "estimated": "unknown"}
INFINITE = {"Inf": "positive-infinity", "-Inf": "negative-infinity"}
Json = dict[str, Any]


def evidence(results: Results) -> list[Json]:
    """In the order of the comparisons."""
    codes = {row["estimate"]: row for row in data.reviewed("export/estimate_code")}
    return [_evidence(c, results, codes) for c in results.comparisons]


def _evidence(c: Comparison, results: Results, codes: dict[str, dict[str, str]]) -> Json:
    notes = [results.label, NOT_RANDOMISED, *results.partial]
    arms = f"{results.design.treatment} against {results.design.control}"
    return {
        "resourceType": "Evidence",
        "id": _id(c, results),
        "title": f"{_label(c, results)}, {c.visit}, {c.stratum}: {arms}",
        "status": "draft",
        "experimental": bool(results.label),
        "description": f"{results.study.title}. Analysis {c.analysis}{', primary' if c.primary else ''}.",
        "note": [{"text": text} for text in notes if text],
        "variableDefinition": list(_variables(c, results)),
        "studyDesign": [{"text": "comparison of two cohorts, not randomised"}],
        "statistic": [_statistic(c, codes)],
    }


def _id(c: Comparison, results: Results) -> str:
    key = "\0".join((results.study.id, c.analysis, c.endpoint, c.stratum, c.visit, c.measure))
    return (
        f"{slug(f'{c.endpoint}-{c.stratum}-{c.visit}')[:50]}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    )


def _label(c: Comparison, results: Results) -> str:
    name = next((e.label for e in results.design.endpoints if e.id == c.endpoint), c.endpoint)
    return f"change of {name} from baseline" if c.measure == "change" else name


def _variables(c: Comparison, results: Results) -> Iterator[Json]:
    d = results.design
    of = next((rule.text for rule in d.definitions if rule.term == "Population"), results.study.title)
    window = next(
        (f" on days [{v.start:g}, {v.end:g}) from time zero" for v in d.visits if v.name == c.visit), ""
    )
    where = "" if c.stratum == "all" else f"; stratum {c.stratum}"
    yield _variable("population", "population", of + where)
    yield _variable("exposure", "exposure", d.treatment)
    yield _variable("referenceExposure", "reference exposure", d.control)
    yield _variable("measuredVariable", "measured variable", f"{_label(c, results)} ({c.unit}){window}")


def _variable(code: str, display: str, text: str) -> Json:
    role = {"system": f"{HL7}variable-role", "code": code, "display": display}
    return {"description": text, "variableRole": {"coding": [role]}, "observed": {"display": text}}


def _statistic(c: Comparison, codes: dict[str, dict[str, str]]) -> Json:
    said = [text for text in (verdict(c), *_missing(c)) if text]
    attributes = [*_tested(c), *_interval(c)]
    return {
        "description": f"treated against control: {c.estimate.name}",
        **({"note": [{"text": text} for text in said]} if said else {}),
        "statisticType": _type(c.estimate.name, codes),
        "quantity": _quantity(c),
        "sampleSize": {
            "description": f"{_counts(c)}: treated {c.treated.n}, control {c.control.n}",
            "numberOfStudies": 1,
            "numberOfParticipants": sum(arm.n + arm.n_missing for arm in (c.treated, c.control)),
            "knownDataCount": c.treated.n + c.control.n,
        },
        **({"attributeEstimate": attributes} if attributes else {}),
    }


def _counts(c: Comparison) -> str:
    return "measured, or dead and ranked worst" if c.treated.n_dead or c.control.n_dead else "measured"


def _missing(c: Comparison) -> list[str]:
    arms = (("treated", c.treated), ("control", c.control))
    return [f"missing, {name}: {counted(arm.missing)}" for name, arm in arms if arm.n_missing]


def _type(name: str, codes: dict[str, dict[str, str]]) -> Json:
    known = codes.get(name)
    if not known or not known["code"]:
        return {"text": name}
    coding = {"system": f"{HL7}statistic-type", "code": known["code"], "display": known["display"]}
    return {"coding": [coding], "text": name}


def _quantity(c: Comparison) -> Json:
    if c.estimate.value is None:
        return _absent(WHY_ABSENT[c.status])
    return _in_unit(c.estimate.value, c.unit)


def _in_unit(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _absent(why: str) -> Json:
    return {"extension": [{"url": ABSENT, "valueCode": why}]}


def _tested(c: Comparison) -> Iterator[Json]:
    """The P value, then the same over the whole family: for these two there is no code."""
    if c.test.p is not None:
        yield {"description": method(c.test), "type": _attribute(*P_VALUE), "quantity": {"value": c.test.p}}
    for p, how in ((c.test.p_holm, "Holm"), (c.test.p_bh, "Benjamini–Hochberg")):
        if p is not None:
            words = f"P-value adjusted by {how} over the comparisons of the analysis {c.analysis}"
            yield {"description": words, "type": {"text": words}, "quantity": {"value": p}}


def _interval(c: Comparison) -> Iterator[Json]:
    e: EstimateResult = c.estimate
    if e.ci_low is None or e.ci_high is None or e.level is None:
        return
    ends = {"low": _limit(e.ci_low, c.unit), "high": _limit(e.ci_high, c.unit)}
    yield {"description": e.interval, "type": _attribute(*INTERVAL), "level": e.level, "range": ends}


def _attribute(code: str, display: str) -> Json:
    coding = {"system": f"{HL7}attribute-estimate-type", "code": code, "display": display}
    return {"coding": [coding]}


def _limit(value: Limit, unit: str) -> Json:
    return _absent(INFINITE[value]) if isinstance(value, str) else _in_unit(float(value or 0), unit)
