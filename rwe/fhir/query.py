"""One search, as it is asked, and whether it was searched so.

Source: https://hl7.org/fhir/R4/search.html#conformance: the self link says what was really searched
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

from rwe.codes import Code
from rwe.fhir import include
from rwe.fhir.client import Parameters, Request
from rwe.fhir.include import Include

RESULT = ("_count", "_summary", "_elements", "_format", "_total", "_sort")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, kw_only=True)
class Query:
    """kind: the resource type.  what: it in words, without any value.  private: holds patients' ids.

    include: asked for with its pages alone: a count, or a walk over ids, is of the rows.
    """

    kind: str
    parameters: Parameters = ()
    what: str = ""
    private: bool = False
    include: Include | None = None

    @property
    def words(self) -> str:
        return self.what or self.kind

    def with_(self, *more: tuple[str, str]) -> "Query":
        return replace(self, parameters=(*self.parameters, *more))

    def page(self, size: int) -> "Query":
        along = [(include.PARAMETER, self.include.by)] if self.include else []
        return self.with_(*along, ("_count", str(size)))

    def alone(self) -> "Query":
        return replace(self, include=None)

    @property
    def digest(self) -> str:
        along = [self.include.by] if self.include else []
        text = "\0".join([self.kind, *(f"{k}={v}" for k, v in self.parameters), *along])
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    def dropped(self, self_link: str | None) -> list[str]:
        """The parameters of the search that its self link does not name; none where there is no self link."""
        if not self_link:
            return []
        try:
            said = {
                key.partition(":")[0]
                for key, _ in parse_qsl(urlsplit(self_link).query, keep_blank_values=True)
            }
        except ValueError:
            return []
        asked = dict.fromkeys(key.partition(":")[0] for key, _ in self.parameters)
        if self.include:
            asked[include.PARAMETER] = None
        return [key for key in asked if key not in RESULT and key not in said]


def tokens(codes: Iterable[Code]) -> str:
    """Of a search by code, escaped: https://hl7.org/fhir/R4/search.html#escaping"""
    return ",".join(f"{_plain(c.system)}|{_plain(c.code)}" for c in codes)


def _plain(text: str) -> str:
    for mark in "\\,|$":
        text = text.replace(mark, "\\" + mark)
    return text


def by_get(query: Query, what: str) -> Request:
    """One that the server may decline."""
    return Request(url=query.kind, parameters=query.parameters, what=what, expected=(200, *NO_POST))


def by_post(query: Query, what: str) -> Request:
    """In the body, so that no log on the way holds a patient's id.  Safe to send again: it writes nothing."""
    body = urlencode(list(query.parameters)).encode()
    return Request(
        url=f"{query.kind}/_search",
        what=what,
        method="POST",
        body=body,
        headers=FORM,
        expected=(200, *NO_POST),
    )


NO_POST = (400, 404, 405, 415, 501)
