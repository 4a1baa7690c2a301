"""results.json: what a study found, as `compare` writes it and `report` reads it.

Numbers that do not exist are null; an infinite limit is "Inf" or "-Inf"; nothing is rounded.
The JSON Schema in rwe/schemas/results.schema.json is made from these classes, and a file is
decoded into them before it is written or read, so that no other shape can pass.
"""

import math
from typing import Literal

import msgspec

Limit = float | Literal["Inf", "-Inf"] | None
Validation = Literal["exemplars", "every_resource"]
Status = Literal["estimated", "not_estimable", "suppressed"]
Theme = Literal["total", "severity", "grade", "causality", "infusion", "term"]
NAME = "results.json"


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object with exactly the keys of its class."""


class StudyRef(Record, frozen=True, kw_only=True):
    id: str
    title: str
    sha256: str


class Software(Record, frozen=True, kw_only=True):
    name: str
    version: str
    sql_sha256: str
    mappings_sha256: str


class Plan(Record, frozen=True, kw_only=True):
    """All null where it was never locked.  changed_since: the first lock, which locked_at is of."""

    locked_at: str | None
    first_comparison_at: str | None
    before_comparison: bool | None
    """Was it locked before the endpoints were first compared?"""
    changed_since: list[str] | None


UNLOCKED = Plan(locked_at=None, first_comparison_at=None, before_comparison=None, changed_since=None)


class Counts(Record, frozen=True, kw_only=True):
    """asked = mapped + superseded + gone + set_aside when the site is whole; null: the source cannot tell.

    gone: the source held it once and holds it no longer.
    """

    asked: int | None
    landed: int
    mapped: int
    superseded: int
    gone: int
    set_aside: int


class SiteResult(Record, frozen=True, kw_only=True):
    id: str
    fhir_version: str
    method: Literal["files", "search", "bulk"]
    pulled_at: str | None
    """From a server its own time; of files when the newest of them was last changed."""
    deletions_known_at: str | None
    """The server's time up to which deletions are known of every type; null where they are not tracked."""
    resources: dict[str, Counts]
    passed_over: dict[str, int]
    """Resources the source gave of types nobody asked for."""


class Attrition(Record, frozen=True, kw_only=True):
    """n_in enter the step, n_out remain; arm and stratum are null before they are known.

    More remain than enter the last step, future_treated, alone: the treated who are controls too.
    """

    step: str
    description: str
    site: str
    arm: str | None
    stratum: str | None
    n_in: int
    n_out: int


class ScoreTerm(Record, frozen=True, kw_only=True):
    """A slope on the scale of log odds; variable and level are null in the intercept."""

    variable: str | None
    level: str | None
    coefficient: float


class WeightedArm(Record, frozen=True, kw_only=True):
    """n have a score; `missing` counts, by term, those who lack one: who lacks two is in both.

    effective: Kish's sample size; weights: the least, quartiles and the most; scores: patients in ten
    equal bins of the score from 0 to 1.  All null where there is no score.
    """

    n: int
    n_missing: int
    missing: dict[str, int]
    effective: float | None
    weights: list[float] | None
    scores: list[int] | None


class Balance(Record, frozen=True, kw_only=True):
    """Means (of a level: shares) without and with weights, of patients with a score and this value.

    in_score: the score has a term of it.  SMD: over the spread without weights in both.
    """

    variable: str
    level: str | None
    unit: str | None
    in_score: bool
    treated_before: float | None
    control_before: float | None
    smd_before: float | None
    treated_after: float | None
    control_after: float | None
    smd_after: float | None


class Propensity(Record, frozen=True, kw_only=True):
    """One propensity score and the balance it brings; needs nothing after time zero.

    pairs, caliper (in units of the score): of matching alone.  detail: separation, collinear, constant,
    no_convergence, too_many_terms or no_pairs; at_fault: the terms it is about.
    """

    stratum: str
    estimand: Literal["overlap", "att", "match"]
    terms: list[ScoreTerm]
    steps: int
    treated: WeightedArm
    control: WeightedArm
    pairs: int | None
    caliper: float | None
    balance: list[Balance]
    status: Status
    reason: str | None
    detail: str | None
    at_fault: list[str]


class BaselineArm(Record, frozen=True, kw_only=True):
    """Of a measured variable: quartiles and mean. Of a level: count and share of the known."""

    n: int
    n_missing: int = 0
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    mean: float | None = None
    sd: float | None = None
    count: int | None = None
    share: float | None = None


