"""A proxy before any FHIR server that makes the faults of a script; it knows nothing of the data.

    with Proxy(memory.base, [Rule(url="/Patient", fault="status", options={"status": 500})]) as p:  … p.base …
    python -m tests.fhir.proxy --upstream URL --script faults.json --seed 1

A script is a JSON list of rules.  For each request the first rule that is due makes its fault; without
one the upstream's answer goes through, its links (next, self, files, Content-Location) led back to the
proxy.  Resources pass as the bytes they are.  There are two doors, of two origins: `base` and `other`,
the second for links that lead astray; each logs what came, and whether a login came with it.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from ssl import SSLContext
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
import requests

from tests.fhir import faults
from tests.fhir.server import Reply
from tests.fhir.wire import Asked, Listener

LOG = "/__log"
HOP = ("host", "connection", "content-length", "accept-encoding", "transfer-encoding", "keep-alive")
KEPT = (
    "content-type",
    "content-location",
    "location",
    "retry-after",
    "date",
    "expires",
    "x-progress",
    "etag",
)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """url: a pattern in "METHOD target", as the upstream knows it.

    nth: of the requests that match, the first to get the fault.  rate: the chance of each, in place of
    all from the nth on.  times: how often, null for ever.
    """

    url: str
    fault: str
    nth: int = 1
    rate: float | None = None
    times: int | None = 1
    options: dict[str, Any] = {}


class Door(Listener):
    def __init__(self, proxy: "Proxy", context: SSLContext | None = None) -> None:
        super().__init__(context)
        self.proxy = proxy

    def reply(self, asked: Asked) -> Reply:
        return self.proxy.reply(self, asked)

    def log(self) -> list[dict[str, Any]]:
        with self.lock:
            return [
                {"method": r.method, "target": r.target, "authorization": "authorization" in r.headers}
                for r in self.requests
                if r.path != LOG
            ]


class Proxy:
    """retry_after: in place of what the upstream says.  sleep: how a fault waits."""

    def __init__(
        self,
        upstream: str,
        rules: Sequence[Rule] = (),
        *,
        seed: int = 0,
        retry_after: str | None = None,
        sleep: Callable[[float], object] = time.sleep,
        context: SSLContext | None = None,
    ) -> None:
        parts = urlsplit(upstream)
        self.upstream = f"{parts.scheme}://{parts.netloc}"
        self.rules, self.retry_after, self.sleep = list(rules), retry_after, sleep
        self.main, self.other = Door(self, context), Door(self)
        self.path = parts.path.rstrip("/")
        self.base = f"{self.main.origin}{self.path}"
        self.aliases: dict[str, str] = {}
        self.canned: dict[str, Reply] = {}
        self.carried: dict[str, list[msgspec.Raw]] = {}
        self.busy = 0
        self._chance = random.Random(seed)
        self._came: Counter[int] = Counter()
        self._made: Counter[int] = Counter()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for door in (self.main, self.other):
            self._open.enter_context(door)
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def log(self) -> dict[str, list[dict[str, Any]]]:
        """By origin."""
        return {door.origin: door.log() for door in (self.main, self.other)}

    def made(self) -> int:
        """How many faults; a test whose fault was never made shows nothing."""
        return self._made.total()

    def reply(self, door: Door, asked: Asked) -> Reply:
        if asked.path == LOG:
            return Reply(body=json.dumps(self.log()).encode())
        if asked.target in self.canned:
            return self.canned[asked.target]
        target = self.aliases.get(asked.target, asked.target)
        exchange = Exchange(self, door, asked, target)
        with self.main.lock:
            self.busy += 1
            rule = self._due(f"{asked.method} {target}")
        try:
            if rule is None:
                return exchange.reply()
            exchange.options = rule.options
            return faults.FAULTS[rule.fault](exchange)
        finally:
            with self.main.lock:
                self.busy -= 1

    def _due(self, request: str) -> Rule | None:
        due = None
        for n, rule in enumerate(self.rules):
            if not re.search(rule.url, request):
                continue
            self._came[n] += 1
            by_chance = rule.rate is None or self._chance.random() < rule.rate
            left = rule.times is None or self._made[n] < rule.times
            if due is None and by_chance and left and self._came[n] >= rule.nth:
                self._made[n] += 1
                due = rule
        return due

    def alias(self, target: str, shape: str = "{path}?_getpages={n}") -> str:
        """Another target under which this one is served, if it is asked for byte for byte."""
        made = shape.format(path=self.path, n=f"alias-{len(self.aliases)}")
        self.aliases[made] = target
        return made


class Exchange:
    """A request and what the upstream answers, asked when a fault wants it."""

    def __init__(self, proxy: Proxy, door: Door, asked: Asked, target: str) -> None:
        self.proxy, self.door, self.asked, self.target = proxy, door, asked, target
        self.options: dict[str, Any] = {}

    def reply(self, target: str | None = None) -> Reply:
        headers = {k: v for k, v in self.asked.headers.items() if k not in HOP}
        with requests.Session() as http:
            http.trust_env = False
            answer = http.request(
                self.asked.method,
                self.proxy.upstream + (target or self.target),
                headers={**headers, "Accept-Encoding": "identity"},
                data=self.asked.body or None,
                allow_redirects=False,
                timeout=120,
            )
        kept = {k: self._back(v) for k, v in answer.headers.items() if k.lower() in KEPT}
        if self.proxy.retry_after is not None and "Retry-After" in answer.headers:
            kept["Retry-After"] = self.proxy.retry_after
        kind = kept.pop("Content-Type", None)
        body = answer.content
        if kind and "json" in kind and "ndjson" not in kind:
            body = self._links_back(body)
        return Reply(status=answer.status_code, kind=kind, headers=kept, body=body)

    def _back(self, text: str) -> str:
        return text.replace(self.proxy.upstream, self.proxy.main.origin)

    def _links_back(self, body: bytes) -> bytes:
        """Only where a link says "url": a resource's own text stays as it is."""
        upstream = re.escape(self.proxy.upstream.encode())
        return re.sub(rb'("url"\s*:\s*")' + upstream, lambda m: m[1] + self.proxy.main.origin.encode(), body)


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--upstream", required=True)
    arguments.add_argument("--script", type=Path, required=True)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--retry-after")
    given = arguments.parse_args()
    rules = msgspec.json.decode(given.script.read_bytes(), type=list[Rule])
    with Proxy(given.upstream, rules, seed=given.seed, retry_after=given.retry_after) as proxy:
        print(proxy.base, flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    main()
