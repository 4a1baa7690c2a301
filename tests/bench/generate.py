"""Write synthetic FHIR R4 NDJSON, one file per resource type, from a fixed seed.

    python gen.py OUT_DIR N [SEED]

N Observations, N/50 Patients, N/10 MedicationAdministrations, N/50 AdverseEvents.
The same N and SEED always give the same bytes. Only the standard library is used.
"""

import datetime as dt
import json
import os
import random
import sys

HL7 = "http://terminology.hl7.org/CodeSystem/"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
SYNTHEA = "https://github.com/synthetichealth/synthea"
LABS = [  # LOINC code, display, unit, low, high
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 70, 140),
    ("38483-4", "Creatinine [Mass/volume] in Blood", "mg/dL", 0.5, 2.5),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 9, 18),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.5, 2.5),
    ("6299-2", "Urea nitrogen [Mass/volume] in Blood", "mg/dL", 7, 25),
    ("2947-0", "Sodium [Moles/volume] in Blood", "mmol/L", 130, 150),
    ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "U/L", 5, 90),
    ("29463-7", "Body Weight", "kg", 40, 120),
    ("64098-7", "6 minute walk distance", "m", 150, 650),
    ("19868-9", "Forced vital capacity [Volume] Respiratory system by Spirometry", "L", 1.2, 5.5),
    ("20150-9", "FEV1", "L", 0.8, 4.8),
    ("19926-5", "FEV1/FVC", "%", 35, 95),
]


def uid(r):
    h = f"{r.getrandbits(128):032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def when(r):
    d = dt.datetime(2019, 1, 1) + dt.timedelta(seconds=r.randrange(5 * 365 * 86400))
    return d.strftime("%Y-%m-%dT%H:%M:%S") + r.choice(["+00:00", "-05:00", "+01:00", "Z"])


def cc(system, code, display, text=None):
    return {"coding": [{"system": system, "code": code, "display": display}], "text": text or display}


def meta(r, profile):
    base = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    return {"versionId": "1", "lastUpdated": when(r), "profile": [base + profile]}