class Baseline(Record, frozen=True, kw_only=True):
    """n_missing: over both arms; each arm holds its own."""

    variable: str
    level: str | None
    unit: str | None
    stratum: str
    treated: BaselineArm
    control: BaselineArm
    smd: float | None
    n_missing: int


class Arm(Record, frozen=True, kw_only=True):
    """One arm of a comparison; `missing` counts each reason, and they add up to n_missing.

    n_censored of the n are known only as below or above a limit (`<L`, `>L`).  Where a quartile
    falls on one of them, `bounds` names the quartile and the sign, and its number is the limit.
    n_dead of the n died before the visit and have the worst rank: a quartile that falls on one of them is
    null, and so are mean and SD.  n_imputed of the n were not measured: the mean is then over all imputed
    sets, and there is no quartile and no SD.
    """

    n: int
    n_missing: int
    missing: dict[str, int]
    n_censored: int
    bounds: dict[str, str]
    median: float | None
    q1: float | None
    q3: float | None
    mean: float | None
    sd: float | None
    n_dead: int = 0
    n_imputed: int = 0


class EstimateResult(Record, frozen=True, kw_only=True):
    """level: what the interval attains; interval: how it was made, null where there is none."""

    name: str
    value: float | None
    ci_low: Limit
    ci_high: Limit
    level: float | None
    interval: str | None


class TestResult(Record, frozen=True, kw_only=True):
    name: str
    version: str
    statistic: float | None
    p: float | None
    p_holm: float | None
    p_bh: float | None


class AdjustedArm(Record, frozen=True, kw_only=True):
    """mean: weighted; effective: Kish's sample size.  Null where there is no score."""

    mean: float | None
    effective: float | None


class Adjusted(Record, frozen=True, kw_only=True):
    """How the means of a comparison were made comparable; detail and at_fault as in Propensity.

    The score is fitted anew in the patients measured, so that its weights balance those who are compared.
    """

    estimand: Literal["overlap", "att", "match"]
    treated: AdjustedArm
    control: AdjustedArm
    pairs: int | None
    detail: str | None
    at_fault: list[str]


class Comparison(Record, frozen=True, kw_only=True):
    """adjusted: null but in the analysis by the propensity score.

    That counts as missing who was measured but lacks a term (`term_missing`) or a partner (`no_partner`), so
    that n + n_missing of an arm are the same in every analysis of one stratum.
    """

    endpoint: str
    kind: str
    stratum: str
    visit: str
    unit: str
    measure: Literal["value", "change"]
    analysis: str
    primary: bool
    treated: Arm
    control: Arm
    estimate: EstimateResult
    test: TestResult
    status: Status
    reason: str | None
    adjusted: Adjusted | None = None


class NotMeasured(Record, frozen=True, kw_only=True):
    """lost: no contact from the window's first day on.  in_contact: seen then or later, but not measured."""

    lost: int
    in_contact: int


class VisitCount(Record, frozen=True, kw_only=True):
    """What became of n patients: measured, treated_later, dead, window_not_reached, not_measured and
    set_aside add up to n.

    alive: when the window opens, and of a control not yet treated, so that who died within it is also `dead`;
    seen: a contact within the window.  set_aside: by what was wrong with the value.  The arms of a comparison
    count the same by reason.
    """

    endpoint: str
    visit: str
    stratum: str
    arm: str
    site: str
    n: int
    alive: int
    seen: int
    measured: int
    treated_later: int = 0
    dead: int
    window_not_reached: int
    not_measured: NotMeasured
    set_aside: dict[str, int]

    def ways(self) -> dict[str, int]:
        """Measured, and each way not to be; they add up to n."""
        return {
            "measured": self.measured,
            "treated_later": self.treated_later,
            "dead": self.dead,
            "window_not_reached": self.window_not_reached,
            "lost": self.not_measured.lost,
            "in_contact": self.not_measured.in_contact,
            "set_aside": sum(self.set_aside.values()),
        }


class Incidence(Record, frozen=True, kw_only=True):
    """With exact limits of 95 %: where nothing happened, ci_high is what is not excluded."""

    value: float
    ci_low: float
    ci_high: float


