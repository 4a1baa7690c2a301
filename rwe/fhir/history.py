"""Which resources of a type were deleted since a time, or deleted and made again, by its history.

Source: https://hl7.org/fhir/R4/http.html#history: newest first, a deletion is an entry without a resource
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin

import msgspec

from rwe.errors import SiteError
from rwe.fhir.bundle import ID
from rwe.fhir.client import Client


class _Asked(msgspec.Struct, frozen=True):
    method: str = ""
    url: str = ""


class _Entry(msgspec.Struct, rename="camel"):
    request: _Asked = _Asked()
    full_url: str = ""


class _Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class _History(msgspec.Struct, rename="camel"):
    resource_type: str = ""
    entry: list[_Entry] = []
    link: list[_Link] = []


@dataclass(frozen=True, kw_only=True)
class Deletions:
    """deleted: ids whose last state is a deletion.  reborn: those that were made again after one."""

    deleted: tuple[str, ...] = ()
    reborn: tuple[str, ...] = ()


def deletions(client: Client, kind: str, since: str, told: Callable[[], object] = lambda: None) -> Deletions:
    """since: an instant in UTC, with Z."""
    state: dict[str, bool] = {}
    ever: set[str] = set()
    url, parameters, corner, number = f"{kind}/_history", [("_since", since), ("_count", "500")], "", 0
    while url:
        number += 1
        what = f"page {number} of the history of {kind}"
        answer = client.get(url, parameters, what=what)
        try:
            page = msgspec.json.decode(answer.body, type=_History)
        except (msgspec.DecodeError, RecursionError):
            page = _History()
        if page.resource_type != "Bundle":
            raise SiteError(f"{client.site.id}: {what}: the server answers with something else than a Bundle")
        for entry in page.entry:
            identity = _id(entry, kind)
            if identity is not None:
                state.setdefault(identity, entry.request.method == "DELETE")
                ever |= {identity} if entry.request.method == "DELETE" else set()
        url = _next(client, page, answer.url, what)
        if url and url in (corner, answer.url):
            raise SiteError(f"{client.site.id}: {what}: its next link leads back to an earlier page")
        corner, parameters = (answer.url if number & (number - 1) == 0 else corner), []
        told()
    return Deletions(
        deleted=tuple(i for i, gone in state.items() if gone), reborn=tuple(i for i in ever if not state[i])
    )


def _id(entry: _Entry, kind: str) -> str | None:
    """Of request.url, `Patient/1` or `Patient/1/_history/2`; of the full URL where that is not given."""
    for url in (entry.request.url, entry.full_url):
        parts = url.partition("?")[0].rstrip("/").split("/")
        if kind in parts[:-1]:
            found = parts[len(parts) - parts[::-1].index(kind)]
            return found if ID.fullmatch(found) else None
    return None


def _next(client: Client, page: _History, base: str, what: str) -> str:
    link = next((link.url for link in page.link if link.relation == "next" and link.url), "")
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        raise SiteError(f"{client.site.id}: {what}: the next link is no URL") from None
