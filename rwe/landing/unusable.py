"""What of one type cannot be a resource: its bytes in one file, its place and reason in another."""

import hashlib
from pathlib import Path
from typing import IO

import msgspec

from rwe.landing.ledger import set_aside
from rwe.landing.manifest import UNKNOWN_TYPE, SetAside
from rwe.landing.shards import WRAP
from rwe.resource import Unusable


class UnusableWriter:
    """`n` and `content`, the hash of all in any order, count what is written."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.kind = kind
        self.index, self.bodies = (folder / f"{kind}.set_aside.{end}" for end in ("ndjson", "bin"))
        self.files: tuple[IO[bytes], IO[bytes]] | None = None
        self.n = self.content = 0

    def add(self, item: Unusable) -> None:
        if self.files is None:
            self.files = self.index.open("wb"), self.bodies.open("wb")
        index, bodies = self.files
        line = SetAside(
            type=None if self.kind == UNKNOWN_TYPE else self.kind,
            reason=item.reason,
            source=item.place.source,
            position=item.place.position,
            hash=hashlib.blake2b(item.body, digest_size=16).hexdigest(),
            offset=bodies.tell(),
            length=len(item.body),
            detail=item.detail,
        )
        bodies.write(item.body)
        index.write(msgspec.json.encode(line) + b"\n")
        self.n += 1
        self.content = (self.content + int(line.hash, 16)) % WRAP

    def close(self) -> None:
        for file in self.files or ():
            file.close()
        self.files = None

    def without(self, known: set[tuple[str, str]]) -> "UnusableWriter":
        """Of what is written only what is not known by reason and hash; the files are written anew."""
        if not self.n:
            return self
        found, bodies = set_aside(self.index), self.bodies.read_bytes()
        fresh = [line for line in found if (line.reason, line.hash) not in known]
        self.index.unlink()
        self.bodies.unlink()
        rest = UnusableWriter(self.index.parent, self.kind)
        for line in fresh:
            rest.add(line.unusable(bodies[line.offset : line.offset + line.length]))
        rest.close()
        return rest
