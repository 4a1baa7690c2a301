"""Faults of tokens and exports: manifests, status polls, the lines of a file."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.fhir.fault import Fault, issue
from tests.fhir.server import Reply

if TYPE_CHECKING:
    from tests.fhir.proxy import Exchange


def on_json(change: Callable[["Exchange", dict[str, Any]], None]) -> Fault:
    def fault(x: "Exchange") -> Reply:
        whole = x.reply()
        if whole.status != 200:
            return whole
        told = json.loads(whole.body)
        change(x, told)
        return replace(whole, body=json.dumps(told).encode())

    return fault


def expires_in(x: "Exchange", token: dict[str, Any]) -> None:
    token["expires_in"] = x.options.get("seconds", 300)


def without_time(x: "Exchange", manifest: dict[str, Any]) -> None:
    manifest.pop("transactionTime", None)
    if "to" in x.options:
        manifest["transactionTime"] = x.options["to"]


def with_errors(x: "Exchange", manifest: dict[str, Any]) -> None:
    """A file of issues, in the list `list` ("error", from v4 on "outcome")."""
    target = f"{x.proxy.path}/issues-{len(x.proxy.canned)}.ndjson"
    line = json.dumps(issue(x.options.get("severity", "error"), x.options.get("code", "incomplete")))
    x.proxy.canned[target] = Reply(kind="application/fhir+ndjson", body=line.encode() + b"\n")
    item = {"type": "OperationOutcome", "url": x.proxy.main.origin + target}
    manifest.setdefault(x.options.get("list", "error"), []).append(item)


def type_is(x: "Exchange", manifest: dict[str, Any]) -> None:
    manifest["output"][0]["type"] = x.options.get("to", "../../../../outside/x")


def file_is(x: "Exchange", manifest: dict[str, Any]) -> None:
    """The first file's URL: `to`, or the same at the other door."""
    item = manifest["output"][0]
    item["url"] = x.options.get("to") or item["url"].replace(x.proxy.main.origin, x.proxy.other.origin)


def never_ends(x: "Exchange") -> Reply:
    return Reply(status=202, kind=None, headers=dict(x.options.get("headers", {})))


def on_lines(change: Callable[[list[bytes]], bytes]) -> Fault:
    def fault(x: "Exchange") -> Reply:
        whole = x.reply()
        return replace(whole, body=change(whole.body.splitlines()))

    return fault


def _blank_between(lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield from (line, b"", b"  ")


def _cut_in_last_line(lines: list[bytes]) -> bytes:
    return b"\n".join([*lines[:-1], lines[-1][: len(lines[-1]) // 2]])


def with_other_type(x: "Exchange") -> Reply:
    whole = x.reply()
    row = json.dumps({"resourceType": x.options.get("type", "Practitioner"), "id": "other"})
    return replace(whole, body=whole.body.rstrip(b"\n") + b"\n" + row.encode() + b"\n")
