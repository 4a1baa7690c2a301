"""pull: from each site to landed resources.

    sites.toml  ──▶  files or search  ──▶  data/raw/<site>/<run>/

One site's fault costs the others nothing: it is named, and the command ends with 3, or with 12 where
nothing could be had from any site.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rwe import site, study
from rwe.errors import SiteError
from rwe.fhir import bulk, files
from rwe.fhir.auth import authorisation, bulk_authorisation
from rwe.fhir.client import Client
from rwe.landing import Manifest, Purged, Run, Tally
from rwe.resource import Found
from rwe.site import Site
from rwe.steps import counts, folder
from rwe.steps.ask import Need, needs
from rwe.steps.by_server import Clients, Landed, Pull
from rwe.steps.pages import EXPORTS
from rwe.steps.set_aside import SetAside
from rwe.steps.set_aside import landed as set_aside
from rwe.steps.wishes import Wishes
from rwe.steps.world import World


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """One site's outcome; `missing` says what is not whole, `notes` what else is to know, a line each."""

    site: str
    manifest: Manifest | None
    new: bool
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...]


def pull(study_dir: Path, world: World, wishes: Wishes = Wishes()) -> list[Pulled]:  # noqa: B008  frozen
    """SiteError if none of the sites gave anything."""
    plan = None if wishes.everything else study.load(study_dir)
    sites = site.select(site.load(study_dir), list(wishes.sites))
    with folder.alone(study_dir):
        raw = folder.raw_folder(study_dir)
        return _pull_sites(
            sites, raw, world, lambda s: needs(plan, s.fhir_version, group=s.table.group), wishes
        )


def cancel(study_dir: Path, world: World, wishes: Wishes) -> list[str]:
    """End the exports that a stopped pull left at the sites; a line for each."""
    sites = [s for s in site.select(site.load(study_dir), list(wishes.sites)) if not s.table.files]
    with folder.alone(study_dir):
        raw = folder.raw_folder(study_dir)
        return [line for s in sites for line in _cancel(s, raw / s.id / EXPORTS, world)]


def _cancel(s: Site, waiting: Path, world: World) -> Iterator[str]:
    jobs = sorted(p for p in waiting.glob("*/*") if p.is_dir())
    if not jobs:
        yield f"{s.id}: no export waits"
        return
    login = bulk_authorisation(s, world.environment) or authorisation(s, world.environment)
    with Client(s, login, world.clock, world.say) as client:
        for job in jobs:
            bulk.cancel(client, job)
            shutil.rmtree(job)
            yield f"{s.id}: the export ({job.name}) is cancelled"


def _pull_sites(
    sites: list[Site], raw: Path, world: World, ask: Callable[[Site], list[Need]], wishes: Wishes
) -> list[Pulled]:
    outcomes, errors = [], []
    for s in sites:
        world.say(f"{s.id}: pulling from {'files' if s.table.files else 'the server'}")
        try:
            outcomes.append(_pull_site(s, raw, world, ask(s), wishes))
        except SiteError as e:
            errors.append(e)
            outcomes.append(Pulled(site=s.id, manifest=None, new=False, missing=(str(e),)))
    if len(errors) == len(sites):
        raise errors[0]
    return outcomes


def _pull_site(s: Site, raw: Path, world: World, asked: list[Need], wishes: Wishes) -> Pulled:
    purged = Purged(raw.parent, s.id)
    with Run(raw, site=s.id, types=sorted(need.kind for need in asked), purged=purged) as run:
        landed = _from_files(s, run) if s.table.files else _from_server(s, run, world, asked, wishes)
        return Pulled(
            site=s.id,
            manifest=landed.manifest,
            new=landed.new,
            tallies=run.tallies,
            set_aside=tuple(set_aside(raw, landed.manifest)),
            notes=(*landed.notes, *_kept_out(run)),
            missing=tuple(_missing(s.id, landed)),
        )


def _kept_out(run: Run) -> Iterable[str]:
    if run.kept_out:
        yield f"{run.kept_out} resources of patients who were purged: not landed"


def _from_files(s: Site, run: Run) -> Landed:
    top = s.path(s.table.files or "")
    paths = files.files(top, site=s.id)
    for path in paths:
        for item in _read(s, path, name=str(path.relative_to(top))):
            run.add(item)
    if len(run.passed_over_files) == len(paths):
        raise SiteError(
            f"{s.id}: {top} holds no FHIR file", hint="NDJSON, Bundles or resources: .ndjson, .json"
        )
    manifest, new = run.commit({}, fhir_version=s.fhir_version, method="files", pulled_at=files.newest(paths))
    return Landed(manifest=manifest, new=new)


def _read(s: Site, path: Path, *, name: str) -> Iterator[Found]:
    """Only what reading raises is the site's fault: landing may run out of disk."""
    try:
        yield from files.read(path, name=name, line_bytes=s.table.limits.line_bytes)
    except OSError as e:
        raise SiteError(
            f"{s.id}: {path} cannot be read ({e.strerror})", hint="check the file's owner and mode"
        ) from None


def _from_server(s: Site, run: Run, world: World, needs: list[Need], wishes: Wishes) -> Landed:
    kinds = [need.kind for need in needs]
    login = authorisation(s, world.environment, kinds)
    with Client(s, login, world.clock, world.say) as client:
        other = bulk_authorisation(s, world.environment, kinds) if s.table.bulk_auth else None
        clients = Clients(api=client, bulk=client.logged_in(other) if other else client)
        return Pull(clients, run, world, wishes).all(needs)


def _missing(site: str, landed: Landed) -> Iterable[str]:
    yield from (f"{site}: {kind}: {why}" for kind, why in landed.failures.items())
    yield from (f"{site}: {why}" for why in landed.missing)
    for kind, series in landed.manifest.types.items():
        if kind in landed.failures:
            continue
        yield from counts.not_had(
            site, kind, asked=series.asked, landed=series.landed, failure=series.failure
        )
        if counts.many(kind, set_aside=series.set_aside, landed=series.landed):
            yield f"{site}: {kind}: {series.set_aside} of {series.landed} set aside when landing"
