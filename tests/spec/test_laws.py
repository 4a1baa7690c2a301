"""Laws of the cohort that hold for any records."""

import random
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import fresh, insert, load, rows, run_cohort, stratified, study

ANCHOR = datetime(2020, 3, 1, tzinfo=UTC)
PATIENTS = [f"p{n}" for n in range(6)]
MADE = ("cohort", "attrition", "quantity", "visit_count")
small = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@st.composite
def moments(draw, first=-20, last=60):
    """A year, a month, a day or an instant in some offset, as FHIR writes it; or nothing."""
    when = ANCHOR + timedelta(hours=draw(st.integers(first * 24, last * 24)))
    local = when.astimezone(timezone(timedelta(hours=draw(st.sampled_from([0, 8, -5])))))
    length = draw(st.sampled_from([25, 25, 25, 10, 10, 7, 4, 0]))
    return local.isoformat()[:length]


def some(size, **columns):
    record = st.fixed_dictionaries(
        {"site_id": st.sampled_from(["north", "south"]), "patient_id": st.sampled_from(PATIENTS), **columns}
    )
    return st.lists(record, max_size=size)


HOSPITAL = st.fixed_dictionaries(
    {
        "patient": st.lists(
            st.fixed_dictionaries(
                {
                    "site_id": st.sampled_from(["north", "south"]),
                    "patient_id": st.sampled_from(PATIENTS),
                    "birth_date": st.sampled_from(["1960-01-01", "1980-05", "2002", "2010-01-01", ""]),
                    "deceased_datetime": moments(),
                }
            ),
            max_size=12,
            unique_by=lambda p: (p["site_id"], p["patient_id"]),
        ),
        "condition": some(
            16,
            code=st.sampled_from(["covid", "covid", "covid", "cancer"]),
            severity_code=st.sampled_from(["moderate", "severe", ""]),
            onset=moments(last=10),
            recorded_date=moments(last=20),
        ),
        "medication_administration": some(
            8,
            code=st.sampled_from(["msc", "msc-2", "other-cells"]),
            status=st.sampled_from(["completed", "completed", "stopped", "not-done"]),
            effective=moments(),
            dose_value=st.sampled_from(["", "4e7", "4e8"]),
            dose_unit_code=st.just("{cells}"),
        ),
        "encounter": some(
            12,
            code=st.just("control"),
            status=st.sampled_from(["finished", "planned"]),
            period_start=moments(),
        ),
        "observation": some(
            20,
            code=st.sampled_from(["fev1", "fev1-pre"]),
            status=st.sampled_from(["final", "final", "preliminary"]),
            effective=moments(first=-10, last=150),
            value=st.sampled_from(["0.1", "0.3", "2.11", "2110", "9", ""]),
            comparator=st.sampled_from(["", "", "<"]),
            unit_code=st.sampled_from(["L", "mL", ""]),
        ),
    }
)


def number(hospital):
    """Each record but the patients gets an id, its own at its site only."""
    for table, records in hospital.items():
        for site in ("north", "south"):
            for n, record in enumerate(r for r in records if r["site_id"] == site):
                if table != "patient":
                    record[f"{table}_id"] = str(n)
    return hospital


def build(db, hospital, rng=None):
    study(db, min_age=18, alive_at_time_zero=True, first_dose_from=-5)
    stratified(db)
    load(db, "exclusion", "number | label | source | code_list\n1 | cancer | condition | cancer")
    load(db, "site", "site_id | pulled_at\nnorth | 2020-06-01T00:00:00Z\nsouth |")
    for table, records in hospital.items():
        insert(db, table, rng.sample(records, len(records)) if rng else records)
    run_cohort(db)


