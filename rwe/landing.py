"""Landed resources: raw NDJSON shards with an index, and the ledger of what was asked and got.

    Resource | Unusable | PassedOver  ──▶  Run.add(), Run.commit()  ──▶  data/raw/<site>/<run>/
    data/raw/<site>                   ──▶  current()                ──▶  Manifest

A run is one pull of one site: a full picture of it.  It is written beside its place and renamed into
it when whole, so a stop leaves nothing half.  A shard holds one type, one resource a line, its bytes
as they came.  The index beside it (Parquet) says for each row its id, version, hash and place.  What
cannot be a resource is kept too: its bytes in set_aside.bin, place and reason in set_aside.ndjson.
Knows no study and no FHIR: what a type holds is for rwe.views, whether it is valid for rwe.validate.
"""

import hashlib
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import IO, Self

import msgspec
import polars as pl
import zstandard

from rwe.errors import DataError
from rwe.resource import Found, PassedOver, Resource, Unusable
from rwe.strict import repeats

ROWS_PER_SHARD = 100_000
UNKNOWN_TYPE = "unknown"
MANIFEST = "manifest.json"
INDEX = {
    "row": pl.Int64,
    "id": pl.String,
    "version": pl.String,
    "updated": pl.String,
    "hash": pl.String,
    "source": pl.String,
    "position": pl.Int64,
}


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    index: str
    rows: int
    longest: int


class TypeCount(msgspec.Struct, frozen=True, kw_only=True):
    """asked: what the source says it holds, null where it cannot tell; hash: of all rows, in any order."""

    asked: int | None
    landed: int
    set_aside: int
    hash: str
    shards: list[Shard]
    failure: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger's entry for one run."""

    site: str
    run: str
    fhir_version: str
    method: str
    pulled_at: str | None
    types: dict[str, TypeCount]
    passed_over: dict[str, int]
    passed_over_files: list[str]

    @property
    def whole(self) -> bool:
        return all(count.failure is None for count in self.types.values())

    def same_content(self, other: "Manifest") -> bool:
        """The two hold the same resources, whatever the order they came in."""

        def content(m: Manifest) -> list[object]:
            counts = {t: (c.asked, c.landed, c.set_aside, c.hash, c.failure) for t, c in m.types.items()}
            return [m.fhir_version, m.method, counts, m.passed_over, sorted(m.passed_over_files)]

        return content(self) == content(other)


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A line of set_aside.ndjson; offset and length are those of its bytes in set_aside.bin."""

    type: str | None
    reason: str
    source: str
    position: int
    hash: str
    offset: int
    length: int


class _Series:
    """The shards of one type, one open at a time."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.shards: list[Shard] = []
        self.landed = self.content = self.longest = 0
        self.stream: IO[bytes] | None = None
        self.rows: list[tuple[object, ...]] = []

    def add(self, r: Resource) -> None:
        if self.stream is None:
            self.stream = self._open()
        digest = hashlib.blake2b(r.body, digest_size=16).digest()
        self.stream.write(r.body + b"\n")
        self.rows.append(
            (len(self.rows) + 1, r.id, r.version, r.updated, digest.hex(), r.place.source, r.place.position)
        )
        self.landed += 1
        self.longest = max(self.longest, len(r.body))
        self.content = (self.content + int.from_bytes(digest, "big")) % (1 << 128)
        if len(self.rows) == ROWS_PER_SHARD:
            self.close()

    def _open(self) -> IO[bytes]:
        path = self.folder / f"{self.kind}.{len(self.shards) + 1:03d}.ndjson.zst"
        stream: IO[bytes] = zstandard.open(
            path, "wb", cctx=zstandard.ZstdCompressor(level=3, write_checksum=True)
        )
        return stream

    def close(self) -> None:
        if self.stream is None:
            return
        self.stream.close()
        self.stream = None
        stem = f"{self.kind}.{len(self.shards) + 1:03d}"
        frame = pl.DataFrame(self.rows, schema=INDEX, orient="row")
        frame.write_parquet(self.folder / f"{stem}.index.parquet")
        self.shards.append(
            Shard(
                file=f"{stem}.ndjson.zst",
                index=f"{stem}.index.parquet",
                rows=len(self.rows),
                longest=self.longest,
            )
        )
        self.rows, self.longest = [], 0


