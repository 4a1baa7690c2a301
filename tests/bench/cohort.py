"""The SQL of a cohort against one plain join of the same tables.

    python -m tests.bench.cohort [--rows 1000000] [--rounds 5] [--files]

The tables are synthetic, as `rwe map` would leave them (cohort.sql).  The join has what is least: each
Observation's text read as a time, its patient's time zero, the visit's window, and the nearest value.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rwe import data
from rwe.steps import folder
from rwe.store import Store
from tests.bench.cpu import interleaved, once, python, rwe

TABLES = Path(__file__).with_name("cohort.sql")
PATIENT = '{"resourceType": "Patient", "id": "first", "meta": {"versionId": "1"}}\n'
JOIN = """
CREATE OR REPLACE TABLE nearest AS
SELECT
    m.site_id, m.patient_id, m.system, m.code, v.visit, ARG_MIN(m.value, ABS(m.day - v.target)) AS value
FROM (
    SELECT
        o.site_id, o.patient_id, o.system, o.code, o.value,
        (EPOCH_US(CAST(o.effective AS TIMESTAMPTZ)) - EPOCH_US(c.zero_at)) / 86400e6 AS day
    FROM observation AS o
    INNER JOIN cohort AS c ON o.site_id = c.site_id AND o.patient_id = c.patient_id
) AS m
INNER JOIN visit AS v ON m.day >= v.start_day AND m.day < v.end_day
GROUP BY ALL
"""
OPENED = """
import json, resource
from pathlib import Path
from rwe import study
from rwe.steps import cohort, folder
from rwe.store import Store
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
plan = study.load(Path({study!r}))
with Store.open(folder.data_folder(plan.folder)) as store:
    store.run("BEGIN")
    {work}
    store.run("ROLLBACK")
"""
BY_FILE = """
    spent, one = {}, store.run_file
    def run_file(path):
        before = cpu()
        one(path)
        spent[f"{path.parent.name}/{path.stem}"] = cpu() - before
    store.run_file, checks = run_file, cohort._run_checks
    def run_checks(store):
        before = cpu()
        checks(store)
        spent["check/*"] = cpu() - before
    cohort._run_checks, whole = run_checks, cpu()
    cohort.build(store, plan)
    spent["all"] = cpu() - whole
    print(json.dumps(spent))
"""


def folder_of_one(place: Path) -> Path:
    """The demo's study, of a site with one patient; a bench fills the store."""
    study, source = place / "study", place / "fhir"
    shutil.copytree(data.demo_study(), study, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    source.mkdir()
    (source / "Patient.ndjson").write_text(PATIENT)
    (study / "sites.toml").write_text(f'[bench]\nfiles = "{source}"\nfhir_version = "4.0.1"\n')
    return study


@contextmanager
def mapped(rows: int) -> Iterator[Path]:
    """A study folder with a store of so many Observations, and its cohort."""
    with tempfile.TemporaryDirectory() as name:
        study = folder_of_one(Path(name))
        for verb in ("pull", "map"):
            once(rwe(verb, "--dir", study))
        with Store.open(folder.data_folder(study)) as store, store.transaction("map"):
            store.run(TABLES.read_text().format(n=rows))
        once(rwe("cohort", "--dir", study))
        yield study


def opened(study: Path, work: str) -> list[str]:
    """Python that does its work in a transaction which is not kept."""
    return [*python(OPENED.format(study=str(study), work=work))]


def ratios(rows: int, rounds: int) -> None:
    with mapped(rows) as study:
        commands = {
            "start": opened(study, "pass"),
            "plain join": opened(study, f"store.run({JOIN!r})"),
            "SQL of the cohort": opened(study, "cohort.build(store, plan)"),
            "rwe cohort": rwe("cohort", "--dir", study),
        }
        spent = interleaved(commands, rounds=rounds)
    start, join = spent["start"].cpu, spent["plain join"].cpu
    print(f"\n{rows} Observations; start taken off (goal: 3 x)")
    for name, s in spent.items():
        print(f"  {name:20s} {s}   {(s.cpu - start) / (join - start):6.2f} x")


def by_file(rows: int) -> None:
    with mapped(rows) as study:
        said = subprocess.run(opened(study, BY_FILE.strip()), check=True, stdout=subprocess.PIPE)
    spent = json.loads(said.stdout.splitlines()[-1])
    print(f"\n{rows} Observations, CPU by file")
    for name, cpu in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"  {name:28s} {cpu:6.2f} s")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, nargs="+", default=[250_000, 1_000_000, 4_000_000])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--files", action="store_true")
    given = arguments.parse_args()
    for rows in given.rows:
        by_file(rows) if given.files else ratios(rows, given.rounds)
