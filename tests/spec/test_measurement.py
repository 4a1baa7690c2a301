"""sql/cohort/40_measurement.sql: results in the endpoint's unit, and whether they can be used."""

from datetime import date
from decimal import Decimal

import pytest

from .conftest import RESULT, load, rows, run_sql, study

COHORT = """
    patient_id | arm     | stratum | zero_at              | zero_date
    p          | treated | severe  | 2020-04-01T08:00:00Z | 2020-04-01"""


def measurements(db, observation, columns, cohort=COHORT, component=""):
    load(db, "cohort", cohort)
    if observation:
        load(db, "observation", observation)
    if component:
        load(db, "observation_component", component)
    run_sql(db, *RESULT, "cohort/40_measurement.sql")
    return rows(db, "measurement", columns)


def one(db, columns, cohort=COHORT, **cells):
    cells = {"value": "2.5", "unit_code": "L", "status": "final", "effective": "2020-04-29", **cells}
    observation = f"""
        patient_id | observation_id | code | {" | ".join(cells)}
        p          | o              | fev1 | {" | ".join(cells.values())}"""
    (row,) = measurements(db, observation, columns, cohort) or [None]
    return row


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("final", 2.5),
        ("amended", 2.5),
        ("corrected", 2.5),
        ("preliminary", None),
        ("registered", None),
        ("cancelled", None),
        ("entered-in-error", None),
        ("unknown", None),
    ],
)
def test_only_final_amended_and_corrected_are_results(db, status, expected):
    assert one(db, "value", status=status) == expected


def test_two_codings_of_one_observation_are_one_result(db):
    observation = """
        patient_id | observation_id | code     | status | value | unit_code | effective
        p          | o              | fev1     | final  | 2.5   | L         | 2020-04-29
        p          | o              | fev1-pre | final  | 2.5   | L         | 2020-04-29"""
    assert measurements(db, observation, "observation_id, value") == [("o", 2.5)]


def test_a_code_without_its_system_or_of_another_list_is_no_result(db):
    observation = """
        patient_id | observation_id | system | code  | status | value
        p          | 1              | other  | fev1  | final  | 2.5
        p          | 2              | s      | grade | final  | 2.5"""
    assert measurements(db, observation, "observation_id") == []


def test_only_patients_of_the_cohort_are_measured(db):
    observation = """
        site_id | patient_id | observation_id | code | status | value
        south   | p          | 1              | fev1 | final  | 2.5
        north   | q          | 2              | fev1 | final  | 2.5
        north   | p          | 3              | fev1 | final  | 2.5"""
    assert measurements(db, observation, "observation_id, arm, stratum") == [("3", "treated", "severe")]


def test_each_component_is_a_result_of_its_own(db):
    component = """
        patient_id | observation_id | component_index | code     | status    | value | unit_code
        -----------+----------------+-----------------+----------+-----------+-------+----------
        p          | o              | 0               | fev1     | final     | 2.5   | L
        p          | o              | 0               | fev1-pre | final     | 2.5   | L
        p          | o              | 1               | fev1     | final     | 2500  | mL
        p          | o              | 2               | grade    | final     | 7     | L
        p          | e              | 0               | fev1     | cancelled | 2.5   | L"""
    assert measurements(db, "", "observation_id, component, value", component=component) == [
        ("o", 0, 2.5),
        ("o", 1, 2.5),
    ]


def test_one_result_serves_every_endpoint_of_its_code(db):
    load(db, "endpoint", "endpoint | kind | code_list | unit\nFEV1_mL | quantity | fev1 | mL")
    load(db, "unit_conversion", "from_unit | to_unit | factor\nmL | mL | 1\nL | mL | 1000")
    observation = """
        patient_id | observation_id | code | status | value | unit_code | effective
        p          | o              | fev1 | final  | 2.5   | L         | 2020-04-29"""
    assert measurements(db, observation, "endpoint, value") == [("FEV1", 2.5), ("FEV1_mL", 2500)]


@pytest.mark.parametrize(
    ("value", "unit"), [("2.11", "L"), ("2.110", "L"), ("2110", "mL"), ("2110.000", "mL")]
)
def test_2110_ml_tie_with_2_11_l(db, value, unit):
    assert one(db, "value", value=value, unit_code=unit) == 2.11


def test_products_are_exact_where_doubles_are_not(db):
    wrong = [n for n in range(200, 8001) if n * 0.001 != float(f"{n / 1000:.3f}")]
    body = "\n".join(f"p | {n} | fev1 | final | {n} | mL | 2020-04-29" for n in wrong[:60])
    head = "patient_id | observation_id | code | status | value | unit_code | effective"
    found = measurements(db, f"{head}\n{body}", "value, value = observation_id::DECIMAL(9, 3) / 1000")
    assert len(found) == 60
    assert [value for value, _ in found] == [float(Decimal(n) / 1000) for n in wrong[:60]]


