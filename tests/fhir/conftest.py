from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rwe.fhir.auth import authorisation
from rwe.fhir.client import Client, Clock
from rwe.site import Site, SiteTable
from tests.fhir.clock import FakeClock
from tests.fhir.server import Server


@pytest.fixture
def time() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as s:
        yield s


@pytest.fixture
def foreign() -> Iterator[Server]:
    """Another origin; nothing may come here unless a test allows it."""
    with Server() as s:
        yield s


@pytest.fixture
def site(tmp_path: Path, server: Server) -> Callable[..., Site]:
    def make(**table: Any) -> Site:
        if "files" not in table:
            table.setdefault("url", server.base)
        found = SiteTable(**{"fhir_version": "4.0.1", **table})
        return Site(id="north", folder=tmp_path, table=found)

    return make


@pytest.fixture
def client(site: Callable[..., Site], time: FakeClock) -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def make(environment: dict[str, str] | None = None, clock: Clock | None = None, **table: Any) -> Client:
        s = site(**table)
        opened.append(Client(s, authorisation(s, environment or {}), clock or time.clock()))
        return opened[-1].__enter__()

    yield make
    for c in opened:
        c.__exit__(None, None, None)
