"""One pull of one site while it is under way, and its commit."""

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Self

import msgspec

from rwe.landing import ledger
from rwe.landing.manifest import NAME, UNKNOWN_TYPE, Manifest, Series
from rwe.landing.purged import Purged
from rwe.landing.settle import Came, Got, settled
from rwe.landing.shards import Writer
from rwe.landing.sift import Tally
from rwe.landing.unusable import UnusableWriter
from rwe.resource import Found, PassedOver, Resource, Unusable

UNDER_WAY = ".under-way"


class Run:
    """A site's resources as they come; what was not committed is gone."""

    def __init__(self, raw: Path, *, site: str, types: list[str], purged: Purged | None = None) -> None:
        """raw: the folder data/raw.  types: those asked for; others are counted as passed over.

        purged: whose resources are not to be landed; `kept_out` counts them.
        """
        self.site, self.folder = site, raw / site
        self.folder.mkdir(parents=True, exist_ok=True)
        self.chain = ledger.catch_up(self.folder)
        self.before = ledger.current(self.folder)
        self.work = self.folder / UNDER_WAY
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.name = f"{int(self.before.run) + 1 if self.before else 1:06d}"
        self.rows = {t: Writer(self.work, t, self.name) for t in types}
        self.unusable = {t: UnusableWriter(self.work, t) for t in [*types, UNKNOWN_TYPE]}
        self.passed_over: Counter[str] = Counter()
        self.passed_over_files: list[str] = []
        self.purged, self.kept_out = purged or Purged.nobody(), 0
        self.tallies: dict[str, Tally] = {}
        self.refused: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()
        shutil.rmtree(self.work, ignore_errors=True)

    def add(self, item: Found) -> None:
        if not isinstance(item, PassedOver) and self.purged.holds(item):
            self.kept_out += 1
            return
        match item:
            case Resource(type=kind) if kind in self.rows:
                self.rows[kind].add(item)
            case Unusable(type=kind) if kind is None or kind in self.rows:
                self.unusable[kind or UNKNOWN_TYPE].add(item)
            case PassedOver():
                self.passed_over_files.append(item.source)
            case _:
                self.passed_over[item.type or UNKNOWN_TYPE] += 1

    def landed(self, kind: str) -> int:
        return (self.rows[kind].landed if kind in self.rows else 0) + self.unusable[kind].n

    def commit(
        self, got: dict[str, Got], *, fhir_version: str, method: str, pulled_at: str | None
    ) -> tuple[Manifest, bool]:
        """The site's picture now, and whether this run changed it.

        got: by type; a type that is not named is as a folder holds it.  A type that failed keeps what was
        whole of it, and a run that found all the same again is dropped, so that a rerun changes no byte.
        """
        self._close()
        manifest = Manifest(
            site=self.site,
            run=self.name,
            fhir_version=fhir_version,
            method=method,
            pulled_at=pulled_at,
            types={kind: self._settled(kind, got.get(kind, Got())) for kind in self._kinds()},
            passed_over=dict(sorted(self.passed_over.items())),
            passed_over_files=sorted(self.passed_over_files),
            before=self.chain,
        )
        if self.before and self.before.same_content(manifest):
            return self.before, False
        publish(self.folder, self.work, manifest, self.chain)
        return manifest, True

    def _close(self) -> None:
        for rows in self.rows.values():
            rows.close()
        for unusable in self.unusable.values():
            unusable.close()

    def _kinds(self) -> list[str]:
        return [*self.rows, *([UNKNOWN_TYPE] if self.unusable[UNKNOWN_TYPE].n else [])]

    def _settled(self, kind: str, got: Got) -> Series:
        came = Came(
            folder=self.folder,
            work=self.work,
            run=self.name,
            kind=kind,
            rows=self.rows.get(kind),
            unusable=self.unusable[kind],
        )
        outcome = settled(came, self.before.types.get(kind) if self.before else None, got)
        if outcome.tally:
            self.tallies[kind] = outcome.tally
        if outcome.refused:
            self.refused[kind] = outcome.refused
        return outcome.series


def publish(folder: Path, work: Path, manifest: Manifest, before: str, *, purged: int = 0) -> None:
    """work, with the manifest, becomes the folder of its run; then the ledger's line.

    before: the hash of the line before.  What is not in the manifest is removed.
    """
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (work / NAME).write_bytes(text)
    used = manifest.files()
    for path in work.iterdir():
        if path.name != NAME and f"{manifest.run}/{path.name}" not in used:
            path.unlink()  # the rows of a type that keeps what it had
            continue
        path.chmod(0o600)
        fsync(path)
    work.rename(folder / manifest.run)
    fsync(folder)
    ledger.append(folder, manifest, text, before, purged=purged)
    _clear(folder, manifest)


def _clear(folder: Path, manifest: Manifest) -> None:
    """Away with what the picture no longer needs, also of earlier runs that a stop left."""
    used = manifest.files()
    for run in ledger.runs(folder):
        if run.name == manifest.run:
            continue
        for path in run.iterdir():
            if f"{run.name}/{path.name}" not in used:
                path.unlink()
        if not any(run.iterdir()):
            run.rmdir()


def fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
