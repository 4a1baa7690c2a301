"""The login that a site declares: one line per scheme, AUTH at the foot.

Site, environment  ──▶  authorisation()  ──▶  Login
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from rwe.errors import SiteError
from rwe.fhir.login import Basic, Bearer, Login, NoAuth
from rwe.fhir.tokens import OAuth, by_secret
from rwe.site import Auth, Site

__all__ = ["AUTH", "Login", "NoAuth", "authorisation", "bulk_authorisation", "secret"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a login is made of.  types: what is to be read, where a scope has to name it; empty for all."""

    site: Site
    auth: Auth
    environment: Mapping[str, str] = field(repr=False)
    types: Collection[str] = ()

    def read(self, reference: str | None, *, lines: bool = False) -> str:
        return secret(self.site, reference, self.environment, lines=lines)


def secret(site: Site, reference: str | None, environment: Mapping[str, str], *, lines: bool = False) -> str:
    """The secret behind env:NAME or file:PATH, without space around it.  lines: it may have several."""
    name = (reference or "").removeprefix("env:")
    if reference is None or not reference.startswith("env:"):
        text, where = site.secret(reference or ""), "the secret file"
    else:
        text, where = environment.get(name, "").strip(), f"the environment variable {name}"
    if not text:
        raise SiteError(f"{site.id}: {where} is not set or empty", hint=f"see [{site.id}.auth]")
    if not lines and not text.isprintable():
        raise SiteError(f"{site.id}: {where} holds more than one line: is it the right one?")
    return text


def _backend(g: Given) -> Login:
    from rwe.fhir import backend

    prove = backend.signer(g.site.id, g.auth, g.read(g.auth.key, lines=True))
    return OAuth(g.auth, prove, types=g.types)


AUTH: dict[str, Callable[[Given], Login]] = {
    "none": lambda _: NoAuth(),
    "bearer": lambda g: Bearer(g.read(g.auth.token)),
    "basic": lambda g: Basic(g.auth.username or "", g.read(g.auth.password)),
    "client_secret": lambda g: OAuth(g.auth, by_secret(g.auth, g.read(g.auth.client_secret)), types=g.types),
    "backend": _backend,
    "mtls": lambda _: NoAuth(),  # the site's certificate goes with every request
}


def authorisation(site: Site, environment: Mapping[str, str], types: Collection[str] = ()) -> Login:
    return _login(Given(site=site, auth=site.table.auth, environment=environment, types=types))


def bulk_authorisation(
    site: Site, environment: Mapping[str, str], types: Collection[str] = ()
) -> Login | None:
    """The login for exports, for Client.logged_in(); None where the site has but one."""
    auth = site.table.bulk_auth
    if auth is None:
        return None
    return _login(Given(site=site, auth=auth, environment=environment, types=types))


def _login(given: Given) -> Login:
    return AUTH[given.auth.scheme](given)
