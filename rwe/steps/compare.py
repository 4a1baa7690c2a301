"""compare: the endpoints of the two arms, to results.json.

    endpoint_value, cohort, event  ──▶  summaries (site and stratum)  ──▶  estimates  ──▶  Results

Patient values end here: what is written holds counts, summaries and estimates.
"""

import os
from pathlib import Path

import rwe
from rwe import data, results, study
from rwe.errors import StudyError
from rwe.results import Results
from rwe.stats import TESTS
from rwe.steps import cohort as cohort_step
from rwe.steps import folder
from rwe.steps.baseline import baseline
from rwe.steps.comparisons import comparisons
from rwe.steps.design import design
from rwe.steps.events import adverse_events
from rwe.store import Store
from rwe.study import Study


def compare(study_dir: Path) -> Results:
    """Compare what `rwe cohort` built and write results/results.json."""
    plan = study.load(study_dir)
    check_tests(plan)
    with Store.open(folder.data_folder(study_dir)) as store:
        store.require("endpoint_value", "cohort", "attrition", "event", by="cohort")
        found = collect(store, plan)
    _write(folder.results_folder(study_dir) / results.NAME, results.encode(found))
    return found


def check_tests(plan: Study) -> None:
    for a in plan.file.analysis:
        if a.test not in TESTS:
            raise StudyError(
                f"{plan.folder / study.FILE}: analysis {a.name}: there is no test {a.test!r}",
                hint=f"tests: {', '.join(TESTS)}",
            )


def collect(store: Store, plan: Study) -> Results:
    header = plan.file.study
    return Results(
        study=results.StudyRef(id=header.id, title=header.title, sha256=plan.sha256),
        software=results.Software(
            name="rwe",
            version=rwe.__version__,
            sql_sha256=data.sql_sha256(),
            mappings_sha256=data.mappings_sha256(),
        ),
        plan=results.Plan(locked_at=None, changed_since=None),
        label=plan.label,
        design=design(plan),
        sites=_sites(store),
        attrition=cohort_step.attrition(store),
        baseline=list(baseline(store, plan)),
        comparisons=comparisons(store, plan),
        adverse_events=adverse_events(store, plan),
        sensitivity=[],
        checks=cohort_step.checks(store),
        units=_units(store),
        deviations=list(header.deviations),
    )


def _sites(store: Store) -> list[results.SiteResult]:
    counts: dict[str, dict[str, results.Counts]] = {}
    for site, kind, asked, landed, mapped, superseded, set_aside, _ in store.rows("FROM resource_count"):
        counts.setdefault(site, {})[kind] = results.Counts(
            asked=asked, landed=landed, mapped=mapped, superseded=superseded, set_aside=set_aside
        )
    passed: dict[str, dict[str, int]] = {}
    for site, kind, n in store.rows("FROM passed_over ORDER BY ALL"):
        passed.setdefault(site, {})[kind] = n
    return [
        results.SiteResult(
            id=site,
            fhir_version=version,
            pulled_at=pulled_at,
            resources=counts.get(site, {}),
            passed_over=passed.get(site, {}),
        )
        for site, version, pulled_at in store.rows(
            "SELECT site_id, fhir_version, pulled_at FROM site ORDER BY 1"
        )
    ]


def _units(store: Store) -> list[results.UnitResult]:
    rows = store.rows(
        "SELECT unit, endpoint_unit, factor::DOUBLE, COUNT(*) FROM measurement "
        "WHERE unit != endpoint_unit AND factor IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    return [results.UnitResult(from_=unit, to=to, factor=factor, n=n) for unit, to, factor, n in rows]


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.chmod(0o600)
    os.replace(part, path)
