"""The small requests of an export: kick-off, status, DELETE.  Their answers need not be JSON.

Client, Request  ──▶  small()  ──▶  Reply (status, headers, bytes), whatever the status
                 ──▶  Waits    ──▶  sleeps between two of them, as the server asks or ever longer
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from requests.structures import CaseInsensitiveDict

from rwe.errors import SiteError
from rwe.fhir.client import Client
from rwe.fhir.headers import retry_after
from rwe.fhir.outcome import CODE, Outcome
from rwe.fhir.request import Request, Sink, TryAgainError

# 401 is the login's: it may be renewed.
ANY = frozenset(range(200, 600)) - {401}
LONGEST_WAIT = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    date: str | None
    url: str = field(repr=False)


def small(client: Client, request: Request) -> Reply:
    """By download(), since ask() would take a plain text beside a 202 for a broken answer."""
    clock, limits = client.clock, client.site.table.limits
    body = bytearray()

    def begin() -> Sink:
        body.clear()
        until = clock.monotonic() + limits.request_deadline

        def take(piece: bytes) -> None:
            body.extend(piece)
            if len(body) > limits.page_bytes:
                raise SiteError(f"{client.site.id}: {request.what} is larger than {limits.page_bytes} bytes")
            if clock.monotonic() > until:
                raise TryAgainError("the answer did not end in time")

        return take

    answer = client.download(request, begin)
    return Reply(
        status=answer.status, headers=answer.headers, body=bytes(body), date=answer.date, url=answer.url
    )


def codes(body: bytes) -> tuple[str, ...]:
    """The issue codes of an OperationOutcome, each once; none where it is no such thing."""
    try:
        outcome = msgspec.json.decode(body, type=Outcome)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(dict.fromkeys(i.code for i in outcome.issue if CODE.fullmatch(i.code)))


def told(reply: Reply) -> str:
    return f"the server answers {', '.join([str(reply.status), *codes(reply.body)])}"


class Waits:
    """Between requests of one kind: as the server asks, up to a cap; else 1 s, 2 s, 4 s … 60 s."""

    def __init__(self, client: Client, say: Say, *, deadline: float) -> None:
        self._clock, self._say, self._site = client.clock, say, client.site.id
        self._cap = client.site.table.limits.retry_after_max
        self._until, self._next, self._capped = self._clock.monotonic() + deadline, 1.0, False

    @property
    def over(self) -> bool:
        return self._clock.monotonic() >= self._until

    def wait(self, headers: Mapping[str, str]) -> None:
        asked = retry_after(CaseInsensitiveDict(headers), self._clock.wall())
        left = self._until - self._clock.monotonic()
        self._clock.sleep(max(0.0, min(left, self._own() if asked is None else self._told(asked))))

    def _own(self) -> float:
        pause, self._next = self._next, min(LONGEST_WAIT, self._next * 2)
        return pause

    def _told(self, asked: float) -> float:
        if asked > self._cap and not self._capped:
            self._capped = True
            self._say(f"{self._site}: the server asks for waits beyond {self._cap:.0f} s; it is asked sooner")
        return max(1.0, min(asked, self._cap))
