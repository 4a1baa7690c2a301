"""Several things at once, each handed back as it ends.

The threads are daemons: a Ctrl-C is not held up by a walk of hours.  What they leave is what a kill at any
instant may leave.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def side_by_side(work: Callable[[A], B], items: Sequence[A], *, most: int) -> Iterator[tuple[A, "Future[B]"]]:
    """most: threads.  Whoever stops listening stops what has not begun."""
    todo: queue.SimpleQueue[A | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[A, Future[B]]] = queue.SimpleQueue()
    stop, threads = threading.Event(), min(most, len(items))
    for item in [*items, *[None] * threads]:
        todo.put(item)

    def go() -> None:
        while (item := todo.get()) is not None and not stop.is_set():
            done.put((item, _done(work, item)))

    for _ in range(threads):
        threading.Thread(target=go, daemon=True).start()
    try:
        for _ in items:
            yield done.get()
    finally:
        stop.set()


def _done(work: Callable[[A], B], item: A) -> "Future[B]":
    found: Future[B] = Future()
    try:
        found.set_result(work(item))
    except BaseException as e:  # noqa: BLE001  whoever takes the result raises it
        found.set_exception(e)
    return found
