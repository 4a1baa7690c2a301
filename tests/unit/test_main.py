"""The door for people: what must not be lost at it."""

import os
import signal
import sys
import time
import weakref

import pytest

from rwe import __main__ as door


class Thing:
    pass


def test_a_ctrl_c_that_comes_in_a_callback_still_ends_the_command(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", door._unraisable)
    things = [Thing()]

    def callback(_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))

    def let_go() -> None:
        things.clear()
        time.sleep(5)

    _kept = weakref.ref(things[0], callback)
    with pytest.raises(KeyboardInterrupt):
        let_go()
