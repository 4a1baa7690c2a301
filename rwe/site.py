"""sites.toml: where the data are and how to log in, checked.

    a study folder  ──▶  load()  ──▶  [Site]

Paths are relative to the folder of the file.  A secret stands here only as file:PATH or env:NAME and
is read when it is needed.  Whatever is wrong is a SiteError naming the site and the key.
"""

import ipaddress
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rwe import address, toml
from rwe.errors import SiteError, UsageError

FILE = "sites.toml"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FhirVersion = Literal["4.0.1", "4.3.0", "5.0.0"]
Secret = Annotated[str, Field(pattern=r"^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$")]
SiteName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


SCHEMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "bearer": (("token",), ()),
    "basic": (("username", "password"), ()),
    "client_secret": (("client_id", "client_secret", "token_url"), ("scope",)),
    "backend": (("client_id", "key"), ("kid", "scope", "token_url")),
    "mtls": ((), ()),
}
"""The keys that a scheme needs, and those that it may have."""


class Auth(Keys):
    """mtls is the site's client_cert and client_key alone; they go with any other scheme too."""

    scheme: Literal["none", "bearer", "basic", "client_secret", "backend", "mtls"] = "none"
    token: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    client_id: str | None = Field(default=None, min_length=1)
    client_secret: Secret | None = None
    key: Secret | None = None
    """A private JWK, or PEM: RSA of 2048 bits or more, or EC P-384."""
    kid: str | None = Field(default=None, min_length=1)
    """The key's name at the server, where the JWK does not say it."""
    scope: str | None = Field(
        default=None, pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$"
    )
    """Asked as it stands; else it is made of the server's discovery."""
    token_url: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def complete(self) -> Self:
        needed, optional = SCHEMES[self.scheme]
        given = {k for k in type(self).model_fields if k != "scheme" and getattr(self, k) is not None}
        if not set(needed) <= given <= {*needed, *optional}:
            more = f", and may take {', '.join(optional)}" if optional else ""
            raise ValueError(f"scheme {self.scheme} takes {_and(needed) or 'no other key'}{more}")
        return self


def _and(words: tuple[str, ...]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


class Limits(Keys):
    """Seconds, counts and bytes; defaults suit a hospital's server."""

    connect_timeout: float = Field(default=10, gt=0)
    read_timeout: float = Field(default=60, gt=0)
    request_deadline: float = Field(default=300, gt=0)
    file_deadline: float = Field(default=7200, gt=0)
    job_deadline: float = Field(default=86_400, gt=0, le=30 * 86_400)
    retry_after_max: float = Field(default=300, gt=0)
    attempts: int = Field(default=8, ge=1, le=50)
    concurrency: int = Field(default=4, ge=1, le=16)
    page_size: int = Field(default=200, ge=1, le=10_000)
    page_bytes: int = Field(default=256_000_000, ge=1)
    line_bytes: int = Field(default=64_000_000, ge=1)


class SiteTable(Keys):
    """One table of sites.toml."""

    url: str | None = Field(default=None, min_length=1)
    files: str | None = Field(default=None, min_length=1)
    base_urls: tuple[str, ...] = ()
    """Further addresses of the site: what an absolute reference names by one of them is the site's own."""
    fhir_version: FhirVersion
    method: Literal["auto", "search", "bulk", "files"] = "auto"
    group: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,255}$")] | None = None
    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    allowed_origins: tuple[str, ...] = ()
    allow_insecure_http: bool = False
    use_environment: bool = False
    """Proxies and CA of the environment are obeyed; never a login of `.netrc`."""
    proxy: str | None = None
    file_token: Literal["manifest", "always"] = "manifest"  # noqa: S105  a choice, no secret
    """always: the site's own origin gets the token for files too that the manifest says to need none."""
    auth: Auth = Auth()
    bulk_auth: Auth | None = None
    """The login for exports, where the server has another one for them."""
    limits: Limits = Limits()

    @model_validator(mode="after")
    def one_source(self) -> Self:
        if (self.url is None) == (self.files is None):
            raise ValueError("give either `url` or `files`")
        if self.method not in (("auto", "files") if self.files else ("auto", "search", "bulk")):
            raise ValueError(
                f'method = "{self.method}" does not go with `{"files" if self.files else "url"}`'
            )
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("`client_cert` and `client_key` stand together")
        return self

    @model_validator(mode="after")
    def logins(self) -> Self:
        if "mtls" in (self.auth.scheme, self.bulk_auth and self.bulk_auth.scheme) and not self.client_cert:
            raise ValueError("scheme mtls takes `client_cert` and `client_key` of the site")
        if self.proxy and self.use_environment:
            raise ValueError("give either `proxy` or `use_environment`")
        return self

    @model_validator(mode="after")
    def safe_url(self) -> Self:
        tokens = [a.token_url for a in (self.auth, self.bulk_auth) if a and a.token_url]
        for url in (*([self.url] if self.url else []), *self.allowed_origins, *tokens):
            parts = _parts(url)
            _bare(parts, query=url in tokens)
            if parts.scheme == "http" and parts.hostname not in LOOPBACK and not self.allow_insecure_http:
                raise ValueError(
                    "http sends patient data in clear: use https, or set allow_insecure_http = true"
                )
            if link_local(parts.hostname or ""):
                raise ValueError(f"no FHIR server has a link-local address: {parts.hostname}")
        return self

    @model_validator(mode="after")
    def plain_bases(self) -> Self:
        for url in self.base_urls:
            _bare(_parts(url))
        return self

    @model_validator(mode="after")
    def safe_proxy(self) -> Self:
        if self.proxy and "@" in _parts(self.proxy).netloc:
            raise ValueError("`proxy` carries no user or password: use a proxy that asks for none")
        return self


