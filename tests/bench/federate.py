"""The answers of many sites pooled: CPU, and the size of a request and of an answer.

    python -m tests.bench.federate [--sites 50 200 1000]

All statistics of the example, two strata each; the numbers of the sites are made up.  Goal: 50 sites in 10 s
of CPU, and cost linear in sites.
"""

import argparse
import random
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rwe.federate import box, envelope, members
from rwe.federate.keys import Public, Secret
from rwe.federate.messages import Answer, Ask, Count, Part, Request
from rwe.federate.pool import pool
from rwe.federate.request import Wish, request
from rwe.federate.statistics import STATISTICS
from rwe.stats.moments import Moments, TwoMoments
from rwe.stats.summaries import ArmEvents, Events, TwoSamples
from rwe.stats.van_elteren import Ranked
from tests.cli import folders

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def main() -> None:
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--sites", type=int, nargs="+", default=[50, 200])
    for n in wanted.parse_args().sites:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{n:5d} sites: {once(Path(folder) / 'study', n)}")


def once(study: Path, n: int) -> str:
    folders.copy("msc", study)
    _, coordinator = members.keygen(study, "coordinator")
    keys = {f"s{k}": (Secret.make(), Secret.make()) for k in range(n)}
    text = f'coordinator = "{coordinator.text}"\n'
    for name, (site, steward) in keys.items():
        text += f'[site.{name}]\nsite = "{site.public.text}"\nsteward = "{steward.public.text}"\n'
    (study / "federate" / "members.toml").write_text(text)
    shutil.rmtree(study / "fhir")
    path, _ = request(study, Wish(), now=NOW)
    asked = envelope.opened(path.read_bytes(), "request", Request, keys=[coordinator], where=path)
    answers = [answered(study, asked, name, by, coordinator) for name, by in keys.items()]
    began = time.process_time()
    found = pool(study, path, answers, publish=False, now=NOW)
    spent = time.process_time() - began
    sizes = f"request {path.stat().st_size:,} bytes, answer {answers[0].stat().st_size:,}"
    return f"{spent:6.2f} CPU s, {len(asked.asks)} comparisons, {len(found.rows)} rows; {sizes}"


def answered(study: Path, asked: Request, name: str, by: tuple[Secret, Secret], to: Public) -> Path:
    chance = random.Random(name)
    made = Answer(
        query=asked.query,
        request=envelope.digest(asked),
        site=name,
        created="2026-03-01T00:00:00.000Z",
        data_as_of=None,
        software="rwe",
        parts=[[part(ask, s, chance) for s in ("moderate", "severe")] for ask in asked.asks],
    )
    path = study / f"{name}.sealed"
    path.write_bytes(box.seal(envelope.sign(made, "answer", *by), to=to))
    return path


def part(ask: Ask, stratum: str, chance: random.Random) -> Part:
    treated, control = ([chance.gauss(60, 10) for _ in range(chance.randint(20, 60))] for _ in range(2))
    leaves = STATISTICS[ask.statistic].leaves
    numbers = {
        "count": lambda: Count(treated=len(treated), control=len(control)),
        "ranks": lambda: Ranked.of(TwoSamples.of(treated, control)),
        "moments": lambda: TwoMoments(treated=Moments.of(treated), control=Moments.of(control)),
        "events": lambda: Events(treated=events(treated), control=events(control)),
    }
    return Part(stratum=stratum, **{leaves: numbers[leaves]()})


def events(values: list[float]) -> ArmEvents:
    had = sum(v > 65 for v in values)
    return ArmEvents(patients=had, events=had, n=len(values), person_days=sum(values))


if __name__ == "__main__":
    main()
