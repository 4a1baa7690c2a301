"""Walk the pages of a search.

    Client, resource type  ──▶  walk()   ──▶  Resource | Unusable
                           ──▶  total()  ──▶  how many the server holds, None where it does not say

A next link is the server's own: it is followed as it stands, never built.  Places are named by type
and page, since URLs hold patients' ids.
Source: https://hl7.org/fhir/R4/search.html, https://hl7.org/fhir/R4/http.html#paging
"""

import hashlib
import re
from collections.abc import Iterator
from urllib.parse import urljoin

import msgspec

from rwe.errors import SiteError
from rwe.fhir.bundle import Bundle, entries, read_head, whole_bundle
from rwe.fhir.client import Client
from rwe.resource import Resource, Unusable

PAGES_WITHOUT_NEWS = 50
CODE = re.compile(r"[a-z][a-z-]{1,40}")


class Capability(msgspec.Struct, rename="camel"):
    """What of a CapabilityStatement is asked here."""

    class Rest(msgspec.Struct):
        class Type(msgspec.Struct):
            type: str = ""

        mode: str = ""
        resource: list[Type] = []

    fhir_version: str = ""
    rest: list[Rest] = []

    def types(self) -> set[str]:
        return {r.type for rest in self.rest if rest.mode in ("server", "") for r in rest.resource}


def capability(client: Client) -> tuple[Capability, str | None]:
    """The CapabilityStatement and the server's time; SiteError where its FHIR version is another."""
    answer = client.get("metadata", what="the CapabilityStatement")
    site = client.site
    try:
        statement = msgspec.json.decode(answer.body, type=Capability)
    except msgspec.DecodeError:
        raise SiteError(
            f"{site.id}: /metadata is no CapabilityStatement",
            hint="does `url` end where the FHIR API begins?",
        ) from None
    declared = statement.fhir_version
    if declared.split(".")[:2] != site.fhir_version.split(".")[:2]:
        version = declared if declared.replace(".", "").isalnum() and len(declared) < 20 else "another"
        raise SiteError(
            f"{site.id}: the server speaks FHIR {version or 'unknown'}, not {site.fhir_version}",
            hint=f"correct fhir_version of [{site.id}]",
        )
    return statement, answer.date


def total(client: Client, kind: str) -> int | None:
    answer = client.get(kind, {"_summary": "count"}, what=f"the count of {kind}")
    return _bundle(client, answer.body, f"the count of {kind}").total


class Outcome(msgspec.Struct):
    """What of an OperationOutcome is told: its codes, never its text, which may name a patient."""

    class Issue(msgspec.Struct):
        severity: str = ""
        code: str = ""

    issue: list[Issue] = []

    def worst(self) -> str | None:
        bad = (i for i in self.issue if i.severity in ("error", "fatal"))
        return next((i.code if CODE.fullmatch(i.code) else "another code" for i in bad), None)


def walk(client: Client, kind: str) -> Iterator[Resource | Unusable]:
    """All resources of a type.  A row that a page repeats unchanged is given once."""
    url: str | None = kind
    parameters: dict[str, str] | None = {"_count": str(client.site.table.limits.page_size)}
    seen: set[bytes] = set()
    trouble: str | None = None
    page = stale = 0
    while url:
        page += 1
        what = f"page {page} of {kind}"
        answer = client.get(url, parameters, what=what)
        bundle = _bundle(client, answer.body, what)
        before = len(seen)
        for item in entries(bundle, f"{kind}, page {page}"):
            digest = hashlib.blake2b(item.body, digest_size=16).digest()
            if digest not in seen or not item.body:
                seen.add(digest)
                yield item
            trouble = trouble or _trouble(item)
        stale = stale + 1 if len(seen) == before else 0
        if stale == PAGES_WITHOUT_NEWS:
            raise SiteError(f"{client.site.id}: {kind}: {stale} pages in a row brought nothing new")
        url, parameters = _next(client, bundle, answer.url, what), None
    if trouble:
        raise SiteError(f"{client.site.id}: {kind}: the server reports an error among its rows: {trouble}")


def _trouble(item: Resource | Unusable) -> str | None:
    """An entry that says that rows are missing; read before its type is passed over."""
    if item.type != "OperationOutcome":
        return None
    try:
        return msgspec.json.decode(item.body, type=Outcome).worst()
    except msgspec.DecodeError:
        return "one that cannot be read"


def _bundle(client: Client, body: bytes, what: str) -> Bundle:
    try:
        is_bundle = read_head(body).resource_type == "Bundle"
    except msgspec.DecodeError:
        is_bundle = False
    if not is_bundle:
        raise SiteError(f"{client.site.id}: {what}: the server answers with something else than a Bundle")
    bundle, reason = whole_bundle(body)
    if bundle is None:
        raise SiteError(f"{client.site.id}: {what}: the Bundle cannot be read ({reason})")
    return bundle


def _next(client: Client, bundle: Bundle, page_url: str, what: str) -> str | None:
    """The next page's URL; where it is relative, then to the page it stands on."""
    link = next((link.url for link in bundle.link if link.relation == "next" and link.url), None)
    try:
        return urljoin(page_url, link) if link else None
    except ValueError:
        raise SiteError(f"{client.site.id}: {what}: the next link is no URL") from None
