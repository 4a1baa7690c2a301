"""Wait for an export and gather its manifest, which may come in parts.

    Client, status URL  ──▶  poll()  ──▶  [Reply], one for each part
                             GoneError: the server knows no such job;  FailedError: the job has failed

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-status-request, and version 4 (ballot)
"""

import re
from dataclasses import replace
from typing import Literal
from urllib.parse import urljoin

from rwe.errors import SiteError
from rwe.fhir.bulk.ask import ANY, Reply, Say, Waits, codes, small, told
from rwe.fhir.bulk.manifest import Part, part
from rwe.fhir.client import AGAIN, Client, Request

WHAT = "the export's status"
MOST_PARTS = 100_000
PERCENT = re.compile(r"(?<![\d.])(\d{1,3})(\.\d{1,6})?\s?%")
# `transient` and what lies below it in the code system, but `exception`, which servers say of anything.
PASSING = {"transient", "lock-error", "no-store", "timeout", "incomplete", "throttled"}
State = Literal["done", "running", "gone", "refused", "unclear", "failed"]


class GoneError(SiteError):
    pass


class FailedError(SiteError):
    pass


def poll(client: Client, status: str, say: Say) -> list[tuple[Part, str]]:
    """The parts of the manifest, each with the URL that its own are relative to."""
    waits = Waits(client, say, deadline=client.site.table.limits.job_deadline)
    parts: list[tuple[Part, str]] = []
    seen: set[str] = set()
    url: str | None = status
    while url:
        if url in seen or len(seen) == MOST_PARTS:
            raise FailedError(f"{client.site.id}: the manifest's parts go round without end")
        seen.add(url)
        reply = _finished(client, url, waits, say)
        found = part(reply.body)
        if found is None:
            raise FailedError(f"{client.site.id}: what the server gives as the export's manifest is none")
        parts.append((found, reply.url))
        url = _next(client, found, reply.url)
    return parts


def _next(client: Client, found: Part, base: str) -> str | None:
    link = found.next
    try:
        return urljoin(base, link) if link else None
    except ValueError:
        raise FailedError(f"{client.site.id}: the link to the manifest's next part is no URL") from None


def _finished(client: Client, url: str, waits: Waits, say: Say) -> Reply:
    request = Request(url=url, what=WHAT, headers={"Accept": "application/json"}, expected=ANY)
    unclear, shown = 0, ""
    while True:
        reply = _separate(small(client, request))
        state = _state(reply)
        unclear = unclear + 1 if state == "unclear" else 0
        if state == "done":
            return reply
        _end(client, reply, state, last=unclear == client.site.table.limits.attempts)
        if (progress := _progress(reply)) and progress != shown:
            say(f"{client.site.id}: the export is at {progress}")
            shown = progress
        if waits.over:
            raise SiteError(
                f"{client.site.id}: the export did not end within job_deadline; it is kept for resuming",
                hint="run the same command again to go on waiting, or raise limits.job_deadline",
            )
        waits.wait(reply.headers)


def _separate(reply: Reply) -> Reply:
    """The job's own status, where the server tells it apart from that of the request (version 4)."""
    text = reply.headers.get("x-export-status", "")[:3]
    return (
        replace(reply, status=int(text))
        if reply.status == 200 and re.fullmatch("[2-5]\\d\\d", text)
        else reply
    )


def _state(reply: Reply) -> State:
    match reply.status:
        case 200:
            return "done" if part(reply.body, strict=False) else "unclear"
        case 202 | 408 | 425 | 429:
            return "running"
        case 404 | 410:
            return "gone"
        case 403:
            return "refused"
    found = codes(reply.body)
    if PASSING & {*found}:
        return "running"
    return "unclear" if reply.status in AGAIN and not found else "failed"


def _end(client: Client, reply: Reply, state: State, *, last: bool) -> None:
    """Raise what ends the waiting."""
    site, text = client.site.id, f"{client.site.id}: {WHAT}: {told(reply)}"
    if state == "gone":
        raise GoneError(text, hint="run the same command again: a new export is started")
    if state == "refused":
        raise SiteError(text, hint=f"check [{site}.auth]; the export is kept for resuming")
    if state == "failed":
        raise FailedError(text, hint="the export has failed at the server; run it again, or ask its people")
    if last:
        why = "what it gives is not whole JSON" if reply.status == 200 else told(reply)
        raise SiteError(
            f"{site}: {WHAT}: {why}, again and again; the export is kept for resuming",
            hint="is the server up and reachable from here? then run the same command again",
        )


def _progress(reply: Reply) -> str:
    """Only a percentage: the header's text is the server's."""
    found = PERCENT.search(reply.headers.get("x-progress", "")[:100])
    return f"{found[1]} %" if found else ""
