"""Views and maps of synthetic Observations against the typed scan, which does nothing but parse.

RWE_BENCH_N=100000 python -m tests.bench view map
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rwe import data
from tests.bench.cpu import Command, Spent, interleaved, once, python, rwe
from tests.bench.generate import generate

OBSERVATIONS = int(os.environ.get("RWE_BENCH_N", "1_000_000"))
WIDE = Path(__file__).with_name("wide.json")
ELEMENTS = {
    "id": "VARCHAR",
    "status": "VARCHAR",
    "subject": "STRUCT(reference VARCHAR)",
    "encounter": "STRUCT(reference VARCHAR)",
    "category": "STRUCT(coding STRUCT(code VARCHAR)[])[]",
    "code": 'STRUCT(coding STRUCT("system" VARCHAR, code VARCHAR, display VARCHAR)[])',
    "effectiveDateTime": "VARCHAR",
    "effectivePeriod": 'STRUCT("start" VARCHAR)',
    "issued": "VARCHAR",
    "valueQuantity": 'STRUCT("value" DECIMAL(38,9), code VARCHAR, comparator VARCHAR)',
    "valueCodeableConcept": "STRUCT(coding STRUCT(code VARCHAR)[])",
    "valueString": "VARCHAR",
    "referenceRange": 'STRUCT(low STRUCT("value" DECIMAL(38,9)), high STRUCT("value" DECIMAL(38,9)))[]',
}
LOOP = """
import csv, orjson
def key(element, kind):
    reference = (element or {{}}).get("reference") or ""
    return reference.split("/")[1] if reference.startswith(kind + "/") else None
def first(items):
    return next((i for i in items if i is not None), None)
with open({source!r}, "rb") as lines, open({target!r}, "w", newline="") as out:
    write = csv.writer(out).writerow
    for line in lines:
        o = orjson.loads(line)
        value, limits = o.get("valueQuantity") or {{}}, o.get("referenceRange") or []
        row = [
            o.get("id"), key(o.get("subject"), "Patient"), key(o.get("encounter"), "Encounter"),
            o.get("status"),
            first(c.get("code") for k in o.get("category", ()) for c in k.get("coding", ())),
            o.get("effectiveDateTime"), (o.get("effectivePeriod") or {{}}).get("start"), o.get("issued"),
            value.get("value"), value.get("code"), value.get("comparator"),
            first(c.get("code") for c in (o.get("valueCodeableConcept") or {{}}).get("coding", ())),
            o.get("valueString"),
            first((r.get("low") or {{}}).get("value") for r in limits),
            first((r.get("high") or {{}}).get("value") for r in limits),
        ]
        for coding in (o.get("code") or {{}}).get("coding", ()):
            if coding.get("system") == "http://loinc.org":
                write([*row, coding.get("code"), coding.get("display")])
"""


def scan(path: Path) -> str:
    """The 13 elements that the wide view needs, parsed into STRUCTs and counted."""
    counts = " + ".join(f'count("{name}")' for name in ELEMENTS)
    options = "records=true, format='newline_delimited', auto_detect=false"
    read = f"read_ndjson('{path}', columns={ELEMENTS!r}, {options})"
    return f'import duckdb; duckdb.connect().execute("""SELECT {counts} FROM {read}""").fetchall()'


def view() -> None:
    """The wide view, 17 columns and a row per LOINC coding, from NDJSON to a file."""
    with tempfile.TemporaryDirectory() as name:
        generate(f"{name}/fhir", OBSERVATIONS)
        source = Path(name) / "fhir" / "Observation.ndjson"
        commands: dict[str, Command] = {
            "import duckdb": python("import duckdb; duckdb.connect()"),
            "rwe view --help": rwe("view", "--help"),
            "typed scan": python(scan(source)),
            "rwe view, Parquet": rwe("view", WIDE, source, "-o", f"{name}/o.parquet"),
            "rwe view, CSV": rwe("view", WIDE, source, "-o", f"{name}/o.csv"),
            "the same, 512 MB": rwe("view", WIDE, source, "-o", f"{name}/o.csv", "--memory", "512MB"),
            "orjson loop, CSV": python(LOOP.format(source=str(source), target=f"{name}/loop.csv")),
        }
        spent = interleaved(commands)
    _table(f"{OBSERVATIONS} Observations, wide view (goal: 2 x)", spent)


def _table(title: str, spent: dict[str, Spent]) -> None:
    """Ratios to the typed scan, each with its own start-up taken off."""
    bare, help_ = spent["import duckdb"].cpu, spent["rwe view --help"].cpu
    bound = spent["typed scan"].cpu - bare
    print(f"\n{title}; start-up taken off")
    for name, s in spent.items():
        start = help_ if name.startswith(("rwe", "the same")) else bare
        print(f"  {name:28s} {s}   {(s.cpu - start) / bound:6.2f} x")


def map_() -> None:
    """A whole map, what of it is validation, and one of 1 % more on top of it."""
    with _study() as study:
        source = study.parent / "fhir" / "Observation.ndjson"
        spent = {"typed scan": once(python(scan(source))), "rwe pull": once(rwe("pull", "--dir", study))}
        said = subprocess.run(python(PHASES.format(study=str(study))), check=True, stdout=subprocess.PIPE)
        phases = json.loads(said.stdout.splitlines()[-1])  # after what DuckDB says of its progress
        (study / "data" / "store.duckdb").unlink()
        spent["rwe map"] = once(rwe("map", "--dir", study))
        spent["rwe map, no news"] = once(rwe("map", "--dir", study))
        _more(study.parent / "fhir")
        once(rwe("pull", "--dir", study))
        spent["rwe map, 1 % more"] = once(rwe("map", "--dir", study))
        (study / "data" / "store.duckdb").unlink()
        spent["rwe map, 512 MB"] = once(rwe("map", "--memory", "512MB", "--dir", study))
    whole = spent["rwe map"].cpu
    print(f"\n{OBSERVATIONS} Observations, all shipped views (goal: 1 % more costs at most 5 %)")
    for name, s in spent.items():
        print(f"  {name:28s} {s}   {100 * s.cpu / whole:6.1f} %")
    checked, mapped = phases["checking"], phases["mapping"]
    print(
        f"  validation {checked:.1f} s, tables {mapped:.1f} s: {checked / mapped:.1f} x (goal: at most 3 x)"
    )


PHASES = """
import json, resource
from pathlib import Path
from rwe.steps.map import map_
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
began = {{}}
def say(text):
    began.setdefault("checking" if "checking" in text else "mapping", cpu())
map_(Path({study!r}), say=say)
print(json.dumps({{"checking": began["mapping"] - began["checking"], "mapping": cpu() - began["mapping"]}}))
"""


def _more(folder: Path) -> None:
    """1 % more Observations, in a file that comes last."""
    generate(str(folder / "more"), OBSERVATIONS // 100, 8)
    for other in (folder / "more").iterdir():
        if other.name != "Observation.ndjson":
            other.unlink()


@contextmanager
def _study() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        study, source = Path(name) / "study", Path(name) / "fhir"
        shutil.copytree(data.demo_study(), study, ignore=shutil.ignore_patterns("fhir", "data", "results"))
        generate(str(source), OBSERVATIONS)
        for other in source.iterdir():
            if other.name != "Observation.ndjson":
                other.unlink()
        (study / "sites.toml").write_text(f'[bench]\nfiles = "{source}"\nfhir_version = "4.0.1"\n')
        yield study
