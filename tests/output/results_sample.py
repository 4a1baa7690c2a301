"""A made-up study with everything a report has to survive: 3 sites, 2 strata, 7 endpoints, 5 visits.

The seven rows with a small P are those of the published abstract; all else is invented.
"""

from itertools import product
from math import cos

from msgspec.structs import replace

from rwe.results import (
    UNLOCKED,
    AdverseEventResult,
    Arm,
    Attrition,
    Balance,
    Baseline,
    BaselineArm,
    CheckResult,
    Comparison,
    Counts,
    Definition,
    Design,
    EndpointInfo,
    EstimateResult,
    EventArm,
    Incidence,
    NotMeasured,
    Plan,
    Propensity,
    RateRatio,
    Results,
    ScoreTerm,
    SiteResult,
    Software,
    StudyRef,
    TestResult,
    UnitResult,
    Variant,
    VisitCount,
    VisitInfo,
    WeightedArm,
)

LABEL = (
    "synthetic, calibrated to the published abstract; agreement is by construction and validates the"
    " pipeline, not the treatment"
)
MARKUP = "<script>alert(1)</script>\x1b[31m\u202e<img src=http://evil.example/x onerror=alert(2)>"
HOSTILE = (MARKUP * 80)[:5000]
FORMULA = "=cmd()"
TITLE = "UC-MSC in convalescent COVID-19 <b>& controls</b>"
METHOD = "Mann–Whitney, two-sided, asymptotic, tie-corrected, continuity 0.5; quartiles type 7"
SHIFT = "Hodges-Lehmann shift"

ENDPOINTS = [
    EndpointInfo(id="fev1", label="FEV1", kind="spirometry", unit="L", digits=2),
    EndpointInfo(id="vcmax", label="VCmax", kind="spirometry", unit="L", digits=2),
    EndpointInfo(id="ground_glass", label="Ground glass", kind="ct_share", unit="%", digits=2),
    EndpointInfo(id="lesion", label="Lesion", kind="ct_share", unit="%", digits=1),
    EndpointInfo(id="six_mwd", label="6-min walk", kind="walk", unit="m", digits=0),
    EndpointInfo(id="d_dimer", label="D-dimer", kind="lab", unit="mg/L{FEU}", digits=2),
    EndpointInfo(id="il6", label="IL-6", kind="lab", unit="pg/mL", digits=1),
]
MIDDLE = {
    "fev1": (2.55, 0.45),
    "vcmax": (2.95, 0.5),
    "ground_glass": (2.8, 2.1),
    "lesion": (9.4, 5.2),
    "six_mwd": (455.0, 62.0),
    "d_dimer": (0.62, 0.35),
    "il6": (4.4, 3.1),
}
VISITS = [
    VisitInfo(name=f"d{day}", target=day, start=start, end=end)
    for day, start, end in ((28, 21, 35), (90, 69, 111), (180, 159, 201), (270, 249, 291), (360, 339, 381))
]
STRATA = {"moderate": (21, 26), "severe": (31, 32)}
PUBLISHED = {
    ("fev1", "moderate", "d28"): (13, 16, (2.75, 2.35, 3.23), (2.11, 1.96, 2.35), (0.61, 0.15, 0.95), 0.0079),
    ("vcmax", "moderate", "d28"): (
        13,
        16,
        (2.92, 2.55, 3.60),
        (2.47, 2.18, 2.68),
        (0.49, 0.02, 0.94),
        0.0413,
    ),
    ("fev1", "moderate", "d90"): (11, 13, (2.93, 2.63, 3.27), (2.38, 2.24, 2.63), (0.5, 0.11, 0.91), 0.0174),
    ("vcmax", "moderate", "d90"): (11, 13, (3.52, 3.02, 3.80), (2.59, 2.45, 3.15), (0.7, 0.1, 1.2), 0.0174),
    ("fev1", "moderate", "d360"): (9, 10, (2.91, 2.75, 3.18), (2.30, 2.16, 2.70), (0.55, 0.08, 0.9), 0.0194),
    ("vcmax", "moderate", "d360"): (9, 10, (3.61, 3.35, 3.97), (2.69, 2.56, 3.23), (0.8, 0.05, 1.3), 0.0363),
    ("ground_glass", "severe", "d90"): (
        31,
        32,
        (1.84, 0.9, 3.1),
        (3.77, 1.8, 5.4),
        (-1.3, -2.7, -0.01),
        0.0455,
    ),
}


