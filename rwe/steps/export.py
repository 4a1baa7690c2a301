"""export: pseudonymous tables for R, SAS or Stata, comparisons as FHIR Evidence, where STROBE is answered.

    cohort tables  ──▶  frames, codebook             ──▶  tables/, codebook.*
    results.json   ──▶  Evidence resources, checked  ──▶  evidence.ndjson

Ids, dates, exact ages, displays and texts do not leave; sql/export has it to the letter.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rwe import data, output, study
from rwe.errors import RweError, UsageError
from rwe.output import reporting
from rwe.output.evidence import evidence
from rwe.output.flow import last_step
from rwe.output.tables import csv_bytes, parquet_bytes
from rwe.results import Attrition, Results
from rwe.steps import audit, cohort, export_book, export_tables, folder, lineage, pseudonyms, report
from rwe.steps.compare import sites
from rwe.steps.counts import partial
from rwe.steps.variables import variables
from rwe.steps.visits import visits
from rwe.store import Store
from rwe.study import Study
from rwe.validate import problem

EVIDENCE = "evidence.ndjson"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """rows: of each table.  arms: patients of each.  persons: of any arm; fewer where some are in both.

    evidence: None where it was not asked for.  missing: what of the data is not whole, a line each.
    """

    folder: Path
    rows: dict[str, int]
    arms: dict[str, int]
    persons: int
    evidence: int | None
    open_items: int
    missing: tuple[str, ...]


def export(study_dir: Path, target: Path | None, *, age_bands: bool, with_evidence: bool) -> Exported:
    """target: a folder; else data/export of the study."""
    plan = study.load(study_dir)
    private = folder.data_folder(study_dir)
    at = _place(study_dir, target)
    with Store.open(private) as store:
        lineage.require(store, "map", lineage.of_map(study_dir))
        lineage.require(store, "cohort", lineage.of_cohort(plan))
        found = _results(store, plan) if with_evidence else None
        audit.comparison(plan, by="export")
        sites = [site for (site,) in store.rows("SELECT site_id FROM site ORDER BY 1")]
        named = variables(plan, sites, age_bands=age_bands)
        frames = export_tables.frames(store, named, key=pseudonyms.key(private), label=plan.label)
        missing = tuple(partial(store))
        _add_up(frames, export_tables.held(store), cohort.attrition(store), plan)
    rows = {name: frame.height for name, frame in frames.items()}
    files = dict(_files(frames, found)) | dict(export_book.files(plan, named, rows, missing))
    output.put(at, files, instead_of=(EVIDENCE,))
    return Exported(
        folder=at,
        rows=rows,
        arms=dict(sorted(Counter(frames["patients"]["arm"]).items(), reverse=True)),
        persons=frames["patients"]["patient"].n_unique(),
        evidence=len(found.comparisons) if found else None,
        open_items=sum(row["where"] == reporting.OPEN for row in reporting.items()),
        missing=missing,
    )


def _place(study_dir: Path, target: Path | None) -> Path:
    if target and (study_dir / folder.RESULTS).resolve() in (target.resolve(), *target.resolve().parents):
        hint = "results/ is what may be shown; an export is of single persons: name another folder"
        raise UsageError(f"{target}: no place for an export", hint=hint)
    return target or study_dir / folder.DATA / folder.EXPORT


def _results(store: Store, plan: Study) -> Results:
    """UsageError where they were made of another study or of another cohort than there is now."""
    if not (plan.folder / folder.RESULTS).is_dir():
        raise UsageError("nothing is compared yet", hint="run `rwe compare` first, or export --no-evidence")
    found = report.read(plan.folder)
    made = (found.study.sha256, found.software.sql_sha256, found.attrition, found.visits, found.sites)
    now = (plan.sha256, data.sql_sha256(), cohort.attrition(store), visits(store), sites(store))
    if made != now:
        hint = "run `rwe compare` again, or export --no-evidence"
        raise UsageError("results.json is of another study file, SQL or cohort than there is now", hint=hint)
    return found


def _add_up(
    frames: Mapping[str, pl.DataFrame], held: Mapping[str, int], steps: list[Attrition], plan: Study
) -> None:
    """All rows of the store, of the patients with whom the attrition ends, and nobody twice in an arm."""
    patients, f = frames["patients"], plan.file
    remain = Counter({(a.site, a.arm, a.stratum): a.n_out for a in last_step(steps)})
    per_patient = len(f.endpoint) * (len(f.visit) + (1 if f.baseline else 0))
    sound = (
        {name: frame.height for name, frame in frames.items()} == held
        and Counter(patients.select("site", "arm", "stratum").iter_rows()) == +remain
        and frames["values"].height == patients.height * per_patient
        and patients.select("patient", "arm").n_unique() == patients.height
    )
    if not sound:
        raise RweError(
            "the rows of the export are not those of the cohort", hint="this is a bug of rwe: report it"
        )


def _files(frames: Mapping[str, pl.DataFrame], found: Results | None) -> Iterator[tuple[str, bytes]]:
    for name, frame in frames.items():
        yield f"tables/{name}.csv", csv_bytes(frame)
        yield f"tables/{name}.parquet", parquet_bytes(frame)
    if found:
        yield EVIDENCE, b"".join(_checked(resource) for resource in evidence(found))
    yield "reporting_items.csv", reporting.as_csv()
    yield "reporting_items.md", reporting.as_markdown()


def _checked(resource: dict[str, object]) -> bytes:
    """A line, once the standard's own models take it."""
    body = json.dumps(resource, ensure_ascii=False, allow_nan=False).encode()
    if wrong := problem(body, "Evidence", "5.0.0"):
        raise RweError(
            f"an Evidence resource is not valid: {wrong.detail}", hint="this is a bug of rwe: report it"
        )
    return body + b"\n"
