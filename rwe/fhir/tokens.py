"""Tokens by OAuth 2.0 client credentials: had before the first request, renewed before they end.

    Auth, discovery  ──▶  OAuth.current()  ──▶  Bearer, the same for all threads

One thread asks for a token while the others wait.  A first login that is refused is not tried again: it
will not get better, and a server may lock the client.  A renewal is, since Epic refuses one at random.
Source: RFC 6749 part 4.4, https://hl7.org/fhir/smart-app-launch/backend-services.html
"""

import threading
from collections.abc import Callable, Collection
from urllib.parse import quote_plus, urljoin

import msgspec
import requests
from requests.auth import AuthBase, HTTPBasicAuth

from rwe.errors import SiteError
from rwe.fhir import scopes
from rwe.fhir.login import Asker, Bearer, Login
from rwe.fhir.request import Request, StatusError
from rwe.fhir.scopes import Discovery
from rwe.site import Auth

DISCOVERY = ".well-known/smart-configuration"
EARLY = 30.0
LIFE = 300.0
"""Of a token that does not say: what SMART recommends."""
RENEWALS = 3
FRUITLESS = 2
"""So many new tokens for a 401 that they did not cure; then a 401 is an answer."""
WHAT = "the login"


class Token(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105  a kind, no secret
    expires_in: float | str | None = None
    scope: str | list[str] | None = None

    def scopes(self) -> list[str] | None:
        """None where the server does not say: then they are as asked."""
        return self.scope.split() if isinstance(self.scope, str) else self.scope

    @property
    def life(self) -> float:
        """Seconds; some servers write them as text."""
        try:
            life = float(self.expires_in or LIFE)
        except ValueError:
            return LIFE
        return life if life > 0 else LIFE


class Form(AuthBase):
    """The body of a token request, made anew each time it is sent."""

    def __init__(self, scope: str) -> None:
        self._fields = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}

    def fields(self) -> dict[str, str]:
        return self._fields

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.prepare_body(self.fields(), None)
        return request


class SecretBasic(Form):
    def __init__(self, scope: str, client_id: str, secret: str) -> None:
        super().__init__(scope)
        # Form-encoded first: RFC 6749 part 2.3.1.
        self._basic = HTTPBasicAuth(quote_plus(client_id), quote_plus(secret))

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return super().__call__(self._basic(request))


class SecretPost(Form):
    def __init__(self, scope: str, client_id: str, secret: str) -> None:
        super().__init__(scope)
        self._fields = {**self._fields, "client_id": client_id, "client_secret": secret}


def by_secret(auth: Auth, secret: str) -> "Prove":
    """HTTP Basic, which every server knows, unless discovery names the body and not it."""

    def prove(scope: str, _url: str, _asker: Asker, found: Discovery | None) -> Form:
        methods = (found.token_endpoint_auth_methods_supported if found else None) or ()
        post = "client_secret_post" in methods and "client_secret_basic" not in methods
        return (SecretPost if post else SecretBasic)(scope, auth.client_id or "", secret)

    return prove


Prove = Callable[[str, str, Asker, Discovery | None], Form]
"""Scope, token URL, client and discovery to the form that proves who asks."""


