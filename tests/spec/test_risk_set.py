"""sql/cohort/16, 17, 27, 28, 29: controls drawn from the risk set of each treated patient."""

import hashlib
import random
from collections import defaultdict
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rwe import data
from rwe.steps import cohort as steps

from .conftest import fresh, insert, load, rows, run_sql, stratified, study

FIRST = date(2020, 3, 1)
IN_CARE = "code_list | code\nward | IMP"
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def declare(db, **changes):
    keys = {
        "control_time_zero": "risk-set",
        "control_source": None,
        "control_codes": None,
        "within_days": 0,
        "calendar_days": 14,
        "control_ratio": 1,
        "control_replacement": False,
        "control_seed": 7,
        "hospital_codes": "ward",
    }
    study(db, **(keys | changes))
    load(db, "code_list", IN_CARE)


def hospital(db, people, encounters=""):
    """A line of people: site, patient, anchor, infusion, state at the anchor; in hospital from it on."""
    found = [dict(zip(head(people), line, strict=True)) for line in body(people)]
    records = defaultdict(list)
    for n, p in enumerate(found):
        who = {"site_id": p.get("site_id") or "north", "patient_id": p["patient_id"]}
        records["patient"].append(who | {"birth_date": "1960-01-01", "deceased_datetime": p.get("dead", "")})
        records["condition"].append(
            who
            | {"condition_id": f"{n}", "code": "covid", "onset": p["anchor"], "recorded_date": p["anchor"]}
            | {"severity_code": p.get("state", "")}
        )
        if given_on := p.get("given"):
            records["medication_administration"].append(
                who
                | {"medication_administration_id": f"{n}", "code": "msc", "effective": given_on}
                | {"status": p.get("status") or "completed"}
            )
        records["encounter"].append(
            who
            | {"encounter_id": f"{n}", "status": "finished", "class_code": "IMP", "class_system": "s"}
            | {"period_start": p.get("admitted") or p["anchor"]}
            | {"period_end": p.get("discharged") or "2021-12-31"}
        )
    for table, lines in records.items():
        insert(db, table, lines)


def draw(db):
    """sql/cohort as far as the attrition, with its steps."""
    db.run(steps.STEPS)
    for number, file in enumerate(data.sql_files("cohort"), start=1):
        if file.name < "4":
            steps._run(db, number, file)


def cells(line):
    return [cell.strip() for cell in line.split("|")]


def head(text):
    return cells(text.strip().splitlines()[0])


def body(text):
    return [cells(line) for line in text.strip().splitlines()[1:] if not set(line.strip()) <= {"-", "+"}]


def cohort(db, people, **keys):
    declare(db, **keys)
    hospital(db, people)
    draw(db)
    return rows(db, "cohort", "patient_id, arm, zero_date")


def controls(db, people, **keys):
    return [(patient, str(zero)[5:]) for patient, arm, zero in cohort(db, people, **keys) if arm == "control"]


def why(db, patient):
    """The reason for which the last start of a patient left, each at the first step that applied."""
    first = f"""(
        SELECT MIN(step_number) AS step_number, ARG_MIN(reason, step_number) AS reason
        FROM dropped
        WHERE patient_id = '{patient}'
        GROUP BY start_number)"""
    return rows(db, first, "ARG_MAX(reason, step_number)")[0]


def test_a_control_starts_as_many_days_after_its_anchor_as_the_treated_patient(db):
    people = """
        patient_id | anchor     | given
        -----------+------------+-----------
        t          | 2020-03-01 | 2020-03-11
        c          | 2020-03-05 | """
    assert cohort(db, people) == [("c", "control", date(2020, 3, 15)), ("t", "treated", date(2020, 3, 11))]


def test_controls_come_from_the_site_of_the_treated(db):
    people = """
        site_id | patient_id | anchor     | given
        --------+------------+------------+-----------
        north   | t          | 2020-03-01 | 2020-03-11
        south   | c          | 2020-03-01 | """
    assert controls(db, people) == []
    assert why(db, "c") == "in no risk set: no treated patient of the site within 14 days by the calendar"


