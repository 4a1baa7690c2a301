"""What may leave a site: the rules R1 to R12, each in one place.  A site may only tighten them.

R1   an arm of fewer than 5 patients: nothing leaves                                     small_arm
R2   a cell of 1 to 4 is suppressed, unless an agreement lets it go to the coordinator   small_cell
     published: of 1 to 7, and the rest rounded                                          publish.py
     so is how many have no value, which n beside the cohort's tells                     held_back
R3   a table with a suppressed cell goes whole, and with it what would give it back       gives_back
R4   endpoints and covariates of the study alone, no filter of the coordinator's         named
R5   what differs by fewer than 5 patients from what has left before: refused            differs_by_few
     and all else, while who is in an arm of a stratum does; by 5 or none it is answered  cohort_differs
R6   a yes or no needs 5 of each; a model at most a parameter for three patients         small_group; slots.py
R7   no minimum, maximum, quantile, row, and no text of an exception                     named; prepare.py
R8   at most 50 requests a study, and each expires                                       in_budget, in_time
R9   a ledger that is only added to, each line with the hash of the one before, which
     the audit log keeps                                                                 ledger.py
R10  a data steward approves each request by its hash; site and steward sign an answer   answer.py, came.py
R11  secure sums over at least 3 sites, for all the same, and nothing of them plain        sums_differ
R12  all sites named answer, or what is pooled is called partial                         partial

The ledger is a study folder's: of a second folder at the same site, with another, no rule here knows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rwe.federate.messages import Ask, Held, Part, Request
from rwe.federate.statistics import STATISTICS, Of, in_rounds, is_masked
from rwe.study import StudyFile

LEAST = 5
LEAST_PUBLISHED, COUNTS_TO, P_FROM = 8, 5, 0.001
"""Counts of 7 or fewer are redacted, others rounded to 5.  Source: docs.opensafely.org/outputs/sdc."""
PARAMETERS_A_PATIENT = 0.33
"""R6.  A model with more can be solved for its patients."""
LONGEST = timedelta(days=90)
CLOCKS = timedelta(minutes=5)
"""How far two clocks may differ."""
LEAST_SITES = 3
FARTHEST = 1e6
"""Of a centre: about one far away, sums round values at a threshold of the coordinator's choice."""
MOST_PATIENTS = 5000
"""Of a stratum in a secure sum."""
MOST_IN_ARM = 10_000_000
"""Patients or events of an arm of a stratum at one site, in plain numbers."""
LARGEST_SUM = 1e60
"""Of values, of squares or of days: beyond any, and still far from infinity when squared."""
NEVER = ("min", "max", "range", "quantile", "median", "quartile", "percentile", "row", "list", "sql")
MEASURED, EVENTS = ("age", "days_from_anchor"), ("any_event", "serious_event")
SEXES = ("sex=female", "sex=male", "sex=other")
BESIDE = {**dict.fromkeys(SEXES, SEXES), "serious_event": ("any_event", "serious_event")}
"""R3: what adds up with a variable, or holds it."""
Cell = tuple[int, str]
"""How many patients, and a keyed hash of who they are and of their values."""
UNTOLD: Cell = (0, "")
"""Of an arm of which nothing has left."""
Answered = tuple[Mapping[str, Sequence[str]], Collection[str]]
"""By group, the sites of what was summed before, and the groups of what was told plainly."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The stricter of what request and site say.  open_cells: both have the same agreement."""

    min_arm: int = LEAST
    min_cell: int = LEAST
    open_cells: bool = False


def small_arm(n_treated: int, n_control: int, *, least: int = LEAST) -> bool:
    """R1.  With one treated patient, U is that patient's rank."""
    return min(n_treated, n_control) < least


def small_cell(counts: Iterable[int], *, least: int = LEAST) -> bool:
    """R2.  0 is no cell: nobody is in it."""
    return any(0 < count < least for count in counts)


def small_group(ones: int, zeros: int, *, least: int = LEAST) -> bool:
    """R6.  A covariate that few have, or few have not, is a name for them."""
    return min(ones, zeros) < least


