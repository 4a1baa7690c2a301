"""What all tests share: a quiet end."""

import os
import sys

import pytest
from hypothesis import settings

from tests import run

# The same examples at every run in CI; `--hypothesis-profile=default` looks for new ones.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

_ended = {"with": 1}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    _ended["with"] = int(exitstatus)


@pytest.fixture(scope="session", autouse=True)
def _process():
    """Ended within the last test: what its lines did is on the disk before coverage is put together."""
    yield
    run.close()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    """End at once: where Hypothesis has run, DuckDB 2.0 prints a screen of "leaked" lines at exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_ended["with"])
