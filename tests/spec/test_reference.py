"""Which references have a key in the mapped tables: those that lead to the site itself."""

import json
import re

import pytest

from rwe import address, data
from rwe.address import RELATIVE
from rwe.steps.map import views

ONE = ("https://ehr.example/fhir",)
# Trailing slash, case of scheme and host, a usual port: not part of an address.
SAME = ("https://ehr.example/fhir/", "HTTPS://EHR.Example/fhir", "https://ehr.example:443/fhir")
SEVERAL = ("http://ehr.example", "https://ehr.example:8443/a.b", "http://[::1]:80/r4")
RULE = """
    addresses | reference                                       | key
    ----------+-------------------------------------------------+----
    none      | Patient/p                                       | p
    none      | Patient/p/_history/2                            | p
    none      | https://ehr.example/fhir/Patient/p              |
    none      | http://127.0.0.1/Patient/p                      |
    none      | //ehr.example/fhir/Patient/p                    |
    none      | urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0   |
    none      | urn:x/Patient/p                                 |
    none      | #p                                              |
    none      | Patient?identifier=p                            |
    none      | /Patient/p                                      |
    none      | other/Patient/p                                 |
    one       | Patient/p                                       | p
    one       | Patient/p/_history/2                            | p
    one       | https://ehr.example/fhir/Patient/p              | p
    one       | https://ehr.example/fhir/Patient/p/_history/2   | p
    one       | https://ehr.example/fhir//Patient/p             | p
    one       | https://ehr.example:443/fhir/Patient/p          | p
    one       | HTTPS://EHR.Example/fhir/Patient/p              | p
    one       | https://ehr.example/FHIR/Patient/p              |
    one       | https://ehr.example/fhir/Group/p                |
    one       | https://ehr.example/fhir/x/Patient/p            |
    one       | https://ehr.example/fhir2/Patient/p             |
    one       | https://ehr.example/Patient/p                   |
    one       | https://ehr.example:8443/fhir/Patient/p         |
    one       | https://ehr.example:80/fhir/Patient/p           |
    one       | http://ehr.example/fhir/Patient/p               |
    one       | https://ehrxexample/fhir/Patient/p              |
    one       | https://u@ehr.example/fhir/Patient/p            |
    one       | https://x.example/https://ehr.example/fhir/Patient/p |
    one       | https://elsewhere.example/fhir/Patient/p        |
    one       | //ehr.example/fhir/Patient/p                    |
    several   | Patient/p                                       | p
    several   | http://ehr.example/Patient/p                    | p
    several   | http://ehr.example:80/Patient/p                 | p
    several   | https://ehr.example/Patient/p                   |
    several   | https://ehr.example:8443/a.b/Patient/p          | p
    several   | https://ehr.example/a.b/Patient/p               |
    several   | https://ehr.example:8443/axb/Patient/p          |
    several   | http://[::1]/r4/Patient/p                       | p
    several   | http://ehr.example/a.b/Patient/p                |"""
BASES = {"none": ((),), "one": (ONE, *((base,) for base in SAME)), "several": (SEVERAL, SEVERAL[::-1])}


def table(text):
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [line for line in lines[1:] if "-+-" not in line[0]]


def keys(db, version, name, own, resources):
    """Of each row of a view, in the order of their ids, its columns that are the key of a reference."""
    view = next(v for v in views(version, own) if v.name == name)
    names = ", ".join(key_columns(view.definition))
    query = view.query("(SELECT unnest(?::JSON[]) AS json)")
    lines = [json.dumps(r) for r in resources]
    return db.rows(f"SELECT {names} FROM ({query}) ORDER BY {view.key}", [lines])


def key_columns(definition):
    return re.findall(r'"name": "(\w+)", "path": "[^"]*getReferenceKey\(', json.dumps(definition))


@pytest.mark.parametrize("which", BASES)
def test_a_reference_has_a_key_where_it_leads_to_the_site_itself(db, which):
    rules = [(reference, key or None) for name, reference, key in table(RULE) if name == which]
    encounters = [
        {"resourceType": "Encounter", "id": f"{n:03}", "subject": {"reference": r}}
        for n, (r, _) in enumerate(rules)
    ]
    for bases in BASES[which]:
        found = keys(db, "4.0.1", "encounter", address.own(bases), encounters)
        assert list(zip([r for r, _ in rules], [k for (k,) in found], strict=True)) == rules


def test_what_is_no_address_adds_none():
    assert address.own([]) == RELATIVE


def resource(version, kind, name, base):
    """One that refers to all that a mapping asks the key of."""

    def to(target):
        return {"reference": f"{base}{target}/x"}

    old = version != "5.0.0"
    drug = (
        {"medicationReference": to("Medication")} if old else {"medication": {"reference": to("Medication")}}
    )
    suspect = "instance" if old else "instanceReference"
    return {
        "resourceType": kind,
        "id": name,
        "subject": to("Patient"),
        "encounter": to("Encounter"),
        "context": to("Encounter"),
        "component": [{"code": {"text": "c"}}],
        "link": [{"other": to("Patient"), "type": "seealso"}],
        "suspectEntity": [{suspect: to("MedicationAdministration")}],
        **drug,
    }


REFERRING = [
    (version, f.stem)
    for version in ("4.0.1", "4.3.0", "5.0.0")
    for f in data.mapping_files(version)
    if key_columns(json.loads(f.read_bytes()))
]


@pytest.mark.parametrize(("version", "name"), REFERRING)
def test_no_key_of_any_mapping_is_of_another_server(db, version, name):
    kind = next(v.resource for v in views(version) if v.name == name)
    bases = {"1": "", "2": "https://ehr.example/fhir/", "3": "https://elsewhere.example/fhir/"}
    resources = [resource(version, kind, identity, base) for identity, base in bases.items()]
    relative, own, foreign = keys(db, version, name, address.own(ONE), resources)
    assert set(relative) == set(own) == {"x"}
    assert set(foreign) == {None}
