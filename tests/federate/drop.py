"""Who takes part, each with a folder of their own that shares nothing but files."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from typer.testing import CliRunner

from rwe import cli
from rwe.federate import box, envelope, members, request
from rwe.federate.answer import answer
from rwe.federate.approve import approve
from rwe.federate.keys import Secret
from rwe.federate.ledger import Entry, entries
from rwe.federate.messages import Answer
from rwe.federate.request import Wish
from rwe.federate_cli import app
from rwe.steps.audit import stamp
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

    def answer(self, who: str, asked: Path) -> Path:
        """Approved and answered."""
        approve(self.folders[who], asked, now=LATER)
        return answer(self.folders[who], asked, now=LATER)[0]

    def opened(self, who: str, answered: Path) -> Answer:
        """What the coordinator reads."""
        plain = box.unseal(answered.read_bytes(), by=self.key("coordinator", "coordinator"), where=answered)
        keys = [self.key(who, role).public for role in ("site", "steward")]
        return envelope.opened(plain, "answer", Answer, keys=keys, where=answered)

    def ledger(self, who: str) -> list[Entry]:
        return entries(self.folders[who], now=LATER)

    def policy(self, who: str, text: str) -> None:
        (self.folders[who] / "federate" / "policy.toml").write_text(text)


def run(*words: str | Path, expect: int = 0) -> str:
    """The command line in this process; its output."""
    cli._begun.clear()
    ended = CliRunner().invoke(app, [*map(str, words)])
    cli.ended(ended.exit_code)
    assert ended.exit_code == expect, (ended.exit_code, ended.output, ended.exception)
    return ended.output


def stamp_now(**later: int) -> str:
    """Of the clock that the command line reads."""
    return stamp(datetime.now(UTC) + timedelta(**later))


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
