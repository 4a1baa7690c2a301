"""What a site looks at before it opens its data, in this order: signature, form, addressee, time, plan,
what is asked, ledger, budget.

    request file  ──▶  Checked, or a refusal by its code
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rwe import study
from rwe.federate import envelope, form, ledger, members, rules
from rwe.federate.files import content
from rwe.federate.keys import Secret
from rwe.federate.ledger import Entry
from rwe.federate.masks import Site
from rwe.federate.members import Own
from rwe.federate.messages import REQUEST, Request
from rwe.federate.refusals import refusal
from rwe.federate.request import parts
from rwe.federate.rules import Limits
from rwe.federate.statistics import is_summed
from rwe.study import Study


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A request that this site may answer; digest: its SHA-256."""

    own: Own
    plan: Study
    request: Request
    digest: str
    path: Path
    before: list[Entry]

    @property
    def sums(self) -> dict[str, list[str]]:
        """By group of what is asked under masks, the sites it is summed over."""
        asks = [ask for ask in self.request.asks if is_summed(ask)]
        sites = sorted(self.request.sites)
        return {name: sites for ask in asks for name in rules.groups(ask, self.plan.file)}

    def masking(self, by: Secret) -> Site:
        """This site, by its key, beside all others of the request by their pinned ones."""
        named, name = self.own.members.site, self.own.name
        others = {other: named[other].public()[0] for other in self.request.sites if other != name}
        return Site(name=name, own=by, others=others)

    @property
    def limits(self) -> Limits:
        r, mine = self.request, self.own.policy
        shared = r.tier == "agreement" and bool(mine.agreement) and r.agreement == mine.agreement
        return Limits(min_arm=max(r.min_arm, mine.min_arm), min_cell=mine.min_cell, open_cells=shared)

    def file(self, kind: str, suffix: str) -> Path:
        return self.plan.folder / members.FOLDER / f"{kind}-{self.request.query[:8]}-{self.own.name}{suffix}"


def checked(study_dir: Path, path: Path, *, now: datetime) -> Checked:
    return checked_of(study_dir, content(path), path, now=now)


def checked_of(study_dir: Path, request: bytes, path: Path, *, now: datetime, again: int = 0) -> Checked:
    """again: the round that is asked for of a request that was answered."""
    own = members.own(study_dir)
    keys = [own.members.public()]
    asked = envelope.opened(request, REQUEST, Request, keys=keys, where=path)
    form.request(asked, path)
    if own.name not in asked.sites:
        raise refusal("not_addressed", path)
    if code := _time(asked, now):
        raise refusal(code, path)
    plan = study.load(study_dir)
    if asked.study != plan.file.study.id:
        raise refusal("other_plan", path, about="another: study id")
    _same_plan(asked.plan, parts(plan), path)
    _listed(asked, plan, path)
    before = ledger.entries(study_dir, now=now)
    if again:
        _next(again, ledger.rounds(before, asked.query), path)
    else:
        _unanswered(asked, own, before, path)
    digest = envelope.digest(asked)
    found = Checked(own=own, plan=plan, request=asked, digest=digest, path=path, before=before)
    _sums(found)
    return found


def _time(asked: Request, now: datetime) -> str | None:
    try:
        return rules.in_time(asked, now)
    except (ValueError, TypeError):  # no time, or one of no zone
        return "bad_form"


def _same_plan(asked: Mapping[str, str], here: Mapping[str, str], path: Path) -> None:
    other = [part for part, digest in here.items() if asked.get(part) != digest]
    if other:
        raise refusal("other_plan", path, about=f"another: {', '.join(other)}")
    if len(asked) != len(here):
        raise refusal("other_plan", path, about="it has parts that are not here")


def _listed(asked: Request, plan: Study, path: Path) -> None:
    if len({(a.statistic, a.variable, a.visit) for a in asked.asks}) < len(asked.asks):
        raise refusal("asked_twice", path)
    for ask in asked.asks:
        if code := rules.named(ask, plan.file):
            raise refusal(code, path)


def _sums(found: Checked) -> None:
    """Nothing of one site follows from what is summed, here and before."""
    asked, sums = found.request, found.sums
    plain = {rules.group(a.variable, a.visit) for a in asked.asks if not is_summed(a)}
    code = rules.sum_refused(asked, found.limits, found.own.members.site) if sums else None
    done, told = before = ledger.told(found.before)
    if code := code or rules.sums_differ(sums, plain, before):
        both = ({*sums} & ({*plain} | {*told})) | ({*plain} & {*done}) if code == "mixed" else set()
        names = sorted(name.strip("|").replace("|", " ") for name in both)
        raise refusal(code, found.path, about=", ".join(names))


def _next(number: int, done: int, path: Path) -> None:
    if number <= done:
        raise refusal("answered_before", path)
    if number > done + 1:
        raise refusal("round_missed", path)


def _unanswered(asked: Request, own: Own, before: list[Entry], path: Path) -> None:
    done = ledger.answered(before)
    if asked.query in {entry.query for entry in done}:
        raise refusal("answered_before", path)
    if not rules.in_budget(len(done), most=own.policy.requests):
        raise refusal("over_budget", path)
