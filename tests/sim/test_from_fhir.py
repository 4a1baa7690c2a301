"""Replicates that begin as FHIR resources, as a hospital exports them, are those of the mapped tables."""

import shutil

import pytest

from rwe import results
from rwe.steps import folder
from rwe.steps.adjusted import adjusted
from rwe.steps.comparisons import comparisons
from rwe.store import Store
from tests.cli import folders
from tests.run import rwe
from tests.sim import fhir
from tests.sim.analyses import planned
from tests.sim.stores import FOLDER, PLAN, built
from tests.sim.tables import people, site, tables

NUMBERS = range(1, 7)
MADE = ("cohort", "attrition", "measurement", "endpoint_value")


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    with built(NUMBERS, tmp_path_factory.mktemp("mapped")) as store:
        yield store


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """By the command line, from NDJSON files."""
    study = shutil.copytree(FOLDER, tmp_path_factory.mktemp("landed") / "study")
    fhir.write(tables(people(NUMBERS)), study / "fhir")
    folders.sites(study, **{site(n): study / "fhir" / site(n) for n in NUMBERS})
    for verb in ("pull", "map", "cohort", "compare"):
        rwe(verb, "--dir", study)
    return study


@pytest.fixture(scope="module")
def store(landed):
    with Store.open(folder.data_folder(landed)) as store:
        yield store


def rows(store, table):
    return store.rows(f"SELECT COLUMNS(*)::VARCHAR FROM {table} ORDER BY ALL")


@pytest.mark.parametrize("table", fhir.RESOURCES)
def test_the_resources_map_to_the_tables_that_the_simulator_makes(store, mapped, table):
    found = rows(store, table)
    assert len(found) > len(NUMBERS) * 20
    assert found == rows(mapped, table)


@pytest.mark.parametrize("table", MADE)
def test_the_cohort_and_its_values_are_the_same_from_either_start(store, mapped, table):
    assert rows(store, table) == rows(mapped, table)


def test_the_estimates_are_the_same_to_the_last_bit_from_either_start(store, mapped):
    found = dict(planned(store))
    assert list(found) == [site(n) for n in NUMBERS]
    assert found == dict(planned(mapped))


def test_compare_writes_what_the_mapped_tables_give(landed, mapped):
    found = results.decode((landed / "results" / results.NAME).read_bytes())
    assert found.comparisons == [*comparisons(mapped, PLAN), *adjusted(mapped, PLAN)]
    assert [c.status for c in found.comparisons if c.adjusted and c.endpoint == "FEV1"] == ["estimated"]


def test_the_order_of_the_rows_changes_nothing(mapped, tmp_path):
    with built(NUMBERS, tmp_path, shuffled=7) as shuffled:
        assert [rows(shuffled, t) for t in MADE] == [rows(mapped, t) for t in MADE]
        assert dict(planned(shuffled)) == dict(planned(mapped))


@pytest.mark.parametrize(
    ("rule", "trap"),
    [
        ("unit_contradicts", "FEV1 in % of predicted"),
        ("implausible", "mL called L"),
    ],
)
def test_each_decoy_is_set_aside(mapped, rule, trap):
    (found,) = mapped.rows(f"SELECT COUNT(DISTINCT site_id) FROM measurement WHERE set_aside = '{rule}'")
    assert found == (len(NUMBERS),), trap


def test_every_unit_of_the_simulator_is_read(mapped):
    units = "SELECT DISTINCT endpoint, unit FROM measurement WHERE set_aside IS NULL ORDER BY ALL"
    assert mapped.rows(units) == [
        *(("CRP", unit) for unit in ("g/L", "mg/L", "mg/dL", "ug/mL")),
        *(("FEV1", unit) for unit in ("L", "l", "mL")),
    ]