def quantity(value, unit, digits=2):
    return {"value": round(value, digits), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def observation(r, pid):
    i = uid(r)
    kind = r.random()
    category = {"system": HL7 + "observation-category", "code": "laboratory", "display": "Laboratory"}
    o = {
        "resourceType": "Observation",
        "id": i,
        "meta": meta(r, "observation-lab"),
        "identifier": [{"system": SYNTHEA, "value": i}],
        "status": r.choices(
            ["final", "amended", "preliminary", "entered-in-error"], [0.95, 0.03, 0.01, 0.01]
        )[0],
        "category": [{"coding": [category]}],
    }
    w = when(r)
    if kind < 0.12:  # blood pressure panel with components
        category.update(code="vital-signs", display="Vital signs")
        o["code"] = cc(LOINC, "85354-9", "Blood pressure panel with all children optional")
        o["component"] = [
            {
                "code": cc(LOINC, "8480-6", "Systolic Blood Pressure"),
                "valueQuantity": quantity(r.uniform(95, 180), "mm[Hg]", 0),
            },
            {
                "code": cc(LOINC, "8462-4", "Diastolic Blood Pressure"),
                "valueQuantity": quantity(r.uniform(55, 110), "mm[Hg]", 0),
            },
        ]
    elif kind < 0.24:  # spirometry panel with components
        category.update(code="procedure", display="Procedure")
        o["code"] = cc(LOINC, "81459-6", "Spirometry panel")
        fvc = r.uniform(1.5, 5.2)
        fev1 = fvc * r.uniform(0.4, 0.9)
        o["component"] = [
            {"code": cc(LOINC, LABS[9][0], LABS[9][1]), "valueQuantity": quantity(fvc, "L", 3)},
            {"code": cc(LOINC, "20150-9", "FEV1"), "valueQuantity": quantity(fev1, "L", 3)},
            {"code": cc(LOINC, "19926-5", "FEV1/FVC"), "valueQuantity": quantity(100 * fev1 / fvc, "%", 1)},
        ]
    elif kind < 0.32:  # coded value
        o["code"] = cc(LOINC, "72166-2", "Tobacco smoking status NHIS")
        o["valueCodeableConcept"] = cc(SNOMED, "266919005", "Never smoked tobacco (finding)")
    elif kind < 0.35:  # free text value, with a non-ASCII character and escaped quotes
        o["code"] = cc(LOINC, "8251-1", "Service comment")
        o["valueString"] = 'Sample slightly hemolysed \u2013 repeat if "clinically" indicated'
    else:  # numeric laboratory value
        code, display, unit, low, high = r.choice(LABS)
        o["code"] = cc(LOINC, code, display)
        if r.random() < 0.2:
            local = {
                "system": "http://hospital.example.org/local-codes",
                "code": "L" + code,
                "display": display,
            }
            o["code"]["coding"].append(local)
        v = r.uniform(low * 0.8, high * 1.2)
        if r.random() < 0.02:
            o["dataAbsentReason"] = cc(HL7 + "data-absent-reason", "unknown", "Unknown")
        else:
            o["valueQuantity"] = quantity(v, unit)
            if r.random() < 0.03:
                o["valueQuantity"]["comparator"] = "<"
            normal = {"system": HL7 + "v3-ObservationInterpretation", "code": "N", "display": "Normal"}
            o["interpretation"] = [{"coding": [normal]}]
        o["referenceRange"] = [
            {"low": quantity(low, unit), "high": quantity(high, unit), "text": f"{low} - {high} {unit}"}
        ]
    o["subject"] = {"reference": f"Patient/{pid}"}
    o["encounter"] = {"reference": f"Encounter/{uid(r)}"}
    if r.random() < 0.03:
        o["effectivePeriod"] = {"start": w, "end": w}
    else:
        o["effectiveDateTime"] = w
    o["issued"] = w.replace("Z", ".123Z") if w.endswith("Z") else w[:19] + ".123" + w[19:]
    o["performer"] = [{"reference": f"Practitioner/{uid(r)}", "display": "Dr. Example Person"}]
    if r.random() < 0.05:
        o["note"] = [{"text": "free text comment from the technician, reviewed"}]
    return o


def medication_administration(r, pid):
    w = when(r)
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    o = {
        "resourceType": "MedicationAdministration",
        "id": uid(r),
        "meta": meta(r, "medicationadministration"),
        "status": r.choice(["completed", "in-progress", "not-done"]),
        "medicationCodeableConcept": cc(
            rxnorm, str(r.randrange(10**5, 10**6)), "nintedanib 150 MG Oral Capsule"
        ),
        "subject": {"reference": f"Patient/{pid}"},
        "context": {"reference": f"Encounter/{uid(r)}"},
    }
    o.update({"effectiveDateTime": w} if r.random() < 0.6 else {"effectivePeriod": {"start": w, "end": w}})
    o["performer"] = [{"actor": {"reference": f"Practitioner/{uid(r)}"}}]
    o["reasonCode"] = [cc(SNOMED, "700250006", "Idiopathic pulmonary fibrosis")]
    o["request"] = {"reference": f"MedicationRequest/{uid(r)}"}
    o["dosage"] = {
        "text": "150 mg PO BID",
        "route": cc(SNOMED, "26643006", "Oral route"),
        "dose": quantity(r.choice([100, 150, 200]), "mg"),
    }
    return o


def adverse_event(r, pid):
    w = when(r)
    ae = HL7 + "adverse-event-"
    return {
        "resourceType": "AdverseEvent",
        "id": uid(r),
        "meta": meta(r, "adverseevent"),
        "actuality": "actual",
        "category": [{"coding": [{"system": ae + "category", "code": "medication-mishap"}]}],
        "event": cc("http://www.meddra.org", str(10000000 + r.randrange(10**5)), "Diarrhoea"),
        "subject": {"reference": f"Patient/{pid}"},
        "date": w,
        "detected": w,
        "recordedDate": w,
        "seriousness": cc(ae + "seriousness", r.choice(["serious", "non-serious"]), "x"),
        "severity": cc(ae + "severity", r.choice(["mild", "moderate", "severe"]), "x"),
        "outcome": cc(ae + "outcome", r.choice(["resolved", "ongoing", "fatal"]), "x"),
        "suspectEntity": [
            {
                "instance": {"reference": f"Medication/{uid(r)}"},
                "causality": [{"assessment": cc(ae + "causality-assess", "probable", "Probable")}],
            }
        ],
    }


def patient(r, pid):
    core = "http://hl7.org/fhir/us/core/StructureDefinition/"
    ext = "http://hl7.org/fhir/StructureDefinition/"
    white = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}
    race = [{"url": "ombCategory", "valueCoding": white}, {"url": "text", "valueString": "White"}]
    p = {
        "resourceType": "Patient",
        "id": pid,
        "meta": meta(r, "patient"),
        "extension": [
            {"url": core + "us-core-race", "extension": race},
            {"url": core + "us-core-birthsex", "valueCode": r.choice("MF")},
        ],
        "identifier": [
            {"system": SYNTHEA, "value": pid},
            {
                "type": cc(HL7 + "v2-0203", "MR", "Medical Record Number"),
                "system": "http://hospital.smarthealthit.org",
                "value": pid,
            },
        ],
        "name": [
            {
                "use": "official",
                "family": f"Fam{r.randrange(9999)}",
                "given": [f"Giv{r.randrange(9999)}", "M"],
                "prefix": ["Mr."],
            }
        ],
        "telecom": [{"system": "phone", "value": f"555-{r.randrange(10**7):07d}", "use": "home"}],
        "gender": r.choice(["male", "female"]),
        "birthDate": f"{r.randrange(1930, 2005)}-{r.randrange(1, 13):02d}-{r.randrange(1, 28):02d}",
        "address": [
            {
                "extension": [
                    {
                        "url": ext + "geolocation",
                        "extension": [
                            {"url": "latitude", "valueDecimal": round(r.uniform(41, 43), 6)},
                            {"url": "longitude", "valueDecimal": round(-r.uniform(70, 72), 6)},
                        ],
                    }
                ],
                "line": ["1 Main St"],
                "city": "Boston",
                "state": "MA",
                "postalCode": "02115",
                "country": "US",
            }
        ],
        "maritalStatus": cc(HL7 + "v3-MaritalStatus", "M", "Married"),
        "communication": [{"language": cc("urn:ietf:bcp:47", "en-US", "English")}],
    }
    if r.random() < 0.05:
        p["deceasedDateTime"] = when(r)
    if r.random() < 0.02:  # birth date withheld: only the sibling extension is present
        del p["birthDate"]
        p["_birthDate"] = {"extension": [{"url": ext + "data-absent-reason", "valueCode": "masked"}]}
    return p


def generate(out, n, seed=7):
    os.makedirs(out, exist_ok=True)
    r = random.Random(seed)
    pids = [uid(r) for _ in range(max(1, n // 50))]

    def write(name, make, count, each=None):
        rr = random.Random(seed + sum(map(ord, name)))
        with open(f"{out}/{name}.ndjson", "w", encoding="utf-8", newline="\n") as f:
            for i in range(count):
                pid = each[i] if each else pids[int(rr.random() * len(pids))]
                f.write(json.dumps(make(rr, pid), separators=(",", ":"), ensure_ascii=False) + "\n")

    write("Patient", patient, len(pids), pids)
    write("MedicationAdministration", medication_administration, n // 10)
    write("AdverseEvent", adverse_event, n // 50)
    write("Observation", observation, n)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    generate(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 7)
