"""compare: the endpoints of the two arms, to results.json.

    endpoint_value, cohort, event  ──▶  summaries (site and stratum)  ──▶  estimates  ──▶  Results

Patient values end here: what is written holds counts, summaries and estimates.
"""

import os
from pathlib import Path

import msgspec

import rwe
from rwe import data, results, study
from rwe.errors import StudyError
from rwe.results import Results
from rwe.stats import CHANGE_TESTS, DEATH_TESTS, TESTS
from rwe.steps import audit, folder, lineage
from rwe.steps import cohort as cohort_step
from rwe.steps.adjusted import adjusted
from rwe.steps.baseline import baseline
from rwe.steps.comparisons import comparisons
from rwe.steps.counts import counts, partial
from rwe.steps.design import design
from rwe.steps.events import adverse_events
from rwe.steps.propensity import propensity
from rwe.steps.sensitivity import sensitivity
from rwe.steps.standing import standing
from rwe.steps.visits import visits
from rwe.store import Store
from rwe.study import Study


def compare(study_dir: Path, *, sensitive: bool = False) -> Results:
    """Compare what `rwe cohort` built and write results/results.json; sensitive: with the variants too."""
    plan = study.load(study_dir)
    check_tests(plan)
    with Store.open(folder.data_folder(study_dir)) as store:
        lineage.require(store, "map", lineage.of_map(study_dir))
        lineage.require(store, "cohort", lineage.of_cohort(plan))
        audit.comparison(plan)
        found = collect(store, plan, standing(plan))
        if sensitive:
            found = msgspec.structs.replace(found, sensitivity=sensitivity(store, plan))
    _write(folder.results_folder(study_dir) / results.NAME, results.encode(found))
    return found


def check_tests(plan: Study) -> None:
    for a in plan.file.analysis:
        known = [*TESTS, *DEATH_TESTS, *(CHANGE_TESTS if a.measure == "change" else ())]
        if a.test not in known:
            of = f" of a {a.measure}" if a.test in CHANGE_TESTS else ""
            raise StudyError(
                f"{plan.folder / study.FILE}: analysis {a.name}: there is no test {a.test!r}{of}",
                hint=f"tests: {', '.join(known)}",
            )
        unsaid = ", ".join(e.id for e in plan.file.endpoint if e.worse is None)
        if a.test in DEATH_TESTS and unsaid:
            raise StudyError(
                f"{plan.folder / study.FILE}: analysis {a.name}: {a.test} needs `worse` of {unsaid}",
                hint='worse = "low" or worse = "high" says which values of an endpoint death is worse than',
            )
    for name in plan.file.sensitivity.tests:
        if name not in TESTS:
            raise StudyError(
                f"{plan.folder / study.FILE}: sensitivity.tests: there is no test {name!r}",
                hint=f"tests: {', '.join(TESTS)}",
            )


def collect(store: Store, plan: Study, locked: results.Plan = results.UNLOCKED) -> Results:
    header = plan.file.study
    return Results(
        study=results.StudyRef(id=header.id, title=header.title, sha256=plan.sha256),
        software=results.Software(
            name="rwe",
            version=rwe.__version__,
            sql_sha256=data.sql_sha256(),
            mappings_sha256=data.mappings_sha256(),
        ),
        plan=locked,
        label=plan.label,
        partial=partial(store),
        design=design(plan),
        sites=sites(store),
        attrition=cohort_step.attrition(store),
        baseline=list(baseline(store, plan)),
        visits=visits(store),
        comparisons=[*comparisons(store, plan), *adjusted(store, plan)],
        adverse_events=adverse_events(store, plan),
        sensitivity=[],
        checks=cohort_step.checks(store),
        units=_units(store),
        deviations=list(header.deviations),
        validation=lineage.validated(store),
        propensity=propensity(store, plan),
    )


def sites(store: Store) -> list[results.SiteResult]:
    resources: dict[str, dict[str, results.Counts]] = {}
    for c in counts(store):
        resources.setdefault(c.site, {})[c.type] = results.Counts(
            asked=c.asked,
            landed=c.landed,
            mapped=c.mapped,
            superseded=c.superseded,
            gone=c.gone,
            set_aside=c.set_aside,
        )
    passed: dict[str, dict[str, int]] = {}
    for site, kind, n in store.rows("FROM passed_over ORDER BY ALL"):
        passed.setdefault(site, {})[kind] = n
    return [
        results.SiteResult(
            id=site,
            fhir_version=version,
            method=method,
            pulled_at=pulled_at,
            deletions_known_at=known,
            resources=resources.get(site, {}),
            passed_over=passed.get(site, {}),
        )
        for site, version, method, pulled_at, known in store.rows(
            "SELECT site_id, fhir_version, method, pulled_at, deletions_known_at FROM site ORDER BY 1"
        )
    ]


def _units(store: Store) -> list[results.UnitResult]:
    """Of a value without a unit the site's default."""
    rows = store.rows(
        "SELECT read_unit, endpoint_unit, factor / divisor, addend / divisor, how, "
        "COUNT(DISTINCT (site_id, endpoint, observation_id, component)) FROM measurement "
        "WHERE (read_unit != endpoint_unit OR how = 'default') AND factor IS NOT NULL AND value IS NOT NULL "
        "GROUP BY ALL ORDER BY ALL"
    )
    return [
        results.UnitResult(from_=unit, to=to, factor=factor, offset=offset, how=how, n=n)
        for unit, to, factor, offset, how, n in rows
    ]


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.chmod(0o600)
    os.replace(part, path)