def build(*, label: str = LABEL) -> Results:
    return Results(
        study=StudyRef(id="uc-msc", title=TITLE, sha256="a1" * 32),
        software=Software(name="rwe", version="0.1.0", sql_sha256="b2" * 32, mappings_sha256="c3" * 32),
        plan=Plan(
            locked_at="2026-11-20T08:00:00Z",
            first_comparison_at="2026-11-21T08:00:00Z",
            before_comparison=True,
            changed_since=["code list msc changed (not locked)"],
        ),
        label=label,
        partial=["south: AdverseEvent: the server counts 25, 22 landed"],
        design=design(),
        sites=sites(),
        attrition=attrition(),
        baseline=baseline(),
        visits=visits(),
        comparisons=comparisons(),
        adverse_events=adverse_events(),
        sensitivity=sensitivity(),
        checks=[
            CheckResult(rule="fev1_above_vc", site="south", arm=None, n=2, severity="warning"),
            CheckResult(rule="value_after_death", site="north", arm="treated", n=1, severity="error"),
        ],
        units=[
            UnitResult(from_="[ft_i]", to="m", factor=0.3048, offset=0, how="ucum", n=14),
            UnitResult(from_="mL", to="L", factor=0.001, offset=0, how="study", n=9),
        ],
        deviations=[
            "Registry ChiCTR2000031430: target 200; 52 treated and 58 external controls.",
            "Registered 2020-03-31, after the first enrolment on 2020-03-20.",
        ],
        validation="every_resource",
        propensity=propensity(),
    )  # fmt: skip


def empty(*, label: str = LABEL) -> Results:
    """A study of which nothing came: no site, no step, no comparison."""
    nothing = Design(
        treatment="", control="", time_zero_treated="", time_zero_control="", days="date",
        definitions=[], strata=[], endpoints=[], visits=[], analyses=[],
    )  # fmt: skip
    return Results(
        study=StudyRef(id="empty", title="Empty", sha256=""),
        software=Software(name="rwe", version="0", sql_sha256="", mappings_sha256=""),
        plan=UNLOCKED,
        label=label, partial=[], design=nothing, sites=[], attrition=[], baseline=[], visits=[],
        comparisons=[],
        adverse_events=[], sensitivity=[], checks=[], units=[], deviations=[], validation="exemplars",
        propensity=[],
    )  # fmt: skip


def design() -> Design:
    return Design(
        treatment="UC-MSC, 4 × 10⁷ cells i.v. on days 0, 3 and 6, plus standard treatment",
        control="Standard treatment (contemporaneous, external)",
        time_zero_treated="first completed infusion",
        time_zero_control="risk set: same calendar time and days since admission as a treated patient",
        days="instant",
        definitions=[Definition(term="Population", text="confirmed COVID-19")],
        strata=list(STRATA),
        endpoints=ENDPOINTS,
        visits=VISITS,
        analyses=["unadjusted"],
    )


def sites() -> list[SiteResult]:
    def site(name: str, version: str, pulled_at: str | None, size: int, *, events: int) -> SiteResult:
        return SiteResult(
            id=name,
            fhir_version=version,
            method="search",
            pulled_at=pulled_at,
            deletions_known_at=pulled_at,
            resources={
                "Patient": Counts(asked=size, landed=size, mapped=size, superseded=0, gone=0, set_aside=0),
                "Observation": Counts(
                    asked=None if name == "west" else size * 40,
                    landed=size * 40, mapped=size * 39, superseded=size - 5, gone=0,
                    set_aside=4 if name == "south" else 5,
                ),
                "MedicationAdministration": Counts(
                    asked=size * 2, landed=size * 2, mapped=size * 2, superseded=0, gone=0, set_aside=0
                ),
                "AdverseEvent": Counts(
                    asked=events, landed=events, mapped=events, superseded=0, gone=0, set_aside=0
                ),
            },
            passed_over={"Encounter": size, "Device": 3} if name == "south" else {},
        )  # fmt: skip

    return [
        site("north", "4.0.1", "2026-11-19T22:14:03Z", 310, events=41),
        site("south", "5.0.0", "2026-11-20T01:02:59Z", 190, events=22),
        site("west", "4.3.0", None, 120, events=0),
    ]