class EventArm(Record, frozen=True, kw_only=True):
    """Of n patients who were asked; null where there is none, or no time.

    person_days: from time zero to the first event, or the end of follow-up; follow_up_days: to its end.
    risk: patients of n (Clopper–Pearson).  Rates are per 100 person-years (Garwood): first_rate of patients
    over person_days, event_rate of all events over follow_up_days.
    """

    patients: int
    events: int
    n: int
    person_days: float
    follow_up_days: float
    risk: Incidence | None
    first_rate: Incidence | None
    event_rate: Incidence | None


class RateRatio(Record, frozen=True, kw_only=True):
    """Treated over control; value is null and ci_high "Inf" where the controls have no event."""

    estimate: EstimateResult
    test: TestResult
    status: Status
    reason: str | None


class AdverseEventResult(Record, frozen=True, kw_only=True):
    """estimate and test compare risks; first_rate_ratio and event_rate_ratio the rates of EventArm.

    Not compared by reason: not_stated, of events that state nothing; suspects_differ, of causes, since only
    the treated have an infusion to suspect; treated_only, of infusions (the control arm then counts nobody).
    """

    theme: Theme
    term: str
    stratum: str
    treated: EventArm
    control: EventArm
    estimate: EstimateResult
    test: TestResult
    status: Status
    reason: str | None
    first_rate_ratio: RateRatio
    event_rate_ratio: RateRatio


class Variant(Record, frozen=True, kw_only=True):
    """The main analysis, which is the first of the study file, with one thing done otherwise.

    rows: none where `reason` says why it was not run.  Holm and Benjamini–Hochberg count none of them: p_holm
    and p_bh are null.  caution: what a reader must know before reading it.
    """

    name: str
    theme: Literal["windows", "quartiles", "test", "exposure", "weights", "sites", "missing"]
    varied: str
    caution: str | None
    reason: str | None
    rows: list[Comparison]


class CheckResult(Record, frozen=True, kw_only=True):
    rule: str
    site: str
    arm: str | None
    n: int
    severity: Literal["error", "warning", "info"]


class UnitResult(Record, frozen=True, kw_only=True):
    """A conversion that was applied, to how many values: to = from × factor + offset.

    how: "study" as [[unit]] declares, "ucum" by the library, "synonym" a reviewed spelling, "default" the
    site's [[default_unit]] in place of none.  (`from` is a Python word, hence the rename.)
    """

    from_: str = msgspec.field(name="from")
    to: str
    factor: float
    offset: float
    how: Literal["study", "ucum", "synonym", "default"]
    n: int


class EndpointInfo(Record, frozen=True, kw_only=True):
    """How an endpoint is shown: its label, unit and decimals."""

    id: str
    label: str
    kind: str
    unit: str
    digits: int


class VisitInfo(Record, frozen=True, kw_only=True):
    """A half-open window of days from time zero, [start, end)."""

    name: str
    target: float
    start: float
    end: float


class Definition(Record, frozen=True, kw_only=True):
    """A rule of the study in words; nothing is computed from it."""

    term: str
    text: str


class Design(Record, frozen=True, kw_only=True):
    """What the study file declares, as the report has to print it."""

    treatment: str
    control: str
    time_zero_treated: str
    time_zero_control: str
    days: str
    definitions: list[Definition]
    strata: list[str]
    endpoints: list[EndpointInfo]
    visits: list[VisitInfo]
    analyses: list[str]


class Results(Record, frozen=True, kw_only=True):
    study: StudyRef
    software: Software
    plan: Plan
    label: str
    partial: list[str]
    """What of the data is not whole, a line each: a type not had, too much set aside."""
    design: Design
    sites: list[SiteResult]
    attrition: list[Attrition]
    baseline: list[Baseline]
    visits: list[VisitCount]
    comparisons: list[Comparison]
    adverse_events: list[AdverseEventResult]
    sensitivity: list[Variant]
    """Empty where it was not asked for."""
    checks: list[CheckResult]
    units: list[UnitResult]
    deviations: list[str]
    validation: Validation
    """Of each shape of a resource one, and every row with something odd; or, by `--strict`, all."""
    propensity: list[Propensity]
    """One for each score; none where the study declares none."""


def encode(results: Results) -> bytes:
    """Indented JSON with a line end; decoded once again, so that what is written can be read."""
    data = msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n"
    decode(data)
    return data


def decode(data: bytes) -> Results:
    return msgspec.json.decode(data, type=Results)


def limit(value: float | None) -> Limit:
    """An interval's end as results.json spells it."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return value
