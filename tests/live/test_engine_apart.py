"""Sites in networks of their own, from which only the coordinator's one port can be reached."""

import json
import sys
from errno import ECONNREFUSED, ENETUNREACH

import pytest

from tests.federate import drop
from tests.federate.conftest import ready  # noqa: F401  a fixture
from tests.live import apart, flare
from tests.live.test_engine import AGREEMENT, merged_z
from tests.run import rwe

pytestmark = pytest.mark.live
ASK = "van_elteren:il6:d28"
LOOPBACK = {"0100007F", "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"}


@pytest.fixture(scope="module")
def made(ready, tmp_path_factory):  # noqa: F811  it
    if reason := flare.available() or apart.available():
        pytest.skip(reason)
    made = drop.federation(tmp_path_factory.mktemp("apart"), {name: ready(name) for name in drop.SITES})
    for name in drop.SITES:
        made.policy(name, f'agreement = "{AGREEMENT}"\n')
    return made


@pytest.fixture(scope="module")
def networks(made, tmp_path_factory):
    with apart.networks([*drop.SITES], tmp_path_factory.mktemp("networks")) as found:
        yield found


@pytest.fixture(scope="module")
def kit(made, networks):
    with flare.running(made.folders, apart.HOST, networks.inside) as engine:
        yield engine.kit


def test_processes_that_share_no_network_give_what_the_merged_rows_give(made, networks, kit, ready):  # noqa: F811  it
    ask = ("--ask", ASK, "--agreement", AGREEMENT)
    asked = rwe("federate", "request", "--dir", made.coordinator, *ask).stdout.strip()
    for name in drop.SITES:
        rwe("federate", "approve", asked, "--dir", made.folders[name])
    words = (sys.executable, "-m", "rwe", "federate", "carry", asked, "--dir", made.coordinator, "--kit", kit)
    answers = networks.run("coordinator", *words).split()
    said = rwe("federate", "pool", asked, *answers, "--dir", made.coordinator, "--json").stdout
    (row,) = [r for r in json.loads(said)["pooled"]["rows"] if r["stratum"] == "all"]
    assert row["test"]["statistic"] == pytest.approx(merged_z(ready("merged")), abs=1e-9)


def test_a_site_listens_to_nobody_but_itself(networks, kit):
    for name in drop.SITES:
        found = networks.listening(name)
        assert found
        assert {address for address, _ in found} <= LOOPBACK


def test_the_coordinator_has_one_port_open(networks, kit):
    assert len({port for address, port in networks.listening("coordinator") if address not in LOOPBACK}) == 1


def test_the_coordinator_reaches_no_port_of_a_site(networks, kit):
    for k, name in enumerate(drop.SITES, 1):
        for _, port in networks.listening(name):
            assert tried(networks, "coordinator", apart.address_of(k), port) == ECONNREFUSED


def test_no_site_reaches_another(networks, kit):
    for here in drop.SITES:
        for k, there in enumerate(drop.SITES, 1):
            if here != there:
                assert tried(networks, here, apart.address_of(k), 22) == ENETUNREACH


def tried(networks, who, address, port):
    """What becomes of a call: the error's number."""
    call = f"import socket; print(socket.socket().connect_ex(({address!r}, {port})))"
    return int(networks.run(who, sys.executable, "-c", call))
