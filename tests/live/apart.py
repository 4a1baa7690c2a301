"""A network of its own for each who takes part: a cable from each site to the coordinator, and none between.

    coordinator 10.77.0.1 ── 10.77.K.1 ⇄ 10.77.K.2 ── site K       no route but this, nothing is forwarded

Network namespaces of Linux, named after this process and gone at the end.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.live.process import LiveError

HOST, ADDRESS = "flare.test", "10.77.0.1"
COORDINATOR = "coordinator"
LISTENS = "0A"
"""In Linux's tables of connections."""


@dataclass(frozen=True)
class Apart:
    """names: of the namespaces, by who.  hosts: where the coordinator's name is looked up."""

    names: dict[str, str]
    hosts: Path

    def inside(self, who: str) -> list[str]:
        """What goes before a command that is to run there."""
        found = f'mount --bind {self.hosts} /etc/hosts && exec "$@"'
        return ["ip", "netns", "exec", self.names[who], "sh", "-c", found, "sh"]

    def run(self, who: str, *words: str | Path) -> str:
        command = [*self.inside(who), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def listening(self, who: str) -> set[tuple[str, int]]:
        """Address, as Linux writes it, and port."""
        lines = self.run(who, "cat", "/proc/self/net/tcp", "/proc/self/net/tcp6").splitlines()
        rows = [line.split() for line in lines]
        at = [row[1].split(":") for row in rows if row[3] == LISTENS]
        return {(address, int(port, 16)) for address, port in at}


def address_of(k: int) -> str:
    return f"10.77.{k}.2"


def available() -> str | None:
    if not shutil.which("ip"):
        return "no iproute2 here, which makes networks"
    name = f"rwe-{os.getpid()}-try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network may be made here: {made.stderr.strip()}"
    tried = subprocess.run(_cable(name, "eth0", name, "eth1"), capture_output=True, text=True, check=False)
    _ip("netns", "del", name)
    return f"no cable may be laid here: {tried.stderr.strip()}" if tried.returncode else None


@contextmanager
def networks(sites: Iterable[str], work: Path) -> Iterator[Apart]:
    names = {who: f"rwe-{os.getpid()}-{who}" for who in (COORDINATOR, *sites)}
    hosts = work / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {HOST}\n")
    try:
        for name in names.values():
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", names[COORDINATOR], "address", "add", f"{ADDRESS}/32", "dev", "lo")
        for k, site in enumerate(sites, 1):
            _connect(names[COORDINATOR], names[site], k)
        yield Apart(names, hosts)
    finally:
        for name in names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _connect(coordinator: str, site: str, k: int) -> None:
    here, there = f"to-{k}", "out"
    _run(_cable(coordinator, here, site, there))
    for name, end, address in ((coordinator, here, f"10.77.{k}.1"), (site, there, address_of(k))):
        _ip("-n", name, "address", "add", f"{address}/24", "dev", end)
        _ip("-n", name, "link", "set", end, "up")
    _ip("-n", site, "route", "add", f"{ADDRESS}/32", "via", f"10.77.{k}.1")


def _cable(one: str, end: str, other: str, other_end: str) -> list[str]:
    ends = ["type", "veth", "peer", "name", other_end, "netns", other]
    return ["ip", "link", "add", "name", end, "netns", one, *ends]


def _ip(*words: str) -> None:
    _run(["ip", *words])


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LiveError(f"{' '.join(command)}: {ended.stderr.strip()}")
