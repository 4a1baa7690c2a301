"""check: is this study folder sound, without any data?

Reads study.toml, its code lists and sites.toml; then runs the study once, from FHIR resources to
comparisons, on made-up patients of each FHIR version its sites speak.
"""

import json
import tempfile
from pathlib import Path

from rwe import site, study
from rwe.address import RELATIVE
from rwe.errors import StudyError
from rwe.fhir.bundle import resource
from rwe.landing import Run
from rwe.resource import Place
from rwe.results import Results
from rwe.steps import ask, cohort, compare
from rwe.steps import map as mapping
from rwe.steps.dummy import EACH, Dummies
from rwe.store import Store
from rwe.study import Study


def check(study_dir: Path) -> list[str]:
    """What is there, a line each; StudyError or SiteError for what is wrong."""
    plan = study.load(study_dir)
    compare.check_tests(plan)
    sites = site.load(study_dir)
    found = _rehearse(plan, sorted({s.fhir_version for s in sites}))
    _judge(plan, found)
    return _lines(plan, [s.id for s in sites], found)


def _rehearse(plan: Study, versions: list[str]) -> Results:
    with tempfile.TemporaryDirectory(prefix="rwe-check-") as name:
        data = Path(name)
        (data / "raw").mkdir()
        for version in versions:
            _land(plan, data / "raw", version)
        with Store.open(data, create=True) as store:
            mapping.build(store, data / "raw", {_name(v): RELATIVE for v in versions}, say=lambda _: None)
            cohort.build(store, plan)
            return compare.collect(store, plan)


def _name(version: str) -> str:
    return f"dummy-{version}"


def _land(plan: Study, raw: Path, version: str) -> None:
    with Run(raw, site=_name(version), types=ask.types(version)) as run:
        for number, dummy in enumerate(Dummies(plan, version).resources(), start=1):
            run.add(resource(json.dumps(dummy).encode(), Place(source="dummy", position=number)))
        run.commit({}, fhir_version=version, method="files", pulled_at=None)


def _judge(plan: Study, found: Results) -> None:
    """Every made-up patient fits the study as declared; one left out shows rules that contradict."""
    where = plan.folder / study.FILE
    for row in found.attrition:
        if row.n_out < row.n_in:
            raise StudyError(
                f"{where}: made-up patients who fit all of it are left out: {row.description}",
                hint="do two rules contradict, or does an exclusion share a code with the population?",
            )
    for c in found.comparisons:
        if c.adjusted is None and not (c.treated.n and c.control.n):
            reasons = ", ".join(sorted({*c.treated.missing, *c.control.missing}))
            raise StudyError(f"{where}: endpoint {c.endpoint}: no value at visit {c.visit}: {reasons}")


def _lines(plan: Study, sites: list[str], found: Results) -> list[str]:
    f = plan.file
    codes = sum(len(codes) for codes in plan.code_lists.values())
    visits = (f"{v.name} [{v.start:g}, {v.end:g})" for v in f.visit)
    return [
        *([plan.label, ""] if plan.label else []),
        f"{f.study.id}: sound",
        f"  sites        {', '.join(sites)}",
        f"  code lists   {len(plan.code_lists)}, {codes} codes",
        f"  strata       {', '.join(s.name for s in f.stratum) or 'all'}",
        f"  visits       {', '.join(visits)}",
        f"  endpoints    {', '.join(e.id for e in f.endpoint)}",
        f"  rehearsed    {len(found.comparisons)} comparisons; "
        f"{EACH} made-up patients an arm, stratum and version",
        f"  sha256       {plan.sha256}",
    ]
