"""pull: from each site to landed resources.

    sites.toml  ──▶  files or search  ──▶  data/raw/<site>/<run>/

One site's fault costs the others nothing: it is named, and the command ends with 3, or with 12 where
nothing could be had from any site.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rwe import data, landing, site
from rwe.errors import SiteError
from rwe.fhir import files, search
from rwe.fhir.auth import authorisation
from rwe.fhir.client import Client, Clock
from rwe.landing import Manifest, Run
from rwe.resource import Found
from rwe.site import Site
from rwe.steps import folder


@dataclass(frozen=True, kw_only=True)
class World:
    """What a pull takes from outside: the environment's secrets, time and chance, a voice."""

    environment: Mapping[str, str]
    clock: Clock
    say: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """One site's outcome; `missing` says what is not whole, a line each."""

    site: str
    manifest: Manifest | None
    new: bool
    missing: tuple[str, ...]


def pull(study: Path, world: World, *, names: Iterable[str] = ()) -> list[Pulled]:
    """Pull the sites named, or all.  SiteError if none of them gave anything."""
    sites = site.select(site.load(study), list(names))
    raw = folder.raw_folder(study)
    outcomes, errors = [], []
    for s in sites:
        world.say(f"{s.id}: pulling from {'files' if s.table.files else 'the server'}")
        try:
            outcomes.append(_pull_site(s, raw, world))
        except SiteError as e:
            errors.append(e)
            outcomes.append(Pulled(site=s.id, manifest=None, new=False, missing=(str(e),)))
    if len(errors) == len(sites):
        raise errors[0]
    return outcomes


def asked_types(fhir_version: str) -> list[str]:
    """The resource types that a mapping reads."""
    views = (json.loads(f.read_bytes()) for f in data.mapping_files(fhir_version))
    return sorted({view["resource"] for view in views})


def _pull_site(s: Site, raw: Path, world: World) -> Pulled:
    with Run(raw, site=s.id, types=asked_types(s.fhir_version)) as run:
        manifest, new = _from_files(s, run) if s.table.files else _from_server(s, run, world)
    return Pulled(site=s.id, manifest=manifest, new=new, missing=tuple(_missing(manifest)))


def _from_files(s: Site, run: Run) -> tuple[Manifest, bool]:
    top = s.path(s.table.files or "")
    paths = files.files(top, site=s.id)
    for path in paths:
        for item in _read(s, path, name=str(path.relative_to(top))):
            run.add(item)
    if len(run.passed_over_files) == len(paths):
        raise SiteError(
            f"{s.id}: {top} holds no FHIR file", hint="NDJSON, Bundles or resources: .ndjson, .json"
        )
    return run.commit(fhir_version=s.fhir_version, method="files", pulled_at=files.newest(paths), asked=None)


def _read(s: Site, path: Path, *, name: str) -> Iterator[Found]:
    """Only what reading raises is the site's fault: landing may run out of disk."""
    try:
        yield from files.read(path, name=name, line_bytes=s.table.limits.line_bytes)
    except OSError as e:
        raise SiteError(
            f"{s.id}: {path} cannot be read ({e.strerror})", hint="check the file's owner and mode"
        ) from None


def _from_server(s: Site, run: Run, world: World) -> tuple[Manifest, bool]:
    """Type by type; one that cannot be had whole is named, and none at all is the site's failure."""
    asked: dict[str, int | None] = {}
    errors: list[SiteError] = []
    with Client(s, authorisation(s, world.environment), world.clock) as client:
        statement, date = search.capability(client)
        offered = statement.types()
        for kind in run.series:
            if offered and kind not in offered:
                run.fail(kind, "the server does not offer it")
                continue
            try:
                for item in search.walk(client, kind):
                    run.add(item)
                asked[kind] = search.total(client, kind)
            except SiteError as e:
                errors.append(e)
                run.fail(kind, str(e).removeprefix(f"{s.id}: "))
            world.say(f"{s.id}: {kind}: {run.landed(kind)}")
    if errors and not asked:
        raise errors[0]
    return run.commit(fhir_version=s.fhir_version, method="search", pulled_at=date, asked=asked)


def _missing(manifest: Manifest) -> Iterable[str]:
    for kind, count in manifest.types.items():
        if count.failure:
            yield f"{manifest.site}: {kind}: {count.failure}"
        elif count.asked is not None and count.asked != count.landed:
            yield f"{manifest.site}: {kind}: the server counts {count.asked}, {count.landed} landed"
        if kind == landing.UNKNOWN_TYPE or count.set_aside > 0.001 * count.landed:
            yield f"{manifest.site}: {kind}: {count.set_aside} of {count.landed} set aside when landing"
