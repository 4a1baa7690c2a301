"""Faults of HTTP: statuses, bodies that are cut or slow or odd, redirects."""

import gzip
import json
import re
import zlib
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from tests.fhir.fault import Fault, half, issue
from tests.fhir.server import Reply
from tests.fhir.wire import Reset

if TYPE_CHECKING:
    from tests.fhir.proxy import Exchange


def status(x: "Exchange") -> Reply:
    """Without asking the upstream; code: of an issue."""
    code, headers = x.options.get("code"), dict(x.options.get("headers", {}))
    body = json.dumps(issue("error", code)).encode() if code else b""
    return Reply(status=x.options["status"], headers=headers, body=body)


def bad_gateway(_: "Exchange") -> Reply:
    return Reply(status=502, kind="text/html", body=b"<html><body>Bad gateway</body></html>")


def later(x: "Exchange") -> Reply:
    """429 with Retry-After as a date, told by the upstream's own clock."""
    date = x.reply().headers["Date"]
    until = parsedate_to_datetime(date) + timedelta(seconds=x.options["seconds"])
    return Reply(status=429, headers={"Date": date, "Retry-After": format_datetime(until, usegmt=True)})


def cut(framing: str) -> Fault:
    def fault(x: "Exchange") -> Reply:
        whole = x.reply()
        return replace(whole, sent=half(whole), framing=framing)

    return fault


def reset_in_body(x: "Exchange") -> Reply:
    whole = x.reply()
    return Reset(**{**vars(whole), "sent": half(whole)})


def length_too_large(x: "Exchange") -> Reply:
    whole = x.reply()
    return replace(whole, pieces=[whole.body + b" " * 100], sent=len(whole.body))


def dribble(x: "Exchange") -> Reply:
    """A piece each `pause` seconds, until none is left."""
    whole, n = x.reply(), x.options.get("pieces", 10)
    size = -(-len(whole.body) // n)
    pieces = [whole.body[at : at + size] for at in range(0, len(whole.body), size)]
    return replace(whole, pieces=pieces, pause=lambda: x.proxy.sleep(x.options["pause"]))


def cut_in_utf8(x: "Exchange") -> Reply:
    """Well framed."""
    whole = x.reply()
    wide = re.search(rb"[\xc2-\xf4]", whole.body)
    return replace(whole, body=whole.body[: wide.end()] if wide else whole.body[: half(whole)] + b"\xc3")


def plain_text(x: "Exchange") -> Reply:
    return replace(x.reply(), kind="text/plain")


def packed(reply: Reply, body: bytes) -> Reply:
    return replace(reply, body=body, headers={**reply.headers, "Content-Encoding": "gzip"})


def bomb(x: "Exchange") -> Reply:
    """A page that begins well and is blank for the rest of a gigabyte: one block, again and again."""
    whole = x.reply()
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = pack.compress(whole.body[:-1]) + pack.flush(zlib.Z_FULL_FLUSH)
    blank = pack.compress(b" " * 10_000_000) + pack.flush(zlib.Z_FULL_FLUSH)
    return packed(whole, head + blank * 100 + pack.flush())


def several_members(x: "Exchange") -> Reply:
    whole = x.reply()
    parts = whole.body[: half(whole)], whole.body[half(whole) :]
    return packed(whole, b"".join(map(gzip.compress, parts)))


def throttle(x: "Exchange") -> Reply:
    """429 above `most` requests at once, counted while the upstream is asked."""
    if x.proxy.busy > x.options["most"]:
        return Reply(status=429, headers={"Retry-After": "1"})
    return x.reply()


def redirect(x: "Exchange") -> Reply:
    to = x.options.get("to") or x.proxy.other.origin + x.asked.target
    return Reply(status=x.options.get("status", 307), kind=None, headers={"Location": to})