class Run:
    """One pull of one site while it is under way."""

    def __init__(self, raw: Path, *, site: str, types: list[str]) -> None:
        """raw: the folder data/raw.  types: those asked for; others are counted as passed over."""
        self.site, self.folder = site, raw / site
        self.work = self.folder / ".under-way"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.series = {t: _Series(self.work, t) for t in types}
        self.set_aside: Counter[str] = Counter()
        self.set_aside_hash: Counter[str] = Counter()
        self.passed_over: Counter[str] = Counter()
        self.passed_over_files: list[str] = []
        self.failures: dict[str, str] = {}
        self.index = (self.work / "set_aside.ndjson").open("wb")
        self.bodies = (self.work / "set_aside.bin").open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """What was not committed is gone."""
        self._close()
        shutil.rmtree(self.work, ignore_errors=True)

    def add(self, item: Found) -> None:
        match item:
            case Resource(type=kind) if kind in self.series:
                self._land(item)
            case Unusable(type=kind) if kind is None or kind in self.series:
                self._set_aside(item)
            case PassedOver():
                self.passed_over_files.append(item.source)
            case _:
                self.passed_over[item.type or UNKNOWN_TYPE] += 1

    def _land(self, item: Resource) -> None:
        if repeats(item.body):
            self._set_aside(Unusable(type=item.type, reason="repeated_key", body=item.body, place=item.place))
        else:
            self.series[item.type].add(item)

    def _set_aside(self, item: Unusable) -> None:
        digest = hashlib.blake2b(item.body, digest_size=16).hexdigest()
        line = SetAside(
            type=item.type,
            reason=item.reason,
            source=item.place.source,
            position=item.place.position,
            hash=digest,
            offset=self.bodies.tell(),
            length=len(item.body),
        )
        self.bodies.write(item.body)
        self.index.write(msgspec.json.encode(line) + b"\n")
        kind = item.type or UNKNOWN_TYPE
        self.set_aside[kind] += 1
        self.set_aside_hash[kind] = (self.set_aside_hash[kind] + int(digest, 16)) % (1 << 128)

    def landed(self, kind: str) -> int:
        return (self.series[kind].landed if kind in self.series else 0) + self.set_aside[kind]

    def fail(self, kind: str, message: str) -> None:
        """This type could not be had whole; what came of it is kept."""
        self.failures[kind] = message

    def commit(
        self, *, fhir_version: str, method: str, pulled_at: str | None, asked: dict[str, int | None] | None
    ) -> tuple[Manifest, bool]:
        """This run's manifest, and whether it became the site's picture.

        asked: by type, None where the source cannot tell; no dict for a folder, which holds what was
        found in it.  A run that found the same again is dropped, so a rerun changes no byte, and so is
        one that failed in part where a whole one is there: half-loaded data must not look like absence.
        """
        self._close()
        before = current(self.folder)
        manifest = Manifest(
            site=self.site,
            run=f"{int(before.run) + 1 if before else 1:06d}",
            fhir_version=fhir_version,
            method=method,
            pulled_at=pulled_at,
            types=self._counts(asked),
            passed_over=dict(sorted(self.passed_over.items())),
            passed_over_files=sorted(self.passed_over_files),
        )
        if before and (before.same_content(manifest) or (before.whole and not manifest.whole)):
            return manifest, False
        self._publish(manifest)
        return manifest, True

    def _close(self) -> None:
        self.index.close()
        self.bodies.close()
        for series in self.series.values():
            series.close()

    def _counts(self, asked: dict[str, int | None] | None) -> dict[str, TypeCount]:
        kinds = [*self.series, *([UNKNOWN_TYPE] if self.set_aside[UNKNOWN_TYPE] else [])]
        return {kind: self._count(kind, asked) for kind in kinds}

    def _count(self, kind: str, asked: dict[str, int | None] | None) -> TypeCount:
        series = self.series.get(kind)
        landed = self.landed(kind)
        content = ((series.content if series else 0) + self.set_aside_hash[kind]) % (1 << 128)
        return TypeCount(
            asked=landed if asked is None else asked.get(kind),
            landed=landed,
            set_aside=self.set_aside[kind],
            hash=f"{content:032x}",
            shards=series.shards if series else [],
            failure=self.failures.get(kind),
        )

    def _publish(self, manifest: Manifest) -> None:
        (self.work / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        for path in self.work.iterdir():
            path.chmod(0o600)
            _fsync(path)
        self.work.rename(self.folder / manifest.run)
        _fsync(self.folder)
        for old in _runs(self.folder):  # more than one where an earlier stop left it
            if old.name != manifest.run:
                shutil.rmtree(old)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _runs(site_folder: Path) -> list[Path]:
    return sorted(p for p in site_folder.glob("[0-9]*") if p.is_dir())


def current(site_folder: Path) -> Manifest | None:
    """The newest whole run of a site, or None before the first."""
    runs = [p for p in _runs(site_folder) if (p / MANIFEST).is_file()]
    if not runs:
        return None
    path = runs[-1] / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
        raise _damaged(path) from None
    # The names are used as folders, also to remove them.
    if (manifest.site, manifest.run) != (site_folder.name, path.parent.name):
        raise _damaged(path)
    return manifest


def _damaged(path: Path) -> DataError:
    return DataError(
        f"{path}: the ledger cannot be read",
        hint=f"remove {path.parent} and pull {path.parent.parent.name} again",
    )


def set_aside(folder: Path) -> list[SetAside]:
    """What a run could not land as resources."""
    path = folder / "set_aside.ndjson"
    try:
        return [msgspec.json.decode(line, type=SetAside) for line in path.read_bytes().splitlines()]
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
        raise _damaged(path) from None