def test_controls_come_from_the_stratum_of_the_treated(db):
    stratified(db)
    people = """
        patient_id | anchor     | given      | state
        -----------+------------+------------+---------
        t          | 2020-03-01 | 2020-03-11 | severe
        same       | 2020-03-01 |            | severe
        other      | 2020-03-01 |            | moderate"""
    assert controls(db, people, control_ratio=2) == [("same", "03-11")]
    assert why(db, "other") == "at no time zero eligible beside a treated patient of the same stratum"


def test_the_stratum_of_a_control_is_the_worst_state_up_to_the_time_zero_it_takes(db):
    stratified(db)
    declare(db, control_ratio=2)
    hospital(
        db,
        """
        patient_id | anchor     | given      | state
        -----------+------------+------------+---------
        t          | 2020-03-01 | 2020-03-11 | severe
        worse_then | 2020-03-01 |            | moderate
        worse_past | 2020-03-01 |            | moderate""",
    )
    load(
        db,
        "condition",
        """
        patient_id | condition_id | code  | severity_code | onset      | recorded_date
        worse_then | a            | covid | severe        | 2020-03-11 | 2020-03-11
        worse_past | b            | covid | severe        | 2020-03-12 | 2020-03-12""",
    )
    draw(db)
    assert rows(db, "cohort WHERE arm = 'control'", "patient_id, stratum") == [("worse_then", "severe")]


@pytest.mark.parametrize(
    ("dead", "drawn"), [("2020-03-10", []), ("2020-03-11", ["c"]), ("2020-03-12", ["c"]), ("", ["c"])]
)
def test_who_is_dead_before_cannot_be_a_control_whatever_the_study_says_of_others(db, dead, drawn):
    people = f"""
        patient_id | anchor     | given      | dead
        t          | 2020-03-01 | 2020-03-11 |
        c          | 2020-03-01 |            | {dead}"""
    assert [c for c, _ in controls(db, people)] == drawn


@pytest.mark.parametrize(
    ("admitted", "discharged", "drawn"),
    [
        ("2020-03-01", "2020-03-10", []),
        ("2020-03-01", "2020-03-11", ["c"]),
        ("2020-03-11", "2020-03-20", ["c"]),
        ("2020-03-12", "2020-03-20", []),
        ("2020-03", "2020-03-20", []),
        ("2020-02", "2020-04", ["c"]),
        ("2020-02", "2020-03", []),
    ],
)
def test_a_control_is_in_hospital_from_admission_to_discharge_both_included(db, admitted, discharged, drawn):
    people = f"""
        patient_id | anchor     | given      | admitted   | discharged
        t          | 2020-03-01 | 2020-03-11 | 2020-03-01 | 2020-03-20
        c          | 2020-03-01 |            | {admitted} | {discharged}"""
    assert [c for c, _ in controls(db, people)] == drawn
    assert drawn or why(db, "c") == "not in hospital at time zero"


@pytest.mark.parametrize(
    ("discharged", "drawn"), [("2020-03-11T13:59:59Z", []), ("2020-03-11T14:00:00Z", ["c"])]
)
def test_with_times_of_day_who_went_home_that_morning_is_not_in_hospital(db, discharged, drawn):
    people = f"""
        patient_id | anchor               | given                | discharged
        t          | 2020-03-01T08:00:00Z | 2020-03-11T14:00:00Z |
        c          | 2020-03-01T08:00:00Z |                      | {discharged}"""
    assert [c for c, _ in controls(db, people)] == drawn


def in_hospital(db, encounter):
    declare(db)
    load(db, "start", "patient_id | arm | zero_date\nc | control | 2020-03-11\nt | treated | 2020-03-11")
    load(db, "encounter", encounter)
    run_sql(db, "cohort/27_in_hospital.sql")
    return rows(db, "in_hospital", "patient_id") == []


