"""The variants of the main analysis, each one small declared thing; sensitivity.py runs them in this order.

A variant is a plan with one thing changed, and what has to be made anew for it: nothing (another test),
the values at the visits (other windows), fewer of them (without a site), or the whole cohort (other
infusions count).  What is made anew is made in a scratch of the store.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from rwe.results import Comparison
from rwe.stats import DEATH_TESTS
from rwe.steps import cohort, tables, windows
from rwe.steps.adjusted import adjusted
from rwe.steps.comparisons import comparisons
from rwe.steps.imputed import MODEL, imputed
from rwe.store import Store
from rwe.study import Exposure, Study

Theme = Literal["windows", "quartiles", "test", "exposure", "weights", "sites", "missing"]
Reason = Literal[
    "no_planned_infusions", "no_propensity", "one_site", "no_direction", "of_a_change", "ranks_death"
]
SURVIVED = (
    "Who had all infusions lived to have them, and a control need not have: it conditions on survival after"
    " time zero, and is no estimate of what the main analysis asks."
)
LASTED = (
    "Who was measured at every visit lived to the last of them, and as a control was not treated before it:"
    " it conditions on survival."
)
AT_RANDOM = (
    "Right only as far as, given arm, age and the neighbouring visits, a value is missing whatever it would"
    " have been; the dead have none, and stay out, but who is recorded as dead without a day is taken for"
    " living. Who is treated later is imputed as a control untreated."
)
OTHER_INFUSIONS = """
DELETE FROM endpoint_value AS q USING cohort AS h
WHERE q.site_id = h.site_id AND q.patient_id = h.patient_id AND q.arm = h.arm AND h.arm = 'treated'
    AND (h.n_infusions != ? OR (h.site_id, h.patient_id) IN (SELECT (site_id, patient_id) FROM off_schedule))
"""
OF_SITE = "DELETE FROM endpoint_value WHERE site_id = ?"
NOT_AT_EVERY_VISIT = """
UPDATE endpoint_value SET value = NULL, comparator = NULL, missing = COALESCE(missing, 'not_at_every_visit')
WHERE NOT is_baseline AND (site_id, patient_id, arm, endpoint) IN (
    SELECT (site_id, patient_id, arm, endpoint) FROM endpoint_value WHERE NOT is_baseline AND value IS NULL)
