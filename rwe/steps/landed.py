"""A landed shard as DuckDB reads it: relations of its lines.

data/raw  ──▶  shards()  ──▶  [Shard]
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rwe import landing
from rwe.errors import DataError
from rwe.landing import Manifest
from rwe.store import line_size, literal


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A landed shard, with whose it is and what it holds; hash: of its rows and their places.

    own: what stands before Type/id in references to its site itself, as a regular expression.
    """

    site: str
    fhir_version: str
    type: str
    name: str
    hash: str
    path: Path
    index: Path
    rows: int
    longest: int
    run: str
    own: str

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """A row of the table shard: what has the same key was mapped already."""
        return self.site, self.name, self.type, self.fhir_version, self.hash, self.own

    def lines(self) -> str:
        """A relation of the columns row (from 1) and json, which is NULL where a damaged shard breaks off."""
        options = f"ignore_errors = true{line_size(self.longest)}"
        read = f"read_ndjson_objects({literal(str(self.path))}, {options})"
        return f"(SELECT row_number() OVER () AS row, json FROM {read})"

    def lines_in(self, table: str, where: str = "true") -> str:
        """A relation of site_id, row and json: the rows that a table of site_id, shard and line names."""
        own = f"site_id = {literal(self.site)} AND shard = {literal(self.name)} AND {where}"
        named = f"row IN (SELECT line FROM {table} WHERE {own})"
        return f"(SELECT {literal(self.site)} AS site_id, row, json FROM {self.lines()} WHERE {named})"


def manifests(raw: Path, sites: Iterable[str]) -> list[Manifest]:
    return [m for site in sorted(sites) if (m := landing.current(raw / site))]


def shards(raw: Path, m: Manifest, own: str) -> Iterator[Shard]:
    at = raw / m.site
    for kind, count in m.types.items():
        for shard in count.shards:
            for name, size in zip((shard.file, shard.index), shard.bytes, strict=True):
                found = (at / name).stat().st_size if (at / name).is_file() else 0
                if found != size:  # what was mapped already is not read again, so this is all that tells
                    raise damaged(at / name, f"{found} of {size} bytes are there", m.site)
            yield Shard(
                site=m.site,
                fhir_version=m.fhir_version,
                type=kind,
                name=shard.file,
                hash=shard.hash,
                path=at / shard.file,
                index=at / shard.index,
                rows=shard.rows,
                longest=shard.longest,
                run="" if count.method == "files" else shard.run,
                own=own,
            )


def damaged(path: Path, what: str, site: str) -> DataError:
    """DuckDB takes a file that is cut for one that ends there: its patients would be gone in silence."""
    return DataError(
        f"{path}: is damaged: {what}",
        hint=f"remove {path.parent.parent} and pull {site} again",
    )
