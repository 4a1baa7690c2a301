"""The bytes of one request on the wire: one session per thread, TLS, proxies, and no read beyond a deadline.

It sends what Client has judged and knows no origin, login or status itself; nothing else in rwe calls
requests.  Environment variables and proxies of the machine are obeyed only with use_environment, and
`.netrc` never: every request brings its own login, which keeps requests from reading one.
"""

import functools
import http.client
import io
import logging
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from rwe.errors import SiteError
from rwe.fhir.login import NoAuth
from rwe.fhir.request import Clock, Parameters
from rwe.site import Site

# Its lines hold URLs with their queries, and those hold patients' ids.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


@dataclass(frozen=True, kw_only=True)
class Wire:
    """What goes out.  login: None where none may go along.  certificate: the site's own goes along."""

    method: str
    url: str = field(repr=False)
    parameters: Parameters = field(repr=False)
    body: bytes | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    login: AuthBase | None = field(repr=False)
    certificate: bool


@dataclass
class _Limit:
    """When the answer of this thread's request has to be there; a read timeout alone ends no dribble."""

    clock: Clock
    read_timeout: float
    until: float = 0.0
    certificate_ends: float | None = None

    def next_read(self) -> float:
        left = self.until - self.clock.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(self.read_timeout, left)


class _Timed(io.RawIOBase):
    """A socket's bytes, headers too, each read no longer than the deadline leaves."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, limit: _Limit) -> None:
        self._raw, self._sock, self._limit = raw, sock, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._limit.next_read())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, limit: _Limit, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        limit.certificate_ends = _ends(sock)
        self.fp: Any = io.BufferedReader(_Timed(self.fp.detach(), sock, limit))


def _ends(sock: socket.socket) -> float | None:
    shown = sock.getpeercert() if hasattr(sock, "getpeercert") else None
    return ssl.cert_time_to_seconds(shown["notAfter"]) if shown else None


class _Adapter(HTTPAdapter):
    def __init__(self, limit: _Limit) -> None:
        self._limit = limit
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self._timed(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **more: Any) -> urllib3.PoolManager:
        return self._timed(super().proxy_manager_for(*args, **more))

    def _timed(self, manager: urllib3.PoolManager) -> urllib3.PoolManager:
        response = staticmethod(functools.partial(_Response, limit=self._limit))
        manager.pool_classes_by_scheme = {
            scheme: type(
                pool.__name__,
                (pool,),
                {"ConnectionCls": type("Timed", (pool.ConnectionCls,), {"response_class": response})},
            )
            for scheme, pool in (("http", HTTPConnectionPool), ("https", HTTPSConnectionPool))
        }
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None, even where redirects are not to be followed: to look at one, requests reads all its body."""


class Transport:
    def __init__(self, site: Site, clock: Clock) -> None:
        self._site, self._clock = site, clock
        self._authority, self._own = tls(site)
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def close(self) -> None:
        for session in self._sessions:
            session.close()

    def until(self, deadline: float) -> None:
        """When what this thread reads from now on has to be there."""
        self._session()[1].until = deadline

    @property
    def certificate_ends(self) -> float | None:
        """Of the server that answered this thread last, in seconds since 1970; None without TLS."""
        return self._session()[1].certificate_ends

    def send(self, wire: Wire) -> requests.Response:
        """Errors are those of requests: they hold URLs."""
        limits = self._site.table.limits
        session = self._session()[0]
        if not wire.certificate:  # no login goes along, and a session's cookie is one; it knows no port
            session.cookies.clear()
        certificate = self._own if wire.certificate else None
        settings = session.merge_environment_settings(
            wire.url, {}, True, self._authority or True, certificate
        )
        return session.send(
            _prepared(session, wire),
            timeout=(limits.connect_timeout, limits.read_timeout),
            allow_redirects=False,
            **settings,
        )

    def _session(self) -> tuple[requests.Session, _Limit]:
        if not hasattr(self._local, "found"):
            limit = _Limit(self._clock, self._site.table.limits.read_timeout)
            self._local.found = self._new(limit), limit
            self._sessions.append(self._local.found[0])
        return self._local.found  # type: ignore[no-any-return]  # what a thread keeps is untyped

    def _new(self, limit: _Limit) -> requests.Session:
        session = _Session()
        session.trust_env = self._site.table.use_environment
        if proxy := self._site.table.proxy:
            session.proxies = {"http": proxy, "https": proxy}
        for prefix in ("http://", "https://"):
            session.mount(prefix, _Adapter(limit))
        # Without no-cache HAPI may answer with a stored search of the last minute.
        # The codings are those that rwe.fhir.coding knows.
        session.headers.update(
            {"Accept": "application/fhir+json", "Cache-Control": "no-cache", "Accept-Encoding": "gzip"}
        )
        return session


def _prepared(session: requests.Session, wire: Wire) -> requests.PreparedRequest:
    """As session.request() does it, without merging anew what is the same each time: a quarter of the CPU."""
    return requests.Request(
        wire.method,
        wire.url,
        params=[*wire.parameters],
        data=wire.body,
        headers={**session.headers, **wire.headers},
        auth=wire.login or NoAuth(),
        cookies=session.cookies,
    ).prepare()


def not_sent(error: Exception) -> bool:
    """Was there surely no connection to send anything on: refused, not resolved, not in time?"""
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def tls(site: Site) -> tuple[str | None, tuple[str, str] | None]:
    """CA file, own certificate with key; tried here, for requests finds a bad file at each request anew."""
    table = site.table
    authority = str(site.path(table.ca_file)) if table.ca_file else None
    own = None
    key = "ca_file"
    try:
        context = ssl.create_default_context(cafile=authority)
        if table.client_cert and table.client_key:
            key = "client_cert and client_key"
            own = str(site.path(table.client_cert)), str(site.path(table.client_key))
            site.private(Path(own[1]))
            # Without a password given, OpenSSL would ask for one at the terminal.
            context.load_cert_chain(*own, password="")
    except OSError as e:
        raise SiteError(
            f"{site.id}: {key} cannot be used ({type(e).__name__})",
            hint=f"[{site.id}]: PEM files, readable, the key without a password",
        ) from None
    return authority, own
