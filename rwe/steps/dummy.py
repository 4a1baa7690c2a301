"""Made-up patients who fit a study: to run it once before there are data.

    Study, FHIR version  ──▶  resources()  ──▶  FHIR resources as dicts

Each arm and stratum gets a few patients with everything the study asks for: the anchor, a severity, the
product or an enrolment, a value at baseline and at each visit.  The numbers mean nothing.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rwe.codes import Code
from rwe.study import Endpoint, Study

EACH = 3
Json = dict[str, Any]


class Dummies:
    def __init__(self, plan: Study, fhir_version: str) -> None:
        self.plan, self.r5 = plan, fhir_version == "5.0.0"
        self.count = 0

    def resources(self) -> Iterator[Json]:
        strata: list[str | None] = [*(s.codes for s in self.plan.file.stratum)] or [None]
        for arm in ("treated", "control"):
            for stratum in strata:
                for number in range(EACH):
                    yield from self._patient(arm, stratum, number)

    def _patient(self, arm: str, stratum: str | None, number: int) -> Iterator[Json]:
        f = self.plan.file
        zero = self._zero() + timedelta(days=number)
        patient = self._resource("Patient", gender="female", birthDate=str(self._born(zero).date()))
        subject = {"reference": f"Patient/{patient['id']}"}
        yield patient
        anchor = zero - timedelta(days=self._days_before(arm))
        yield from self._event(f.population.source, f.population.codes, subject, anchor)
        if stratum:
            yield self._severity(stratum, subject, anchor)
        if arm == "treated":
            yield self._administration(f.exposure.codes, subject, zero)
        elif f.control.source and f.control.codes:
            yield from self._event(f.control.source, f.control.codes, subject, zero)
        if f.control.risk_set and f.control.risk_set.in_hospital:
            yield self._stay(f.control.risk_set.in_hospital, subject, anchor)
        yield from self._values(subject, zero, number)

    def _zero(self) -> datetime:
        """Inside the calendar period, with room for the patients to follow each other."""
        rules = self.plan.file.eligibility
        first = rules.time_zero_from or (rules.time_zero_to or date(2021, 1, 31)) - timedelta(days=30)
        return datetime.combine(first, time(12), UTC)

    def _born(self, zero: datetime) -> datetime:
        rules = self.plan.file.eligibility
        low, high = rules.min_age or 0, rules.max_age if rules.max_age is not None else 100
        return zero - timedelta(days=(low + high + 1) / 2 * 365.25)

    def _days_before(self, arm: str) -> float:
        """Days from the anchor to time zero; the middle of what is declared for a first dose."""
        if arm == "control" and self.plan.file.control.time_zero == "anchor":
            return 0
        first = self.plan.file.exposure.first_dose
        return (first.start + first.end) / 2 if first else 10

    def _event(self, source: str, codes: str, subject: Json, when: datetime) -> Iterator[Json]:
        concept = self._concept(codes)
        at = when.isoformat()
        match source:
            case "condition":
                yield self._resource(
                    "Condition", code=concept, subject=subject, recordedDate=at, onsetDateTime=at, **ACTIVE
                )
            case "encounter":
                yield self._resource("Encounter", type=[concept], subject=subject, **self._encounter(at))
            case "observation":
                value = {"valueQuantity": {"value": 1, "unit": "1"}}
                yield self._observation(concept, subject, at, value)
            case _:
                yield self._administration(codes, subject, when)

    def _encounter(self, at: str) -> Json:
        ambulatory = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
        if self.r5:
            return {"status": "completed", "class": [{"coding": [ambulatory]}], "actualPeriod": {"start": at}}
        return {"status": "finished", "class": ambulatory, "period": {"start": at}}

    def _stay(self, codes: str, subject: Json, since: datetime) -> Json:
        stay = self._encounter(since.isoformat()) | {"status": "in-progress"}
        return self._resource("Encounter", type=[self._concept(codes)], subject=subject, **stay)

    def _severity(self, codes: str, subject: Json, when: datetime) -> Json:
        """In a Condition where the population is one that carries it, else in an Observation."""
        f = self.plan.file
        carriers = f.stratification.carriers if f.stratification else ()
        at = when.isoformat()
        if f.population.source == "condition" and f.population.codes in carriers:
            concept = self._concept(f.population.codes)
            severity = self._concept(codes)
            return self._resource(
                "Condition", code=concept, severity=severity, subject=subject, recordedDate=at, **ACTIVE
            )
        value = {"valueCodeableConcept": self._concept(codes)}
        return self._observation(self._concept(carriers[0]), subject, at, value)

    def _administration(self, codes: str, subject: Json, when: datetime) -> Json:
        concept, at = self._concept(codes), when.isoformat()
        dose = self.plan.file.exposure.dose
        given: Json = {"status": self.plan.file.exposure.statuses[0], "subject": subject}
        if dose:
            given["dosage"] = {
                "dose": {"value": dose.value, "unit": dose.unit, "code": dose.unit, "system": UCUM}
            }
        given |= (
            {"medication": {"concept": concept}, "occurenceDateTime": at}
            if self.r5
            else {"medicationCodeableConcept": concept, "effectiveDateTime": at}
        )
        return self._resource("MedicationAdministration", **given)

    def _values(self, subject: Json, zero: datetime, number: int) -> Iterator[Json]:
        f = self.plan.file
        days = [v.target for v in f.visit] + ([(f.baseline.start + f.baseline.end) / 2] if f.baseline else [])
        for e in f.endpoint:
            for day in days:
                at = (zero + timedelta(days=day)).isoformat()
                quantity = {"value": _value(e, number), "unit": e.unit, "code": e.unit, "system": UCUM}
                yield self._observation(self._concept(e.codes), subject, at, {"valueQuantity": quantity})

    def _observation(self, concept: Json, subject: Json, at: str, value: Json) -> Json:
        return self._resource(
            "Observation", status="final", code=concept, subject=subject, effectiveDateTime=at, **value
        )

    def _concept(self, name: str) -> Json:
        code: Code = self.plan.code_lists[name][0]
        return {"coding": [{"system": code.system, "code": code.code}]}

    def _resource(self, kind: str, **elements: Any) -> Json:
        self.count += 1
        return {"resourceType": kind, "id": f"dummy-{self.count}", **elements}


ACTIVE: Json = {
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
    }
}
UCUM = "http://unitsofmeasure.org"


def _value(e: Endpoint, number: int) -> float:
    low, high = e.plausible or (1, 2)
    return round(low + (high - low) * (number + 1) / (EACH + 1), 6)
