"""Faults of pages: links, totals, odd entries.  Resources stay the bytes they are."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import msgspec

from tests.fhir.fault import Fault, issue
from tests.fhir.server import Reply

if TYPE_CHECKING:
    from tests.fhir.proxy import Exchange

Raw = msgspec.Raw
LONG = "{path}?" + urlencode({"_getpages": "x" * 8_000}) + "&plus=1+1&coded=1%2B1&n={n}"


class Page:
    """A Bundle, its entries untouched."""

    def __init__(self, x: "Exchange", reply: Reply | None = None) -> None:
        self.reply = reply or x.reply()
        self._fields = msgspec.json.decode(self.reply.body, type=dict[str, Raw])
        self.entry = msgspec.json.decode(self._fields.get("entry", Raw(b"[]")), type=list[Raw])
        self.link = msgspec.json.decode(self._fields.get("link", Raw(b"[]")), type=list[dict[str, str]])

    @property
    def onward(self) -> str | None:
        return next((k["url"] for k in self.link if k["relation"] == "next"), None)

    @onward.setter
    def onward(self, url: str | None) -> None:
        self.link = [k for k in self.link if k["relation"] != "next"]
        if url is not None:
            self.link.append({"relation": "next", "url": url})

    @property
    def total(self) -> int | None:
        return msgspec.json.decode(self._fields["total"]) if "total" in self._fields else None

    @total.setter
    def total(self, n: int) -> None:
        self._fields["total"] = Raw(str(n).encode())

    def back(self) -> Reply:
        changed = {"entry": self.entry, "link": self.link}
        return replace(self.reply, body=msgspec.json.encode({**self._fields, **changed}))


def entry(resource: dict[str, Any] | None, mode: str = "match") -> Raw:
    found = {"search": {"mode": mode}, **({"resource": resource} if resource else {})}
    return Raw(json.dumps(found).encode())


def on_page(change: Callable[["Exchange", Page], None]) -> Fault:
    def fault(x: "Exchange") -> Reply:
        page = Page(x)
        change(x, page)
        return page.back()

    return fault


def next_by_alias(shape: str, *, relative: bool = False) -> Fault:
    def change(x: "Exchange", page: Page) -> None:
        if page.onward:
            parts = urlsplit(page.onward)
            alias = x.proxy.alias(f"{parts.path}?{parts.query}", shape)
            page.onward = alias if relative else x.proxy.main.origin + alias

    return on_page(change)


def overlap(x: "Exchange", page: Page) -> None:
    rows = page.entry
    page.entry = [*x.proxy.carried.get(x.asked.target, []), *rows]
    if page.onward:
        x.proxy.carried[page.onward.removeprefix(x.proxy.main.origin)] = rows[-2:]


def total_too_high(x: "Exchange", page: Page) -> None:
    page.total = (page.total or 0) + x.options.get("by", 7)


def next_to_itself(x: "Exchange", page: Page) -> None:
    page.onward = x.door.origin + x.asked.target


def next_is(x: "Exchange", page: Page) -> None:
    """To `to`, or to the same target at the other door."""
    if page.onward:
        there = page.onward.replace(x.proxy.main.origin, x.proxy.other.origin)
        page.onward = x.options.get("to", there)


def empty_page(x: "Exchange") -> Reply:
    """In the place of this page; its next link leads to it."""
    page = Page(x)
    page.entry = []
    page.onward = x.proxy.main.origin + x.proxy.alias(x.target)
    return page.back()


def no_match(_: "Exchange", page: Page) -> None:
    page.entry, page.onward = [], None


def with_outcome(x: "Exchange", page: Page) -> None:
    told = issue(x.options.get("severity", "warning"), x.options.get("code", "incomplete"))
    page.entry.append(entry(told, "outcome"))


def with_include(x: "Exchange", page: Page) -> None:
    resource = x.options.get("resource", {"resourceType": "Practitioner", "id": "included"})
    page.entry.append(entry(resource, "include"))


def with_hollow_entries(_: "Exchange", page: Page) -> None:
    page.entry += [entry(None), Raw(b"null")]


def without_parameter(x: "Exchange") -> Reply:
    """The upstream never hears of it, so neither does the self link."""
    parts, dropped = urlsplit(x.target), x.options["parameter"]
    left = [p for p in parts.query.split("&") if p.partition("=")[0] != dropped]
    return x.reply(f"{parts.path}?{'&'.join(left)}")


def capped(x: "Exchange") -> Reply:
    count = f"_count={x.options['count']}"
    return x.reply(re.sub(r"\b_count=\d+", count, x.target))
