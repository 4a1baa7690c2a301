"""All that is landed of a site, read again and held against its manifest and its ledger.

    data/raw/<site>  ──▶  ledger_troubles(), series()  ──▶  what is not as it was written, in words

Shard by shard, so that memory does not grow with the data.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from rwe import chain
from rwe.errors import DataError
from rwe.landing import ledger
from rwe.landing.manifest import NAME, Manifest, Series, Shard
from rwe.landing.shards import INDEX, WRAP, lines, placed
from rwe.landing.sift import GONE
from rwe.resource import digest

Told = Callable[[int], object]


@dataclass(kw_only=True)
class Read:
    """What was found of a series; content: the hash of all, in any order."""

    rows: int = 0
    set_aside: int = 0
    content: int = 0
    troubles: list[str] = field(default_factory=list)


def ledger_troubles(site_folder: Path, manifest: Manifest) -> Iterator[str]:
    """DataError where the ledger is no chain.  A run whose line a stop left out is no trouble."""
    found = ledger.lines(site_folder)
    last, before = found[-1] if found else (None, "")
    if last is None or last.run < manifest.run:
        if manifest.before != before:
            yield f"{ledger.LEDGER}: does not lead to run {manifest.run}"
        return
    path = site_folder / manifest.run / NAME
    if (last.run, last.manifest) != (manifest.run, chain.sha256(path.read_bytes())):
        yield f"{manifest.run}/{NAME}: is not what the ledger says"
    elif last.before != manifest.before:
        yield f"{ledger.LEDGER}: the line of run {manifest.run} is in another place"


def series(site_folder: Path, s: Series, told: Told) -> Read:
    """told: of how many more rows were read."""
    read = Read()
    for shard in s.shards:
        read.troubles += _shard(site_folder, shard, read, told)
    for name in s.pieces:
        read.troubles += _pieces(site_folder / name, name, read)
    for name in s.gone:
        if _parquet(site_folder / name, GONE) is None:
            read.troubles.append(f"{name}: cannot be read")
    if not read.troubles:
        read.troubles += _sums(s, read)
    return read


def _sums(s: Series, read: Read) -> Iterator[str]:
    if (read.rows + read.set_aside, read.set_aside) != (s.landed, s.set_aside):
        yield f"{read.rows} rows and {read.set_aside} set aside are there, of {s.landed} landed"
    elif f"{read.content:032x}" != s.hash:
        yield "the rows are not those that were landed"


def _shard(site_folder: Path, shard: Shard, read: Read, told: Told) -> Iterator[str]:
    for name, size in zip((shard.file, shard.index), shard.bytes, strict=True):
        path = site_folder / name
        found = path.stat().st_size if path.is_file() else 0
        if found != size:
            yield f"{name}: {found} of {size} bytes are there"
            return
    table = _parquet(site_folder / shard.index, INDEX)
    if table is None or table.height != shard.rows:
        yield f"{shard.index}: cannot be read whole"
        return
    yield from _rows(site_folder / shard.file, shard, table, read)
    told(shard.rows)


def _rows(path: Path, shard: Shard, table: pl.DataFrame, read: Read) -> Iterator[str]:
    ordered, same, n = hashlib.blake2b(digest_size=16), 0, 0
    for body, row in zip(lines(path), table.iter_rows(named=True), strict=False):
        n += 1
        content = _hash(body)
        same += content == row["hash"] and _named(body) == (row["id"], row["version"], row["updated"])
        ordered.update(placed(_bytes(row["hash"]), row["source"], row["position"]))
        read.content = (read.content + int(content, 16)) % WRAP
    read.rows += n
    if n != shard.rows:
        yield f"{shard.file}: {n} of {shard.rows} rows can be read"
    elif same != n:
        yield f"{shard.file}: {n - same} rows are not what they were, or not as its index says"
    elif ordered.hexdigest() != shard.hash:
        yield f"{shard.index}: is not what it was"


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


class Meta(msgspec.Struct, rename="camel"):
    version_id: Any = None
    last_updated: Any = None


class Head(msgspec.Struct):
    id: Any = None
    meta: Meta | None = None


def _named(body: bytes) -> tuple[str | None, ...]:
    """The id, the version and the time of a landed resource."""
    try:
        head = msgspec.json.decode(body, type=Head)
    except msgspec.MsgspecError:
        return ()
    meta = head.meta or Meta()
    return tuple(v if isinstance(v, str) else None for v in (head.id, meta.version_id, meta.last_updated))


def _hash(body: bytes) -> str:
    """As it was landed; of what is no JSON any more, that of nothing."""
    try:
        return digest(msgspec.json.format(body, indent=-1)).hex()
    except msgspec.MsgspecError:
        return hashlib.blake2b(digest_size=16).hexdigest()


def _pieces(index: Path, name: str, read: Read) -> Iterator[str]:
    try:
        found, bodies = ledger.set_aside(index), index.with_suffix(".bin").open("rb")
    except (DataError, OSError):
        yield f"{name}: what was set aside cannot be read"
        return
    with bodies:
        for piece in found:
            bodies.seek(piece.offset)
            content = hashlib.blake2b(bodies.read(piece.length), digest_size=16).hexdigest()
            if content != piece.hash:
                yield f"{name}: what was set aside is not what it was"
                return
            read.set_aside += 1
            read.content = (read.content + int(content, 16)) % WRAP


def _parquet(path: Path, schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame | None:
    try:
        return pl.read_parquet(path, glob=False, columns=[*schema])
    except (OSError, pl.exceptions.PolarsError):
        return None
