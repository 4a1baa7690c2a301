"""What a run's manifest.json says: the site's whole picture after it.

All file names are relative to the site's folder, `000003/Observation.001.ndjson.zst`.
"""

import msgspec

from rwe.resource import Place, Unusable

UNKNOWN_TYPE = "unknown"
NAME = "manifest.json"
GONE_FILE, REBORN = ".gone.parquet", ".reborn.parquet"


def gone_in(name: str) -> str:
    """The last run whose rows a file of gone ids ends: its own; of ids made again in it the one before."""
    run, _, file = name.partition("/")
    return f"{int(run) - 1:06d}" if file.endswith(REBORN) else run


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """hash: of its rows in their order, and of the places they came from; bytes: of both files."""

    file: str
    index: str
    rows: int
    longest: int
    hash: str
    bytes: tuple[int, int]

    @property
    def run(self) -> str:
        return self.file.partition("/")[0]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One type, as it was asked for.

    asked: what the source says it holds, of every time it was asked, null where it cannot tell; an older
    version that came along counts too.  hash: of all rows, in any order.  pieces: the indexes of what was
    set aside.  gone: files of the ids that the source no longer holds, or
    did not hold before it made them again.  query: what was asked, hashed;
    another one is another series.  patients: those it was asked for, where it was a Group's.
    stale: why the last time it was asked brought nothing, so that this is as of the time before.
    watermark: the source's time up to which this is whole.
    deletions_known_at: the source's time up to which deletions are known, null where they never were.
    """

    asked: int | None
    landed: int
    set_aside: int
    hash: str
    shards: list[Shard]
    pieces: list[str]
    gone: list[str] = []
    failure: str | None = None
    stale: str | None = None
    method: str
    query: str = ""
    patients: list[str] = []
    watermark: str | None = None
    deletions_known_at: str | None = None

    def same_content(self, other: "Series") -> bool:
        """The two hold the same resources, whatever the order they came in."""

        def content(s: Series) -> list[object]:
            return [s.asked, s.landed, s.set_aside, s.hash, s.gone, s.failure, s.stale, s.method, s.query]

        return content(self) == content(other)

    def files(self) -> set[str]:
        bodies = [piece.removesuffix(".ndjson") + ".bin" for piece in self.pieces]
        shards = [name for s in self.shards for name in (s.file, s.index)]
        return {*shards, *self.pieces, *bodies, *self.gone}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """before: the hash of the ledger's line before this run's, which chains them."""

    site: str
    run: str
    fhir_version: str
    method: str
    pulled_at: str | None
    types: dict[str, Series]
    passed_over: dict[str, int]
    passed_over_files: list[str]
    before: str = ""

    @property
    def whole(self) -> bool:
        return all(series.failure is None for series in self.types.values())

    def same_content(self, other: "Manifest") -> bool:
        def content(m: Manifest) -> list[object]:
            # What a server gives beside what is asked for depends on how it was asked, the last time.
            beside = [m.passed_over, sorted(m.passed_over_files)] if m.method == "files" else []
            return [m.fhir_version, m.method, [*m.types], *beside]

        return content(self) == content(other) and self.types == other.types

    @property
    def deletions_known_at(self) -> str | None:
        """Of every type."""
        known = [series.deletions_known_at for series in self.types.values()]
        return min((k for k in known if k), default=None) if all(known) else None

    def files(self) -> set[str]:
        return {name for series in self.types.values() for name in series.files()}


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A line of *.set_aside.ndjson; offset and length are those of its bytes in *.set_aside.bin."""

    type: str | None
    reason: str
    source: str
    position: int
    hash: str
    offset: int
    length: int
    detail: str | None = None

    def unusable(self, body: bytes) -> Unusable:
        place = Place(source=self.source, position=self.position)
        return Unusable(type=self.type, reason=self.reason, body=body, place=place, detail=self.detail)
