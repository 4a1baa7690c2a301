"""A FHIR server that wants a token, gives them out itself, and writes down what is wrong with the asking.

    with Guarded(public_key) as s:  …  assert s.violations == []

What it checks is checked by cryptography alone, not by the package that signs.
Source: https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
"""

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from tests.fhir.server import Reply, Request, Server

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DISCOVERY = "/fhir/.well-known/smart-configuration"
TOKEN = "/fhir/token"


def part(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Guarded(Server):
    """public: the client's key, None where a secret is given.  life: of a token, in seconds."""

    def __init__(self, public: Any = None, *, kid: str | None = None, life: Any = 300) -> None:
        super().__init__()
        self.public, self.kid, self.life = public, kid, life
        self.aud: str | None = None
        self.scope: str | None = None
        self.accepts = True
        self.violations: list[str] = []
        self.given: list[str] = []
        self.discovery: dict[str, Any] | None = {"token_endpoint": f"{self.base}/token"}
        self._seen: set[str] = set()

    @property
    def forms(self) -> list[dict[str, str]]:
        return [
            {k: v[0] for k, v in parse_qs(r.body.decode()).items()} for r in self.requests if r.path == TOKEN
        ]

    def reply(self, request: Request) -> Reply:
        if request.path == TOKEN:
            self._check(request)
        if self.scripts[request.path]:
            return super().reply(request)
        if request.path == DISCOVERY:
            self._note("authorization" not in request.headers, "a login for the discovery")
            return Reply(status=404) if self.discovery is None else said(self.discovery)
        if request.path == TOKEN:
            return self._token()
        if not self._knows(request):
            return Reply(status=401)
        return super().reply(request)

    def _knows(self, request: Request) -> bool:
        return self.accepts and request.headers.get("authorization") in {
            f"Bearer {t}" for t in self.given[-1:]
        }

    def _token(self) -> Reply:
        self.given.append(f"token-{len(self.given)}")
        scope = {"scope": self.scope} if self.scope is not None else {}
        return said(
            {"access_token": self.given[-1], "token_type": "bearer", "expires_in": self.life, **scope}
        )

    def _note(self, ok: bool, wrong: str) -> None:
        if not ok:
            self.violations.append(wrong)

    def _check(self, request: Request) -> None:
        form = parse_qs(request.body.decode())
        self._note(request.method == "POST", "not a POST")
        self._note(form.get("grant_type") == ["client_credentials"], "grant_type")
        self._note(request.headers.get("content-type") == "application/x-www-form-urlencoded", "content type")
        self._note(not request.query, "a query")
        self._note("bearer" not in request.headers.get("authorization", "").lower(), "a bearer token")
        if self.public is not None:
            self._note("authorization" not in request.headers, "an Authorization header")
            self._note(form.get("client_assertion_type") == [JWT_BEARER], "client_assertion_type")
            self._note(bool(form.get("scope")), "no scope")
            self._assertion(form["client_assertion"][0])

    def _assertion(self, text: str) -> None:
        head, body, signature = text.split(".")
        header, claims = json.loads(part(head)), json.loads(part(body))
        algorithm = "RS384" if isinstance(self.public, rsa.RSAPublicKey) else "ES384"
        self._note(header.get("alg") == algorithm, "alg")
        self._note(header.get("typ") == "JWT", "typ")
        self._note(header.get("kid") == self.kid if self.kid else bool(header.get("kid")), "kid")
        self._note(claims.get("iss") == claims.get("sub") == "rwe", "iss, sub")
        self._note(claims.get("aud") == (self.aud or f"{self.base}/token"), "aud")
        self._note(0 < claims.get("exp", 0) - time.time() <= 300, "exp")
        self._note(claims.get("jti") not in {None, *self._seen}, "jti")
        self._seen.add(claims.get("jti"))
        self._note(verified(self.public, f"{head}.{body}".encode(), part(signature)), "signature")


def verified(public: Any, data: bytes, signature: bytes) -> bool:
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, data, padding.PKCS1v15(), hashes.SHA384())
        else:
            half = len(signature) // 2
            r, s = (int.from_bytes(x, "big") for x in (signature[:half], signature[half:]))
            public.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def said(value: Any, status: int = 200) -> Reply:
    return Reply(body=json.dumps(value).encode(), kind="application/json", status=status)