@pytest.mark.parametrize(
    ("column", "code", "inside"),
    [("class_code", "IMP", True), ("code", "IMP", True), ("class_code", "AMB", False)],
)
def test_in_hospital_is_an_encounter_whose_class_or_type_the_study_names(db, column, code, inside):
    encounter = f"""
        patient_id | status   | {column} | period_start | period_end
        c          | finished | {code}   | 2020-03-01   | 2020-03-20"""
    assert in_hospital(db, encounter) is inside


@pytest.mark.parametrize(
    ("status", "day", "inside"),
    [
        ("in-progress", "2020-03-01", True),
        ("in-progress", "2020-03-12", False),
        ("finished", "2020-03-01", False),
        ("finished", "2020-03-11", True),
        ("completed", "2020-03-01", False),
        ("planned", "2020-03-01", False),
        ("entered-in-error", "2020-03-11", False),
    ],
)
def test_a_stay_without_an_end_lasts_unless_it_is_over(db, status, day, inside):
    encounter = f"""
        patient_id | status   | class_code | period_start
        c          | {status} | IMP        | {day}"""
    assert in_hospital(db, encounter) is inside


def test_where_the_study_names_no_stay_everybody_may_be_a_control(db):
    people = """
        patient_id | anchor     | given      | discharged
        t          | 2020-03-01 | 2020-03-11 |
        c          | 2020-03-01 |            | 2020-03-02"""
    assert controls(db, people, hospital_codes=None) == [("c", "03-11")]


@pytest.mark.parametrize("given", ["2020-03-05", "2020-03-11", "2020-05-01"])
def test_who_is_treated_before_or_later_is_treated_and_no_control(db, given):
    people = f"""
        patient_id | anchor     | given
        t          | 2020-03-01 | 2020-03-11
        other      | 2020-03-01 | {given}"""
    assert [arm for _, arm, _ in cohort(db, people)] == ["treated", "treated"]


def test_who_may_have_had_the_product_is_no_control(db):
    people = """
        patient_id | anchor     | given      | status
        t          | 2020-03-01 | 2020-03-11 | completed
        c          | 2020-03-01 | 2020-03-20 | stopped"""
    assert controls(db, people) == []


@pytest.mark.parametrize(
    ("anchor", "drawn"),
    [("2020-02-16", []), ("2020-02-17", ["c"]), ("2020-03-16", ["c"]), ("2020-03-17", [])],
)
def test_the_calendar_days_include_both_ends(db, anchor, drawn):
    people = f"""
        patient_id | anchor     | given
        t          | 2020-03-02 | 2020-03-12
        c          | {anchor}   | """
    assert [c for c, _ in controls(db, people)] == drawn


@pytest.mark.parametrize(
    ("anchor", "drawn"),
    [("2020-03-15T08:00:00Z", ["c"]), ("2020-03-15T08:00:01Z", []), ("2020-02-16T08:00:00Z", ["c"])],
)
def test_the_calendar_days_are_of_86400_seconds_where_times_are_known(db, anchor, drawn):
    people = f"""
        patient_id | anchor               | given
        t          | 2020-03-01T08:00:00Z | 2020-03-11T08:00:00Z
        c          | {anchor}             | """
    assert [c for c, _ in controls(db, people)] == drawn


@pytest.mark.parametrize(
    ("admitted", "discharged", "zero"),
    [
        ("2020-03-01", "2020-03-08", []),
        ("2020-03-01", "2020-03-09", [("c", "03-09")]),
        ("2020-03-01", "2020-03-10", [("c", "03-10")]),
        ("2020-03-01", "2020-03-20", [("c", "03-11")]),
        ("2020-03-13", "2020-03-20", [("c", "03-13")]),
        ("2020-03-14", "2020-03-20", []),
    ],
)
def test_a_control_may_start_up_to_within_days_sooner_or_later_and_as_near_as_it_can(
    db, admitted, discharged, zero
):
    people = f"""
        patient_id | anchor     | given      | admitted   | discharged
        t          | 2020-03-01 | 2020-03-11 | 2020-03-01 | 2020-03-20
        c          | 2020-03-01 |            | {admitted} | {discharged}"""
    assert controls(db, people, within_days=2) == zero


