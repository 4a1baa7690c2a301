"""Start an export: the kick-off request, by GET or by POST.

    Client, Wanted  ──▶  kick_off()  ──▶  Started (status URL, the server's time)

Versions 1 to 3 are asked by GET with comma lists (Oracle refuses a repeated _type), version 4 by POST of
Parameters without any comma list; where the one is refused the other is tried.
Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html, and its version 4 (ballot)
"""

import json
from dataclasses import dataclass
from urllib.parse import urljoin

from rwe.errors import SiteError
from rwe.fhir.bulk.ask import ANY, Reply, Say, Waits, small, told
from rwe.fhir.bulk.job import Wanted
from rwe.fhir.bundle import ID
from rwe.fhir.client import Client, Parameters, Request

WHAT = "the kick-off of the export"
HEADERS = {"Accept": "application/fhir+json", "Prefer": "respond-async", "Cache-Control": "no-cache"}
# What a server may answer to the method it does not know for $export.
OTHER_METHOD = (400, 405, 415, 501)
BUSY = (425, 429)
LONGEST_BUSY = 3600.0


@dataclass(frozen=True, kw_only=True)
class Started:
    status: str
    date: str | None


class RefusedError(SiteError):
    """The server surely started nothing."""


def kick_off(client: Client, wanted: Wanted, say: Say, *, post: bool) -> Started:
    first = _taken(client, request(client, wanted, post=post), say)
    reply = first
    if first.status in OTHER_METHOD:
        reply = _taken(client, request(client, wanted, post=not post), say)
        if reply.status in OTHER_METHOD:
            reply = first
    if reply.status == 202:
        return _started(client, reply)
    raise _refusal(client, wanted, reply)


def _taken(client: Client, request: Request, say: Say) -> Reply:
    """The reply, once the server has room for an export."""
    bound = min(LONGEST_BUSY, client.site.table.limits.job_deadline)
    waits, said = Waits(client, say, deadline=bound), False
    while (reply := small(client, request)).status in BUSY and not waits.over:
        if not said:
            say(f"{client.site.id}: the server has no room for an export yet ({reply.status}): waiting")
        said = True
        waits.wait(reply.headers)
    return reply


def request(client: Client, wanted: Wanted, *, post: bool) -> Request:
    return Request(
        url=_path(client, wanted.level),
        what=WHAT,
        method="POST" if post else "GET",
        parameters=() if post else _query(wanted),
        body=_parameters(wanted) if post else None,
        headers={**HEADERS, "Content-Type": "application/fhir+json"} if post else HEADERS,
        expected=ANY - {503},
        safe=False,
    )


def _path(client: Client, level: str) -> str:
    kind, _, group = level.partition("/")
    if level == "system":
        return "$export"
    if level == "Patient" or (kind == "Group" and ID.fullmatch(group)):
        return f"{level}/$export"
    raise RefusedError(f"{client.site.id}: no export has this level; a group is named by its id")


def _query(wanted: Wanted) -> Parameters:
    """A comma inside a filter is written %2C, for the list is cut at commas."""
    lists = {
        "_type": ",".join(wanted.types),
        "_since": wanted.since or "",
        "_typeFilter": ",".join(f.replace(",", "%2C") for f in wanted.type_filter),
    }
    return [(name, text) for name, text in lists.items() if text]


def _parameters(wanted: Wanted) -> bytes:
    since = [{"name": "_since", "valueInstant": wanted.since}] if wanted.since else []
    found = [{"name": "_type", "valueString": t} for t in wanted.types] + since
    found += [{"name": "_typeFilter", "valueString": f} for f in wanted.type_filter]
    return json.dumps({"resourceType": "Parameters", "parameter": found}).encode()


def _started(client: Client, reply: Reply) -> Started:
    try:
        place = reply.headers.get("content-location")
        status = urljoin(reply.url, place) if place else None
    except ValueError:
        status = None
    if status is None:
        raise SiteError(
            f"{client.site.id}: the server takes the export, but does not say where its status is"
        )
    return Started(status=status, date=reply.date)


def _refusal(client: Client, wanted: Wanted, reply: Reply) -> SiteError:
    text = f"{client.site.id}: {WHAT}: {told(reply)}"
    if reply.status >= 500:
        return SiteError(text, hint="an export may have begun all the same; asked again, there may be two")
    if reply.status == 403:
        return RefusedError(text, hint=f"check [{client.site.id}.auth] and what this client may export")
    if reply.status in BUSY:
        return RefusedError(text, hint="another export runs there: wait for its end, then run it again")
    if reply.status < 400:
        return RefusedError(text, hint="it should answer 202: does it know $export?")
    narrow = (
        "a type or filter asked for may be unknown to it" if wanted.type_filter else "does it know $export"
    )
    return RefusedError(text, hint=f'{narrow}? method = "search" asks without an export')
