import csv
import io

import polars as pl
import pytest
import results_sample as sample
from msgspec.structs import replace

from rwe.output.tables import SCHEMAS, csv_bytes, frames, parquet_bytes


@pytest.fixture(scope="module")
def results():
    return sample.build()


def read(frame):
    return list(csv.DictReader(io.StringIO(csv_bytes(frame).decode())))


def test_every_table_carries_the_label_in_every_row(results):
    for name, frame in frames(results).items():
        assert frame.columns[0] == "label"
        assert frame.height > 0
        assert {row["label"] for row in read(frame)} == {sample.LABEL}, name


def test_comparisons_keep_every_digit(results):
    for c, row in zip(results.comparisons, read(frames(results)["comparisons"]), strict=True):
        assert (row["endpoint"], row["stratum"], row["visit"]) == (c.endpoint, c.stratum, c.visit)
        for column, value in (
            ("treated_median", c.treated.median),
            ("control_q3", c.control.q3),
            ("estimate_value", c.estimate.value),
            ("test_p", c.test.p),
            ("test_p_holm", c.test.p_holm),
        ):
            assert (float(row[column]) if row[column] else None) == value
        for column, limit in (
            ("estimate_ci_low", c.estimate.ci_low),
            ("estimate_ci_high", c.estimate.ci_high),
        ):
            assert (float(row[column]) if row[column] else None) == (None if limit is None else float(limit))


def test_reasons_and_bounds_have_columns(results):
    row = (
        frames(results)["comparisons"]
        .filter(endpoint="il6", stratum="severe", visit="d360")
        .row(0, named=True)
    )
    assert row["treated_missing"] == "dead 1; not_measured 6; window_not_reached 3"
    assert (row["treated_median_bound"], row["treated_q3_bound"]) == ("<", None)


def test_the_missing_of_a_baseline_stand_with_their_arm(results):
    row = frames(results)["baseline"].filter(variable="fev1", stratum="moderate").row(0, named=True)
    assert (row["treated_n_missing"], row["control_n_missing"]) == (6, 9)


def test_types_passed_over_are_rows_of_the_sites(results):
    row = frames(results)["sites"].filter(resource_type="Encounter").row(0, named=True)
    assert (row["site"], row["passed_over"], row["landed"]) == ("south", 190, None)


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-2", "@x", "\tx", "\rx", "\nx"])
def test_a_text_like_a_formula_is_quoted_and_a_number_is_not(text):
    frame = pl.DataFrame({"label": ["", ""], "text": [text, "a=b"], "number": [-1.5, 2.0]})
    rows = list(csv.reader(io.StringIO(csv_bytes(frame).decode(), newline="")))
    assert rows[1:] == [["", "'" + text, "-1.5"], ["", "a=b", "2.0"]]


def test_hostile_terms_in_csv_and_parquet(results):
    frame = frames(results)["adverse_events"]
    assert [row["term"] for row in read(frame)][-2:] == [sample.HOSTILE, "'=cmd()"]
    stored = pl.read_parquet(io.BytesIO(parquet_bytes(frame)))
    assert stored["term"].to_list()[-2:] == [sample.HOSTILE, "=cmd()"]
    assert stored.equals(frame)


def test_a_label_like_a_formula_is_quoted_too(results):
    rows = read(frames(replace(results, label="=1"))["checks"])
    assert {row["label"] for row in rows} == {"'=1"}


def test_an_empty_study_has_the_same_columns(results):
    full, empty = frames(results), frames(sample.empty())
    assert list(full) == list(empty) == list(SCHEMAS)
    assert all(full[name].schema == empty[name].schema for name in full)
    assert all(frame.height == 0 for frame in empty.values())
