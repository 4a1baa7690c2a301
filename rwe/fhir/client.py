"""One FHIR server: every request of a site goes through Client.get().

    URL  ──▶  get()  ──▶  Answer (bytes, the server's time)       or SiteError, without the URL's query

A URL that a server gives (a next link, a redirect) is used only when its origin is the site's own or
listed in allowed_origins; the login goes to no other.  A body is whole only if it ended before its
deadline, below its size limit, as its framing said and where its JSON ends; what is not whole is asked
for again.  Environment variables, `.netrc` and proxies of the machine are not obeyed: a `.netrc` entry
would replace a bearer token.
Source: https://hl7.org/fhir/R4/http.html
"""

import email.utils
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
import urllib3
from requests.auth import AuthBase

from rwe.errors import SiteError
from rwe.site import Site

AGAIN = (408, 425, 429, 500, 502, 503, 504)
REDIRECT = (301, 302, 303, 307, 308)
CHUNK = 65_536
LONGEST_PAUSE = 60.0


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time and chance, handed in so that a test need not wait."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    """Between 0 and 1."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes
    date: str | None
    """The server's time, ISO 8601 in UTC."""
    url: str
    """Where it came from at last: what a relative link in it is relative to."""


class TryAgainError(Exception):
    """An attempt that is worth another; `wait` is what the server asked for, in seconds."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, even where redirects are not to be followed: to look at one, requests reads all its body."""


class Client:
    def __init__(self, site: Site, auth: AuthBase, clock: Clock) -> None:
        self.site, self._auth, self._clock = site, auth, clock
        self.base = (site.table.url or "").rstrip("/") + "/"
        self._origins = {*map(origin, (self.base, *site.table.allowed_origins))} - {None}
        self._session = _Session()
        self._session.trust_env = False
        # Without no-cache HAPI may answer with a stored search of the last minute.
        self._session.headers.update({"Accept": "application/fhir+json", "Cache-Control": "no-cache"})
        self._tls = _tls(site)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self._session.close()

    def get(self, url: str, parameters: Mapping[str, str] | None = None, *, what: str) -> Answer:
        """`url` may be relative to the server's base.  `what` names the request in errors."""
        limits = self.site.table.limits
        why = ""
        for attempt in range(limits.attempts):
            try:
                return self._once(self._join(self.base, url, what), parameters, what)
            except TryAgainError as e:
                why = str(e)
                if attempt + 1 < limits.attempts:
                    self._clock.sleep(self._pause(attempt, e.wait))
        raise SiteError(
            f"{self.site.id}: {what}: {why} ({limits.attempts} attempts)",
            hint="is the server up and reachable from here? then run the same command again",
        )

    def _pause(self, attempt: int, asked: float | None) -> float:
        if asked is not None:
            return min(asked, self.site.table.limits.retry_after_max)
        return min(LONGEST_PAUSE, 0.5 * 2.0**attempt) * self._clock.jitter()

    def _join(self, base: str, url: str, what: str) -> str:
        try:
            return urljoin(base, url)
        except ValueError:
            raise SiteError(f"{self.site.id}: {what}: the server gives a link that is no URL") from None

    def _once(self, url: str, parameters: Mapping[str, str] | None, what: str) -> Answer:
        began = self._clock.monotonic()
        for _ in range(6):
            response = self._send(url, parameters, what)
            with response:
                if response.status_code not in REDIRECT or "Location" not in response.headers:
                    return self._answer(response, began, what)
                url, parameters = self._join(url, response.headers["Location"], what), None
        raise SiteError(f"{self.site.id}: {what}: the server redirects without end")

    def _send(self, url: str, parameters: Mapping[str, str] | None, what: str) -> requests.Response:
        if origin(url) not in self._origins:
            raise SiteError(
                f"{self.site.id}: {what}: the server points to another origin, {shown(url)}",
                hint=f"if it is trusted, add it to allowed_origins of [{self.site.id}]",
            )
        limits = self.site.table.limits
        try:
            return self._session.get(
                url,
                params=dict(parameters or {}),
                auth=self._auth,
                timeout=(limits.connect_timeout, limits.read_timeout),
                allow_redirects=False,
                stream=True,
                **self._tls,  # type: ignore[arg-type]
            )
        except requests.exceptions.SSLError as e:
            raise self._tls_error(e, what) from None
        except ValueError:  # before OSError: some of requests' errors are both, and asking again is no use
            raise SiteError(f"{self.site.id}: {what}: {shown(url)} cannot be asked: no valid host") from None
        except OSError as e:  # requests' errors hold URLs, and those hold patients' ids
            raise TryAgainError(f"no connection ({type(e).__name__})") from None

    def _tls_error(self, error: Exception, what: str) -> Exception:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return TryAgainError("no connection (TLS failed)")
        return SiteError(
            f"{self.site.id}: {what}: the server's certificate is not trusted",
            hint=f"give the hospital's CA as ca_file of [{self.site.id}]",
        )

    def _answer(self, response: requests.Response, began: float, what: str) -> Answer:
        status = response.status_code
        if status in AGAIN:
            raise TryAgainError(f"the server answers {status}", _retry_after(response.headers))
        if status in (401, 403):
            raise SiteError(
                f"{self.site.id}: {what}: the server refuses the login ({status})",
                hint=f"check [{self.site.id}.auth] and what this client may read",
            )
        if status != 200:
            raise SiteError(f"{self.site.id}: {what}: the server answers {status}")
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind and "json" not in kind:
            raise SiteError(f"{self.site.id}: {what}: the server gives {shown_type(kind)}, not JSON")
        date = _time(response.headers.get("Date"))
        return Answer(
            body=self._body(response, began), date=date.isoformat() if date else None, url=response.url
        )

    def _body(self, response: requests.Response, began: float) -> bytes:
        """By read1(), which returns what has come: read() would wait for a full chunk past any deadline."""
        limits = self.site.table.limits
        body = bytearray()
        try:
            while chunk := response.raw.read1(CHUNK, decode_content=True):
                body += chunk
                if len(body) > limits.page_bytes:
                    raise SiteError(
                        f"{self.site.id}: a page is larger than {limits.page_bytes} bytes",
                        hint="ask for fewer resources a page: limits.page_size",
                    )
                if self._clock.monotonic() - began > limits.request_deadline:
                    raise TryAgainError("the answer did not end in time")
        except (OSError, urllib3.exceptions.HTTPError) as e:
            raise TryAgainError(f"the answer broke off ({type(e).__name__})") from None
        return _whole(bytes(body))


