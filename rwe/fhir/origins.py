"""Where a request may go: every URL that a server gives passes check() or redirect() before use.

Origins are compared as scheme, host and port; nothing is resolved.  The site's own and those listed in
allowed_origins may be asked; the origin of a token_url that sites.toml gives, for tokens alone.
"""

from typing import NoReturn
from urllib.parse import urljoin, urlsplit

from rwe.errors import SiteError
from rwe.fhir.request import Purpose
from rwe.site import Auth, Site, link_local

Origin = tuple[str, str, int]
BUCKETS = ("gs", "s3", "s3a", "abfs", "abfss", "wasb", "wasbs")

NEVER = "no setting allows that: tell whoever runs the server"


class Origins:
    def __init__(self, site: Site) -> None:
        table = site.table
        self._site = site.id
        self.own = origin(table.url or "")
        self._listed = {self.own, *map(origin, table.allowed_origins)} - {None}
        logins: list[Auth] = [a for a in (table.auth, table.bulk_auth) if a]
        self._token = self._listed | {origin(a.token_url) for a in logins if a.token_url} - {None}

    def join(self, base: str, url: str, what: str) -> str:
        try:
            return urljoin(base, url)
        except ValueError:
            raise SiteError(f"{self._site}: {what}: the server gives a link that is no URL") from None

    def check(self, url: str, purpose: Purpose, what: str) -> None:
        """SiteError where no request may go."""
        if origin(url) not in (self._token if purpose == "token" else self._listed):
            self._refuse(url, purpose, what)

    def redirect(self, old: str, new: str, purpose: Purpose, what: str) -> bool:
        """Is it still the same origin?  SiteError unless it is, or a file's move to a listed one."""
        if origin(new) == origin(old):
            return True
        if (origin(old) or ("",))[0] == "https" and (origin(new) or ("",))[0] == "http":
            raise SiteError(f"{self._site}: {what}: the server redirects from https to http")
        self.check(new, purpose, what)
        if purpose != "file":
            raise SiteError(
                f"{self._site}: {what}: the server redirects to another origin, {shown(new)}",
                hint=f"only a file may move; is `url` of [{self._site}] the right one?",
            )
        return False

    def _refuse(self, url: str, purpose: Purpose, what: str) -> NoReturn:
        scheme = url.partition(":")[0].lower()
        if scheme in BUCKETS:
            raise SiteError(
                f"{self._site}: {what}: the server points to a storage bucket ({scheme})",
                hint=f'download it, then read the folder: `files` and method = "files" in [{self._site}]',
            )
        found = origin(url)
        line = f'allowed_origins = ["{shown(url)}"]'
        trust = f"if it is trusted, add it to allowed_origins of [{self._site}]: {line}"
        if purpose == "token":
            trust = f"if it is trusted, give token_url in [{self._site}.auth]"
        raise SiteError(
            f"{self._site}: {what}: the server points to another origin, {shown(url)}",
            hint=NEVER if found is None or link_local(found[1]) else trust,
        )


def origin(url: str) -> Origin | None:
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
