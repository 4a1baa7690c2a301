"""The ledger of a site: ledger.ndjson, one line a run, each with the hash of the line before.

The newest manifest is the picture; the ledger is apart from it and from the store, so that either can be
held against it.  A run is there when its folder is; its line comes after, and is added at the next start
where a stop fell between the two.
"""

from pathlib import Path

import msgspec

from rwe import chain
from rwe.errors import DataError
from rwe.landing.manifest import NAME, Manifest, SetAside

LEDGER = "ledger.ndjson"


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    asked: int | None
    landed: int
    set_aside: int
    hash: str
    watermark: str | None
    failure: str | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """manifest: the SHA-256 of manifest.json; before: of the line before, as it stands.

    purged: how many resources and set-aside pieces were taken out, of a run that fetched none.
    """

    run: str
    before: str
    pulled_at: str | None
    manifest: str
    types: dict[str, Sums]
    purged: int = 0


def runs(site_folder: Path) -> list[Path]:
    return sorted(p for p in site_folder.glob("[0-9]*") if p.is_dir())


def current(site_folder: Path) -> Manifest | None:
    """The site's picture, or None before the first run."""
    found = [p for p in runs(site_folder) if (p / NAME).is_file()]
    if not found:
        return None
    path = found[-1] / NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
        raise damaged(path) from None
    # The names are used as folders, also to remove them.
    if (manifest.site, manifest.run) != (site_folder.name, path.parent.name):
        raise damaged(path)
    return manifest


def damaged(path: Path) -> DataError:
    site = path.parent.parent if path.parent.name.isdecimal() else path.parent
    return DataError(f"{path}: the ledger cannot be read", hint=f"remove {site} and pull {site.name} again")


def lines(site_folder: Path) -> list[tuple[Line, str]]:
    """The ledger, with the hash of each line; DataError where it is no chain."""
    try:
        return chain.read(site_folder / LEDGER, Line)
    except chain.BrokenError:
        raise damaged(site_folder / LEDGER) from None


def catch_up(site_folder: Path) -> str:
    """Add the line of a run that was stopped before it; the hash of the last line.

    DataError where the ledger knows of a newer run than is there: its data were lost or put back.
    """
    manifest, written = current(site_folder), lines(site_folder)
    last, before = written[-1] if written else (None, "")
    if manifest is None and last is None:
        return ""
    path = site_folder / (manifest.run if manifest else "") / NAME
    if manifest is not None and (last is None or last.run < manifest.run):
        return append(site_folder, manifest, path.read_bytes(), before)
    if (
        manifest is None
        or last is None
        or (last.run, last.manifest) != (manifest.run, chain.sha256(path.read_bytes()))
    ):
        raise DataError(
            f"{site_folder}: what is landed is not what the ledger says",
            hint=f"put the folder back as it was, or remove it and pull {site_folder.name} again",
        )
    return before


def append(site_folder: Path, manifest: Manifest, text: bytes, before: str, *, purged: int = 0) -> str:
    sums = {
        kind: Sums(
            asked=s.asked,
            landed=s.landed,
            set_aside=s.set_aside,
            hash=s.hash,
            watermark=s.watermark,
            failure=s.failure,
        )
        for kind, s in manifest.types.items()
    }
    line = Line(
        run=manifest.run,
        before=before,
        pulled_at=manifest.pulled_at,
        manifest=chain.sha256(text),
        types=sums,
        purged=purged,
    )
    return chain.append(site_folder / LEDGER, msgspec.json.encode(line))


def set_aside(index: Path) -> list[SetAside]:
    """What could not be landed as a resource."""
    try:
        return [msgspec.json.decode(line, type=SetAside) for line in index.read_bytes().splitlines()]
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError):
        raise damaged(index) from None