def _whole(body: bytes) -> bytes:
    """A body that the server closes, or a gzip that it cuts, ends early without an error; JSON does not."""
    try:
        body.decode("utf-8")
        msgspec.json.decode(body, type=msgspec.Raw)
    except RecursionError:
        raise TryAgainError("the answer is nested too deep") from None
    except (UnicodeDecodeError, msgspec.DecodeError):
        raise TryAgainError("the answer is not whole JSON") from None
    return body


def _tls(site: Site) -> dict[str, object]:
    """What requests takes for TLS; tried here, for requests finds a bad file at each request anew."""
    table = site.table
    authority = str(site.path(table.ca_file)) if table.ca_file else None
    own = [str(site.path(p)) for p in (table.client_cert, table.client_key) if p]
    key = "ca_file"
    try:
        context = ssl.create_default_context(cafile=authority)
        if own:
            key = "client_cert and client_key"
            site.private(Path(own[1]))
            # Without a password given, OpenSSL would ask for one at the terminal.
            context.load_cert_chain(own[0], own[1], password="")
    except OSError as e:
        raise SiteError(
            f"{site.id}: {key} cannot be used ({type(e).__name__})",
            hint=f"[{site.id}]: PEM files, readable, the key without a password",
        ) from None
    return {"verify": authority or True, "cert": tuple(own) or None}


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where no login may go: a user in it, no host, another scheme."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if "@" in parts.netloc or not parts.hostname or parts.scheme not in ("http", "https"):
        return None
    return parts.scheme, parts.hostname, {"http": 80, "https": 443}[parts.scheme] if port is None else port


def shown(url: str) -> str:
    """A URL's origin for people: never its path or query, and nothing a terminal would obey."""
    found = origin(url)
    text = "{}://{}:{}".format(*found) if found else "one that is no plain http or https"
    return text if text.isprintable() else "one with odd characters"


def shown_type(kind: str) -> str:
    return kind if kind.isascii() and kind.isprintable() and len(kind) < 60 else "an odd content type"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date, which is told by the server's own clock."""
    header = headers.get("Retry-After", "")
    if header.isdecimal():
        return float(header)
    now, then = _time(headers.get("Date")), _time(header)
    return max(0.0, (then - now).total_seconds()) if now and then else None


def _time(header: str | None) -> datetime | None:
    """An HTTP-date in UTC; one without a zone is meant so."""
    try:
        when = email.utils.parsedate_to_datetime(header or "")
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