@pytest.mark.parametrize(
    ("code", "text", "value", "reason"),
    [
        ("L", "litres", 2.5, None),
        ("", "L", 2.5, None),
        ("mL", "L", 0.0025, "implausible"),
        ("litres", "L", None, "unit_not_convertible"),
        ("ML", "", None, "unit_not_convertible"),
        ("", "", None, "no_unit"),
    ],
)
def test_the_unit_is_its_code_else_its_text_and_only_declared_ones_convert(db, code, text, value, reason):
    assert one(db, "value, set_aside", unit_code=code, unit=text) == (value, reason)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("0.2", None),
        ("8", None),
        ("0.199999", "implausible"),
        ("8.000001", "implausible"),
        ("1e20", "implausible"),
    ],
)
def test_the_plausible_range_includes_both_ends(db, value, reason):
    assert one(db, "set_aside", value=value) == reason


@pytest.mark.parametrize("value", ["1e17", "1e25", "-1e25"])
def test_no_number_is_too_large_to_be_set_aside(db, value):
    assert one(db, "value, set_aside", value=value) == (float(value), "implausible")


def test_without_a_plausible_range_every_number_is_plausible(db):
    db.run("UPDATE endpoint SET low = NULL, high = NULL")
    assert one(db, "set_aside", value="1e25") is None


def test_a_limit_at_an_end_of_the_plausible_range_is_plausible(db):
    assert one(db, "set_aside, value < 0.2", value="0.2", comparator="<") == (None, True)


def test_less_than_ties_with_itself_below_its_limit_and_above_nothing_else(db):
    observation = """
        patient_id | observation_id | code | status | value | comparator | unit_code | effective
        -----------+----------------+------+--------+-------+------------+-----------+-----------
        p          | 1 below        | fev1 | final  | 1.999 |            | L         | 2020-04-29
        p          | 2 less         | fev1 | final  | 2     | <          | L         | 2020-04-29
        p          | 2 less in mL   | fev1 | final  | 2000  | <          | mL        | 2020-04-29
        p          | 3 limit        | fev1 | final  | 2     |            | L         | 2020-04-29
        p          | 3 at most      | fev1 | final  | 2     | <=         | L         | 2020-04-29
        p          | 3 at least     | fev1 | final  | 2     | >=         | L         | 2020-04-29
        p          | 4 more         | fev1 | final  | 2     | >          | L         | 2020-04-29
        p          | 5 above        | fev1 | final  | 2.001 |            | L         | 2020-04-29"""
    found = measurements(db, observation, "DENSE_RANK() OVER (ORDER BY value), observation_id")
    assert [name for _, name in found] == sorted(name for _, name in found)
    assert [rank for rank, _ in found] == [int(name[0]) for _, name in found]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"value": "", "effective": "", "unit_code": ""}, "no_number"),
        ({"effective": "", "unit_code": ""}, "no_day"),
        ({"effective": "2020-04", "unit_code": ""}, "no_day"),
        ({"unit_code": ""}, "no_unit"),
        ({"unit_code": "gallon"}, "unit_not_convertible"),
        ({"value": "9"}, "implausible"),
        ({"value": "", "value_text": "1e200"}, "not_representable"),
        ({"value": "0", "value_text": "2e-13"}, "not_representable"),
        ({"comparator": "ad"}, "odd_comparator"),
        ({"comparator": "~"}, "odd_comparator"),
        ({"comparator": "<="}, None),
        ({}, None),
    ],
)
def test_the_first_reason_to_set_a_result_aside_is_given(db, cells, reason):
    assert one(db, "set_aside", **cells) == reason


def cohort(zero, died=""):
    zero_at, death_at = (when if "T" in when else "" for when in (zero, died))
    return f"""
        patient_id | arm     | zero_at   | zero_date   | death_at   | death_date
        p          | treated | {zero_at} | {zero[:10]} | {death_at} | {died[:10]}"""


@pytest.mark.parametrize(
    ("died", "measured", "reason"),
    [
        ("2020-04-29T10:00:00Z", "2020-04-29T10:00:00Z", None),
        ("2020-04-29T10:00:00Z", "2020-04-29T10:00:01Z", "after_death"),
        ("2020-04-29T10:00:00Z", "2020-04-29", None),
        ("2020-04-29", "2020-04-29T23:00:00Z", None),
        ("2020-04-29", "2020-04-30T01:00:00Z", "after_death"),
        ("2020-04-29", "2020-04-30", "after_death"),
        ("", "2020-04-30", None),
    ],
)
def test_a_result_after_death_is_set_aside(db, died, measured, reason):
    assert one(db, "set_aside", cohort("2020-04-01", died), effective=measured) == reason


@pytest.mark.parametrize(
    ("zero", "measured", "days", "expected"),
    [
        ("2020-04-01T08:00:00Z", "2020-04-29T20:00:00Z", "instant", 28.5),
        ("2020-04-01T08:00:00Z", "2020-04-29T20:00:00Z", "date", 28),
        ("2020-04-01T08:00:00Z", "2020-04-29", "instant", 28),
        ("2020-04-01", "2020-04-29T20:00:00Z", "instant", 28),
        ("2020-03-31T23:00:00-05:00", "2020-04-29T04:00:00Z", "instant", 28),
        ("2020-03-31T23:00:00-05:00", "2020-04-29T04:00:00Z", "date", 29),
    ],
)
def test_days_are_of_86400_seconds_where_both_times_are_known_else_of_dates(
    db, zero, measured, days, expected
):
    study(db, days=days)
    assert one(db, "day", cohort(zero), effective=measured) == expected


