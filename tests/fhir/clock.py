"""A clock for tests."""

from rwe.fhir.client import Clock


class FakeClock:
    """Nobody waits: sleeping moves the hand on."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def clock(self, jitter: float = 1.0) -> Clock:
        return Clock(monotonic=lambda: self.now, sleep=self.sleep, jitter=lambda: jitter)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
