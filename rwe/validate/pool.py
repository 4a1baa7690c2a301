"""problem() of many resources on many cores.

    bodies  ──▶  pool()  ──▶  the Problem of each, in their order, however many processes there are

The processes are started anew (spawn): a copy of one with DuckDB's threads would stand still.
"""

import multiprocessing as mp
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from rwe.errors import RweError
from rwe.validate.standard import Problem, problem

CHUNK_BYTES = 1_000_000
AHEAD = 3  # chunks per process that are read before they are asked for
Chunk = list[bytes]
Found = list[Problem | None]
Pool = Callable[[Iterable[bytes], str, str], Iterator[Found]]
"""Bodies, their type and FHIR version; what is found comes chunk by chunk."""


@contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """Whatever is raised inside ends the processes at once."""
    others = set(mp.active_children())
    executor = ProcessPoolExecutor(workers, mp_context=mp.get_context("spawn"), initializer=_begin)

    def problems(bodies: Iterable[bytes], resource_type: str, fhir_version: str) -> Iterator[Found]:
        waiting: deque[Future[Found]] = deque()
        for chunk in _chunks(bodies):
            with _uninterrupted():  # submit() may start a process, which is not to hear of Ctrl-C
                waiting.append(executor.submit(_problems, chunk, resource_type, fhir_version))
            if len(waiting) == AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield problems
    except BaseException as e:
        for child in set(mp.active_children()) - others:
            child.kill()
        if isinstance(e, BrokenProcessPool):
            raise _died() from None
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _died() -> RweError:
    return RweError(
        "a process that checks resources ended before its time",
        hint="is the memory full? else this is a bug of rwe: please report it; `rwe map` goes without them",
    )


def _chunks(bodies: Iterable[bytes]) -> Iterator[Chunk]:
    """Pieces of about a megabyte, or of one longer resource."""
    chunk, size = [], 0
    for body in bodies:
        chunk.append(body)
        size += len(body)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits; a process that is started inside never gets it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot say so, and its queue would be waited on for ever."""
    parent = mp.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _problems(chunk: Chunk, resource_type: str, fhir_version: str) -> Found:
    return [problem(body, resource_type, fhir_version) for body in chunk]