@pytest.mark.parametrize(
    ("effective", "instant", "start", "day"),
    [
        ("2020-04-27", "2020-04-28", "2020-04-29", 27),
        ("", "2020-04-28", "2020-04-29", 28),
        ("", "", "2020-04-29", 29),
    ],
)
def test_a_result_is_of_its_date_time_else_its_instant_else_the_start_of_its_period(
    db, effective, instant, start, day
):
    found = one(db, "measured_date", effective=effective, effective_instant=instant, effective_start=start)
    assert found == date(2020, 4, day)


def converted(db, **row):
    db.run("DELETE FROM unit_conversion")
    load(db, "unit_conversion", f"{' | '.join(row)}\n{' | '.join(row.values())}")


def test_an_offset_and_a_divisor_take_part_in_a_conversion(db):
    db.run("UPDATE endpoint SET unit = 'Cel', low = 30, high = 45")
    converted(db, from_unit="[degF]", to_unit="Cel", factor="5", addend="-160", divisor="9", how="ucum")
    assert one(db, "value, set_aside", value="98.6", unit_code="[degF]") == (37.0, None)


def test_what_was_recorded_stays_beside_what_it_is_in_the_endpoints_unit(db):
    columns = (
        "system, code, display, recorded_value::DOUBLE, unit, unit_text, read_unit, endpoint_unit, value"
    )
    found = one(db, columns, value="2110", unit_code="mL", unit="millilitre", display="FEV one")
    assert found == ("s", "fev1", "FEV one", 2110, "mL", "millilitre", "mL", "L", 2.11)


def test_a_unit_of_another_dimension_contradicts_and_one_that_nothing_converts_does_not(db):
    converted(db, from_unit="%", to_unit="L", factor="", how="other_dimension")
    assert one(db, "value, set_aside", unit_code="%") == (None, "unit_contradicts")


@pytest.mark.parametrize("how", ["not_ucum", "other_annotation", "other_scale", "not_representable"])
def test_any_other_refusal_is_a_unit_that_is_not_convertible(db, how):
    converted(db, from_unit="x", to_unit="L", factor="", how=how)
    assert one(db, "value, set_aside", unit_code="x") == (None, "unit_not_convertible")


@pytest.mark.parametrize(
    ("site", "unit", "expected"),
    [
        ("north", "mL", (0.0025, "implausible", "default", None)),
        ("north", "L", (2.5, None, "default", None)),
        ("south", "L", (None, "no_unit", None, None)),
        ("north", "gallon", (None, "unit_not_convertible", "default", None)),
    ],
)
def test_a_missing_unit_is_the_sites_default_where_the_study_names_one(db, site, unit, expected):
    load(db, "default_unit", f"site_id | endpoint | unit\n{site} | FEV1 | {unit}")
    assert one(db, "value, set_aside, how, unit", unit_code="") == expected


def test_a_default_unit_changes_no_unit_that_is_there(db):
    load(db, "default_unit", "site_id | endpoint | unit\nnorth | FEV1 | mL")
    assert one(db, "value, set_aside, read_unit") == (2.5, None, "L")


@pytest.mark.parametrize(
    ("ratio_up_to", "value", "reason"),
    [
        ("1.5", "0.78", "ratio_as_percent"),
        ("1.5", "1.5", "ratio_as_percent"),
        ("1.5", "1.51", None),
        ("1.5", "78", None),
        (None, "0.78", None),
        (None, "0", None),
    ],
)
def test_a_ratio_under_percent_is_set_aside_only_where_the_study_says_so(db, ratio_up_to, value, reason):
    db.run("UPDATE endpoint SET unit = '%', low = 0, high = 105, ratio_up_to = ?", [ratio_up_to])
    converted(db, from_unit="%", to_unit="%", factor="1", how="same")
    assert one(db, "value, set_aside", value=value, unit_code="%") == (float(value), reason)


def test_a_ratio_in_its_own_unit_is_none_in_percent(db):
    db.run("UPDATE endpoint SET unit = '%', low = 0, high = 105, ratio_up_to = 1.5")
    converted(db, from_unit="1", to_unit="%", factor="100", how="study")
    assert one(db, "value, set_aside", value="0.78", unit_code="1") == (78.0, None)


def test_a_contradicting_result_is_set_aside_before_its_unit_is_asked_for(db):
    load(db, "code_meaning", "code | meaning\nfev1 | FEV1\nfvc | FVC")
    observation = """
        patient_id | observation_id | code | status | value | unit_code | effective
        p          | o              | fev1 | final  | 2.5   |           | 2020-04-29
        p          | o              | fvc  | final  | 2.5   |           | 2020-04-29"""
    assert measurements(db, observation, "observation_id, set_aside") == [("o", "codes_contradict")]
