"""One FHIR server: every request of a site goes through Client.ask(), download() or token().

    Request  ──▶  ask()       ──▶  Answer (status, headers, bytes, the server's time)
             ──▶  download()  ──▶  Answer, its bytes handed on piece by piece
             ──▶  token()     ──▶  Answer of the server that gives out tokens
                                   or SiteError, without the URL's query

Where a request may go is rwe.fhir.origins'; how many at once, rwe.fhir.limiter's.  The login goes to the
site's own origin and to listed ones; a file that moves to a listed one is fetched there without it.  A
body is whole only if it ended before its deadline, below its size limit, as its framing and its coding
said and where its JSON ends; what is not whole is asked for again.  Threads may share a Client.
Source: https://hl7.org/fhir/R4/http.html
"""

import copy
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

import requests

from rwe.errors import SiteError
from rwe.fhir import scopes
from rwe.fhir.body import Body
from rwe.fhir.headers import content_type, http_date, retry_after, shown_type
from rwe.fhir.limiter import Gate
from rwe.fhir.login import Login
from rwe.fhir.origins import Origins, origin, shown
from rwe.fhir.request import (
    Answer,
    Clock,
    Parameters,
    Purpose,
    Request,
    Sink,
    StatusError,
    TryAgainError,
)
from rwe.fhir.transport import Transport, Wire, not_sent
from rwe.site import Site

__all__ = [
    "AGAIN",
    "Answer",
    "Client",
    "Clock",
    "Parameters",
    "Request",
    "Sink",
    "StatusError",
    "TryAgainError",
    "origin",
    "shown",
    "shown_type",
]

AGAIN = (408, 425, 429, 500, 502, 503, 504)
REDIRECT = (301, 302, 303, 307, 308)
LONGEST_PAUSE = 60.0
_Reader = Callable[[requests.Response, float], bytes]


@dataclass(frozen=True, kw_only=True)
class _Try:
    """One attempt.  age: of its place at the gate."""

    request: Request
    purpose: Purpose
    read: _Reader = field(repr=False)
    age: int
    began: float


