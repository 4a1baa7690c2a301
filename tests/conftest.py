"""What all tests share: a quiet end."""

import os
import sys

import pytest

_ended = {"with": 0}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    _ended["with"] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    """End at once: where Hypothesis has run, DuckDB 2.0 prints a screen of "leaked" lines at exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_ended["with"])
