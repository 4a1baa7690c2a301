"""Who takes part, each with a folder of their own that shares nothing but files."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rwe.federate import members, request
from rwe.federate.keys import Secret
from rwe.federate.request import Wish
from tests.cli import folders

SITES = {"north": "4.0.1", "centre": "4.0.1", "south": "5.0.0"}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Federation:
    """folders: of "coordinator" and of each site."""

    folders: dict[str, Path]

    @property
    def coordinator(self) -> Path:
        return self.folders["coordinator"]

    def sites(self) -> list[Path]:
        return [self.folders[name] for name in SITES]

    def key(self, who: str, role: str) -> Secret:
        return members.key(self.folders[who], role)

    def request(self, *asks: str, **wish: object) -> Path:
        path, _ = request.request(self.coordinator, Wish(asks=asks, **wish), now=NOW)
        return path


def federation(target: Path, ready: dict[str, Path] | None = None) -> Federation:
    """ready: folders whose stores are built, to be copied; else none has a store."""
    found = {}
    for who in ("coordinator", *SITES):
        found[who] = target / who
        if ready and who in ready:
            shutil.copytree(ready[who], found[who])
        else:
            found[who].mkdir(parents=True)
            shutil.copy(folders.FIXTURES / "msc" / "study.toml", found[who])
            shutil.copytree(folders.FIXTURES / "msc" / "codes", found[who] / "codes")
    made = Federation(folders=found)
    _pin(made)
    return made


def _pin(made: Federation) -> None:
    _, public = members.keygen(made.coordinator, "coordinator")
    text = f'coordinator = "{public.text}"\n'
    for name in SITES:
        pinned = {role: members.keygen(made.folders[name], role)[1].text for role in ("site", "steward")}
        text += f'[site.{name}]\nsite = "{pinned["site"]}"\nsteward = "{pinned["steward"]}"\n'
    for folder in made.folders.values():
        (folder / "federate" / "members.toml").write_text(text)
