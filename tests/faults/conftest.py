"""A hospital in memory behind the fault proxy, pulled in process under a clock that nobody waits for.

Every case ends with the scans of security-06 and -07 (no canary outside of raw shards and set-aside
bodies) and of security-11 (nothing is written at the source).
"""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.case import SECRET, Case, hospital
from tests.fhir.manners import GOOD
from tests.fhir.memory import Memory
from tests.fhir.tls import certificate


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> Iterator[Memory]:
    with Memory(getattr(request, "param", GOOD), token=SECRET) as m:
        m.put(*hospital())
        yield m


@pytest.fixture
def case(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Case]:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    made = Case(memory, tmp_path)
    yield made
    out, err = capfd.readouterr()
    made.see_no_canary(out + err)
    made.see_nothing_written()


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
