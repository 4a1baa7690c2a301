"""sites.toml: where the data are and how to log in, checked.

    a study folder  ──▶  load()  ──▶  [Site]

Paths are relative to the folder of the file.  A secret stands here only as file:PATH or env:NAME and
is read when it is needed.  Whatever is wrong is a SiteError naming the site and the key.
"""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rwe import toml
from rwe.errors import SiteError, UsageError

FILE = "sites.toml"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
FhirVersion = Literal["4.0.1", "4.3.0", "5.0.0"]
Secret = Annotated[str, Field(pattern=r"^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$")]
SiteName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Auth(Keys):
    scheme: Literal["none", "bearer", "basic"] = "none"
    token: Secret | None = None
    username: str | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def complete(self) -> Self:
        needed = {"none": [], "bearer": ["token"], "basic": ["username", "password"]}[self.scheme]
        given = [k for k in ("token", "username", "password") if getattr(self, k) is not None]
        if sorted(needed) != sorted(given):
            raise ValueError(f"scheme {self.scheme} takes {' and '.join(needed) or 'no other key'}")
        return self


class Limits(Keys):
    """Seconds, counts and bytes; defaults suit a hospital's server."""

    connect_timeout: float = Field(default=10, gt=0)
    read_timeout: float = Field(default=60, gt=0)
    request_deadline: float = Field(default=300, gt=0)
    retry_after_max: float = Field(default=300, gt=0)
    attempts: int = Field(default=8, ge=1, le=50)
    page_size: int = Field(default=200, ge=1, le=10_000)
    page_bytes: int = Field(default=256_000_000, ge=1)
    line_bytes: int = Field(default=64_000_000, ge=1)


class SiteTable(Keys):
    """One table of sites.toml."""

    url: str | None = Field(default=None, min_length=1)
    files: str | None = Field(default=None, min_length=1)
    fhir_version: FhirVersion
    method: Literal["auto", "search", "files"] = "auto"
    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    allowed_origins: tuple[str, ...] = ()
    allow_insecure_http: bool = False
    auth: Auth = Auth()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def one_source(self) -> Self:
        if (self.url is None) == (self.files is None):
            raise ValueError("give either `url` or `files`")
        if self.method not in ("auto", "files" if self.files else "search"):
            raise ValueError(
                f'method = "{self.method}" does not go with `{"files" if self.files else "url"}`'
            )
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("`client_cert` and `client_key` stand together")
        return self

    @model_validator(mode="after")
    def safe_url(self) -> Self:
        for url in (*([self.url] if self.url else []), *self.allowed_origins):
            parts = _parts(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("a URL begins with https:// and names a host")
            if "@" in parts.netloc or parts.query or parts.fragment:
                raise ValueError("a URL here carries no user, query or fragment")
            if parts.scheme == "http" and parts.hostname not in LOOPBACK and not self.allow_insecure_http:
                raise ValueError(
                    "http sends patient data in clear: use https, or set allow_insecure_http = true"
                )
        return self


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        _ = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise ValueError(f"no URL has this host or port: {parts.netloc}") from None
    return parts


class Site(BaseModel):
    """A site by its name, with the folder its paths are relative to."""

    model_config = ConfigDict(frozen=True)
    id: str
    folder: Path
    table: SiteTable

    @property
    def fhir_version(self) -> FhirVersion:
        return self.table.fhir_version

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
