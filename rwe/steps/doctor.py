"""doctor: can each site serve this study?  Each finding says what to do; nothing is landed.

sites.toml, study  ──▶  doctor()  ──▶  [Finding]
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rwe import site, study
from rwe.errors import SiteError
from rwe.fhir import files, group
from rwe.fhir.auth import authorisation, bulk_authorisation
from rwe.fhir.capability import Capability, capability
from rwe.fhir.client import Client, StatusError
from rwe.site import LOOPBACK, Site
from rwe.steps import ask, include, vendors
from rwe.steps.ask import Need
from rwe.steps.choose import Choice, choose
from rwe.steps.doctor_types import Examination
from rwe.steps.world import World

Verdict = Literal["ok", "note", "fault"]
CLOCK = 300.0
"""Seconds between the server's clock and ours that a watermark's overlap forgives."""
SOON = 30.0
"""Days before a certificate's end that are told."""
ATTEMPTS = 2
NO_FHIR = ("not whole JSON", "not JSON", "no CapabilityStatement")
"""What says that something else than a FHIR server answers."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """fault: the study cannot be served as it stands.  todo: what to do, empty only where all is well.

    ends: nothing could be had of the site.
    """

    site: str
    about: str
    verdict: Verdict
    what: str
    todo: str = ""
    ends: bool = False

    def __post_init__(self) -> None:
        assert self.verdict == "ok" or self.todo, self.about


class _EndedError(Exception):
    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = replace(finding, ends=True)


def doctor(study_dir: Path, world: World, *, names: Iterable[str] = ()) -> list[Finding]:
    plan = study.load(study_dir)
    sites = site.select(site.load(study_dir), list(names))
    return [f for s in sites for f in _site(s, ask.needs(plan, s.fhir_version, group=s.table.group), world)]


def hopeless(found: Iterable[Finding]) -> bool:
    """Nothing could be had of any site."""
    by_site: dict[str, bool] = {}
    for f in found:
        by_site[f.site] = by_site.get(f.site, False) or f.ends
    return bool(by_site) and all(by_site.values())


def _site(s: Site, needs: list[Need], world: World) -> Iterator[Finding]:
    try:
        with _all_hangs_on(s, "files" if s.table.files else "site"):
            yield from _folder(s) if s.table.files else _server(_brief(s), needs, world)
    except _EndedError as e:
        yield e.finding


@contextmanager
def _all_hangs_on(s: Site, about: str) -> Iterator[None]:
    try:
        yield
    except SiteError as e:
        raise _EndedError(_fault(s, about, e)) from None


def _brief(s: Site) -> Site:
    """Whoever asks how a site is does not want to wait for all the attempts of a pull."""
    limits = s.table.limits.model_copy(update={"attempts": min(ATTEMPTS, s.table.limits.attempts)})
    return s.model_copy(update={"table": s.table.model_copy(update={"limits": limits})})


def _finding(s: Site, about: str, verdict: Verdict, what: str, todo: str = "") -> Finding:
    return Finding(site=s.id, about=about, verdict=verdict, what=what, todo=todo)


def _fault(s: Site, about: str, error: SiteError) -> Finding:
    return _finding(s, about, "fault", _short(s, error), error.hint or f"check [{s.id}] of sites.toml")


def _short(s: Site, error: SiteError) -> str:
    return str(error).removeprefix(f"{s.id}: ")


def _folder(s: Site) -> Iterator[Finding]:
    top = s.path(s.table.files or "")
    found = files.files(top, site=s.id)
    if not found:
        empty = _finding(s, "files", "fault", f"{top} is empty", "put NDJSON, Bundles or resources there")
        raise _EndedError(empty)
    yield _finding(s, "files", "ok", f"{len(found)} files below {top}")


def _server(s: Site, needs: list[Need], world: World) -> Iterator[Finding]:
    kinds = [need.kind for need in needs]
    now = datetime.fromtimestamp(world.clock.wall(), UTC)
    with _all_hangs_on(s, "login"):
        login = authorisation(s, world.environment, kinds)
        other = bulk_authorisation(s, world.environment, kinds)
    with Client(s, login, world.clock, world.say) as client:
        yield from _login(client, "login", kinds)
        can, date = yield from _statement(client)
        needs = include.marked(needs, can)
        yield _transport(client, now)
        yield _clock(s, date, now)
        choice = choose(s, can, needs)
        if can.types():
            yield _finding(s, "server", "ok", vendors.means(can.vendor))
        yield _finding(s, "method", "ok", "; ".join(choice.words))
        if other and choice.level:
            yield from _login(client.logged_in(other), "login for exports", kinds)
        patients = yield from _group(client, can)
        examination = Examination(
            client=client, can=can, patients=patients, level=choice.level, tells_time=date is not None
        )
        yield from _types(examination, choice, needs)
        if s.table.group and choice.search:
            yield _posts(client)


def _login(client: Client, about: str, kinds: list[str]) -> Iterator[Finding]:
    s = client.site
    auth = s.table.bulk_auth if about == "login for exports" and s.table.bulk_auth else s.table.auth
    with _all_hangs_on(s, about):
        lacking = client.missing_scopes(kinds)
    if lacking:
        what = f"{auth.scheme}; no scope was granted for {', '.join(lacking)}"
        todo = "have them added to this client's registration at the site"
        yield _finding(s, about, "fault", what, todo)
        return
    granted = "" if client.granted() is None else "; scopes for all that the study needs are granted"
    yield _finding(s, about, "ok", auth.scheme + granted)


def _statement(client: Client) -> Generator[Finding, None, tuple[Capability, str | None]]:
    s = client.site
    try:
        can, date = capability(client)
    except SiteError as e:
        wrong = any(text in str(e) for text in NO_FHIR) or (isinstance(e, StatusError) and not e.hint)
        if wrong and s.table.method == "bulk":
            todo = "none is needed for an export; that the types are exported, only the pull will show"
            yield _finding(s, "capability statement", "note", _short(s, e), todo)
            return Capability(), None
        found = _fault(s, "login" if isinstance(e, StatusError) and e.hint else "capability statement", e)
        if wrong:
            found = replace(found, todo=f"does `url` of [{s.id}] end where the FHIR API begins?")
        raise _EndedError(found) from None
    n = len(can.types())
    yield _finding(s, "capability statement", "ok", f"FHIR {s.fhir_version}, {n} resource types")
    return can, date


def _transport(client: Client, now: datetime) -> Finding:
    s = client.site
    url = urlsplit(s.table.url or "")
    if url.scheme == "https":
        ends = client.certificate_ends
        days = None if ends is None else (ends - now.timestamp()) / 86_400
        if days is None or days > SOON:
            return _finding(s, "TLS", "ok", "the connection is encrypted and the certificate verified")
        what = f"the server's certificate ends in {days:.0f} days"
        return _finding(s, "TLS", "note", what, "have the server's people renew it: afterwards no pull works")
    if url.hostname in LOOPBACK:
        return _finding(s, "TLS", "ok", "none, and none is needed within this computer")
    return _finding(s, "TLS", "note", "http: patient data go in clear", f"use https in `url` of [{s.id}]")


def _clock(s: Site, date: str | None, now: datetime) -> Finding:
    if date is None:
        what = "the server does not tell its time: each pull fetches all and compares"
        return _finding(
            s, "clock", "note", what, "have the server, or the proxy before it, send a Date header"
        )
    off = abs((datetime.fromisoformat(date) - now).total_seconds())
    if off <= CLOCK:
        return _finding(s, "clock", "ok", "the server's and ours agree")
    todo = "set both by NTP: a pull goes by the server's alone, but signed logins may fail"
    return _finding(s, "clock", "note", f"the server's and ours are {off:.0f} s apart", todo)


def _group(client: Client, can: Capability) -> Generator[Finding, None, list[str] | None]:
    s = client.site
    if not s.table.group:
        return None
    try:
        patients = group.members(client, s.table.group)
    except SiteError as e:
        found = _fault(s, "Group", e)
        if can.types() or s.table.method != "bulk":
            raise _EndedError(replace(found, todo=e.hint or f"correct `group` of [{s.id}]")) from None
        todo = "none is needed for an export, but every one fetches all: who joined is not known"
        yield replace(found, verdict="note", todo=todo)
        return None
    yield _finding(s, "Group", "ok", f"{len(patients)} patients")
    return patients


def _types(examination: Examination, choice: Choice, needs: list[Need]) -> Iterator[Finding]:
    s = examination.client.site
    said = {n.kind: examination.of(n, exported=n in choice.bulk) for n in needs}
    ends = all(found.faults for found in said.values())
    for kind, found in said.items():
        for what, todo in found.faults:
            yield replace(_finding(s, kind, "fault", what, todo), ends=ends)
        for what, todo in found.notes:
            yield _finding(s, kind, "note", what, todo)
        if not found.faults:
            yield _finding(s, kind, "ok", "; ".join(found.words))


def _posts(client: Client) -> Finding:
    """Known once a type was searched for patients."""
    if client.posts:
        return _finding(client.site, "POST _search", "ok", "taken: no URL holds a patient's id")
    what = "refused: patients' ids stand in URLs, which logs on the way may keep"
    return _finding(client.site, "POST _search", "note", what, "have the site take searches by POST")
