"""Take a patient out of what is landed of a site.

    data/raw/<site>, Patient  ──▶  purge()  ──▶  a new run without it; Removed

Shards that hold nothing of the patient stay as they are; of others the rest is written anew beside them, in
the folder of the same run, for the run is a row's age.  The ledger goes on with a line that says how many
went.  A stop leaves the picture before or after.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import polars as pl

from rwe.landing import ledger
from rwe.landing.manifest import GONE_FILE, REBORN, UNKNOWN_TYPE, Manifest, Series, Shard
from rwe.landing.purged import ID, PATIENT, plain
from rwe.landing.run import UNDER_WAY, fsync, publish
from rwe.landing.shards import WRAP, Row, Writer, lines
from rwe.landing.sift import GONE
from rwe.landing.unusable import UnusableWriter

TELLING = 8
"""Characters of an id, from which on it is taken for itself wherever it stands."""
OWN = ("subject", "patient", "individual", "beneficiary")
IN_PLACE = "purged"


@dataclass(frozen=True, kw_only=True)
class Patient:
    site: str
    id: str

    def referred_to(self, text: bytes) -> bool:
        return any(found == self.id.encode() for found in PATIENT.findall(text))

    def named(self, source: str) -> bool:
        """Is a file called after it?  Only where the id is long enough to be meant."""
        return len(self.id) >= TELLING and self.id in source

    def within(self, kind: str | None, identity: str | None, body: bytes) -> bool:
        text = plain(body)
        if kind == "Patient" and identity == self.id:
            return True
        unread = identity is None and kind in (None, "Patient", UNKNOWN_TYPE)
        return self.referred_to(text) or (unread and self.id.encode() in ID.findall(text))

    def owns(self, kind: str, body: bytes) -> bool:
        """Is it the patient's own, and not another's that refers to it?"""
        if kind == "Patient":
            return self.id.encode() in ID.findall(plain(body))[:1]
        try:
            found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except msgspec.MsgspecError:
            return True
        return any(key in found and self.referred_to(plain(bytes(found[key]))) for key in OWN)


@dataclass(kw_only=True)
class Removed:
    """By type; others: those of them that are no resources of the patient, but refer to it."""

    types: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    ids: set[tuple[str, str]] = field(default_factory=set)

    @property
    def n(self) -> int:
        return self.types.total() + self.set_aside.total()


def purge(raw: Path, patient: Patient, *, first: Callable[[], object]) -> Removed:
    """first: done when it is known that there is something to remove, before any of it is."""
    at = raw / patient.site
    before, manifest = ledger.catch_up(at), ledger.current(at)
    if manifest is None:
        return Removed()
    work = at / UNDER_WAY
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        task = _Purge(at, work, manifest, patient)
        new = task.without(before)
        if new.types != manifest.types or new.passed_over_files != manifest.passed_over_files:
            first()
            publish(at, work, new, before, purged=task.removed.n)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return task.removed


class _Purge:
    def __init__(self, at: Path, work: Path, manifest: Manifest, patient: Patient) -> None:
        self.at, self.work, self.manifest, self.patient = at, work, manifest, patient
        self.run = f"{int(manifest.run) + 1:06d}"
        self.removed = Removed()

    def without(self, before: str) -> Manifest:
        types = {kind: self._series(kind, s) for kind, s in self.manifest.types.items()}
        files = [name for name in self.manifest.passed_over_files if not self.patient.named(name)]
        return msgspec.structs.replace(
            self.manifest, run=self.run, before=before, types=types, passed_over_files=files
        )

    def _series(self, kind: str, s: Series) -> Series:
        content = int(s.hash, 16)
        shards, pieces = [], []
        for shard in s.shards:
            rest, gone = self._shard(kind, shard)
            shards += [rest] if rest else []
            content -= gone
        for piece in s.pieces:
            name, gone = self._piece(kind, piece)
            pieces += [name] if name else []
            content -= gone
        aside = self.removed.set_aside[kind]
        went = self.removed.types[kind] + aside
        return msgspec.structs.replace(
            s,
            asked=None if s.asked is None else max(0, s.asked - went),
            landed=s.landed - went,
            set_aside=s.set_aside - aside,
            hash=f"{content % WRAP:032x}",
            shards=shards,
            pieces=pieces,
            gone=[name for old in s.gone if (name := self._gone(kind, old))],
            patients=[p for p in s.patients if p != self.patient.id],
        )

    def _shard(self, kind: str, shard: Shard) -> tuple[Shard | None, int]:
        """What is left of it, and the sum of the hashes of what is not."""
        taken = {n: body for n, body, row in self._rows(shard) if self.patient.within(kind, row.id, body)}
        sources = pl.read_parquet(self.at / shard.index, glob=False, columns=["source"])["source"].unique()
        if not taken and not any(self.patient.named(source) for source in sources):
            return shard, 0
        writer, gone = Writer(self.work, kind, shard.run), 0
        for n, body, row in self._rows(shard):
            if n in taken:
                gone += int(row.hash, 16)
                self.removed.types[kind] += 1
                self.removed.others[kind] += not self.patient.owns(kind, body)
                self.removed.ids.add((kind, row.id or ""))
            else:
                writer.write(body, self._unnamed(row))
        writer.close()
        if not writer.shards:
            return None, gone
        (rest,) = writer.shards
        names = [self._placed(old, new) for old, new in ((shard.file, rest.file), (shard.index, rest.index))]
        return msgspec.structs.replace(rest, file=names[0], index=names[1]), gone

    def _rows(self, shard: Shard) -> Iterator[tuple[int, bytes, Row]]:
        """DataError where it is damaged: what cannot be read cannot be searched."""
        table = pl.read_parquet(self.at / shard.index, glob=False)
        n = 0
        for body, said in zip(
            lines(self.at / shard.file), table.drop("row").iter_rows(named=True), strict=False
        ):
            n += 1
            yield n, body, Row(**said)
        if n != shard.rows:
            raise ledger.damaged(self.at / shard.file)

    def _unnamed(self, row: Row) -> Row:
        if not self.patient.named(row.source):
            return row
        return Row(
            id=row.id,
            version=row.version,
            updated=row.updated,
            hash=row.hash,
            source=IN_PLACE,
            position=row.position,
        )

    def _placed(self, old: str, new: str) -> str:
        """Beside the old one, whose name says of which run it is."""
        run, _, name = old.partition("/")
        stem, _, rest = name.partition(".")
        number = rest.partition(".")[0]
        ending = new.rpartition("/")[2].partition(".")[2].partition(".")[2]
        target = f"{run}/{stem}.{number}.{self.run}.{ending}"
        self._move(new.rpartition("/")[2], target)
        return target

    def _move(self, name: str, target: str) -> None:
        path = (self.work / name).rename(self.at / target)
        path.chmod(0o600)
        fsync(path)
        fsync(path.parent)

    def _piece(self, kind: str, name: str) -> tuple[str | None, int]:
        index = self.at / name
        found, bodies = ledger.set_aside(index), index.with_suffix(".bin").read_bytes()
        read = [(piece, bodies[piece.offset : piece.offset + piece.length]) for piece in found]
        taken = [p for p, body in read if self.patient.within(p.type, None, body)]
        if not taken and not any(self.patient.named(p.source) for p in found):
            return name, 0
        rest = UnusableWriter(self.work, kind)
        for piece, body in read:
            if not any(piece is t for t in taken):
                source = IN_PLACE if self.patient.named(piece.source) else piece.source
                rest.add(msgspec.structs.replace(piece, source=source).unusable(body))
        rest.close()
        self.removed.set_aside[kind] += len(taken)
        gone = sum(int(p.hash, 16) for p in taken)
        if not rest.n:
            return None, gone
        stem = f"{name.partition('/')[0]}/{kind}.{self.run}.set_aside"
        self._move(rest.index.name, f"{stem}.ndjson")
        self._move(rest.bodies.name, f"{stem}.bin")
        return f"{stem}.ndjson", gone

    def _gone(self, kind: str, name: str) -> str | None:
        """The ids that the source no longer held, without the patient's own."""
        ids = pl.read_parquet(self.at / name, glob=False)["id"].to_list()
        rest = [
            i for i in ids if (kind, i) not in self.removed.ids and (kind, i) != ("Patient", self.patient.id)
        ]
        if rest == ids:
            return name
        if not rest:
            return None
        end = REBORN if name.endswith(REBORN) else GONE_FILE
        file = f"{kind}.{self.run}{end}"
        pl.DataFrame({"id": rest}, schema=GONE).write_parquet(self.work / file)
        target = f"{name.partition('/')[0]}/{file}"
        self._move(file, target)
        return target
