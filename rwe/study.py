"""study.toml and its code lists: the question a study asks, checked.

    a study folder  ──▶  load()  ──▶  Study

The keys are explained in fixtures/msc/study.toml, which `rwe init` copies; their JSON Schema is
rwe/schemas/study.schema.json, made from these classes.  Whatever is wrong is a StudyError naming
file, key and what would be right.  Knows no site and no data.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rwe import data, toml
from rwe.codes import Code, read_code_list
from rwe.errors import StudyError

FILE = "study.toml"
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Source = Literal["condition", "encounter", "observation", "medication_administration"]
Day = Annotated[float, Field(ge=-36525, le=36525)]
Text = Annotated[str, Field(min_length=1)]
MOST_TERMS = 6
KNOWN_TERMS = ("age", "sex", "days_from_anchor", "site", "severity")
"""What a propensity score may be of, beside a covariate and the baseline value of an endpoint."""


class Keys(BaseModel):
    """A table of study.toml: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Window(Keys):
    """Days from time zero or from the anchor; which ends are included is said where it is used."""

    start: Day = Field(alias="from")
    end: Day = Field(alias="to")

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.start > self.end:
            raise ValueError("`from` must not be after `to`")
        return self


class Header(Keys):
    id: Name
    title: Text
    label: str = ""
    days: Literal["instant", "date"]
    deviations: tuple[Text, ...] = ()


class Population(Keys):
    label: Text
    source: Source = Field(alias="in")
    codes: Name
    numeric: bool = False

    @model_validator(mode="after")
    def numbers_are_observed(self) -> Self:
        if self.numeric and self.source != "observation":
            raise ValueError('`numeric` goes with in = "observation"')
        return self


class Dose(Keys):
    value: float = Field(gt=0, le=1e20)
    unit: Text
    tolerance: float = Field(ge=0, lt=1)


class Exposure(Keys):
    label: Text
    codes: Name
    statuses: tuple[Literal["completed", "stopped", "in-progress", "on-hold", "unknown"], ...] = Field(
        min_length=1
    )
    infusions: int | None = Field(default=None, ge=1, le=1000)
    days: tuple[Annotated[int, Field(ge=0, le=36525)], ...] = ()
    days_within: int = Field(default=0, ge=0, le=365)
    first_dose: Window | None = None
    dose: Dose | None = None

    @model_validator(mode="after")
    def days_are_of_the_infusions(self) -> Self:
        """days: of the planned infusions from time zero, each up to days_within sooner or later."""
        if self.days and self.days != (0, *sorted({*self.days} - {0})):
            raise ValueError("`days` rise from 0, the day of the first infusion")
        if self.days and len(self.days) != self.infusions:
            raise ValueError("`days` has one for each of `infusions`")
        return self


class RiskSet(Keys):
    """Days are whole, and both ends of a span are included."""

    within_days: int = Field(ge=0, le=365)
    calendar_days: int = Field(ge=0, le=36525)
    ratio: int = Field(ge=1, le=100)
    replacement: bool
    seed: int = Field(ge=0, le=2**63 - 1)
    in_hospital: Name | None = None
    future_treated: bool = False


class Control(Keys):
    label: Text
    time_zero: Literal["anchor", "enrolment", "risk-set"]
    source: Source | None = Field(default=None, alias="in")
    codes: Name | None = None
    risk_set: RiskSet | None = None

    @model_validator(mode="after")
    def enrolment_has_codes(self) -> Self:
        declared = self.source is not None and self.codes is not None
        if declared != (self.time_zero == "enrolment"):
            raise ValueError('`in` and `codes` stand with time_zero = "enrolment", and only there')
        return self

    @model_validator(mode="after")
    def risk_set_is_declared(self) -> Self:
        if (self.risk_set is not None) != (self.time_zero == "risk-set"):
            raise ValueError('[control.risk_set] stands with time_zero = "risk-set", and only there')
        return self


class Eligibility(Keys):
    min_age: int | None = Field(default=None, ge=0, le=130)
    max_age: int | None = Field(default=None, ge=0, le=130)
    time_zero_from: date | None = None
    time_zero_to: date | None = None
    alive_at_time_zero: bool = False

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.min_age is not None and self.max_age is not None and self.min_age > self.max_age:
            raise ValueError("`min_age` must not be above `max_age`")
        if self.time_zero_from and self.time_zero_to and self.time_zero_from > self.time_zero_to:
            raise ValueError("`time_zero_from` must not be after `time_zero_to`")
        return self


