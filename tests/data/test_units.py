"""Units and contradictions in the public sets: no good value is thrown away, and none changes its meaning.

Display, code and unit of these sets were read by a person; where they agree, no rule may see otherwise.
"""

import shutil

import duckdb
import pytest

from rwe import data
from tests.data.conftest import run_set
from tests.run import rwe

ENDPOINTS = {
    "d_dimer_feu": ("mg/L{FEU}", "48065-7", "48067-3", "71427-9"),
    "d_dimer_ddu": ("mg/L{DDU}", "48066-5", "48058-2", "91556-1"),
    "il6": ("pg/mL", "26881-3"),
    "crp": ("mg/L", "1988-5"),
    "ferritin": ("ng/mL", "2276-4"),
    "spo2": ("%", "2708-6", "59408-5"),
    "fev1": ("L", "20150-9", "20157-4"),
    "fev1_fvc": ("%", "19926-5"),
    "leucocytes": ("10*9/L", "6690-2"),
    "lymphocytes": ("10*9/L", "731-0"),
    "pao2": ("kPa", "2703-7"),
    "temperature": ("K", "8310-5"),
    "height": ("m", "8302-2"),
    "weight": ("kg", "29463-7"),
}
SMALL = {
    "fhir-bridge-gecco-tests": 3,
    "gematik-hddt-doc-json": 0,
    "smart-synthea-2019": 0,
    "hl7-spec-examples/R4": 3,
}
FOUND = """
    SELECT r.endpoint, r.read_unit, u.factor / u.divisor, u.addend / u.divisor, u.how, k.reason, COUNT(*)
    FROM result AS r
    LEFT JOIN unit_conversion AS u ON r.read_unit = u.from_unit AND r.endpoint_unit = u.to_unit
    LEFT JOIN contradiction AS k USING (site_id, observation_id, component)
    WHERE r.value IS NOT NULL
    GROUP BY ALL ORDER BY ALL"""


def results(study):
    """What `rwe cohort` makes of the results, and keeps in memory alone."""
    with duckdb.connect(study / "data" / "store.duckdb", read_only=True) as db:
        for name in ("10_coding", "15_coded_twice", "20_contradiction", "30_result"):
            db.execute((data.root() / "sql" / "result" / f"{name}.sql").read_text(encoding="utf-8"))
        return db.execute(FOUND).fetchall()


def ask(study):
    """The same data with these endpoints."""
    text = (study / "study.toml").read_text()
    before, rest = text.split("[[endpoint]]", 1)
    tables = "".join(
        f'[[endpoint]]\nid = "{e}"\nlabel = "{e}"\nkind = "quantity"\ncodes = "{e}"\nunit = "{unit}"\n\n'
        for e, (unit, *_) in ENDPOINTS.items()
    )
    (study / "study.toml").write_text(before + tables + rest[rest.index("[[analysis]]") :])
    for e, (_, *codes) in ENDPOINTS.items():
        lines = "".join(f"http://loinc.org,{code},\n" for code in codes)
        (study / "codes" / f"{e}.csv").write_text(f"system,code,display\n{lines}")
    return study


@pytest.fixture(scope="module")
def large(synthea, tmp_path_factory):
    study = tmp_path_factory.mktemp("units") / "study"
    shutil.copytree(synthea["ndjson"].result().study, study, copy_function=shutil.copy2)
    rwe("cohort", "--dir", ask(study))
    return study


def test_of_11320_synthetic_values_none_contradicts_itself_and_all_but_d_dimer_have_their_unit(large):
    found = results(large)
    assert sum(n for *_, n in found) == 11_320
    assert {reason for *_, reason, _ in found} == {None}
    lost = {(endpoint, unit, how): n for endpoint, unit, factor, _, how, _, n in found if factor is None}
    assert lost == {("d_dimer_feu", "ug/mL", "other_annotation"): 535}


def test_values_are_converted_as_by_hand(large):
    found = {(e, unit): (factor, offset) for e, unit, factor, offset, *_ in results(large)}
    assert found["temperature", "Cel"] == (1, 273.15)
    assert found["height", "cm"] == (0.01, 0)
    assert found["leucocytes", "10*3/uL"] == (1, 0)
    assert found["ferritin", "ug/L"] == (1, 0)
    assert found["pao2", "mm[Hg]"] == (pytest.approx(0.133322387415, rel=1e-15), 0)


@pytest.mark.parametrize("name", SMALL)
def test_no_value_of_the_small_sets_contradicts_itself_or_loses_its_unit(tmp_path, name):
    study = ask(run_set(tmp_path, name, "4.0.1", exits=(SMALL[name] and 3, SMALL[name])).study)
    rwe("cohort", "--dir", study, expect=SMALL[name])
    found = results(study)
    assert found
    assert [row for row in found if row[2] is None or row[5] is not None] == []


def test_ddu_stays_ddu(tmp_path):
    """390 ug/L{DDU} of fhir-bridge: 0.39 in its own family, nothing in the other."""
    study = ask(run_set(tmp_path, "fhir-bridge-gecco-tests", "4.0.1", exits=(3, 3)).study)
    rwe("cohort", "--dir", study, expect=3)
    (row,) = [r for r in results(study) if r[0].startswith("d_dimer")]
    assert row[:3] == ("d_dimer_ddu", "ug/L{DDU}", 0.001)
