"""How many requests a site gets at once, and when none: the gate that every request passes.

A 429 halves the number, once for all that were under way; a run of successes raises it by one.  A pause
that the server asks for holds for all threads.  Source: additive increase, multiplicative decrease, as TCP.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rwe.fhir.request import Clock

RUN_OF_SUCCESSES = 20


class Gate:
    def __init__(self, most: int, clock: Clock) -> None:
        self.allowed = most
        self._most, self._clock = most, clock
        self._under_way = self._successes = self._halvings = 0
        self._until = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def slot(self) -> Iterator[int]:
        """A place for one request and the number of halvings before it; not to be taken within another."""
        while (age := self._enter()) is None:
            self._wait()
        try:
            yield age
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _enter(self) -> int | None:
        """None while there is a pause, which may have begun while this thread waited for its place."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.allowed)
            if self._until > self._clock.monotonic():
                return None
            self._under_way += 1
            return self._halvings

    def _wait(self) -> None:
        while (left := self._until - self._clock.monotonic()) > 0:
            self._clock.sleep(left)

    def throttled(self, age: int) -> None:
        with self._changed:
            self._successes = 0
            if age == self._halvings:
                self._halvings += 1
                self.allowed = max(1, self.allowed // 2)

    def pause(self, seconds: float) -> bool:
        """Nobody begins before it is over.  Is it a new one?"""
        with self._changed:
            now = self._clock.monotonic()
            new = self._until <= now
            self._until = max(self._until, now + seconds)
            return new

    def succeeded(self) -> None:
        with self._changed:
            self._successes += 1
            if self._successes >= RUN_OF_SUCCESSES and self.allowed < self._most:
                self.allowed, self._successes = self.allowed + 1, 0
                self._changed.notify_all()