class Exclusion(Keys):
    name: Name
    label: Text
    sources: tuple[Source, ...] = Field(alias="in", min_length=1)
    codes: Name
    lookback_days: int | None = Field(default=None, ge=1, le=36525)


class Covariate(Exclusion):
    """The same keys, of what leaves nobody out but is compared between the arms."""


class Stratification(Keys):
    carriers: tuple[Name, ...] = Field(min_length=1)


class Stratum(Keys):
    name: Name
    label: Text
    codes: Name


class Baseline(Window):
    same_day: bool = False

    @model_validator(mode="after")
    def before_time_zero(self) -> Self:
        if self.end > 0:
            raise ValueError("a baseline must not reach beyond day 0")
        return self


class Visit(Window):
    """narrower, wider: the window in two sensitivity analyses; [sensitivity] makes what is not said."""

    name: Name
    target: Day
    narrower: Window | None = None
    wider: Window | None = None

    @model_validator(mode="after")
    def target_inside(self) -> Self:
        if not self.start <= self.target < self.end:
            raise ValueError(f"visit {self.name}: the target must lie in [from, to)")
        if self.name in ("all", "baseline"):
            raise ValueError(f"visit {self.name}: this name is taken")
        return self

    @model_validator(mode="after")
    def alternatives_lie_within_and_around(self) -> Self:
        n, w = self.narrower, self.wider
        if n and not (self.start <= n.start <= self.target < n.end <= self.end):
            raise ValueError(f"visit {self.name}: `narrower` must lie within the window and hold the target")
        if w and not (w.start <= self.start and self.end <= w.end):
            raise ValueError(f"visit {self.name}: `wider` must hold the window")
        return self


class Endpoint(Keys):
    id: Name
    label: Text
    kind: Name
    codes: Name
    unit: Text
    plausible: tuple[float, float] | None = None
    ratio_up_to: float | None = Field(default=None, gt=0, le=10)
    digits: int = Field(default=2, ge=0, le=9)
    primary: bool | Name = False
    worse: Literal["low", "high"] | None = None

    @model_validator(mode="after")
    def a_name_of_its_own(self) -> Self:
        if self.id in KNOWN_TERMS:
            raise ValueError(f"endpoint {self.id}: Table 1 has a variable of this name already")
        return self

    @model_validator(mode="after")
    def plausible_is_ordered(self) -> Self:
        if self.plausible and self.plausible[0] > self.plausible[1]:
            raise ValueError("`plausible` is [lowest, highest]")
        return self

    @model_validator(mode="after")
    def ratios_are_no_percents(self) -> Self:
        if self.ratio_up_to is not None and self.unit != "%":
            raise ValueError('`ratio_up_to` goes with unit = "%"')
        return self


class Unit(Keys):
    source: Text = Field(alias="from")
    target: Text = Field(alias="to")
    factor: float = Field(gt=0)

    @model_validator(mode="after")
    def two_units(self) -> Self:
        if self.source == self.target:
            raise ValueError(f"{self.source}: `from` and `to` are the same unit")
        return self

    @model_validator(mode="after")
    def exact(self) -> Self:
        """As the store keeps it, DECIMAL(18, 9): a factor that was rounded would shift every value."""
        written = Decimal(repr(self.factor))
        if written >= 10**9 or written != round(written, 9):
            raise ValueError(f"factor = {self.factor!r}: below 1e9 and with at most 9 decimals")
        return self


class DefaultUnit(Keys):
    site: Text
    endpoint: Name
    unit: Text


class Analysis(Keys):
    """measure: of the value itself, or of its change from the patient's own baseline."""

    name: Name
    test: Name
    measure: Literal["value", "change"] = "value"
    quantile_type: int = Field(default=7, ge=1, le=9)


class AdverseEvents(Keys):
    until_day: Annotated[float, Field(ge=0, le=36525)]


