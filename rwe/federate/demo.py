"""demo --federated: the example's three sites as three hospitals, and as one store beside them.

    DIR/north, centre, south, coordinator  ──▶  request, approve, answer, pool
    DIR/merged                             ──▶  the same from all rows in one store

In one process and without a network: what goes from one folder to another are the signed files alone.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rwe import data, site, study
from rwe.errors import UsageError
from rwe.federate import members, request
from rwe.federate.answer import answer
from rwe.federate.approve import approve
from rwe.federate.beside import Beside, beside
from rwe.federate.messages import Ask
from rwe.federate.pool import pool
from rwe.federate.pooled import Pooled
from rwe.federate.request import Wish
from rwe.federate.statistics import STATISTICS
from rwe.steps import cohort, compare, pull
from rwe.steps import map as mapping
from rwe.steps.world import World

COORDINATOR, MERGED = "coordinator", "merged"
AGREEMENT = "demo agreement"
SPIROMETRY = [(e, v) for e in ("FEV1", "VCmax") for v in ("d28", "d90", "d360")]
"""Too few treated at each site to tell, and enough over all."""
SUMMED, PATIENTS = "mann_whitney_asymptotic", 100


@dataclass(frozen=True, kw_only=True)
class Shown:
    pooled: Pooled
    rows: list[Beside]


def demo(folder: Path, world: World, *, now: datetime) -> Shown:
    names = _folders(folder)
    for name in (*names, MERGED):
        pull.pull(folder / name, world)
        mapping.map_(folder / name, say=world.say)
        cohort.cohort(folder / name)
    _pin(folder, names)
    asked, _ = request.request(folder / COORDINATOR, _wish(folder), now=now)
    answers = []
    for name in names:
        approve(folder / name, asked, now=now)
        answers.append(answer(folder / name, asked, now=now)[0])
    pooled = pool(folder / COORDINATOR, asked, answers, publish=False, now=now)
    merged = compare.compare(folder / MERGED)
    return Shown(pooled=pooled, rows=beside(pooled, merged, folder / MERGED))


def _wish(folder: Path) -> Wish:
    """The spirometry by secure sum, all else that the study needs by plain numbers."""
    plan = study.load(folder / COORDINATOR)
    sums = [Ask(statistic=SUMMED, variable=e, visit=v) for e, v in SPIROMETRY]
    plain = [
        ask
        for ask in request.every(plan)
        if STATISTICS[ask.statistic].of != "endpoint" or (ask.variable, ask.visit) not in SPIROMETRY
    ]
    return Wish(asks=[str(ask) for ask in (*sums, *plain)], agreement=AGREEMENT, patients=PATIENTS)


def _folders(folder: Path) -> list[str]:
    """A study folder each; of a hospital with its own resources alone, of the coordinator with none."""
    source = data.demo_study()
    found = {s.id: s.fhir_version for s in site.load(source)}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder}: is not empty", hint="rwe demo --federated DIR, with a new DIR")
        for name in (*found, COORDINATOR, MERGED):
            own = {n: version for n, version in found.items() if name in (n, MERGED)}
            _study(source, folder / name, own)
    except OSError:
        raise UsageError(f"{folder}: cannot be written", hint="name a folder of yours") from None
    return [*found]


def _study(source: Path, target: Path, sites: Mapping[str, str]) -> None:
    target.mkdir(mode=0o700)
    shutil.copyfile(source / study.FILE, target / study.FILE)
    shutil.copytree(source / "codes", target / "codes")
    for name in sites:
        shutil.copytree(source / "fhir" / name, target / "fhir" / name)
    text = (f'[{name}]\nfiles = "fhir/{name}"\nfhir_version = "{v}"\n' for name, v in sites.items())
    (target / site.FILE).write_text("\n".join(text), encoding="utf-8")


def _pin(folder: Path, names: list[str]) -> None:
    """What hospitals do by telephone: all have the public keys of all."""
    _, public = members.keygen(folder / COORDINATOR, members.COORDINATOR)
    text = f'coordinator = "{public.text}"\n'
    for name in names:
        made = {role: members.keygen(folder / name, role)[1].text for role in (members.SITE, members.STEWARD)}
        text += f'\n[site.{name}]\nsite = "{made[members.SITE]}"\nsteward = "{made[members.STEWARD]}"\n'
        policy = folder / name / members.FOLDER / members.POLICY
        policy.write_text(f'agreement = "{AGREEMENT}"\n', encoding="utf-8")
    for name in (COORDINATOR, *names):
        (folder / name / members.FOLDER / members.FILE).write_text(text, encoding="utf-8")
