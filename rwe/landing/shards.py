"""The shards of one type: written row by row, read line by line.

A shard holds one resource a line, its bytes as they came.  The index beside it (Parquet) says for each
row its id, version, hash and place.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec
import polars as pl
import zstandard

from rwe.landing.manifest import Shard
from rwe.resource import Resource

ROWS_PER_SHARD = 100_000
INDEX = {
    "row": pl.Int64,
    "id": pl.String,
    "version": pl.String,
    "updated": pl.String,
    "hash": pl.String,
    "source": pl.String,
    "position": pl.Int64,
}
WRAP = 1 << 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What the index says of a resource, but for its number."""

    id: str | None
    version: str | None
    updated: str | None
    hash: str
    source: str
    position: int


class Writer:
    """Shards of one type in a folder, one open at a time; `content` is the hash of all, in any order."""

    def __init__(self, folder: Path, kind: str, run: str) -> None:
        self.folder, self.kind, self.run = folder, kind, run
        self.shards: list[Shard] = []
        self.landed = self.content = self.longest = 0
        self.stream: IO[bytes] | None = None
        self.rows: list[tuple[object, ...]] = []
        self.digest = hashlib.blake2b(digest_size=16)

    def add(self, r: Resource) -> None:
        # White space is no content: the same resource in an indented Bundle is the same resource.
        plain = msgspec.json.format(r.body, indent=-1)
        digest = hashlib.blake2b(plain, digest_size=16).hexdigest()
        place = r.place
        self.write(
            r.body,
            Row(
                id=r.id,
                version=r.version,
                updated=r.updated,
                hash=digest,
                source=place.source,
                position=place.position,
            ),
        )

    def write(self, body: bytes, row: Row) -> None:
        if self.stream is None:
            self.stream = self._open()
        self.stream.write(body + b"\n")
        self.rows.append(
            (len(self.rows) + 1, row.id, row.version, row.updated, row.hash, row.source, row.position)
        )
        digest = bytes.fromhex(row.hash)
        self.digest.update(b"%b%b\0%d\0" % (digest, row.source.encode(), row.position))
        self.landed += 1
        self.longest = max(self.longest, len(body))
        self.content = (self.content + int.from_bytes(digest)) % WRAP
        if len(self.rows) == ROWS_PER_SHARD:
            self.close()

    def _stem(self) -> str:
        return f"{self.kind}.{len(self.shards) + 1:03d}"

    def _open(self) -> IO[bytes]:
        stream: IO[bytes] = zstandard.open(
            self.folder / f"{self._stem()}.ndjson.zst",
            "wb",
            cctx=zstandard.ZstdCompressor(level=3, write_checksum=True),
        )
        return stream

    def close(self) -> None:
        if self.stream is None:
            return
        self.stream.close()
        self.stream = None
        files = [self.folder / f"{self._stem()}.{end}" for end in ("ndjson.zst", "index.parquet")]
        pl.DataFrame(self.rows, schema=INDEX, orient="row").write_parquet(files[1])
        self.shards.append(
            Shard(
                file=f"{self.run}/{files[0].name}",
                index=f"{self.run}/{files[1].name}",
                rows=len(self.rows),
                longest=self.longest,
                hash=self.digest.hexdigest(),
                bytes=(files[0].stat().st_size, files[1].stat().st_size),
            )
        )
        self.rows, self.longest, self.digest = [], 0, hashlib.blake2b(digest_size=16)


def lines(shard: Path) -> Iterator[bytes]:
    """The resources of a shard, one by one, as far as it can be read."""
    with suppress(zstandard.ZstdError), zstandard.open(shard, "rb") as stream:
        yield from (line.rstrip(b"\n") for line in io.BufferedReader(stream))
