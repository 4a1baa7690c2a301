"""sql/result: what is read of a result, and which results contradict themselves."""

import pytest

from rwe import data

from .conftest import RESULT, load, rows, run_sql

LOINC = "http://loinc.org"
FEU, DDU, FEU_TOO, FEV1, FVC, PERCENT = "48065-7", "48066-5", "48067-3", "20150-9", "19868-9", "20152-5"
IL6, SPO2, SPO2_TOO = "26881-3", "2708-6", "59408-5"


@pytest.fixture
def reviewed(db):
    """The shipped reviewed tables, and endpoints of LOINC codes."""
    for name in ("code_meaning", "contradiction_word"):
        db.insert(name, [tuple(c or None for c in row.values()) for row in data.reviewed(name)])
    lists = {"feu": [FEU, FEU_TOO], "ddu": [DDU], "spiro": [FEV1], "il6": [IL6], "sat": [SPO2, SPO2_TOO]}
    db.run("DELETE FROM code_list")
    db.run("DELETE FROM endpoint")
    db.insert("code_list", [(n, LOINC, code, None) for n, codes in lists.items() for code in codes])
    units = {"feu": "mg/L{FEU}", "ddu": "mg/L{DDU}", "spiro": "L", "il6": "pg/mL", "sat": "%"}
    load(
        db,
        "endpoint",
        "endpoint | kind | code_list | unit\n"
        + "\n".join(f"{n} | quantity | {n} | {unit}" for n, unit in units.items()),
    )
    return db


def reasons(db, observation):
    """Of each result by its id."""
    load(db, "observation", observation.replace("LOINC", LOINC))
    run_sql(db, *RESULT)
    return dict(rows(db, "contradiction", "observation_id, reason"))


def reason(db, code, *, unit_code="", unit="", display="", text=""):
    observation = f"""
        observation_id | status | system | code   | unit_code   | unit   | display   | text
        o              | final  | LOINC  | {code} | {unit_code} | {unit} | {display} | {text}"""
    return reasons(db, observation).get("o")


@pytest.mark.parametrize(
    ("code", "unit_code", "unit", "expected"),
    [
        (DDU, "mg/L{FEU}", "", "unit_contradicts"),
        (DDU, "", "mg/L FEU", "unit_contradicts"),
        (DDU, "mg/L", "mg/L FEU", "unit_contradicts"),
        (DDU, "ug/L{DDU}", "", None),
        (DDU, "ug/L", "", None),
        (FEU, "ug/L{DDU}", "", "unit_contradicts"),
        (FEU, "", "ng/mL DDU", "unit_contradicts"),
        (FEU, "ug/mL{FEU}", "", None),
        (FEU, "ug/mL", "ug/mL", None),
        (FEU_TOO, "ug/mL{DDU}", "", "unit_contradicts"),
    ],
)
def test_a_d_dimer_of_one_family_in_the_unit_of_the_other_contradicts_itself(
    reviewed, code, unit_code, unit, expected
):
    assert reason(reviewed, code, unit_code=unit_code, unit=unit) == expected


@pytest.mark.parametrize(
    ("code", "display", "text", "expected"),
    [
        (FEU, "D-dimer DDU [Mass/volume]", "", "display_contradicts"),
        (FEU, "", "D-Dimer (ddu)", "display_contradicts"),
        (FEU, "Fibrin D-dimer FEU [Mass/volume] in Platelet poor plasma", "", None),
        (FEU, "D-dimer FEU (not DDU)", "", None),
        (FEU, "D-Dimer", "D-Dimer", None),
        (DDU, "D-dimer FEU", "", "display_contradicts"),
        (DDU, "Fibrin D-dimer DDU [Mass/volume] in Platelet poor plasma", "", None),
        (FEV1, "FEV1 % predicted", "", "display_contradicts"),
        (FEV1, "FEV1/FVC", "", "display_contradicts"),
        (FEV1, "FEV1", "Volume expired during 1.0 s of forced expiration", None),
        (FEV1, "FEV1 before bronchodilation", "", None),
        (IL6, "Procalcitonin", "", "display_contradicts"),
        (IL6, "Interleukin 6 [Mass/volume] in Serum or Plasma", "", None),
        (IL6, "", "", None),
    ],
)
def test_a_display_that_names_another_quantity_contradicts_the_code(reviewed, code, display, text, expected):
    assert reason(reviewed, code, display=display, text=text) == expected