def link_local(host: str) -> bool:
    """An address where a cloud machine's own secrets are served, however it is written.

    Source: RFC 3927, RFC 4291; inet_aton takes 169.254.43518 and 2852039166 too.
    """
    if host.rstrip(".") == "metadata.google.internal":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))
        except (OSError, ValueError):
            return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_link_local or address == ipaddress.ip_address("fd00:ec2::254")


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        _ = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise ValueError(f"no URL has this host or port: {parts.netloc.rpartition('@')[2]}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL begins with https:// and names a host")
    return parts


def _bare(parts: SplitResult, *, query: bool = False) -> None:
    if "@" in parts.netloc or (parts.query and not query) or parts.fragment:
        raise ValueError("a URL here carries no user, query or fragment")


class Site(BaseModel):
    """A site by its name, with the folder its paths are relative to."""

    model_config = ConfigDict(frozen=True)
    id: str
    folder: Path
    table: SiteTable

    @property
    def fhir_version(self) -> FhirVersion:
        return self.table.fhir_version

    @property
    def own(self) -> str:
        """What stands before Type/id in references to this site itself, as a regular expression."""
        return address.own((*([self.table.url] if self.table.url else []), *self.table.base_urls))

    def path(self, name: str) -> Path:
        return self.folder / name

    def secret(self, reference: str) -> str:
        """The secret behind file:PATH; env:NAME is looked up by whoever holds the environment."""
        path = self.path(reference.removeprefix("file:"))
        try:
            text = self.private(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as e:
            raise SiteError(
                f"{self.id}: the secret file {path} cannot be read ({type(e).__name__})"
            ) from None
        return text

    def private(self, path: Path) -> Path:
        """The path, if it is its owner's only; OSError where it is not there."""
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SiteError(f"{self.id}: others may read the secret file {path}", hint=f"chmod 600 {path}")
        return path


def load(folder: Path) -> list[Site]:
    """The sites in the file's order; their names are the keys of all tables."""
    path = folder / FILE
    tables = toml.read(path, SiteError, missing="it names the FHIR servers or folders to read")
    if not tables:
        raise SiteError(f"{path}: no site in it", hint='begin with [mysite] and url = "https://…"')
    return [_site(folder, path, name, table) for name, table in tables.items()]


class _Named(Keys):
    """A site's name, checked with the table's keys, for a file name is made of it."""

    name: SiteName


def _site(folder: Path, path: Path, name: str, table: object) -> Site:
    toml.check({"name": name}, _Named, where=f"{path}: [{name}]", error=SiteError)
    if not isinstance(table, Mapping):
        raise SiteError(f"{path}: {name} stands outside of a site", hint=f"write [{name}] for a site")
    return Site(
        id=name,
        folder=folder,
        table=toml.check(table, SiteTable, where=f"{path}: [{name}]", error=SiteError),
    )


def select(sites: list[Site], names: list[str]) -> list[Site]:
    """The sites named, or all where none is named."""
    unknown = [n for n in names if n not in {s.id for s in sites}]
    if unknown:
        raise UsageError(f"no site is called {unknown[0]}", hint=f"sites: {', '.join(s.id for s in sites)}")
    return [s for s in sites if s.id in names] if names else sites
