"""federate/members.toml: whose keys are trusted; federate/policy.toml: what this site answers.

    coordinator = "rwe1-public-…"          # members.toml, alike at all who take part
    [site.north]
    site = "rwe1-public-…"
    steward = "rwe1-public-…"

    agreement = "DUA 2026-03"              # policy.toml, of this site alone; it may only tighten
    min_arm = 10

Keys are pinned when the agreement is signed, their fingerprints read aloud.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from rwe import toml
from rwe.errors import StudyError, UsageError
from rwe.federate.keys import Public, Secret
from rwe.federate.refusals import refusal
from rwe.study import Keys, Name

FOLDER, FILE, POLICY = "federate", "members.toml", "policy.toml"
COORDINATOR, SITE, STEWARD = ROLES = ("coordinator", "site", "steward")


def _key(text: str) -> str:
    Public.read(text)
    return text


Key = Annotated[str, AfterValidator(_key)]


class SiteKeys(Keys):
    site: Key
    steward: Key

    def public(self) -> tuple[Public, Public]:
        return Public.read(self.site), Public.read(self.steward)


class Members(Keys):
    coordinator: Key
    site: dict[Name, SiteKeys] = Field(min_length=1)

    @model_validator(mode="after")
    def each_key_is_of_one(self) -> Self:
        texts = [self.coordinator, *(key for s in self.site.values() for key in (s.site, s.steward))]
        halves = [half for text in texts for half in Public.read(text).halves]
        if len({*halves}) < len(halves):
            raise ValueError("a key stands twice: coordinator, site and steward each have their own")
        return self

    def public(self) -> Public:
        return Public.read(self.coordinator)


class Policy(Keys):
    """agreement: the one by which cells of 1 to 4 may go to the coordinator; without it none do."""

    agreement: str = ""
    min_arm: int = Field(default=5, ge=5, le=1000)
    min_cell: int = Field(default=5, ge=5, le=1000)
    requests: int = Field(default=50, ge=0, le=50)


@dataclass(frozen=True, kw_only=True)
class Own:
    """A site, seen from itself."""

    name: str
    members: Members
    policy: Policy


def folder_of(study_dir: Path) -> Path:
    folder = study_dir / FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as e:
        raise UsageError(f"{folder}: cannot be made ({e.strerror})") from None
    return folder


def load(study_dir: Path) -> Members:
    path = study_dir / FOLDER / FILE
    missing = "it names the public key of each who takes part: see README, `rwe federate keygen`"
    return toml.check(
        toml.read(path, StudyError, missing=missing), Members, where=str(path), error=StudyError
    )


def policy(study_dir: Path) -> Policy:
    path = study_dir / FOLDER / POLICY
    if not path.exists():
        return Policy()
    return toml.check(toml.read(path, StudyError, missing=""), Policy, where=str(path), error=StudyError)


def own(study_dir: Path) -> Own:
    """Which of the sites this is, by its key."""
    members, public = load(study_dir), key(study_dir, SITE).public.text
    names = [name for name, s in members.site.items() if s.site == public]
    if not names:
        raise refusal("wrong_key", study_dir / FOLDER / f"{SITE}.key")
    return Own(name=names[0], members=members, policy=policy(study_dir))


def key(study_dir: Path, role: str) -> Secret:
    return Secret.read(study_dir / FOLDER / f"{role}.key")


def keygen(study_dir: Path, role: str) -> tuple[Path, Public]:
    made, path = Secret.make(), folder_of(study_dir) / f"{role}.key"
    made.write(path)
    return path, made.public