def test_two_codes_of_different_meaning_on_one_result_contradict_each_other(reviewed):
    """Whether the study asks for both or for one of them; a code nobody has reviewed says nothing."""
    assert reasons(
        reviewed,
        f"""
        observation_id | status | system | code
        families       | final  | LOINC  | {FEU}
        families       | final  | LOINC  | {DDU}
        not asked for  | final  | LOINC  | {FEV1}
        not asked for  | final  | LOINC  | {FVC}
        per cent       | final  | LOINC  | {FEV1}
        per cent       | final  | LOINC  | {PERCENT}
        same           | final  | LOINC  | {SPO2}
        same           | final  | LOINC  | {SPO2_TOO}
        of a family    | final  | LOINC  | {FEU}
        of a family    | final  | LOINC  | {FEU_TOO}
        local too      | final  | LOINC  | {FEV1}
        local too      | final  | local  | FEV
        alone          | final  | LOINC  | {FEV1}""",
    ) == dict.fromkeys(("families", "not asked for", "per cent"), "codes_contradict")


def test_two_codes_of_different_endpoints_contradict_each_other_unless_they_share_a_code_or_a_meaning(db):
    load(db, "code_list", "code_list | code\nvc | vc\nboth | fev1\nboth | both")
    load(
        db, "endpoint", "endpoint | kind | code_list | unit\nVC | quantity | vc | L\nB | quantity | both | L"
    )
    assert reasons(
        db,
        """
        observation_id | status | code
        apart          | final  | fev1
        apart          | final  | vc
        shared         | final  | fev1
        shared         | final  | both
        one            | final  | vc""",
    ) == {"apart": "codes_contradict"}
    assert rows(db, "result WHERE observation_id = 'shared'", "endpoint") == ["B", "FEV1"]


def test_codes_go_before_units_and_units_before_displays(reviewed):
    assert reasons(
        reviewed,
        f"""
        observation_id | status | system | code  | unit_code | display
        all            | final  | LOINC  | {FEU} | mg/L{{DDU}} | D-dimer DDU
        all            | final  | LOINC  | {DDU} | mg/L{{DDU}} | D-dimer DDU
        two            | final  | LOINC  | {FEU} | mg/L{{DDU}} | D-dimer DDU""",
    ) == {"all": "codes_contradict", "two": "unit_contradicts"}


def test_each_component_contradicts_by_itself(reviewed):
    load(
        reviewed,
        "observation_component",
        f"""
        observation_id | component_index | status | system | code   | display
        o              | 0               | final  | LOINC  | {FEV1} | FEV1
        o              | 1               | final  | LOINC  | {FEV1} | FEV1 predicted
        o              | 2               | final  | LOINC  | {FVC}  | FVC""".replace("LOINC", LOINC),
    )
    run_sql(reviewed, *RESULT)
    assert rows(reviewed, "contradiction", "component, reason") == [(1, "display_contradicts")]


@pytest.mark.parametrize(
    ("system", "code", "text", "unit"),
    [
        ("http://unitsofmeasure.org", "mL", "L", "mL"),
        ("", "mL", "L", "mL"),
        ("", "", "L", "L"),
        ("http://snomed.info/sct", "258773002", "mL", "mL"),
        ("http://snomed.info/sct", "258773002", "", "258773002"),
        ("http://unitsofmeasure.org", "", "L", "L"),
        ("", "", "", None),
    ],
)
def test_a_units_code_counts_in_ucum_or_in_no_system_else_its_text(db, system, code, text, unit):
    observation = f"""
        observation_id | status | code | unit_system | unit_code | unit
        o              | final  | fev1 | {system}    | {code}    | {text}"""
    load(db, "observation", observation)
    run_sql(db, *RESULT)
    assert rows(db, "result", "unit") == [unit]


def test_the_pairs_of_units_are_those_that_occur_and_each_wanted_one(db):
    load(
        db,
        "observation",
        """
        observation_id | status    | code  | unit_code
        1              | final     | fev1  | mL
        2              | final     | fev1  | mL
        3              | final     | fev1  |
        4              | cancelled | fev1  | dL
        5              | final     | other | kg""",
    )
    load(db, "default_unit", "site_id | endpoint | unit\nnorth | FEV1 | cL\nsouth | FEV1 | uL")
    load(db, "medication_administration", "medication_administration_id | dose_unit_code\n1 | 10*6\n2 |")
    run_sql(db, *RESULT)
    assert rows(db, "unit_pair", "from_unit, to_unit") == [
        ("10*6", "{cells}"),
        ("L", "L"),
        ("cL", "L"),
        ("mL", "L"),
        ("{cells}", "{cells}"),
    ]
