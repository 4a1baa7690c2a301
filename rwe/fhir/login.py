"""How a request is authorised: what a login is, and those that need no server to be had.

A secret lives in these objects only; their repr does not show it.
"""

import threading
from typing import Protocol

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from rwe.errors import SiteError
from rwe.fhir.request import Answer, Clock, Request
from rwe.site import Site

PATIENCE = 3


class Asker(Protocol):
    """What a login may use of the client it belongs to."""

    site: Site
    clock: Clock

    @property
    def base(self) -> str: ...
    def say(self, text: str) -> None: ...
    def ask(self, request: Request) -> Answer: ...
    def token(self, request: Request) -> Answer: ...


class Login(AuthBase):
    """A login and how it fared.  Threads share it."""

    def current(self, _asker: Asker) -> AuthBase:
        """What authorises the next request; may ask for it first, or raise SiteError."""
        return self

    def refused(self, _used: AuthBase) -> bool:
        """The server answered 401: is it worth one more attempt?"""
        return False

    def accepted(self, *, renewed: bool) -> None:
        """renewed: after a 401 to the same request."""

    def granted(self, _asker: Asker) -> frozenset[str] | None:
        """The scopes that this login has; None where it has none to tell."""
        return None


class NoAuth(Login):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Bearer(Login):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Bytes: what is no Latin-1 would fail in the depths of http.client, the secret in its message.
        request.headers["Authorization"] = f"Bearer {self._token}".encode()  # type: ignore[assignment]
        return request


class Basic(Login):
    """Refused PATIENCE times in a row it is sent no more: a hospital may lock the account."""

    def __init__(self, username: str, password: str) -> None:
        self._basic = HTTPBasicAuth(username.encode(), password.encode())
        self._refused = 0
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._basic(request)
        return request

    def current(self, asker: Asker) -> AuthBase:
        if self._refused >= PATIENCE:
            raise SiteError(
                f"{asker.site.id}: the server refuses the login again and again, so it is not tried further",
                hint=f"check [{asker.site.id}.auth]; the account may be locked",
            )
        return self

    def refused(self, _used: AuthBase) -> bool:
        with self._lock:
            self._refused += 1
        return False

    def accepted(self, *, renewed: bool) -> None:  # noqa: ARG002  as in Login
        self._refused = 0