def held_back(
    ask: Ask, part: Part, arms: tuple[int, int], limits: Limits, *, missing: tuple[int, int] = (0, 0)
) -> Held | None:
    """Why this part stays; arms: how many patients are in it, missing: how many are not.  R1, R2, R3, R6."""
    if small_arm(*arms, least=limits.min_arm):
        return "small_arm"
    if not limits.open_cells and small_cell(missing, least=limits.min_cell):
        return "few_missing"
    if part.events is None:
        return None
    t, c = part.events.treated, part.events.control
    ones, zeros = t.patients + c.patients, t.n - t.patients + c.n - c.patients
    if STATISTICS[ask.statistic].of == "share" and small_group(ones, zeros, least=limits.min_cell):
        return "small_group"
    cells = (t.patients, t.n - t.patients, c.patients, c.n - c.patients)
    return "small_cell" if not limits.open_cells and small_cell(cells, least=limits.min_cell) else None


def gives_back(variable: str, tables: Mapping[str, Sequence[int]], *, least: int = LEAST) -> bool:
    """R3.  tables: of each variable BESIDE it, how many of either arm have it.

    The sexes add up to all, and any event less the serious ones is those without a serious one.
    """
    if variable in SEXES:
        return small_cell((n for counts in tables.values() for n in counts), least=least)
    if {"any_event", "serious_event"} <= {*tables} and variable == "serious_event":
        both = zip(tables["any_event"], tables["serious_event"], strict=True)
        return small_cell((some - serious for some, serious in both), least=least)
    return False


def named(ask: Ask, file: StudyFile) -> str | None:
    """R4, R7: the code of why it may not be asked."""
    if ask.statistic not in STATISTICS:
        return "never_leaves" if any(n in ask.statistic.lower() for n in NEVER) else "unknown_statistic"
    if not near(ask.centre):
        return "bad_form"
    return None if (ask.variable, ask.visit) in variables(ask.statistic, file) else "not_in_study"


def near(centre: float) -> bool:
    """R7.  NaN is not."""
    return abs(centre) <= FARTHEST


def variables(statistic: str, file: StudyFile) -> list[tuple[str, str | None]]:
    """Each variable and visit of which the statistic may be asked."""
    at_visits = [(e.id, v.name) for e in file.endpoint for v in file.visit]
    before = [(e.id, "baseline") for e in file.endpoint if file.baseline]
    shares = [(name, None) for name in (*SEXES, *(c.name for c in file.covariate))]
    measured = [*((name, None) for name in MEASURED), *before]
    weighted = file.propensity is not None and file.propensity.estimand != "match"
    found: dict[Of, list[tuple[str, str | None]]] = {
        "cohort": [("cohort", None)],
        "endpoint": [*at_visits],
        "measured": [*measured],
        "share": [*shares],
        "known": [*measured, *shares],
        "event": [(name, None) for name in EVENTS if file.adverse_events],
        "change": [*at_visits] if before else [],
        "score": [*at_visits] if weighted else [],
    }
    return found[STATISTICS[statistic].of]


def differs_by_few(
    cells: Mapping[str, Cell], before: Mapping[str, Cell], *, summed: Collection[str] = ()
) -> bool:
    """R5.  The difference of two sums, one with a patient and one without, is that patient's value.

    summed: groups of secure sums, of which any difference is the very values of those who came or went.
    """
    return any(
        key in before
        and digest != before[key][1]
        and (abs(n - before[key][0]) < LEAST or group_of(key) in summed)
        for key, (n, digest) in cells.items()
    )


def cohort_differs(now: Mapping[str, Cell], before: Mapping[str, Cell]) -> bool:
    """R5.  Whatever is asked: the same patients under another name of a variable are the same patients.

    Who is in strata of other names may be few less than who was, or few more: nobody can tell from hashes.
    """
    told = {arm: cell for arm, cell in before.items() if cell != UNTOLD}
    return bool(told) and ({*now} != {*before} or differs_by_few(now, told))


def in_budget(answered: int, *, most: int) -> bool:
    """R8."""
    return answered < most


def in_time(request: Request, now: datetime) -> str | None:
    """R8: the code of why not."""
    created, ends = (datetime.fromisoformat(text) for text in (request.created, request.not_after))
    if created > now + CLOCKS:
        return "not_yet"
    if ends - created > LONGEST:
        return "too_long_valid"
    return "expired" if now > ends else None