SHARES = {"north": 0.5, "south": 0.3, "west": 0.2}


def _split(n: int) -> dict[str, int]:
    """n over the sites; what rounding leaves goes to the first."""
    parts = {site: int(n * part) for site, part in SHARES.items()}
    return parts | {"north": parts["north"] + n - sum(parts.values())}


def attrition() -> list[Attrition]:
    rows = []
    early = [
        ("covid", "Hospitalised with confirmed COVID-19", 620, 402),
        ("convalescent", "Convalescent stage, moderate or severe at time zero", 402, 124),
    ]
    for step, text, n_in, n_out in early:
        before, after = _split(n_in), _split(n_out)
        rows += [
            Attrition(
                step=step, description=text, site=s, arm=None, stratum=None, n_in=before[s], n_out=after[s]
            )
            for s in SHARES
        ]
    late = [
        ("age", "Age 18 or above at time zero", {"treated": (1, 2), "control": (3, 2)}),
        ("alive", "Alive and in care at time zero", {"treated": (0, 1), "control": (2, 3)}),
    ]
    left = {(arm, s): STRATA[s][i] for i, arm in enumerate(("treated", "control")) for s in STRATA}
    for i, (step, text, dropped) in enumerate(late):
        for (arm, stratum), n in left.items():
            later = sum(d[arm][list(STRATA).index(stratum)] for _, _, d in late[i + 1 :])
            out = n + later
            n_in, k = _split(out), dropped[arm][list(STRATA).index(stratum)]
            rows += [
                Attrition(
                    step=step, description=text, site=s, arm=arm, stratum=stratum,
                    n_in=n_in[s] + (k if s == "north" else 0), n_out=n_in[s],
                )
                for s in SHARES
            ]  # fmt: skip
    return rows


