"""sql/map: what became of each landed resource."""

import pytest

from .conftest import load, rows, run_sql


def fates(db, landed, invalid=""):
    load(db, "landed", landed)
    if invalid:
        load(db, "invalid", invalid)
    db.run("INSERT INTO touched SELECT DISTINCT site_id, resource_type, id FROM landed WHERE reason IS NULL")
    run_sql(db, *(f"map/{name}.sql" for name in ("10_judged", "13_resource")))
    return dict(rows(db, "resource", "line, fate"))


def test_the_highest_version_is_mapped_by_number_and_not_by_text(db):
    assert fates(
        db,
        """
        line | shard | resource_type | id | version | updated              | hash
        -----+-------+---------------+----+---------+----------------------+-----
        1    | P     | Patient       | a  | 9       | 2021-01-09T00:00:00Z | x
        2    | P     | Patient       | a  | 10      | 2021-01-01T00:00:00Z | y""",
    ) == {1: "superseded", 2: "mapped"}


def test_of_one_version_the_later_update_is_mapped(db):
    assert fates(
        db,
        """
        line | shard | resource_type | id | version | updated                   | hash
        -----+-------+---------------+----+---------+---------------------------+-----
        1    | P     | Patient       | a  | 1       | 2021-01-01T09:00:00+08:00 | x
        2    | P     | Patient       | a  | 1       | 2021-01-01T02:00:00Z      | y""",
    ) == {1: "superseded", 2: "mapped"}


@pytest.mark.parametrize("versions", [("abc", "abd"), ("1.9", "1.10"), ("1.10", "1.9"), ("", "7"), ("", "")])
def test_versions_that_are_no_whole_numbers_leave_it_to_the_update(db, versions):
    assert fates(
        db,
        f"""
        line | shard | resource_type | id | version       | updated                   | hash
        -----+-------+---------------+----+---------------+---------------------------+-----
        1    | P     | Patient       | a  | {versions[1]} | 2021-01-02T01:00:00+08:00 | x
        2    | P     | Patient       | a  | {versions[0]} | 2021-01-01T18:00:00Z      | y""",
    ) == {1: "superseded", 2: "mapped"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("  | ", "  | "),
        ("1 | ", "  | "),
        ("1 | ", "1 | "),
        ("a | ", "b | "),
        ("  | 2021-01-01T00:00:00Z", "  | "),
        ("1 | 2021-01-01T00:00:00Z", "1 | 2021-01-01T00:00:00Z"),
    ],
)
def test_contents_that_nothing_orders_are_a_conflict(db, first, second):
    assert fates(
        db,
        f"""
        line | shard | resource_type | id | version | updated | hash
        -----+-------+---------------+----+---------+---------+-----
        1    | P     | Patient       | a  | {first}           | x
        2    | P     | Patient       | a  | {second}          | y""",
    ) == {1: "conflict", 2: "conflict"}


def test_what_is_older_than_a_conflict_is_superseded(db):
    assert fates(
        db,
        """
        line | shard | resource_type | id | version | hash
        -----+-------+---------------+----+---------+-----
        1    | P     | Patient       | a  | 2       | x
        2    | P     | Patient       | a  | 2       | y
        3    | P     | Patient       | a  | 1       | z""",
    ) == {1: "conflict", 2: "conflict", 3: "superseded"}


def test_of_identical_copies_the_first_is_mapped(db):
    assert fates(
        db,
        """
        line | shard | resource_type | id | hash
        -----+-------+---------------+----+-----
        2    | P     | Patient       | a  | x
        1    | P     | Patient       | a  | x
        3    | P     | Patient       | a  | x""",
    ) == {1: "mapped", 2: "superseded", 3: "superseded"}


def test_one_id_is_another_resource_in_another_type_or_site(db):
    assert fates(
        db,
        """
        line | shard | site_id | resource_type | id | hash
        -----+-------+---------+---------------+----+-----
        1    | P     | north   | Patient       | a  | x
        2    | E     | north   | Encounter     | a  | y
        3    | P     | south   | Patient       | a  | z""",
    ) == {1: "mapped", 2: "mapped", 3: "mapped"}


def test_the_newest_version_decides_even_when_it_is_invalid(db):
    assert fates(
        db,
        """
        line | shard | resource_type | id | version | hash
        -----+-------+---------------+----+---------+-----
        1    | P     | Patient       | a  | 1       | x
        2    | P     | Patient       | a  | 2       | y
        3    | P     | Patient       | b  | 1       | x
        4    | P     | Patient       | b  | 2       | y""",
        """
        shard | line | reason       | detail
        ------+------+--------------+---------------
        P     | 2    | invalid_code | Patient.gender
        P     | 3    | invalid      | Patient.name""",
    ) == {1: "superseded", 2: "invalid_code", 3: "superseded", 4: "mapped"}
    assert rows(db, "resource WHERE detail IS NOT NULL", "line, detail") == [(2, "Patient.gender")]


def test_a_set_aside_piece_keeps_its_reason_and_orders_nothing(db):
    assert fates(
        db,
        """
        line | shard     | resource_type | id | hash | reason
        -----+-----------+---------------+----+------+---------
        1    | P         | Patient       | a  | x    |
        2    | set_aside | Patient       |    | x    | no_id
        3    | set_aside | unknown       |    | y    | not_json""",
    ) == {1: "mapped", 2: "no_id", 3: "not_json"}


def test_counts_add_up_and_types_without_anything_are_zero(db):
    load(
        db,
        "site_type",
        """
        resource_type | asked | failure
        --------------+-------+--------
        Encounter     |       | timeout
        Patient       | 5     |
        unknown       |       |""",
    )
    fates(
        db,
        """
        line | shard     | resource_type | id | version | hash | reason
        -----+-----------+---------------+----+---------+------+---------
        1    | P         | Patient       | a  | 1       | x    |
        2    | P         | Patient       | a  | 2       | y    |
        3    | P         | Patient       | b  |         | x    |
        4    | P         | Patient       | b  |         | y    |
        1    | set_aside | Patient       |    |         | z    | no_id
        2    | set_aside | unknown       |    |         | z    | not_json""",
    )
    run_sql(db, "map/20_resource_count.sql")
    counts = rows(
        db, "resource_count", "resource_type, asked, landed, mapped, superseded, set_aside, failure"
    )
    assert counts == [
        ("Encounter", None, 0, 0, 0, 0, "timeout"),
        ("Patient", 5, 5, 1, 1, 3, None),
        ("unknown", None, 1, 0, 0, 1, None),
    ]
