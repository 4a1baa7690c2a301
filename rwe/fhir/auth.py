"""How a request is authorised: one class per scheme, AUTH at the foot.

A secret is read when the client is made and lives in these objects only; their repr does not show it.
"""

from collections.abc import Callable, Mapping

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from rwe.errors import SiteError
from rwe.site import Auth, Site


class NoAuth(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Bytes: what is no Latin-1 would fail in the depths of http.client, the secret in its message.
        request.headers["Authorization"] = f"Bearer {self._token}".encode()  # type: ignore[assignment]
        return request


def secret(site: Site, reference: str | None, environment: Mapping[str, str]) -> str:
    """The secret behind env:NAME or file:PATH, without space around it."""
    name = (reference or "").removeprefix("env:")
    if reference is None or not reference.startswith("env:"):
        text, where = site.secret(reference or ""), "the secret file"
    else:
        text, where = environment.get(name, "").strip(), f"the environment variable {name}"
    if not text:
        raise SiteError(f"{site.id}: {where} is not set or empty", hint=f"see [{site.id}.auth]")
    if not text.isprintable():
        raise SiteError(f"{site.id}: {where} holds more than one line: is it the right one?")
    return text


Read = Callable[[str | None], str]
AUTH: dict[str, Callable[[Auth, Read], AuthBase]] = {
    "none": lambda _auth, _read: NoAuth(),
    "bearer": lambda auth, read: Bearer(read(auth.token)),
    "basic": lambda auth, read: HTTPBasicAuth((auth.username or "").encode(), read(auth.password).encode()),
}


def authorisation(site: Site, environment: Mapping[str, str]) -> AuthBase:
    auth = site.table.auth
    return AUTH[auth.scheme](auth, lambda reference: secret(site, reference, environment))
