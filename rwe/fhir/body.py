"""The body of an answer, read whole or not at all.

    Response  ──▶  page()   ──▶  bytes, whole JSON
              ──▶  file()   ──▶  pieces, unpacked, to a sink
              ──▶  codes()  ──▶  what an error tells

The absence of an exception proves nothing: framing, content coding and JSON must each reach their end,
before the deadline, within the size limit, and not too slowly.
"""

import http.client
import ssl
from collections.abc import Callable

import msgspec
import requests
import urllib3

from rwe.errors import SiteError
from rwe.fhir import refusal, rough
from rwe.fhir.coding import Decoder
from rwe.fhir.request import Clock, Sink, TryAgainError
from rwe.fhir.transport import Transport
from rwe.site import Site

CHUNK = 65_536
REFUSAL = 65_536
"""Bytes of an error's body that are read, for its codes."""
RATE, WINDOW = 100, 60.0
"""Bytes a second that a body brings at least, in each window of as many seconds."""
BROKEN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


class Body:
    def __init__(self, site: Site, clock: Clock, transport: Transport) -> None:
        self._site, self._limits = site.id, site.table.limits
        self._clock, self._transport = clock, transport

    def page(self, response: requests.Response, began: float) -> bytes:
        body = bytearray()
        most = self._limits.page_bytes

        def take(piece: bytes) -> None:
            body.extend(piece)
            if len(body) > most:
                raise SiteError(
                    f"{self._site}: a page is larger than {most} bytes",
                    hint="ask for fewer resources a page: limits.page_size",
                )

        self._stream(response, began + self._limits.request_deadline, take)
        return _whole(bytes(body)) if body or response.status_code == 200 else b""

    def file(self, response: requests.Response, began: float, begin: Callable[[], Sink]) -> bytes:
        self._stream(response, began + self._limits.file_deadline, begin())
        return b""

    def codes(self, response: requests.Response, began: float) -> str:
        body = bytearray()

        def take(piece: bytes) -> None:
            body.extend(piece)
            if len(body) > REFUSAL:
                raise TryAgainError("too long")

        try:
            self._stream(response, began + self._limits.request_deadline, take)
        except TryAgainError:
            return ""
        return refusal.codes(bytes(body))

    def _stream(self, response: requests.Response, until: float, take: Sink) -> None:
        """By read1(), which returns what has come: read() would wait for a full chunk past any deadline."""
        decoder = Decoder(response.headers.get("Content-Encoding", ""))
        pace = _Pace(self._clock, until)
        self._transport.until(until)
        try:
            while chunk := response.raw.read1(CHUNK, decode_content=False):
                for piece in decoder.pieces(chunk):
                    take(piece)
                pace.count(len(chunk))
        except BROKEN as e:
            pace.check()
            raise TryAgainError(f"the answer broke off ({type(e).__name__})") from None
        if decoder.begun or response.status_code == 200:
            decoder.end()


class _Pace:
    """Is a body on time, and does it bring enough in each window?"""

    def __init__(self, clock: Clock, until: float) -> None:
        self._clock, self._until = clock, until
        self._since, self._brought = clock.monotonic(), 0

    def check(self) -> float:
        now = self._clock.monotonic()
        if now >= self._until:
            raise TryAgainError("the answer did not end in time")
        return now

    def count(self, size: int) -> None:
        now = self.check()
        self._brought += size
        if now - self._since > WINDOW:
            if self._brought < RATE * (now - self._since):
                raise TryAgainError("the answer comes too slowly")
            self._since, self._brought = now, 0


def _whole(body: bytes) -> bytes:
    """A body that the server closes ends early without an error; JSON does not."""
    try:
        body.decode("utf-8")
        msgspec.json.decode(body, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as e:
        if rough.tamed(body) is None:
            deep = isinstance(e, RecursionError)
            why = "the answer is nested too deep" if deep else "the answer is not whole JSON"
            raise TryAgainError(why) from None
    return body