"""
WEIGHTINGS = {
    "overlap": ("overlap_weights", "means under overlap weights of the declared propensity score"),
    "att": ("ATT_weights", "means under weights for the treated (ATT) of the declared propensity score"),
    "match": (
        "matched_pairs",
        "pairs matched on the declared propensity score; the main analysis is unmatched",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """plan: with one thing changed; lacking: why it cannot be run; prepare: what is made anew for it."""

    name: str
    theme: Theme
    varied: str
    plan: Study
    caution: str | None = None
    lacking: Reason | None = None
    prepare: Callable[[Store], None] | None = None
    compare: Callable[[Store, Study], list[Comparison]] = comparisons


def variants(store: Store, plan: Study) -> Iterator[Variant]:
    """Of the first [[analysis]].  What would be the main analysis again is not among them."""
    main = changed(plan, analysis=plan.file.analysis[:1])
    for theme in (_windows, _quartiles, _tests, _exposure, _weights):
        yield from theme(main)
    yield from _sites(store, main)
    yield from _missing(main)


def changed(plan: Study, **keys: Any) -> Study:
    return replace(plan, file=plan.file.model_copy(update=keys))


def _windows(main: Study) -> Iterator[Variant]:
    for name, make in (("narrower", windows.narrower), ("wider", windows.wider)):
        visits = make(main.file)
        plan = changed(main, visit=tuple(visits))
        yield Variant(
            name=f"windows_{name}",
            theme="windows",
            varied=f"visit windows {name}: {windows.spoken(visits)}",
            plan=plan,
            prepare=partial(_other_windows, plan),
        )


def _other_windows(plan: Study, store: Store) -> None:
    tables.write_visits(store, plan.file)
    cohort.endpoint_values(store, plan)


def _quartiles(main: Study) -> Iterator[Variant]:
    (analysis,) = main.file.analysis
    for kind in main.file.sensitivity.quantile_types:
        if kind != analysis.quantile_type:
            other = analysis.model_copy(update={"quantile_type": kind})
            varied = (
                f"quartiles type {kind} in place of {analysis.quantile_type}; estimate and P do not change"
            )
            yield Variant(
                name=f"quartiles_type_{kind}",
                theme="quartiles",
                varied=varied,
                plan=changed(main, analysis=(other,)),
            )


def _tests(main: Study) -> Iterator[Variant]:
    (analysis,) = main.file.analysis
    for test in main.file.sensitivity.tests:
        if test != analysis.test:
            other = analysis.model_copy(update={"test": test})
            varied = f"test {test} in place of {analysis.test}"
            yield Variant(
                name=f"test_{test}", theme="test", varied=varied, plan=changed(main, analysis=(other,))
            )


def _exposure(main: Study) -> Iterator[Variant]:
    exposure = main.file.exposure
    yield Variant(
        name="per_protocol",
        theme="exposure",
        varied=f"of the treated only those with the planned infusions ({_protocol(exposure)})",
        plan=main,
        caution=SURVIVED,
        lacking=None if exposure.infusions else "no_planned_infusions",
        prepare=lambda store: store.run(OTHER_INFUSIONS, [exposure.infusions]),
    )
    without = tuple(s for s in exposure.statuses if s != "stopped")
    statuses = without if "stopped" in exposure.statuses else (*without, "stopped")
    if statuses:
        plan = changed(main, exposure=exposure.model_copy(update={"statuses": statuses}))
        yield Variant(
            name="stopped_infusions",
            theme="exposure",
            varied=f"infusions count with status {' or '.join(statuses)}; the cohort is built anew",
            plan=plan,
            prepare=lambda store: cohort.people_and_values(store, plan),
        )


def _protocol(e: Exposure) -> str:
    on = f" on days {', '.join(map(str, e.days))} ± {e.days_within}" if e.days else ""
    return f"{e.infusions or 'not said'}{on}"


def _weights(main: Study) -> Iterator[Variant]:
    asked, of_a_change = main.file.propensity, main.file.analysis[0].measure == "change"
    for estimand, (name, varied) in WEIGHTINGS.items():
        plan = main
        if asked:
            plan = changed(main, propensity=asked.model_copy(update={"estimand": estimand}))
        yield Variant(
            name=name,
            theme="weights",
            varied=varied,
            plan=plan,
            lacking="no_propensity" if not asked else "of_a_change" if of_a_change else None,
            compare=adjusted,
        )


def _sites(store: Store, main: Study) -> Iterator[Variant]:
    sites = [site for (site,) in store.rows("SELECT DISTINCT site_id FROM cohort ORDER BY 1")]
    for site in sites:
        yield Variant(
            name=f"without_{site}",
            theme="sites",
            varied=f"without the site {site}",
            plan=main,
            lacking="one_site" if len(sites) == 1 else None,
            prepare=partial(_leave_out, site),
        )


def _leave_out(site: str, store: Store) -> None:
    store.run(OF_SITE, [site])


def _missing(main: Study) -> Iterator[Variant]:
    (analysis,), settings = main.file.analysis, main.file.sensitivity
    of_a_change = analysis.measure == "change"
    sets = f"{settings.imputations} sets, seed {settings.seed}"
    yield Variant(
        name="measured_at_every_visit",
        theme="missing",
        varied="patients measured at every visit of the endpoint, in place of all measured at each",
        plan=main,
        caution=LASTED,
        lacking="ranks_death" if analysis.test in DEATH_TESTS else None,
        prepare=lambda store: store.run(NOT_AT_EVERY_VISIT),
    )
    if analysis.test not in DEATH_TESTS:
        yield Variant(
            name="death_worst_rank",
            theme="missing",
            varied="who died before the visit has the worst rank (worst_rank)",
            plan=changed(main, analysis=(analysis.model_copy(update={"test": "worst_rank"}),)),
            lacking=None if any(e.worse for e in main.file.endpoint) else "no_direction",
        )
    yield Variant(
        name="imputed",
        theme="missing",
        varied=f"missing values of the living imputed, {sets}: {MODEL}",
        plan=main,
        caution=AT_RANDOM,
        lacking="of_a_change" if of_a_change else None,
        compare=imputed,
    )
