"""Every public set passes pull and map: no crash, nothing lost, all set aside has a reason and a place."""

import gzip
import json
from collections import Counter

import pytest

from rwe.reasons import REASONS
from tests.cli import folders
from tests.data.conftest import at_once, run_set

SETS = {
    "fhir-bridge-gecco-tests": "4.0.1",
    "gematik-hddt-doc-json": "4.0.1",
    "google-synthea-hiv": "4.0.1",
    "mii-kds-testdata": "4.0.1",
    "smart-bulk-ndjson-10-patients": "4.0.1",
    "smart-synthea-2019": "4.0.1",
    "torch-odd": "4.0.1",
    "hl7-spec-examples/R4": "4.0.1",
    "hl7-spec-examples/R4B": "4.3.0",
    "hl7-spec-examples/R5": "5.0.0",
    "hl7-spec-examples/R5-xml-source": "5.0.0",
}
LARGE = {"synthea-covid-ndjson": "ndjson", "synthea-covid-bundles": "bundles"}
WHOLE = {"gematik-hddt-doc-json", "google-synthea-hiv", "mii-kds-testdata", "smart-synthea-2019", *LARGE}
# whole when landed: what is wrong with it shows against the standard only
INVALID_ONLY = {"hl7-spec-examples/R5-xml-source"}
# SOURCES.md, resources after unwrapping Bundles
SAID = {
    "fhir-bridge-gecco-tests": {"Condition": 66, "Patient": 4},
    "gematik-hddt-doc-json": {"Observation": 5},
    "google-synthea-hiv": {"Observation": 784, "Encounter": 191, "Patient": 4, "Condition": 4},
    "mii-kds-testdata": {
        "Observation": 152, "Medication": 18, "MedicationAdministration": 14, "Condition": 11,
        "Encounter": 9, "Patient": 8, "AdverseEvent": 2,
    },
    "smart-bulk-ndjson-10-patients": {"Encounter": 1215, "Condition": 555, "Patient": 13},
    "smart-synthea-2019": {"Observation": 4421, "Encounter": 645, "Condition": 208, "Patient": 26},
    "torch-odd": {
        "Condition": 45, "Observation": 19, "Patient": 14, "Encounter": 6, "Medication": 4,
        "MedicationAdministration": 4,
    },
    "synthea-covid-ndjson": {
        "Observation": 76314, "Encounter": 7061, "Condition": 2257, "MedicationAdministration": 319,
        "Patient": 143,
    },
}  # fmt: skip
SAID["synthea-covid-bundles"] = SAID["synthea-covid-ndjson"]
EVERY = [*SETS, *LARGE]
ONE_ROW = (
    "Patient",
    "Observation",
    "Condition",
    "Encounter",
    "Medication",
    "AdverseEvent",
    "MedicationAdministration",
)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return at_once(
        {
            name: (run_set, tmp_path_factory.mktemp(name.replace("/", "-")), name, version, exits(name))
            for name, version in SETS.items()
            if folders.public_set(name)
        }
    )


def exits(name):
    """Of pull and of map."""
    return (0, 0) if name in WHOLE else (0, 3) if name in INVALID_ONLY else (3, 3)


@pytest.fixture
def ran(small, synthea):
    """Each set was run once."""
    return lambda name: (synthea[LARGE[name]] if name in LARGE else small[name]).result()


def plain_count(folder):
    """The resources of a folder by type, read with json alone; what is no resource is unknown."""
    counts = Counter()

    def add(node):
        kind = node.get("resourceType") if isinstance(node, dict) else None
        if kind == "Bundle":
            for entry in node.get("entry", ()):
                add(entry.get("resource"))
        else:
            counts[kind or "unknown"] += 1

    for path in folder.rglob("*"):
        name = path.name.removesuffix(".gz")
        if path.is_dir() or not name.endswith((".json", ".ndjson")):
            continue
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for text in body.splitlines() if name.endswith(".ndjson") else [body]:
            try:
                add(json.loads(text))
            except ValueError:
                counts["unknown"] += 1
    return counts


def test_all_public_sets_are_tried():
    have = {p.name for p in folders.public_set("").iterdir() if p.is_dir()}
    assert have == {name.split("/")[0] for name in EVERY}


@pytest.mark.parametrize("name", EVERY)
def test_asked_is_mapped_and_superseded_and_set_aside(ran, name):
    counts = ran(name).mapped["resources"]
    assert counts
    for c in counts:
        assert c["asked"] == c["landed"] == c["mapped"] + c["superseded"] + c["set_aside"], c
        assert c["failure"] is None


