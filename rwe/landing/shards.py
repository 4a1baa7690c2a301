"""The shards of one type: written row by row, read line by line.

A shard holds one resource a line, its bytes as they came.  The index beside it (Parquet) says for each
row its id, version, hash and place.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec
import numpy as np
import polars as pl
import zstandard

from rwe.landing.manifest import Shard
from rwe.resource import Resource

ROWS_PER_SHARD = 100_000
BLOCK = 1 << 20
"""Bytes that are compressed at once."""
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


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the index says of a resource, but for its number."""

    id: str | None
    version: str | None
    updated: str | None
    hash: str
    source: str
    position: int


class Writer:
    """Shards of one type in a folder, one open at a time; what came last is in none before close().

    `content`: the hash of all that is in shards, in any order.
    """

    def __init__(self, folder: Path, kind: str, run: str) -> None:
        self.folder, self.kind, self.run = folder, kind, run
        self.shards: list[Shard] = []
        self.landed = self.content = 0
        self._stream: IO[bytes] | None = None
        self._begin()

    def _begin(self) -> None:
        self._bodies: list[bytes] = []
        self._size = self._longest = 0
        self._digests: list[bytes] = []
        self._said: list[tuple[str | None, str | None, str | None, str, int]] = []

    def add(self, r: Resource) -> None:
        self._digests.append(r.content)
        self._said.append((r.id, r.version, r.updated, r.place.source, r.place.position))
        self._take(r.body)

    def write(self, body: bytes, row: Row) -> None:
        """As an index says it."""
        self._digests.append(bytes.fromhex(row.hash))
        self._said.append((row.id, row.version, row.updated, row.source, row.position))
        self._take(body)

    def _take(self, body: bytes) -> None:
        self._bodies.append(body)
        self._size += len(body)
        self.landed += 1
        if len(self._said) == ROWS_PER_SHARD:
            self.close()
        elif self._size >= BLOCK:
            self._flush()

    def _flush(self) -> None:
        """Many at once: a call for each costs more than its compression."""
        if self._stream is None:
            compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
            self._stream = zstandard.open(self._files()[0], "wb", cctx=compressor)
        self._longest = max(self._longest, *map(len, self._bodies))
        self._stream.write(b"\n".join([*self._bodies, b""]))
        self._bodies, self._size = [], 0

    def _files(self) -> tuple[Path, Path]:
        stem = self.folder / f"{self.kind}.{len(self.shards) + 1:03d}"
        return Path(f"{stem}.ndjson.zst"), Path(f"{stem}.index.parquet")

    def close(self) -> None:
        if not self._said:
            return
        if self._bodies:
            self._flush()
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        rows, index = self._files()
        self._index().write_parquet(index)
        self.shards.append(
            Shard(
                file=f"{self.run}/{rows.name}",
                index=f"{self.run}/{index.name}",
                rows=len(self._said),
                longest=self._longest,
                hash=self._ordered(),
                bytes=(rows.stat().st_size, index.stat().st_size),
            )
        )
        self.content = (self.content + total(self._digests)) % WRAP
        self._begin()

    def _index(self) -> pl.DataFrame:
        ids, versions, updated, sources, positions = zip(*self._said, strict=True)
        hashes = pl.Series(self._digests, dtype=pl.Binary).bin.encode("hex")
        columns = (range(1, len(ids) + 1), ids, versions, updated, hashes, sources, positions)
        return pl.DataFrame(dict(zip(INDEX, columns, strict=True)), schema=INDEX)

    def _ordered(self) -> str:
        """Of the rows in their order, and of where they came from."""
        rows = zip(self._digests, self._said, strict=True)
        said = b"".join(placed(d, s[3], s[4]) for d, s in rows)
        return hashlib.blake2b(said, digest_size=16).hexdigest()


def placed(content: bytes, source: str, position: int) -> bytes:
    """What a shard's hash is of, row by row."""
    return b"%b%b\0%d\0" % (content, source.encode(), position)


def total(digests: list[bytes]) -> int:
    """The sum of hashes of 16 bytes, as whole numbers."""
    words = np.frombuffer(b"".join(digests), ">u4").reshape(-1, 4).sum(axis=0, dtype=np.uint64)
    return sum(int(word) << shift for word, shift in zip(words, (96, 64, 32, 0), strict=True))


def lines(shard: Path) -> Iterator[bytes]:
    """The resources of a shard, one by one, as far as it can be read."""
    with suppress(zstandard.ZstdError), zstandard.open(shard, "rb") as stream:
        yield from (line.rstrip(b"\n") for line in io.BufferedReader(stream))