@small
@given(HOSPITAL)
def test_the_attrition_adds_up_from_the_patients_landed_to_the_cohort(store, hospital):
    with fresh(store):
        build(store, number(hospital))
        lines = rows(store, "attrition", "number, n_in, n_out")
        steps = sorted({n for n, _, _ in lines})
        n_in = [sum(i for n, i, _ in lines if n == step) for step in steps]
        n_out = [sum(o for n, _, o in lines if n == step) for step in steps]
        assert n_in[:1] == ([len(hospital["patient"])] if hospital["patient"] else [])
        assert n_out[:-1] == n_in[1:]
        assert sum(n_out[-1:]) == len(rows(store, "cohort"))


@small
@given(HOSPITAL)
def test_nobody_is_in_the_cohort_and_left_out_or_in_it_twice(store, hospital):
    with fresh(store):
        build(store, number(hospital))
        inside = rows(store, "cohort", "site_id, patient_id")
        left = rows(
            store, "dropped SEMI JOIN person USING (site_id, patient_id)", "DISTINCT site_id, patient_id"
        )
        assert sorted(inside + left) == rows(store, "person", "site_id, patient_id")


@small
@given(HOSPITAL)
def test_a_value_belongs_to_one_visit_and_a_visit_has_a_value_or_a_reason(store, hospital):
    with fresh(store):
        build(store, number(hospital))
        used = rows(store, "quantity WHERE value IS NOT NULL", "site_id, observation_id")
        assert len(used) == len(set(used))
        assert rows(store, "quantity", "COUNT(*)") == [3 * len(rows(store, "cohort"))]
        assert rows(store, "quantity WHERE (value IS NULL) != (missing IS NOT NULL)") == []


@small
@given(HOSPITAL)
def test_the_counts_of_a_visit_add_up_to_the_cohort_and_agree_with_its_values(store, hospital):
    ways = "measured + dead + window_not_reached + lost + in_contact + set_aside"
    cell = "endpoint, visit, stratum, arm, site_id"
    values = "COUNT(value), COUNT_IF(missing = 'dead'), COUNT_IF(missing = 'window_not_reached'), "
    values += "COUNT_IF(missing = 'not_measured'), COUNT_IF(missing = 'set_aside')"
    counts = "measured, dead, window_not_reached, lost + in_contact, set_aside"
    with fresh(store):
        build(store, number(hospital))
        assert (
            rows(store, f"visit_count WHERE n != {ways} OR n < alive OR alive < seen OR seen < measured")
            == []
        )
        people = rows(store, "cohort GROUP BY ALL", "stratum, arm, site_id, COUNT(*)")
        for visit in ("d28", "d90"):
            here = f"visit_count WHERE visit = '{visit}'"
            assert rows(store, here, "stratum, arm, site_id, n") == people
        found = rows(store, "quantity WHERE NOT is_baseline GROUP BY ALL", f"{cell}, {values}")
        assert rows(store, "visit_count", f"{cell}, {counts}") == found
        reasons = "list_sum(map_values(set_aside_reason))"
        assert rows(store, f"visit_count WHERE set_aside != COALESCE({reasons}, 0)") == []


@small
@given(HOSPITAL, st.integers(0, 2**32))
def test_the_order_of_the_records_changes_nothing(store, hospital, seed):
    number(hospital)
    made = []
    for rng in (None, random.Random(seed)):
        with fresh(store):
            build(store, hospital, rng)
            made.append([rows(store, t, "COLUMNS(*)::VARCHAR") for t in MADE])
    assert made[0] == made[1]


@small
@given(HOSPITAL)
def test_what_another_site_holds_changes_nothing_here(store, hospital):
    number(hospital)
    alone = {table: [r for r in records if r["site_id"] == "north"] for table, records in hospital.items()}
    made = []
    for records in (hospital, alone):
        with fresh(store):
            build(store, records)
            here = "WHERE site_id = 'north'"
            tables = ("dropped", "severity", "cohort", "measurement", "quantity", "follow_up", "visit_count")
            made.append([rows(store, f"{t} {here}", "COLUMNS(*)::VARCHAR") for t in tables])
    assert made[0] == made[1]