class Propensity(Keys):
    """name: of the adjusted analysis.

    strata: a score in each stratum, or one over all of them, in which severity may be a term.
    """

    name: Name = "adjusted"
    terms: tuple[Name, ...] = Field(min_length=1)
    estimand: Literal["overlap", "att", "match"] = "overlap"
    strata: Literal["each", "together"] = "each"
    caliper: float = Field(default=0.2, gt=0, le=10)
    seed: int = Field(default=0, ge=0)

    @field_validator("terms")
    @classmethod
    def few(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        if len(terms) > MOST_TERMS:
            raise ValueError(f"{len(terms)} terms; more than {MOST_TERMS} are too many for a small study")
        for name in terms:
            if terms.count(name) > 1:
                raise ValueError(f"{name} stands twice")
        return terms

    @model_validator(mode="after")
    def pairs_alone_have_a_caliper(self) -> Self:
        if self.estimand != "match" and self.model_fields_set & {"caliper", "seed"}:
            raise ValueError('`caliper` and `seed` go with estimand = "match"')
        return self

    @model_validator(mode="after")
    def strata_are_no_terms(self) -> Self:
        if "severity" in self.terms and self.strata == "each":
            raise ValueError('severity is the stratum; it is a term with strata = "together" only')
        return self


class Sensitivity(Keys):
    """What `rwe compare --sensitivity` does otherwise, one thing at a time.

    narrower, wider: how far a window's ends are from its target, of what they were.
    """

    narrower: float = Field(default=0.5, gt=0, lt=1)
    wider: float = Field(default=1.5, gt=1, le=10)
    quantile_types: tuple[Annotated[int, Field(ge=1, le=9)], ...] = (2, 6, 7)
    tests: tuple[Name, ...] = ("mann_whitney_asymptotic", "mann_whitney_exact", "welch")
    imputations: int = Field(default=20, ge=2, le=1000)
    seed: int = Field(default=0, ge=0, le=2**63 - 1)


class StudyFile(Keys):
    """All that study.toml says."""

    study: Header
    population: Population
    exposure: Exposure
    control: Control
    eligibility: Eligibility = Eligibility()
    exclusion: tuple[Exclusion, ...] = ()
    covariate: tuple[Covariate, ...] = ()
    stratification: Stratification | None = None
    stratum: tuple[Stratum, ...] = ()
    baseline: Baseline | None = None
    visit: tuple[Visit, ...] = Field(min_length=1)
    endpoint: tuple[Endpoint, ...] = Field(min_length=1)
    unit: tuple[Unit, ...] = ()
    default_unit: tuple[DefaultUnit, ...] = ()
    analysis: tuple[Analysis, ...] = Field(min_length=1)
    adverse_events: AdverseEvents | None = None
    propensity: Propensity | None = None
    sensitivity: Sensitivity = Sensitivity()

    def named_lists(self) -> list[str]:
        """The code lists the study refers to, each once, in the order of the file."""
        lists = [self.population.codes, self.exposure.codes, self.control.codes or ""]
        lists += [self.control.risk_set.in_hospital or ""] if self.control.risk_set else []
        lists += [e.codes for e in (*self.exclusion, *self.covariate)]
        lists += self.stratification.carriers if self.stratification else ()
        lists += [s.codes for s in self.stratum] + [e.codes for e in self.endpoint]
        return list(dict.fromkeys(name for name in lists if name))

    @model_validator(mode="after")
    def names_are_unique(self) -> Self:
        named: tuple[tuple[str, list[str]], ...] = (
            ("exclusion", [e.name for e in self.exclusion]),
            ("covariate", [c.name for c in self.covariate]),
            ("stratum", [s.name for s in self.stratum]),
            ("visit", [v.name for v in self.visit]),
            ("endpoint", [e.id for e in self.endpoint]),
            ("analysis", [a.name for a in self.analysis]),
            ("unit", [f"{u.source} to {u.target}" for u in self.unit]),
            ("default_unit", [f"{d.endpoint} of {d.site}" for d in self.default_unit]),
        )
        for table, names in named:
            for name in sorted({n for n in names if names.count(n) > 1}):
                raise ValueError(f"[[{table}]] {name} stands twice")
        return self

    @model_validator(mode="after")
    def covariates_have_names_of_their_own(self) -> Self:
        taken = {*KNOWN_TERMS, *(e.id for e in self.endpoint)}
        for c in self.covariate:
            if c.name in taken:
                raise ValueError(f"[[covariate]] {c.name}: Table 1 has a variable of this name already")
        return self

    @model_validator(mode="after")
    def default_units_have_endpoints(self) -> Self:
        endpoints = {e.id for e in self.endpoint}
        for d in self.default_unit:
            if d.endpoint not in endpoints:
                raise ValueError(f"[[default_unit]] of {d.site}: {d.endpoint} is not an [[endpoint]]")
        return self

    @model_validator(mode="after")
    def visits_do_not_overlap(self) -> Self:
        ordered = sorted(self.visit, key=lambda v: v.start)
        for v in ordered:
            if self.baseline and v.start <= self.baseline.end and v.end > self.baseline.start:
                raise ValueError(
                    f"the baseline and visit {v.name} overlap; a baseline holds both of its ends"
                )
        for a, b in pairwise(ordered):
            if b.start < a.end:
                raise ValueError(
                    f"visit windows overlap: {a.name} ends at day {a.end:g}, {b.name} begins at {b.start:g}"
                )
        return self

    @model_validator(mode="after")
    def wider_windows_do_not_overlap(self) -> Self:
        wider = sorted((v.wider.start, v.wider.end, v.name) for v in self.visit if v.wider)
        if wider and len(wider) != len(self.visit):
            raise ValueError("`wider` stands at every [[visit]] or at none: else they might overlap")
        if wider and self.baseline and wider[0][0] <= self.baseline.end:
            raise ValueError(f"`wider` of visit {wider[0][2]} and the baseline overlap")
        for (_, end, a), (start, _, b) in pairwise(wider):
            if start < end:
                raise ValueError(f"the `wider` windows of {a} and {b} overlap")
        return self

    @model_validator(mode="after")
    def changes_have_a_baseline(self) -> Self:
        for a in self.analysis:
            if a.measure == "change" and not self.baseline:
                raise ValueError(f"analysis {a.name}: a change needs a [baseline]")
        return self

    @model_validator(mode="after")
    def strata_have_carriers(self) -> Self:
        if bool(self.stratum) != (self.stratification is not None):
            raise ValueError("[stratification] and [[stratum]] stand together or not at all")
        if any(s.name == "all" for s in self.stratum):
            raise ValueError('a stratum cannot be called "all"')
        return self

    @model_validator(mode="after")
    def propensity_terms_are_known_at_time_zero(self) -> Self:
        endpoints = {e.id for e in self.endpoint}
        known = endpoints.union(KNOWN_TERMS, (c.name for c in self.covariate))
        for name in self.propensity.terms if self.propensity else ():
            if name in endpoints and not self.baseline:
                raise ValueError(f"propensity.terms: {name} needs a [baseline]")
            if name == "severity" and not self.stratification:
                raise ValueError("propensity.terms: severity needs a [stratification]")
            if name not in known:
                raise ValueError(
                    f"propensity.terms: {name} is neither an [[endpoint]] nor a [[covariate]]"
                    f" nor one of {', '.join(KNOWN_TERMS)}"
                )
        return self

    @model_validator(mode="after")
    def the_adjusted_analysis_has_a_name_of_its_own(self) -> Self:
        if self.propensity and self.propensity.name in {a.name for a in self.analysis}:
            raise ValueError(f"propensity.name: an [[analysis]] is called {self.propensity.name} already")
        return self

    @model_validator(mode="after")
    def primary_visits_exist(self) -> Self:
        visits = {v.name for v in self.visit}
        for e in self.endpoint:
            if isinstance(e.primary, str) and e.primary not in visits:
                raise ValueError(f"endpoint {e.id}: primary visit {e.primary} is not a [[visit]]")
        return self


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study folder: its file, the code lists it names, and one hash over all of them."""

    folder: Path
    file: StudyFile
    code_lists: dict[str, tuple[Code, ...]]
    sha256: str

    @property
    def label(self) -> str:
        return self.file.study.label


def load(folder: Path) -> Study:
    """Read and check a study folder's study.toml and the code lists it names."""
    path = folder / FILE
    tables = toml.read(path, StudyError, missing="`rwe init DIR` writes a study folder to start from")
    file = toml.check(tables, StudyFile, where=str(path), error=StudyError)
    check_kinds(file, path)
    lists = {name: folder / "codes" / f"{name}.csv" for name in file.named_lists()}
    return Study(
        folder=folder,
        file=file,
        code_lists={name: read_code_list(csv) for name, csv in lists.items()},
        sha256=data.sha256([path, *(lists[name] for name in sorted(lists))]),
    )


def check_kinds(file: StudyFile, path: Path) -> None:
    """Each endpoint's kind must have its SQL."""
    kinds = [sql.stem for sql in data.sql_files("endpoint")]
    for e in file.endpoint:
        if e.kind not in kinds:
            raise StudyError(
                f"{path}: endpoint {e.id}: kind = {e.kind!r} has no sql/endpoint/{e.kind}.sql",
                hint=f"kinds: {', '.join(kinds)}",
            )