def test_of_two_days_equally_near_the_earlier_is_taken(db):
    declare(db, within_days=1)
    people = """
        patient_id | anchor     | given      | admitted   | discharged
        t          | 2020-03-01 | 2020-03-11 |            |
        c          | 2020-03-01 |            | 2020-03-12 | 2020-03-20"""
    hospital(db, people)
    load(
        db,
        "encounter",
        """
        patient_id | encounter_id | status   | class_code | period_start | period_end
        c          | before       | finished | IMP        | 2020-03-01   | 2020-03-10""",
    )
    draw(db)
    assert rows(db, "cohort WHERE arm = 'control'", "zero_date") == [date(2020, 3, 10)]


def test_no_control_starts_before_the_treated_could(db):
    people = """
        patient_id | anchor     | given      | discharged
        t          | 2020-03-01 | 2020-03-11 |
        c          | 2020-03-01 |            | 2020-03-10"""
    assert controls(db, people, within_days=5, first_dose_from=10) == []


def test_no_control_starts_before_its_anchor(db):
    people = """
        patient_id | anchor     | given      | admitted   | discharged
        t          | 2020-03-01 | 2020-03-02 |            |
        c          | 2020-03-01 |            | 2020-02-01 | 2020-02-29"""
    assert controls(db, people, within_days=5) == []


@pytest.mark.parametrize(
    ("days", "zero"), [("instant", "2020-03-15 04:00:00+00"), ("date", None)], ids=["instant", "date"]
)
def test_a_control_takes_the_hours_too_and_its_date_is_that_of_its_own_clock(db, days, zero):
    people = """
        patient_id | anchor                    | given
        t          | 2020-03-01T08:00:00+08:00 | 2020-03-11T14:00:00+08:00
        c          | 2020-03-04T20:00:00-02:00 | """
    cohort(db, people, days=days)
    found = rows(db, "cohort WHERE arm = 'control'", "zero_at::VARCHAR, zero_date")
    assert found == [(zero, date(2020, 3, 15 if zero else 14))]


def test_the_date_of_a_control_is_by_no_other_clock_that_showed_its_instant(db):
    """By that of x it would be the 14th: 17:00 and ten days and six hours."""
    people = """
        site_id | patient_id | anchor                    | given
        north   | t          | 2020-03-01T08:00:00+08:00 | 2020-03-11T14:00:00+08:00
        north   | c          | 2020-03-04T20:00:00-02:00 |
        south   | x          | 2020-03-04T17:00:00-05:00 | """
    assert controls(db, people) == [("c", "03-15")]


def test_who_is_not_eligible_at_the_time_zero_it_would_take_is_not_drawn(db):
    declare(db, min_age=18)
    people = """
        patient_id | anchor     | given
        t          | 2020-03-01 | 2020-03-11
        young      | 2020-03-01 |
        old        | 2020-03-02 | """
    hospital(db, people)
    db.run("UPDATE patient SET birth_date = '2002-03-12' WHERE patient_id = 'young'")
    draw(db)
    assert rows(db, "cohort WHERE arm = 'control'", "patient_id") == ["old"]
    assert why(db, "young") == "younger than 18"


def test_a_treated_patient_who_is_not_eligible_draws_nobody(db):
    declare(db, min_age=18)
    people = """
        patient_id | anchor     | given
        t          | 2020-03-01 | 2020-03-11
        c          | 2020-03-01 | """
    hospital(db, people)
    db.run("UPDATE patient SET birth_date = '2010' WHERE patient_id = 't'")
    draw(db)
    assert rows(db, "cohort") == []


TWO = """
    patient_id | anchor     | given
    -----------+------------+-----------
    t1         | 2020-03-01 | 2020-03-11
    t2         | 2020-03-02 | 2020-03-12
    a          | 2020-03-01 |
    b          | 2020-03-02 |
    c          | 2020-03-03 | """


def per_treated(db):
    return dict(rows(db, "draw WHERE is_drawn GROUP BY treated_id", "treated_id, COUNT(*)"))