@pytest.mark.parametrize("name", SETS)
def test_whatever_the_files_hold_is_counted(ran, name):
    """Against a reader of its own: what was asked for, and what was passed over."""
    found = ran(name)
    (site,) = found.pulled["sites"]
    have = Counter({kind: c["landed"] for kind, c in site["manifest"]["types"].items()})
    have.update(site["manifest"]["passed_over"])
    want = plain_count(folders.public_set(name))
    twice = [s for s in found.mapped["set_aside"] if (s["reason"], s["type"]) == ("repeated_key", "unknown")]
    assert sum((want - have).values()) == sum((have - want).values()) == len(twice)


@pytest.mark.parametrize("name", SAID)
def test_counts_are_those_of_the_sources(ran, name):
    counts = {c["type"]: c["landed"] for c in ran(name).mapped["resources"]}
    assert {kind: counts.get(kind) for kind in SAID[name]} == SAID[name]


@pytest.mark.parametrize("name", EVERY)
def test_every_piece_set_aside_has_a_reason_and_a_place(ran, name):
    found = ran(name)
    pieces = found.mapped["set_aside"]
    assert len(pieces) == sum(c["set_aside"] for c in found.mapped["resources"])
    for piece in pieces:
        assert piece["reason"] in REASONS
        assert (folders.public_set(name) / piece["source"].partition("#")[0]).is_file(), piece
        assert piece["position"] >= 1
    places = Counter((p["source"], p["position"]) for p in pieces)
    assert max(places.values(), default=1) == 1


@pytest.mark.parametrize("name", EVERY)
def test_every_mapped_resource_is_in_its_table(ran, name):
    """By its id: none lost, none made twice."""
    found = ran(name)
    for c in found.mapped["resources"]:
        if c["type"] not in ONE_ROW:
            continue
        table = "".join(f"_{x.lower()}" if x.isupper() else x for x in c["type"]).lstrip("_")
        sql = f"SELECT COUNT(DISTINCT {table}_id) FROM {table}"
        assert folders.rows(found.study, sql) == [(c["mapped"],)], c


@pytest.mark.parametrize("name", EVERY)
def test_exit_says_whether_something_is_missing(ran, name):
    missing = ran(name).mapped["missing"]
    assert (missing == []) == (name in WHOLE)
    assert all(line.startswith("site: ") for line in missing)


def test_files_that_are_not_json_are_named(ran):
    found = [s["source"] for s in ran("torch-odd").mapped["set_aside"] if s["reason"] == "not_json"]
    assert found == [
        "InputResources__Observation__observation_vhf_0006.json",
        "InputResources__Patient__Patient-mii-exa-person-patient-full-error.json",
    ]


def test_files_that_are_not_fhir_are_named(ran):
    found = [s for s in ran("fhir-bridge-gecco-tests").mapped["set_aside"] if s["reason"] == "not_a_resource"]
    assert len(found) == 46
    assert {s["position"] for s in found} == {1}


def test_files_of_another_kind_are_named(ran):
    (site,) = ran("hl7-spec-examples/R5-xml-source").pulled["sites"]
    assert len(site["manifest"]["passed_over_files"]) == 3
    assert all(name.endswith(".xml") for name in site["manifest"]["passed_over_files"])


def test_strangers_of_one_id_are_not_merged(ran):
    """29 ids are used again by other content, and nothing orders them."""
    pieces = [s for s in ran("fhir-bridge-gecco-tests").mapped["set_aside"] if s["reason"] == "conflict"]
    assert len(pieces) > 29


def test_only_completed_administrations_would_count(ran):
    """34 of 43 in the three versions of the specification, 13 of 14 in the MII set."""
    sql = (
        "SELECT COUNT(DISTINCT medication_administration_id) FILTER (WHERE status = 'completed'), "
        "COUNT(DISTINCT medication_administration_id) FROM medication_administration"
    )
    versions = [folders.rows(ran(f"hl7-spec-examples/{v}").study, sql)[0] for v in ("R4", "R4B", "R5")]
    draft = ran("hl7-spec-examples/R5-xml-source").mapped["resources"]
    assert sum(n for n, _ in versions) in (33, 34)
    assert (
        sum(n for _, n in versions)
        + sum(c["landed"] for c in draft if c["type"] == "MedicationAdministration")
        == 43
    )
    assert folders.rows(ran("mii-kds-testdata").study, sql) == [(13, 14)]
