"""request: what the coordinator asks of the sites, as one signed file.

study, code lists, SQL, mappings  ──▶  their hashes; named statistics, sites, nonce, expiry  ──▶  Request
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import rwe
from rwe import locks, study
from rwe.errors import UsageError
from rwe.federate import envelope, form, members, rules
from rwe.federate.files import whole
from rwe.federate.messages import REQUEST, Ask, Request
from rwe.federate.refusals import refusal
from rwe.federate.secure_sum import MOST_BYTES, size
from rwe.federate.statistics import STATISTICS, Of, is_masked, is_summed
from rwe.steps.audit import stamp
from rwe.steps.standing import frozen
from rwe.study import Study

EVERY = ("count", "mean", "share", "van_elteren", "two_by_two", "odds_ratio", "rate_ratio")
"""Asked where nothing is named."""
NOTHING: dict[Of, str] = {
    "event": "the study has no [adverse_events]",
    "change": "the study has no [baseline]",
    "score": "the study has no [propensity] with weights",
}
"""Of what a study need not have."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """asks: NAME:VARIABLE[:VISIT][@CENTRE]; none of them or of sites means all.

    patients: of a secure sum.
    """

    asks: Sequence[str] = ()
    sites: Sequence[str] = ()
    agreement: str = ""
    min_arm: int = rules.LEAST
    days: int = 14
    patients: int = 0


def request(study_dir: Path, wish: Wish, *, now: datetime) -> tuple[Path, Request]:
    plan, known = study.load(study_dir), members.load(study_dir)
    key = members.key(study_dir, members.COORDINATOR)
    if key.public != known.public():
        raise refusal("wrong_key", study_dir / members.FOLDER / "coordinator.key")
    if not form.is_line(wish.agreement):
        raise UsageError(f"--agreement: must be one line of at most {form.LONGEST} printable characters")
    made = made_of(plan, wish, sites=_sites(wish, known.site), now=now)
    _sums(made, max(len(plan.file.stratum), 1))
    path = members.folder_of(study_dir) / f"request-{made.query[:8]}.json"
    whole(path, envelope.sign(made, REQUEST, key))
    return path, made


def made_of(plan: Study, wish: Wish, *, sites: list[str], now: datetime) -> Request:
    return Request(
        study=plan.file.study.id,
        plan=parts(plan),
        query=secrets.token_hex(16),
        asks=[read(text, plan) for text in wish.asks] or every(plan),
        sites=sites,
        tier="agreement" if wish.agreement else "publish",
        agreement=wish.agreement,
        min_arm=wish.min_arm,
        created=stamp(now),
        not_after=stamp(now + timedelta(days=wish.days)),
        software=f"rwe {rwe.__version__}",
        patients=wish.patients,
    )


def parts(plan: Study) -> dict[str, str]:
    """All that makes the plan, with its hash: as `rwe lock` freezes it."""
    return locks.parts(frozen(plan, at="", compared_at=None))


def every(plan: Study) -> list[Ask]:
    return [
        Ask(statistic=name, variable=variable, visit=visit)
        for name in EVERY
        for variable, visit in rules.variables(name, plan.file)
    ]


def read(text: str, plan: Study) -> Ask:
    """UsageError with what would be right."""
    body, _, centre = text.partition("@")
    name, variable, visit, *more = [*body.split(":"), None, None]
    try:
        ask = Ask(statistic=name or "", variable=variable or "", visit=visit, centre=float(centre or 0))
    except ValueError:
        raise UsageError(f"--ask {text}: the centre after @ must be a number") from None
    if not rules.near(ask.centre):
        raise UsageError(f"--ask {text}: the centre after @ must be from -1,000,000 to 1,000,000")
    code = "unknown_statistic" if any(more) else rules.named(ask, plan.file)
    if code == "not_in_study":
        some, of = rules.variables(ask.statistic, plan.file), STATISTICS[ask.statistic].of
        allowed = ", ".join(":".join(filter(None, (name, *pair))) for pair in some)
        hint = f"may be asked: {allowed}" if some else f"nothing may be asked: {NOTHING[of]}"
        raise UsageError(f"--ask {text}: the study has no such variable and visit", hint=hint)
    if code:
        known = ", ".join(STATISTICS)
        raise UsageError(f"--ask {text}: there is no such statistic", hint=f"statistics: {known}")
    return ask


def _sums(made: Request, strata: int) -> None:
    """UsageError where every site would refuse a secure sum, or none could send it."""
    sums, masked = ([ask for ask in made.asks if which(ask)] for which in (is_summed, is_masked))
    if not sums:
        return
    name = f"--ask {sums[0]}: is of a secure sum"
    if masked and not made.patients:
        hint = "the most patients that one stratum may have, over all sites, such as --secure-sum 200"
        raise UsageError(f"{name}, and needs --secure-sum PATIENTS", hint=hint)
    if not rules.enough_sites(len(made.sites)):
        raise UsageError(f"{name}, of at least {rules.LEAST_SITES} sites", hint="ask more sites")
    if not made.agreement:
        raise UsageError(f"{name}, and needs --agreement", hint="it shows the values of all sites together")
    if len(masked) * strata * size(made.patients) > MOST_BYTES:
        raise UsageError(
            "the secure sums are too many for one answer", hint="fewer --ask, or in two requests"
        )


def _sites(wish: Wish, known: Sequence[str] | dict[str, members.SiteKeys]) -> list[str]:
    for name in wish.sites:
        if name not in known:
            raise UsageError(f"--site {name}: members.toml has none", hint=f"sites: {', '.join(known)}")
    return list(dict.fromkeys(wish.sites)) or list(known)