class OAuth(Login):
    """types: what scopes are asked for, where sites.toml gives none; empty for all."""

    def __init__(self, auth: Auth, prove: Prove, *, types: Collection[str] = ()) -> None:
        self._auth, self._prove, self._types = auth, prove, types
        self._lock = threading.RLock()
        self._bearer: Bearer | None = None
        self._renew_at = 0.0
        self._left = FRUITLESS
        self._failure: tuple[str, str] | None = None
        self._request: Request | None = None
        self._asked: tuple[str, ...] = ()
        self._granted: frozenset[str] = frozenset()
        self._told: list[str] = []

    def current(self, asker: Asker) -> AuthBase:
        with self._lock:
            if self._failure:
                raise SiteError(self._failure[0], hint=self._failure[1])
            if self._bearer is None or asker.clock.monotonic() >= self._renew_at:
                self._bearer = self._fetch(asker)
            return self._bearer

    def refused(self, used: AuthBase) -> bool:
        with self._lock:
            if used is not self._bearer:
                return True  # another thread has a new one already
            if self._left == 0:
                return False
            self._left -= 1
            self._renew_at = float("-inf")
            return True

    def accepted(self, *, renewed: bool) -> None:
        if renewed:
            with self._lock:
                self._left = FRUITLESS

    def granted(self, asker: Asker) -> frozenset[str] | None:
        self.current(asker)
        return self._granted if scopes.smart((*self._asked, *self._granted)) else None

    def _fetch(self, asker: Asker) -> Bearer:
        request = self._request = self._request or self._make(asker)
        left = 1 if self._bearer is None else RENEWALS
        while True:
            left -= 1
            began = asker.clock.monotonic()
            try:
                return self._take(asker, asker.token(request).body, began)
            except StatusError as e:
                if not left:
                    self._failure = str(e), e.hint
                    raise
                asker.clock.sleep(2.0 * asker.clock.jitter())

    def _make(self, asker: Asker) -> Request:
        found = self._discover(asker) if self._wants_discovery else None
        endpoint = self._auth.token_url or (found and found.token_endpoint) or ""
        site = asker.site.id
        if not endpoint:
            raise SiteError(
                f"{site}: the server does not tell where tokens are given out",
                hint=f"give token_url in [{site}.auth]",
            )
        try:
            url = urljoin(asker.base, endpoint)  # Veradigm gives a relative one
        except ValueError:
            raise SiteError(f"{site}: the server gives a token endpoint that is no URL") from None
        scope = self._auth.scope or self._scope(found)
        self._asked = tuple(scope.split())
        return Request(
            url=url, what=WHAT, method="POST", headers=JSON, login=self._prove(scope, url, asker, found)
        )

    @property
    def _wants_discovery(self) -> bool:
        return self._auth.scheme == "client_secret" or not (self._auth.token_url and self._auth.scope)

    def _scope(self, found: Discovery | None) -> str:
        """SMART asks for one; where the server has no word of SMART, it is as the client is registered."""
        plain = self._auth.scheme == "client_secret" and found is None
        return "" if plain else scopes.to_ask(found, self._types)

    def _discover(self, asker: Asker) -> Discovery | None:
        """None where there is none; needed only if it must tell the token endpoint."""
        request = Request(url=DISCOVERY, what="the SMART configuration", token=False, headers=JSON)
        try:
            return msgspec.json.decode(asker.ask(request).body, type=Discovery)
        except (SiteError, msgspec.DecodeError) as e:
            if self._auth.token_url:
                return None
            why = "cannot be read" if isinstance(e, msgspec.DecodeError) else str(e).partition(": ")[2]
            raise SiteError(
                f"{asker.site.id}: {why}", hint=f"give token_url and scope in [{asker.site.id}.auth]"
            ) from None

    def _take(self, asker: Asker, body: bytes, began: float) -> Bearer:
        try:
            token = msgspec.json.decode(body, type=Token)
        except msgspec.DecodeError:
            token = Token(access_token="")
        text = token.access_token
        if not (text.isascii() and text.isprintable() and text) or token.token_type.lower() != "bearer":
            raise SiteError(f"{asker.site.id}: {WHAT}: the server gives something else than a bearer token")
        self._renew_at = began + max(token.life - EARLY, token.life / 2)
        granted = token.scopes()
        self._granted = frozenset(self._asked if granted is None else granted)
        self._tell(asker)
        return Bearer(text)

    def _tell(self, asker: Asker) -> None:
        missing = scopes.not_granted(self._asked, self._granted)
        if missing and missing != self._told:
            asker.say(f"{WHAT}: asked for and not granted: {', '.join(missing)}")
        self._told = missing


JSON = {"Accept": "application/json"}
