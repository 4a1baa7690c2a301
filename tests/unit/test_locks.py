"""The locked plan and the audit log: chains, and what changed since a lock."""

import multiprocessing
import os

import msgspec
import pytest

from rwe import audit, chain, locks
from rwe.audit import Line
from rwe.errors import DataError
from rwe.locks import Lock

FIRST = Lock(
    before="",
    locked_at="t1",
    compared_at=None,
    study="s1",
    code_lists={"a": "a1", "b": "b1"},
    sql="q1",
    mappings="m1",
    reviewed="r1",
    software="0.1.0",
)


def at(time, lock=FIRST, **changed):
    return msgspec.structs.replace(lock, locked_at=time, **changed)


def test_each_part_that_changed_is_named_and_a_code_list_by_its_name():
    lists = {"a": "a2", "c": "c1"}
    now = at("t2", study="s2", code_lists=lists, sql="q2", mappings="m2", reviewed="r2", software="0.2.0")
    assert locks.changes([FIRST], now) == [
        "the study file changed (not locked)",
        "code list a changed (not locked)",
        "code list b removed (not locked)",
        "SQL changed (not locked)",
        "mappings changed (not locked)",
        "reviewed tables changed (not locked)",
        "software 0.1.0 → 0.2.0 (not locked)",
        "code list c added (not locked)",
    ]


def test_what_was_changed_back_is_no_change():
    assert locks.changes([FIRST, at("t2", sql="q2")], at("t3")) == []


@pytest.mark.parametrize(
    ("sql_of_locks", "how"),
    [
        (["q2"], "as locked again at t2"),
        (["q2", "q2"], "as locked again at t2"),
        (["q3", "q2"], "as locked again at t3"),
        (["q2", "q3"], "not locked"),
        (["q2", "q3", "q2"], "as locked again at t4"),
    ],
)
def test_a_change_says_since_which_lock_it_stands(sql_of_locks, how):
    again = [at(f"t{n}", sql=sql) for n, sql in enumerate(sql_of_locks, start=2)]
    assert locks.changes([FIRST, *again], at("t9", sql="q2")) == [f"SQL changed ({how})"]


def line(before, what="begin"):
    return Line(before=before, at="t", user="u", what=what, command="map")


def test_lines_written_by_several_at_once_are_one_chain(tmp_path):
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_ten_lines, args=(tmp_path,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(audit.lines(tmp_path)) == 40


def _ten_lines(folder):
    for _ in range(10):
        audit.write(folder, line)


@pytest.mark.parametrize("damage", ["changed", "lost", "put in"])
def test_a_log_that_was_altered_is_refused_and_stays_as_it_is(tmp_path, damage):
    for _ in range(3):
        audit.write(tmp_path, line)
    path = tmp_path / audit.NAME
    first, second, third = path.read_bytes().splitlines(keepends=True)
    altered = {
        "changed": first.replace(b'"map"', b'"why"') + second + third,
        "lost": first + third,
        "put in": first + second + second + third,
    }[damage]
    path.write_bytes(altered)
    with pytest.raises(audit.BrokenLogError, match="changed, lost or put in"):
        audit.write(tmp_path, line)
    assert path.read_bytes() == altered


def test_a_line_cut_by_a_stop_is_written_over(tmp_path):
    audit.write(tmp_path, line)
    with (tmp_path / audit.NAME).open("ab") as file:
        file.write(b'{"before":"')
    audit.write(tmp_path, line)
    assert len(audit.lines(tmp_path)) == 2


def test_a_log_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="cannot be written"):
        audit.write(tmp_path, line)


def test_the_first_comparison_is_the_first_that_was_begun(tmp_path):
    assert audit.first_comparison(tmp_path) is None
    for n, what in enumerate(["begin", "comparison", "end", "comparison"]):
        made = msgspec.structs.replace(line("", what), at=f"t{n}")
        audit.write(tmp_path, lambda before, made=made: msgspec.structs.replace(made, before=before))
    assert audit.first_comparison(tmp_path) == "t1"


def test_the_log_is_for_its_owner_alone(tmp_path):
    audit.write(tmp_path, line)
    assert (tmp_path / audit.NAME).stat().st_mode & 0o777 == 0o600
    assert chain.read(tmp_path / audit.NAME, Line)[0][0] == line("")
