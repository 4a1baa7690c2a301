"""The study as tables, and the reviewed tables beside it.

SQL joins them and takes no parameters, so each file runs as it is in the DuckDB shell, and the database
tells years later which study made it.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from rwe import data
from rwe.store import Store
from rwe.study import Exclusion, Study, StudyFile

TABLES = """
CREATE OR REPLACE TABLE study (
    study_id VARCHAR, title VARCHAR, sha256 VARCHAR, days VARCHAR,
    population_label VARCHAR, population_source VARCHAR, population_codes VARCHAR,
    population_numeric BOOLEAN,
    exposure_codes VARCHAR, planned_infusions INTEGER, first_dose_from DOUBLE, first_dose_to DOUBLE,
    planned_days_within INTEGER,
    dose_value DECIMAL(38, 12), dose_unit VARCHAR, dose_tolerance DECIMAL(18, 9),
    control_time_zero VARCHAR, control_source VARCHAR, control_codes VARCHAR,
    within_days INTEGER, calendar_days INTEGER, control_ratio INTEGER, control_replacement BOOLEAN,
    control_seed BIGINT, hospital_codes VARCHAR, future_treated BOOLEAN,
    min_age INTEGER, max_age INTEGER, time_zero_from DATE, time_zero_to DATE,
    alive_at_time_zero BOOLEAN,
    events_until_day DOUBLE);
CREATE OR REPLACE TABLE code_list (code_list VARCHAR, system VARCHAR, code VARCHAR, display VARCHAR);
CREATE OR REPLACE TABLE counted_status (status VARCHAR);
CREATE OR REPLACE TABLE planned_day (number INTEGER, day INTEGER);
CREATE OR REPLACE TABLE exclusion (
    number INTEGER, exclusion VARCHAR, label VARCHAR, source VARCHAR, code_list VARCHAR,
    lookback_days INTEGER);
CREATE OR REPLACE TABLE covariate (
    number INTEGER, covariate VARCHAR, label VARCHAR, source VARCHAR, code_list VARCHAR,
    lookback_days INTEGER);
CREATE OR REPLACE TABLE carrier (code_list VARCHAR);
CREATE OR REPLACE TABLE stratum (number INTEGER, stratum VARCHAR, label VARCHAR, code_list VARCHAR);
CREATE OR REPLACE TABLE visit (
    number INTEGER, visit VARCHAR, target DOUBLE, start_day DOUBLE, end_day DOUBLE,
    is_baseline BOOLEAN, same_day BOOLEAN);
CREATE OR REPLACE TABLE endpoint (
    number INTEGER, endpoint VARCHAR, label VARCHAR, kind VARCHAR, code_list VARCHAR, unit VARCHAR,
    low DOUBLE, high DOUBLE, ratio_up_to DOUBLE);
CREATE OR REPLACE TABLE default_unit (site_id VARCHAR, endpoint VARCHAR, unit VARCHAR);
CREATE OR REPLACE TABLE code_meaning (system VARCHAR, code VARCHAR, meaning VARCHAR);
CREATE OR REPLACE TABLE contradiction_word (
    meaning VARCHAR, part VARCHAR, names VARCHAR, but_not VARCHAR);
CREATE OR REPLACE TABLE event_word (
    kind VARCHAR, system VARCHAR, code VARCHAR, word VARCHAR, level INTEGER);
"""


def write(store: Store, study: Study) -> None:
    file = study.file
    store.run(TABLES)
    store.insert("study", [_study(study)])
    codes = [(name, c.system, c.code, c.display) for name, codes in study.code_lists.items() for c in codes]
    store.insert("code_list", list(dict.fromkeys(codes)))
    store.insert("counted_status", [(status,) for status in dict.fromkeys(file.exposure.statuses)])
    store.insert("planned_day", list(enumerate(file.exposure.days, start=1)))
    store.insert("exclusion", list(_by_source(file.exclusion)))
    store.insert("covariate", list(_by_source(file.covariate)))
    carriers = file.stratification.carriers if file.stratification else ()
    store.insert("carrier", [(name,) for name in dict.fromkeys(carriers)])
    store.insert("stratum", [(n, s.name, s.label, s.codes) for n, s in enumerate(file.stratum, start=1)])
    write_visits(store, file)
    store.insert("endpoint", list(_endpoints(file)))
    store.insert("default_unit", [(d.site, d.endpoint, d.unit) for d in file.default_unit])
    store.insert("code_meaning", _reviewed("code_meaning"))
    store.insert("contradiction_word", _reviewed("contradiction_word"))
    store.insert("event_word", _reviewed("event_word"))


def write_visits(store: Store, file: StudyFile) -> None:
    """In place of those that were there."""
    store.run("DELETE FROM visit")
    store.insert("visit", list(_visits(file)))


def _study(study: Study) -> tuple[object, ...]:
    f = study.file
    dose, first, rules = f.exposure.dose, f.exposure.first_dose, f.eligibility
    risk = f.control.risk_set
    return (
        *(f.study.id, f.study.title, study.sha256, f.study.days),
        *(f.population.label, f.population.source, f.population.codes, f.population.numeric),
        *(f.exposure.codes, f.exposure.infusions),
        *(first.start if first else None, first.end if first else None, f.exposure.days_within),
        *(_exact(dose.value) if dose else None, dose.unit if dose else None),
        _exact(dose.tolerance) if dose else None,
        *(f.control.time_zero, f.control.source, f.control.codes),
        *((risk.within_days, risk.calendar_days, risk.ratio) if risk else (None,) * 3),
        *((risk.replacement, risk.seed, risk.in_hospital) if risk else (None,) * 3),
        risk is not None and risk.future_treated,
        *(rules.min_age, rules.max_age, rules.time_zero_from, rules.time_zero_to, rules.alive_at_time_zero),
        f.adverse_events.until_day if f.adverse_events else 0,
    )


def _by_source(found: Iterable[Exclusion]) -> Iterator[tuple[object, ...]]:
    for n, e in enumerate(found, start=1):
        for source in dict.fromkeys(e.sources):
            yield (n, e.name, e.label, source, e.codes, e.lookback_days)


def _visits(file: StudyFile) -> Iterator[tuple[object, ...]]:
    if file.baseline:
        b = file.baseline
        yield (0, "baseline", 0, b.start, b.end, True, b.same_day)
    for n, v in enumerate(file.visit, start=1):
        yield (n, v.name, v.target, v.start, v.end, False, False)


def _endpoints(file: StudyFile) -> Iterator[tuple[object, ...]]:
    for n, e in enumerate(file.endpoint, start=1):
        low, high = e.plausible or (None, None)
        yield (n, e.id, e.label, e.kind, e.codes, e.unit, low, high, e.ratio_up_to)


def _reviewed(name: str) -> list[tuple[object, ...]]:
    return [tuple(cell or None for cell in row.values()) for row in data.reviewed(name)]


def _exact(number: float) -> Decimal:
    """The decimal that was written: 0.001, not the double next to it."""
    return Decimal(repr(number))
