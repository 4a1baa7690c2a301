"""The answers of many sites pooled: CPU, and the size of a request and of an answer, whole and by statistic.

    python -m tests.bench.federate [--sites 50 200 1000] [--patients 100]

All statistics of the example, two strata each; the numbers of the sites are made up.  Goal: 50 sites in 10 s
of CPU, cost linear in sites, and 100 kB an answer.
patients: the most of a stratum in a secure sum.
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
from rwe.federate.messages import Answer, Part, Request
from rwe.federate.pool import pool
from rwe.federate.request import Wish, request
from tests.bench.federated_bytes import STRATA, part, table
from tests.cli import folders

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def main() -> None:
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--sites", type=int, nargs="+", default=[50, 200])
    wanted.add_argument("--patients", type=int, default=100)
    given = wanted.parse_args()
    print(table(given.patients))
    for n in given.sites:
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
    told = [parts(asked, random.Random(seed)) for seed in range(20)]
    answers = [
        answered(study, asked, name, by, to=coordinator, told=told[k % 20])
        for k, (name, by) in enumerate(keys.items())
    ]
    began = time.process_time()
    found = pool(study, path, answers, publish=False, now=NOW)
    spent = time.process_time() - began
    sizes = f"request {path.stat().st_size:,} bytes, answer {answers[0].stat().st_size:,}"
    return f"{spent:6.2f} CPU s, {len(asked.asks)} comparisons, {len(found.rows)} rows; {sizes}"


def parts(asked: Request, chance: random.Random) -> list[list[Part]]:
    return [[part(ask, s, chance) for s in STRATA] for ask in asked.asks]


def answered(
    study: Path, asked: Request, name: str, by: tuple[Secret, Secret], *, to: Public, told: list[list[Part]]
) -> Path:
    made = Answer(
        query=asked.query,
        request=envelope.digest(asked),
        site=name,
        created="2026-03-01T00:00:00.000Z",
        data_as_of=None,
        software="rwe",
        parts=told,
    )
    path = study / f"{name}.sealed"
    path.write_bytes(box.seal(envelope.sign(made, "answer", *by), to=to))
    return path


if __name__ == "__main__":
    main()
