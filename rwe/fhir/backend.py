"""SMART Backend Services: who asks is proved by a signed assertion, and no secret leaves the machine.

    JWK or PEM  ──▶  signer()  ──▶  Prove of rwe.fhir.tokens

Imported only where a site logs in so: joserfc brings cryptography.
Source: https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
"""

import secrets
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from rwe.errors import SiteError
from rwe.fhir.login import Asker
from rwe.fhir.scopes import Discovery
from rwe.fhir.tokens import Form, Prove
from rwe.site import Auth

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE = 240
"""Seconds; 300 are allowed, by the server's clock."""
RSA_BITS = 2048


@dataclass(frozen=True, kw_only=True)
class Key:
    secret: RSAKey | ECKey = field(repr=False)
    algorithm: str
    kid: str


class Assertion(Form):
    """A new one for each request that is sent: its jti counts once."""

    def __init__(self, scope: str, *, key: Key, client_id: str, url: str, wall: Callable[[], float]) -> None:
        super().__init__(scope)
        self._key, self._id, self._url, self._wall = key, client_id, url, wall

    def fields(self) -> dict[str, str]:
        return {**super().fields(), "client_assertion_type": ASSERTION, "client_assertion": self._signed()}

    def _signed(self) -> str:
        claims = {
            "iss": self._id,
            "sub": self._id,
            "aud": self._url,
            "exp": int(self._wall()) + LIFE,
            "jti": secrets.token_urlsafe(32),
        }
        header = {"alg": self._key.algorithm, "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key.secret, algorithms=[self._key.algorithm])


def signer(site: str, auth: Auth, text: str) -> Prove:
    key = read(site, text, auth.kid)

    def prove(scope: str, url: str, asker: Asker, _found: Discovery | None) -> Form:
        return Assertion(scope, key=key, client_id=auth.client_id or "", url=url, wall=asker.clock.wall)

    return prove


def read(site: str, text: str, kid: str | None) -> Key:
    """The private key; SiteError, which tells nothing of it, where it is none or a weak one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # a short key is refused below
            found = _import(text)
        return _judged(site, found, kid)
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError):
        raise SiteError(
            f"{site}: `key` is no private key that can be read",
            hint=f"[{site}.auth]: a private JWK, or PEM without a password",
        ) from None


def _import(text: str) -> RSAKey | ECKey:
    if text.lstrip().startswith("-----BEGIN"):
        kind: type[RSAKey | ECKey]
        for kind in (RSAKey, ECKey):
            try:
                return kind.import_key(text)
            except (JoseError, ValueError, TypeError):
                continue
        raise ValueError
    jwk = msgspec.json.decode(text, type=dict[str, Any])
    if "keys" in jwk:
        (jwk,) = [k for k in jwk["keys"] if "d" in k]
    return RSAKey.import_key(jwk) if jwk["kty"] == "RSA" else ECKey.import_key(jwk)


def _judged(site: str, key: RSAKey | ECKey, kid: str | None) -> Key:
    if not key.is_private:
        raise SiteError(f"{site}: `key` is a public key: the private one signs")
    if isinstance(key, RSAKey):
        algorithm, fit = "RS384", key.raw_value.key_size >= RSA_BITS
    else:
        algorithm, fit = "ES384", key.curve_name == "P-384"
    if not fit:
        raise SiteError(
            f"{site}: `key` is too weak", hint="SMART takes RSA of 2048 bits or more, or EC P-384"
        )
    if key.get("alg") not in (None, algorithm):
        raise SiteError(f"{site}: `key` is made for another algorithm than {algorithm}")
    return Key(secret=key, algorithm=algorithm, kid=kid or key.kid or key.thumbprint())
