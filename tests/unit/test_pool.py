"""Many resources in processes of their own: the same answers, in order, and no process left behind."""

import multiprocessing as mp
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rwe.errors import RweError
from rwe.validate import pool, problem
from rwe.validate.pool import AHEAD, CHUNK_BYTES, _chunks

PAD = "x" * 10_000


def patient(n: int) -> bytes:
    """Every seventh has a gender that is none, every eleventh a date that is none."""
    gender = "bogus" if n % 7 == 0 else "female"
    born = "1970-02-30" if n % 11 == 0 else "1970-01-01"
    text = f'{{"resourceType":"Patient","id":"p{n}","gender":"{gender}","birthDate":"{born}",'
    return (text + f'"language":"{PAD}"}}').encode()


PATIENTS = [patient(n) for n in range(500)]  # some five chunks


def found(workers: int) -> list[object]:
    with pool(workers) as problems:
        return [p for some in problems(PATIENTS, "Patient", "4.0.1") for p in some]


def test_the_answers_are_the_same_and_in_order_whatever_the_number_of_processes():
    expected = [problem(body, "Patient", "4.0.1") for body in PATIENTS]
    assert {p.reason for p in expected if p} == {"invalid", "invalid_code"}
    assert [found(workers) for workers in (1, 2, 3)] == [expected] * 3


def test_one_pool_serves_one_type_after_another():
    with pool(2) as problems:
        patients = [p for some in problems(PATIENTS[1:3], "Patient", "4.0.1") for p in some]
        others = [p for some in problems([b"{}"], "Observation", "5.0.0") for p in some]
        none = list(problems([], "Patient", "4.0.1"))
    assert (patients, [p.reason for p in others], none) == ([None, None], ["invalid"], [])


def test_no_more_is_read_than_is_soon_asked_for():
    read = 0

    def bodies() -> Iterator[bytes]:
        nonlocal read
        for body in PATIENTS * 10:
            read += 1
            yield body

    with pool(2) as problems:
        next(problems(bodies(), "Patient", "4.0.1"))
        assert read * len(PATIENTS[0]) < (AHEAD * 2 + 1) * CHUNK_BYTES
        assert read < 10 * len(PATIENTS)


@given(
    st.lists(st.sampled_from([b"", b"a", b"b" * (CHUNK_BYTES // 3), b"c" * (CHUNK_BYTES + 1)]), max_size=30)
)
def test_chunks_hold_all_and_end_at_a_megabyte(bodies):
    chunks = list(_chunks(bodies))
    assert [b for chunk in chunks for b in chunk] == bodies
    assert all(chunk and sum(map(len, chunk[:-1])) < CHUNK_BYTES for chunk in chunks)


@pytest.mark.parametrize("raised", [KeyboardInterrupt, OSError, GeneratorExit])
def test_what_is_raised_inside_ends_the_processes(raised):
    before = set(mp.active_children())

    def bodies() -> Iterator[bytes]:
        yield from PATIENTS
        assert set(mp.active_children()) - before
        raise raised

    with pytest.raises(raised), pool(2) as problems:
        for _ in problems(bodies(), "Patient", "4.0.1"):
            pass
    assert set(mp.active_children()) == before


def test_a_process_that_is_killed_is_named_in_plain_words():
    def bodies() -> Iterator[bytes]:
        yield from PATIENTS
        for child in mp.active_children():
            child.kill()
            child.join()
        yield from PATIENTS

    with (
        pytest.raises(RweError, match="a process that checks resources ended before its time") as e,
        pool(1) as problems,
    ):
        for _ in problems(bodies(), "Patient", "4.0.1"):
            pass
    assert e.value.exit_code == 1
    assert "memory" in e.value.hint