@pytest.mark.parametrize(
    ("ratio", "drawn"), [(1, {"t1": 1, "t2": 1}), (2, {"t1": 2, "t2": 1}), (3, {"t1": 3})]
)
def test_without_replacement_the_earlier_treated_draws_first_and_nobody_is_drawn_twice(db, ratio, drawn):
    found = controls(db, TWO, control_ratio=ratio)
    assert per_treated(db) == drawn
    assert len(found) == sum(drawn.values())


def test_with_replacement_each_treated_draws_its_number_and_a_patient_is_in_the_cohort_once(db):
    found = controls(db, TWO, control_ratio=3, control_replacement=True)
    assert per_treated(db) == {"t1": 3, "t2": 3}
    assert found == [("a", "03-11"), ("b", "03-12"), ("c", "03-13")]


def test_a_control_drawn_with_several_times_zero_starts_at_the_earliest(db):
    people = """
        patient_id | anchor     | given
        late       | 2020-03-01 | 2020-03-15
        soon       | 2020-03-01 | 2020-03-06
        c          | 2020-03-01 | """
    assert controls(db, people, control_replacement=True) == [("c", "03-06")]


def test_who_was_not_drawn_leaves_with_this_reason(db):
    drawn = {c for c, _ in controls(db, TWO)}
    (left,) = {"a", "b", "c"} - drawn
    assert why(db, left) == "eligible as a control, but not drawn"
    line = rows(db, "attrition WHERE step = 'drawn'", "arm, n_in, n_out")
    assert line == [("control", 3, 2), ("treated", 2, 2)]


def test_a_treated_patient_without_a_control_stays_and_is_counted(db):
    people = """
        patient_id | anchor     | given
        t          | 2020-03-01 | 2020-03-11
        lone       | 2020-09-01 | 2020-09-11
        c          | 2020-03-01 | """
    assert [p for p, arm, _ in cohort(db, people) if arm == "treated"] == ["lone", "t"]
    query = (data.root() / "sql" / "check" / "treated_without_control.sql").read_text(encoding="utf-8")
    assert [patient for _, _, patient in db.rows(query)] == ["lone"]


def order(*parts):
    return hashlib.md5("|".join(map(str, parts)).encode()).hexdigest()


def many(db, seed):
    lines = [f"t{n} | 2020-03-{n + 1:02} | 2020-03-{n + 11}" for n in range(5)]
    lines += [f"c{n} | 2020-03-{n % 9 + 1:02} | " for n in range(30)]
    return controls(db, "patient_id | anchor | given\n" + "\n".join(lines), control_seed=seed)


def test_another_seed_draws_others(store):
    made = []
    for seed in (1, 2):
        with fresh(store):
            made.append(many(store, seed))
    assert made[0] != made[1]


def test_the_draw_is_the_same_everywhere(db):
    """The order of choice, made again from what the header of 28_draw.sql says."""
    drawn = {c for c, _ in many(db, 1)}
    left = [f"c{n}" for n in range(30)]
    for n in range(5):
        left.remove(min(left, key=lambda c: order(1, "north", f"t{n}", c)))
    assert drawn == {f"c{n}" for n in range(30)} - set(left)


PERSON = st.fixed_dictionaries(
    {
        "site_id": st.sampled_from(["north", "south"]),
        "anchor": st.integers(0, 20),
        "given": st.one_of(st.none(), st.none(), st.integers(0, 12)),
        "stay": st.integers(0, 25),
        "state": st.sampled_from(["moderate", "severe", ""]),
        "hour": st.sampled_from(["", "T08:00:00Z", "T23:30:00-05:00"]),
    }
)
PEOPLE = st.lists(PERSON, max_size=14)
RULE = st.fixed_dictionaries(
    {
        "within_days": st.integers(0, 3),
        "calendar_days": st.integers(0, 20),
        "control_ratio": st.integers(1, 3),
        "control_replacement": st.booleans(),
        "control_seed": st.integers(0, 5),
        "first_dose_from": st.sampled_from([None, 2]),
    }
)


