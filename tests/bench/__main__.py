"""Print the table: `python -m tests.bench [NAME …]`."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rwe import data
from tests.bench.cpu import Command, Spent, interleaved, python
from tests.bench.generate import generate

OBSERVATIONS = 100_000


def rwe(*words: str | Path) -> Command:
    return [sys.executable, "-m", "rwe", *map(str, words)]


def help_() -> None:
    spent = interleaved({"import typer": python("import typer"), "rwe --help": rwe("--help")}, rounds=11)
    show("rwe --help", spent, over="import typer", goal="at most 2 x")


def demo() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        commands = {
            "import duckdb, polars, scipy": python("import duckdb, polars, scipy"),
            "import duckdb, polars, scipy.stats": python("import duckdb, polars, scipy.stats"),
            "rwe demo": rwe("demo", folder),
        }
        spent = interleaved(commands, between=lambda: shutil.rmtree(folder, ignore_errors=True))
    show("rwe demo", spent, over="import duckdb, polars, scipy", goal="at most 3 s above")


def map_() -> None:
    """Pull (files) and map of synthetic Observations against the typed scan of the same file."""
    with tempfile.TemporaryDirectory() as name:
        study = Path(name) / "study"
        shutil.copytree(data.demo_study(), study, ignore=shutil.ignore_patterns("fhir", "data", "results"))
        source = Path(name) / "fhir"
        generate(str(source), OBSERVATIONS)
        (study / "sites.toml").write_text(f'[bench]\nfiles = "{source}"\nfhir_version = "4.0.1"\n')
        commands = {
            "start": python("import duckdb; duckdb.connect()"),
            "typed scan": python(scan(source / "Observation.ndjson")),
            "rwe pull": rwe("pull", "--dir", study),
            "rwe map": rwe("map", "--dir", study),
        }
        spent = interleaved(commands, rounds=3)
    show(
        f"{OBSERVATIONS} Observations with their Patients, administrations, events", spent, over="typed scan"
    )
    bound = spent["typed scan"].cpu - spent["start"].cpu
    both = spent["rwe pull"].cpu + spent["rwe map"].cpu - 2 * spent["start"].cpu
    print(f"  pull + map, start-up of DuckDB taken off: {both / bound:.1f} x the typed scan")


def scan(path: Path) -> str:
    """The 13 elements that a wide view of Observations needs, parsed into STRUCTs and nothing else."""
    coding = 'STRUCT(coding STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[])'
    columns = {
        "id": "VARCHAR",
        "status": "VARCHAR",
        "subject": "STRUCT(reference VARCHAR)",
        "encounter": "STRUCT(reference VARCHAR)",
        "category": "STRUCT(coding STRUCT(code VARCHAR)[])[]",
        "code": coding,
        "effectiveDateTime": "VARCHAR",
        "effectivePeriod": 'STRUCT("start" VARCHAR)',
        "issued": "VARCHAR",
        "valueQuantity": 'STRUCT("value" DECIMAL(38,9), code VARCHAR, comparator VARCHAR)',
        "valueCodeableConcept": "STRUCT(coding STRUCT(code VARCHAR)[])",
        "valueString": "VARCHAR",
        "referenceRange": 'STRUCT(low STRUCT("value" DOUBLE), high STRUCT("value" DOUBLE))[]',
    }
    options = "records=true, format='newline_delimited', auto_detect=false"
    read = f"read_ndjson('{path}', columns={columns!r}, {options})"
    return f'import duckdb; duckdb.connect().execute("""SELECT sum(hash(t)) FROM {read} t""").fetchall()'


def show(title: str, spent: dict[str, Spent], *, over: str, goal: str = "") -> None:
    print(f"\n{title}" + (f" (goal: {goal})" if goal else ""))
    for name, s in spent.items():
        print(f"  {name:36s} {s}   {s.cpu / spent[over].cpu:5.2f} x   {s.cpu - spent[over].cpu:+.2f} s")


BENCHES: dict[str, Callable[[], None]] = {"help": help_, "demo": demo, "map": map_}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or BENCHES:
        BENCHES[chosen]()