class Client:
    def __init__(
        self, site: Site, auth: Login, clock: Clock, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.site, self.clock, self._auth, self._say = site, clock, auth, say
        self.base = (site.table.url or "").rstrip("/") + "/"
        self._origins = Origins(site)
        self._gate = Gate(site.table.limits.concurrency, clock)
        self._transport = Transport(site, clock)
        self._body = Body(site, clock, self._transport)
        self.waits: list[float] = []
        """Seconds, between attempts: a pause that the server asks all threads for counts once."""
        self.posts = True
        """Until the server has refused a search by POST."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self._transport.close()

    @property
    def certificate_ends(self) -> float | None:
        """Of the server that answered this thread last, in seconds since 1970; None without TLS."""
        return self._transport.certificate_ends

    def say(self, text: str) -> None:
        self._say(f"{self.site.id}: {text}")

    def logged_in(self, auth: Login) -> "Client":
        """The same server by another login; it shares this one's gate and ends with it."""
        other = copy.copy(self)
        other._auth = auth
        return other

    def granted(self) -> frozenset[str] | None:
        """The scopes of the login, as the server names them; None where it has none."""
        return self._auth.granted(self)

    def missing_scopes(self, types: Collection[str]) -> tuple[str, ...]:
        """The types that the login may not read, as far as its scopes tell."""
        granted = self.granted()
        return () if granted is None else tuple(t for t in types if not scopes.covers(granted, t))

    def get(self, url: str, parameters: Parameters = (), *, what: str) -> Answer:
        """A page or resource, in JSON."""
        answer = self.ask(Request(url=url, parameters=parameters, what=what))
        kind = content_type(answer.headers)
        # A plain text may be JSON all the same, which the body has shown; decoded by its bytes alone.
        if kind and "json" not in kind and kind != "text/plain":
            raise SiteError(f"{self.site.id}: {what}: the server gives {shown_type(kind)}, not JSON")
        return answer

    def ask(self, request: Request) -> Answer:
        """An answer whose body is whole JSON, or empty where its status may be without one."""
        return self._attempts(request, "api", self._body.page)

    def token(self, request: Request) -> Answer:
        """As ask(), at the server that gives out tokens: with the request's own login, never the site's."""
        return self._attempts(replace(request, token=False), "token", self._body.page)

    def download(self, request: Request, begin: Callable[[], Sink]) -> Answer:
        """A file, as its bytes come, unpacked; `begin` is called for each attempt and starts anew.

        What it returns must ask nothing of this client: the file holds a place at the gate.
        """
        return self._attempts(
            request, "file", lambda response, began: self._body.file(response, began, begin)
        )

    def _attempts(self, request: Request, purpose: Purpose, read: _Reader) -> Answer:
        limits = self.site.table.limits
        why = ""
        for attempt in range(limits.attempts):
            try:
                return self._renewing(request, purpose, read)
            except TryAgainError as e:
                why = str(e)
                wait = self._pause(attempt, e, request.what)
                if not (request.safe or e.not_taken):
                    break
                if attempt + 1 < limits.attempts:
                    if e.wait is None:
                        self.waits.append(wait)
                    self.clock.sleep(wait)
        raise SiteError(
            f"{self.site.id}: {request.what}: {why} ({attempt + 1} attempts)",
            hint="is the server up and reachable from here? then run the same command again",
        )

    def _pause(self, attempt: int, e: TryAgainError, what: str) -> float:
        """How long to wait; all threads do where the server asks for it or has too many requests."""
        longest = self.site.table.limits.retry_after_max
        if e.wait is None:
            wait = min(LONGEST_PAUSE, 0.5 * 2.0**attempt) * self.clock.jitter()
            if e.crowded:
                self._gate.pause(wait)
            return wait
        wait = min(e.wait, longest)
        if self._gate.pause(wait) and wait > 0:
            self.waits.append(wait)
            asked = f"a pause of {wait:.0f} s"
            if e.wait > longest:
                asked = f"a pause beyond {longest:.0f} s, after which it is asked again"
            self.say(f"{what}: {e}, and asks for {asked}")
        return wait

    def _renewing(self, request: Request, purpose: Purpose, read: _Reader) -> Answer:
        """One attempt, and one more where a login is refused that can be renewed."""
        wire = self._wire(request, purpose)
        shared = wire.login is not None and request.login is None
        try:
            answer = self._once(wire, request, purpose, read)
        except StatusError as e:
            if not (shared and e.status == 401 and wire.login and self._auth.refused(wire.login)):
                raise
        else:
            if shared:
                self._auth.accepted(renewed=False)
            return answer
        answer = self._once(self._wire(request, purpose), request, purpose, read)
        self._auth.accepted(renewed=True)
        return answer

    def _wire(self, request: Request, purpose: Purpose) -> Wire:
        """The request with its login, after a look at where it goes."""
        url = self._origins.join(self.base, request.url, request.what)
        self._origins.check(url, purpose, request.what)
        own = origin(url) == self._origins.own
        always = purpose == "file" and own and self.site.table.file_token == "always"  # noqa: S105  a choice
        login = request.login or (self._auth.current(self) if request.token or always else None)
        return Wire(
            method=request.method,
            url=url,
            parameters=request.parameters,
            body=request.body,
            headers=request.headers,
            login=login,
            certificate=own or login is not None,
        )

    def _once(self, wire: Wire, request: Request, purpose: Purpose, read: _Reader) -> Answer:
        with self._gate.slot() as age:
            t = _Try(request=request, purpose=purpose, read=read, age=age, began=self.clock.monotonic())
            for _ in range(6):
                with self._send(wire, t) as response:
                    if response.status_code not in REDIRECT or "Location" not in response.headers:
                        return self._answer(t, response)
                    wire = self._next(wire, response, t)
        raise SiteError(f"{self.site.id}: {request.what}: the server redirects without end")

    def _next(self, wire: Wire, response: requests.Response, t: _Try) -> Wire:
        """Method and body go along, but 303 asks for GET; a login that was left behind stays so."""
        url = self._origins.join(wire.url, response.headers["Location"], t.request.what)
        if not self._origins.redirect(wire.url, url, t.purpose, t.request.what):
            wire = replace(wire, login=None, certificate=False)
        if response.status_code == 303 and wire.method != "GET":
            wire = replace(wire, method="GET", body=None, login=None if t.request.login else wire.login)
        return replace(wire, url=url, parameters=())

    def _send(self, wire: Wire, t: _Try) -> requests.Response:
        where, until = f"{self.site.id}: {t.request.what}", t.began + self.site.table.limits.request_deadline
        self._transport.until(until)
        try:
            return self._transport.send(wire)
        except requests.exceptions.SSLError as e:
            raise self._tls_error(e, t.request.what) from None
        except ValueError:  # before OSError: some of requests' errors are both, and asking again is no use
            raise SiteError(f"{where}: {shown(wire.url)} cannot be asked: no valid host") from None
        except OSError as e:  # requests' errors hold URLs, and those hold patients' ids
            if type(e) is OSError:
                raise SiteError(f"{where}: the CA file that the environment names is not there") from None
            late = self.clock.monotonic() >= until
            why = "the answer did not end in time" if late else f"no connection ({type(e).__name__})"
            raise TryAgainError(why, not_taken=not_sent(e)) from None

    def _tls_error(self, error: Exception, what: str) -> Exception:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return TryAgainError("no connection (TLS failed)")
        return SiteError(
            f"{self.site.id}: {what}: the server's certificate is not trusted",
            hint=f"give the hospital's CA as ca_file of [{self.site.id}]",
        )

    def _answer(self, t: _Try, response: requests.Response) -> Answer:
        status = response.status_code
        if status == 429:
            self._gate.throttled(t.age)
        if status not in t.request.expected:
            raise self._refusal(t, response)
        body = t.read(response, t.began)
        if status != 429:
            self._gate.succeeded()
        date = http_date(response.headers.get("Date"))
        return Answer(
            status=status,
            headers={k.lower(): v for k, v in response.headers.items()},
            body=body,
            date=date.isoformat() if date else None,
            url=response.url,
        )

    def _refusal(self, t: _Try, response: requests.Response) -> Exception:
        status = response.status_code
        told = self._body.codes(response, t.began)
        if status in AGAIN:
            return TryAgainError(
                f"the server answers {status}{told}",
                retry_after(response.headers, self.clock.wall()),
                not_taken=status in (429, 503),
                crowded=status == 429,
            )
        where = f"{self.site.id}: {t.request.what}"
        if status in (401, 403) or t.purpose == "token":
            hint = f"check [{self.site.id}.auth] and what this client may read"
            return StatusError(f"{where}: the server refuses the login ({status}){told}", status, hint=hint)
        return StatusError(f"{where}: the server answers {status}{told}", status)