def build(db, people, rule, rng=None):
    stratified(db)
    declare(db, **rule)
    lines = ["site_id | patient_id | anchor | given | state | discharged"]
    for n, p in enumerate(people):
        anchor = FIRST + timedelta(days=p["anchor"])
        infusion = "" if p["given"] is None else f"{anchor + timedelta(days=p['given'])}{p['hour']}"
        out = anchor + timedelta(days=p["stay"])
        lines.append(f"{p['site_id']} | p{n} | {anchor}{p['hour']} | {infusion} | {p['state']} | {out}")
    if rng:
        lines[1:] = rng.sample(lines[1:], len(people))
    hospital(db, "\n".join(lines))
    draw(db)


@few
@given(PEOPLE, RULE, st.integers(0, 2**32))
def test_the_order_of_the_rows_changes_nothing(store, people, rule, seed):
    made = []
    for rng in (None, random.Random(seed)):
        with fresh(store):
            build(store, people, rule, rng)
            made.append([rows(store, t, "COLUMNS(*)::VARCHAR") for t in ("cohort", "draw", "attrition")])
    assert made[0] == made[1]


@few
@given(PEOPLE, RULE)
def test_the_rounds_draw_as_one_after_the_other_would(store, people, rule):
    with fresh(store):
        build(store, people, rule)
        wishes = defaultdict(dict)
        for *treated, patient, is_drawn in rows(store, TURNS, "zero_date, zero_at, site, t, c, is_drawn"):
            wishes[tuple(treated)][patient] = is_drawn
        taken: set[str] = set()
        for (*_, site, treated), drawn in wishes.items():  # in the order of the rows
            free = [c for c in drawn if c not in taken]
            free.sort(key=lambda c: order(rule["control_seed"], site, treated, c))
            chosen = set(free[: rule["control_ratio"]])
            assert chosen == {c for c, is_drawn in drawn.items() if is_drawn}
            taken |= set() if rule["control_replacement"] else chosen


TURNS = """(
    SELECT z.zero_date, COALESCE(EPOCH_US(z.zero_at), 0) AS zero_at, d.site_id AS site,
        d.treated_id AS t, d.patient_id AS c, d.is_drawn
    FROM draw AS d
    INNER JOIN start AS z ON d.site_id = z.site_id AND d.treated_id = z.patient_id)"""


@few
@given(PEOPLE, RULE)
def test_the_attrition_adds_up_and_ends_with_the_cohort(store, people, rule):
    with fresh(store):
        build(store, people, rule)
        lines = rows(store, "attrition", "number, n_in, n_out")
        steps = sorted({n for n, _, _ in lines})
        n_in = [sum(i for n, i, _ in lines if n == step) for step in steps]
        n_out = [sum(o for n, _, o in lines if n == step) for step in steps]
        inside = rows(store, "cohort", "site_id, patient_id")
        assert n_in[:1] == ([len(people)] if people else [])
        assert n_out[:-1] == n_in[1:]
        assert sum(n_out[-1:]) == len(inside) == len(set(inside))


@few
@given(PEOPLE, RULE)
def test_each_control_starts_within_the_declared_days_of_a_treated_patient_and_not_before_it_could(
    store, people, rule
):
    with fresh(store):
        build(store, people, rule)
        apart = """
            draw AS d
            INNER JOIN cohort AS c ON d.site_id = c.site_id AND d.patient_id = c.patient_id
            INNER JOIN cohort AS t ON d.site_id = t.site_id AND d.treated_id = t.patient_id
            INNER JOIN start AS s ON d.site_id = s.site_id AND d.patient_id = s.patient_id
                AND d.start_number = s.start_number AND s.zero_date = c.zero_date
            WHERE d.is_drawn"""
        columns = """c.days_from_anchor - t.days_from_anchor,
            DATE_DIFF('day', t.zero_date, c.zero_date), c.days_from_anchor, c.stratum = t.stratum"""
        for days, calendar, since, same in rows(store, apart, columns):
            assert same
            assert abs(days) <= rule["within_days"] + 1e-6
            assert abs(calendar) <= rule["calendar_days"] + 1
            assert since >= (rule["first_dose_from"] or 0)