def baseline() -> list[Baseline]:
    rows = []
    for stratum, (m, n) in STRATA.items():
        rows += [
            Baseline(
                variable="age", level=None, unit="a", stratum=stratum,
                treated=BaselineArm(n=m, median=58.0, q1=49.5, q3=66.0, mean=57.4, sd=11.2, n_missing=0),
                control=BaselineArm(n=n, median=60.5, q1=52.0, q3=69.0, mean=60.3, sd=10.8, n_missing=0),
                smd=-0.2636, n_missing=0,
            ),
            Baseline(
                variable="sex", level="female", unit=None, stratum=stratum,
                treated=BaselineArm(n=m, count=m // 2, share=(m // 2) / m, n_missing=0),
                control=BaselineArm(n=n, count=n // 2 - 2, share=(n // 2 - 2) / n, n_missing=0),
                smd=0.1491, n_missing=0,
            ),
            Baseline(
                variable="fev1", level=None, unit="L", stratum=stratum,
                treated=BaselineArm(n=m - 6, median=2.31, q1=2.02, q3=2.66, mean=2.34, sd=0.44, n_missing=6),
                control=BaselineArm(n=n - 9, median=2.29, q1=1.97, q3=2.61, mean=2.3, sd=0.47, n_missing=9),
                smd=0.0878, n_missing=15,
            ),
            Baseline(
                variable="height", level=None, unit="cm", stratum=stratum,
                treated=BaselineArm(n=0, n_missing=m),
                control=BaselineArm(n=1, median=171.0, q1=171.0, q3=171.0, mean=171.0, n_missing=n - 1),
                smd=None, n_missing=m + n - 1,
            ),
        ]  # fmt: skip
    return rows


def visits() -> list[VisitCount]:
    """All at one site; of those not measured three are lost, and one is set aside where there is room."""
    return [_visit(c, arm, getattr(c, arm)) for c in comparisons() for arm in ("treated", "control")]


def _visit(c: Comparison, name: str, arm: Arm) -> VisitCount:
    gone = arm.missing["not_measured"]
    aside = {"implausible": 1} if gone > 4 else {}
    lost = min(3, gone - len(aside))
    n = arm.n + arm.n_missing
    return VisitCount(
        endpoint=c.endpoint,
        visit=c.visit,
        stratum=c.stratum,
        arm=name,
        site="north",
        n=n,
        alive=n - arm.missing["dead"],
        seen=n - arm.missing["dead"] - lost,
        measured=arm.n,
        dead=arm.missing["dead"],
        window_not_reached=arm.missing["window_not_reached"],
        not_measured=NotMeasured(lost=lost, in_contact=gone - lost - len(aside)),
        set_aside=aside,
    )


def _arm(
    n: int, enrolled: int, values: tuple[float, float, float] | None, *, limit: float | None = None
) -> Arm:
    gone = enrolled - n
    dead, late = min(1, gone), min(3, max(0, gone - 1))
    missing = {"dead": dead, "window_not_reached": late, "not_measured": gone - dead - late}
    median, q1, q3 = values or (None, None, None)
    bounds = {name: "<" for name, v in (("median", median), ("q1", q1)) if limit is not None and v == limit}
    return Arm(
        n=n,
        n_missing=gone,
        missing=missing,
        n_censored=n // 3 if bounds else 0,
        bounds=bounds,
        median=median,
        q1=q1,
        q3=q3,
        mean=None if median is None else median * 1.03,
        sd=None if median is None else 0.4,
    )


def _invented(place: int, endpoint: str, stratum: str, visit: str) -> Comparison:
    middle, spread = MIDDLE[endpoint]
    m, n = (max(size - 4 - place % 9, 4) for size in STRATA[stratum])
    shift = spread * 0.3 * cos(place)
    low = 1.5 if endpoint == "il6" else 0.22
    arms = [
        (centre, max(low, centre - 0.6 * spread), centre + 0.7 * spread)
        for centre in (middle + shift / 2, middle - shift / 2)
    ]
    if endpoint in ("il6", "d_dimer") and visit == "d360":
        arms[0] = (low, low, arms[0][2])
    return _comparison(
        (endpoint, stratum, visit),
        (_arm(m, STRATA[stratum][0], arms[0], limit=low), _arm(n, STRATA[stratum][1], arms[1], limit=low)),
        (shift, shift - 0.8 * spread, shift + 0.7 * spread),
        p=0.08 + 0.9 * abs(cos(place * 1.7)),
    )


def _comparison(key, arms, estimate, **result):
    """result: p, and where they differ from a plain estimate level, status and reason."""
    value, low, high = estimate
    endpoint, stratum, visit = key
    info = next(e for e in ENDPOINTS if e.id == endpoint)
    level = result.get("level", 0.95) if low is not None else None
    return Comparison(
        endpoint=endpoint,
        kind=info.kind,
        stratum=stratum,
        visit=visit,
        unit=info.unit,
        measure="value",
        analysis="unadjusted",
        primary=key == ("fev1", "moderate", "d28"),
        treated=arms[0],
        control=arms[1],
        estimate=EstimateResult(
            name=SHIFT, value=value, ci_low=low, ci_high=high, level=level, interval="Moses"
        ),
        test=tested(METHOD, result["p"]),
        status=result.get("status", "estimated"),
        reason=result.get("reason"),
    )


def tested(name: str, p: float | None) -> TestResult:
    statistic = None if p is None else 100.5
    return TestResult(name=name, version="scipy 1.17.1", statistic=statistic, p=p, p_holm=None, p_bh=None)


def sensitivity() -> list[Variant]:
    """Of the first analysis: three variants of the first visit, and one that was not run."""
    first = [c for c in comparisons() if c.visit == "d28"]

    def variant(name: str, theme: str, caution: str | None, **arm: float | None) -> Variant:
        rows = [replace(c, treated=replace(c.treated, **arm), test=alone(c.test)) for c in first]
        return Variant(name=name, theme=theme, varied=f"{name}!", caution=caution, reason=None, rows=rows)

    return [
        variant("quartiles_type_6", "quartiles", None, q1=1.125),
        variant("without_<b>north</b>", "sites", None, n=7),
        variant("death_worst_rank", "missing", MARKUP, n_dead=2, median=None),
        Variant(
            name="=imputed", theme="missing", varied=HOSTILE, caution=None, reason="of_a_change", rows=[]
        ),
    ]


def alone(test: TestResult) -> TestResult:
    return replace(test, p_holm=None, p_bh=None)


def propensity() -> list[Propensity]:
    """A score in the moderate stratum, and none in the severe, where a site lacks an arm."""
    return [
        Propensity(
            stratum="moderate",
            estimand="overlap",
            terms=[
                ScoreTerm(variable=variable, level=level, coefficient=slope)
                for variable, level, slope in ((None, None, -1.2), ("age", None, 0.03), ("sex", "male", 0.4))
            ],
            steps=4,
            treated=weighted(20, {"sex": 1}, 16.8),
            control=weighted(26, {}, 23.4),
            pairs=None,
            caliper=None,
            balance=[
                balanced("age", None, (57.3, 55.1, 0.21), (56.2, 56.2, 1e-15)),
                balanced("sex", "male", (0.55, 0.4, 0.3), (0.47, 0.47, -2e-16)),
                balanced("fev1", None, (2.4, 2.1, 0.55), (2.35, 2.15, 0.38), in_score=False),
                balanced("il6", None, (2.0, 2.0, None), (2.0, 2.0, None), in_score=False),
            ],
            status="estimated",
            reason=None,
            detail=None,
            at_fault=[],
        ),
        Propensity(
            stratum="severe",
            estimand="overlap",
            terms=[],
            steps=31,
            treated=weighted(31, {}, None),
            control=weighted(32, {}, None),
            pairs=None,
            caliper=None,
            balance=[balanced("site", HOSTILE, (0.5, 0.0, 1.4), (None, None, None))],
            status="not_estimable",
            reason="not_identified",
            detail="separation",
            at_fault=[f"site: {HOSTILE}"],
        ),
    ]


def weighted(n, missing, effective) -> WeightedArm:
    known = effective is not None
    return WeightedArm(
        n=n,
        n_missing=sum(missing.values()),
        missing=missing,
        effective=effective,
        weights=[0.1, 0.3, 0.45, 0.6, 0.9] if known else None,
        scores=[0, 1, 2, n - 8, 3, 1, 1, 0, 0, 0] if known else None,
    )


def balanced(variable, level, before, after, *, in_score=True) -> Balance:
    return Balance(
        variable=variable,
        level=level,
        unit="years" if variable == "age" else None,
        in_score=in_score,
        treated_before=before[0],
        control_before=before[1],
        smd_before=before[2],
        treated_after=after[0],
        control_after=after[1],
        smd_after=after[2],
    )


def comparisons() -> list[Comparison]:
    rows = []
    keys = product((e.id for e in ENDPOINTS), STRATA, (v.name for v in VISITS))
    for place, key in enumerate(keys):
        rows.append(_published(key) if key in PUBLISHED else _special(key) or _invented(place, *key))
    return adjusted(rows)


def _published(key: tuple[str, str, str]) -> Comparison:
    m, n, treated, control, estimate, p = PUBLISHED[key]
    sizes = STRATA[key[1]]
    return _comparison(key, (_arm(m, sizes[0], treated), _arm(n, sizes[1], control)), estimate, p=p)


def _special(key: tuple[str, str, str]) -> Comparison | None:
    """Rows without a result, or with half of one."""
    m, n = STRATA[key[1]]
    lost = {"p": None, "status": "not_estimable"}
    few = {"reason": "level_not_attained"}
    if key[:2] == ("lesion", "moderate"):
        arms = _arm(0, m, None), _arm(7, n, (9.1, 4.4, 15.2))
        return _comparison(key, arms, (None, None, None), reason="empty_arm", **lost)
    if key == ("il6", "moderate", "d28"):
        flat = (1.5, 1.5, 1.5)
        arms = _arm(9, m, flat, limit=1.5), _arm(8, n, flat, limit=1.5)
        return _comparison(key, arms, (0.0, None, None), reason="no_variation", **lost)
    if key == ("six_mwd", "severe", "d360"):
        arms = _arm(3, m, (430.0, 400.0, 470.0)), _arm(3, n, (410.0, 380.0, 480.0))
        return _comparison(key, arms, (18.0, -60.0, 75.0), p=0.7, level=0.9, **few)
    if key == ("six_mwd", "severe", "d270"):
        arms = _arm(2, m, (430.0, 415.0, 445.0)), _arm(2, n, (410.0, 400.0, 420.0))
        return _comparison(key, arms, (18.0, "-Inf", "Inf"), p=0.35, **few)
    return None


def adjusted(rows: list[Comparison]) -> list[Comparison]:
    """Holm and Benjamini-Hochberg over the rows with a P."""
    order = sorted((i for i, c in enumerate(rows) if c.test.p is not None), key=lambda i: rows[i].test.p)
    m, holm, bh = len(order), {}, {}
    highest, lowest = 0.0, 1.0
    for rank, i in enumerate(order):
        holm[i] = highest = max(highest, min(1.0, (m - rank) * rows[i].test.p))
    for rank, i in reversed(list(enumerate(order, 1))):
        bh[i] = lowest = min(lowest, m / rank * rows[i].test.p)
    return [replace(c, test=replace(c.test, p_holm=holm.get(i), p_bh=bh.get(i))) for i, c in enumerate(rows)]


def adverse_events() -> list[AdverseEventResult]:
    lost = {"p": None, "status": "not_estimable"}
    return [
        event("any event", (14, 17), (-0.0239, -0.185, 0.142), p=0.8312, theme="total"),
        event("severe", (2, 0), (0.0385, -0.035, 0.1298), p=0.2211, theme="severity"),
        event("not stated", (3, 4), (None, None, None), reason="not_stated", theme="grade", **lost),
        event("possible", (6, 1), (None, None, None), reason="suspects_differ", theme="causality", **lost),
        event("within 24 h", (4, 0), (None, None, None), reason="treated_only", theme="infusion", **lost),
        event("Fever", (5, 3), (0.0444, -0.062, 0.161), p=0.4741),
        event("Rash", (0, 2), (-0.0345, -0.117, 0.0388), p=0.4971),
        event("Anaphylaxis", (0, 0), (0.0, -0.0621, 0.0688), reason="no_events", **lost),
        event(HOSTILE, (1, 1), (0.002, -0.073, 0.085), p=0.0004),
        event(FORMULA, (2, 0), (None, None, None), reason="not_ascertained", **lost),
    ]


def event(term, patients, estimate, **result) -> AdverseEventResult:
    value, low, high = estimate
    a, b = patients
    level = None if low is None else 0.95
    return AdverseEventResult(
        theme=result.get("theme", "term"),
        term=term,
        stratum="all",
        treated=event_arm(a, a + 1 if a else 0, 52, 16234.5),
        control=event_arm(b, b, 58, 17890.0),
        estimate=EstimateResult(
            name=result.get("name", "risk difference"),
            value=value,
            ci_low=low,
            ci_high=high,
            level=level,
            interval=None,
        ),
        test=tested("Fisher exact", result["p"]),
        status=result.get("status", "estimated"),
        reason=result.get("reason"),
        first_rate_ratio=ratio(a, b, result["p"], result.get("reason")),
        event_rate_ratio=ratio(a, b, result["p"], result.get("reason")),
    )


def event_arm(patients, events, n, days) -> EventArm:
    high = 1 - 0.025 ** (1 / n)
    return EventArm(
        patients=patients,
        events=events,
        n=n,
        person_days=days,
        follow_up_days=days + 1000,
        risk=Incidence(
            value=patients / n, ci_low=0.01 if patients else 0.0, ci_high=0.4 if patients else high
        ),
        first_rate=Incidence(value=36525 * patients / days, ci_low=0.5 if patients else 0.0, ci_high=99.5),
        event_rate=Incidence(value=36525 * events / (days + 1000), ci_low=0.4, ci_high=88.5),
    )


def ratio(a, b, p, reason) -> RateRatio:
    lost = reason is not None
    estimate = EstimateResult(
        name="rate ratio",
        value=None if lost or not b else a / b,
        ci_low=None if lost else 0.25,
        ci_high=None if lost else 4.5 if b else "Inf",
        level=None if lost else 0.95,
        interval=None if lost else "exact",
    )
    status = "not_estimable" if lost else "estimated"
    return RateRatio(estimate=estimate, test=tested("exact conditional", p), status=status, reason=reason)