def enough_sites(sites: int) -> bool:
    """R11."""
    return sites >= LEAST_SITES


def sum_refused(asked: Request, limits: Limits, known: Collection[str]) -> str | None:
    """R11, R1: the code of why this site takes no part in a secure sum; known: the sites it has keys of."""
    if any(map(is_masked, asked.asks)) and not 0 < asked.patients <= MOST_PATIENTS:
        return "no_secure_sum"
    if not enough_sites(len({*asked.sites})) or len({*asked.sites}) < len(asked.sites):
        return "too_few_sites"
    if not {*asked.sites} <= {*known}:
        return "not_pinned"
    if not limits.open_cells:
        return "no_agreement"
    least = max(limits.min_arm, limits.min_cell if any(map(in_rounds, asked.asks)) else LEAST)
    return "stricter_here" if least > max(asked.min_arm, LEAST) else None


def cell_name(ask: Ask, stratum: str, arm: str) -> str:
    """R5: by which what has left is compared with what would.  A model is of those of whom it knows more."""
    of = STATISTICS[ask.statistic].of
    more = f"|{of}" if of in ("change", "score") else ""
    return f"{ask.variable}|{ask.visit or ''}|{stratum}|{arm}{more}"


def group_of(cell: str) -> str:
    variable, visit, *_ = cell.split("|")
    return group(variable, visit)


def group(variable: str, visit: str | None) -> str:
    """R11: what a plain number and a sum of it must not both be told of."""
    return "events" if variable in EVENTS else f"{variable}|{visit or ''}"


def family(ask: Ask, file: StudyFile) -> str | None:
    """R5: of models, whose sums of terms or baselines could be taken from one another: who is in them must be
    the same, whatever endpoint or visit is asked for."""
    of, terms = STATISTICS[ask.statistic].of, file.propensity.terms if file.propensity else ()
    if of == "score" or (of == "change" and ask.variable in terms):
        return "terms of the score"
    return f"baseline of {ask.variable}" if of == "change" else None


def groups(ask: Ask, file: StudyFile) -> set[str]:
    """R11: of a model, of all that its sums are of."""
    own = {
        group(name, visit) for name, visit in ((ask.variable, ask.visit), (family(ask, file), None)) if name
    }
    match STATISTICS[ask.statistic].of:
        case "change":
            return own | {group(ask.variable, "baseline")}
        case "score":
            endpoints = {e.id for e in file.endpoint}
            terms = file.propensity.terms if file.propensity else ()
            return own | {name for term in terms for name in _term(term, endpoints)}
    return own


def _term(term: str, endpoints: Collection[str]) -> list[str]:
    if term == "sex":
        return [group(sex, None) for sex in SEXES]
    return [group(term, "baseline" if term in endpoints else None)]


def sums_differ(sums: Mapping[str, Sequence[str]], plain: Collection[str], before: Answered) -> str | None:
    """R11.  sums: the sites of each group that is summed; plain: the groups of plain numbers.

    All sums are over one set of sites: the same values under another name would give the difference, too.
    """
    done, told = before
    if sums and len({frozenset(sites) for sites in (*done.values(), *sums.values())}) > 1:
        return "other_sites"
    return "mixed" if {*sums} & ({*plain} | {*told}) or {*plain} & {*done} else None


def beyond(told: object, name: str = "") -> bool:
    """Is a number of a summary, as plain objects, larger than any site has?  Of tied ranks n³ is a bound."""
    if isinstance(told, dict):
        return any(beyond(value, key) for key, value in told.items())
    if isinstance(told, list):
        return any(beyond(value, name) for value in told)
    if isinstance(told, float):
        return not abs(told) <= LARGEST_SUM
    return isinstance(told, int) and name != "ties" and abs(told) > MOST_IN_ARM


def partial(named_sites: Iterable[str], answered: Iterable[str]) -> str | None:
    """R12."""
    wanted, came = [*named_sites], {*answered}
    missing = [site for site in wanted if site not in came]
    return f"{len(came)} of {len(wanted)}; without {', '.join(missing)}" if missing else None
