"""The rows of a secure sum: as those of all patients in one table.

    masked parts of all sites  ──▶  Tally of each stratum  ──▶  a Row for each, and one over all

R1 holds for the arms of all sites together, and at least 3 sites have somebody in each arm (R11).
Masks cancel over all sites that the request names, or never.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from rwe.federate import rules
from rwe.federate.messages import Ask, Part, Request
from rwe.federate.pooled import ALL, Arm, Held, Parts, Row, empty, estimated, hidden
from rwe.federate.secure_sum import Slot, total
from rwe.federate.statistics import in_rounds, is_summed
from rwe.federate.tallies import Tally, tally
from rwe.stats import survival
from rwe.stats.quantile import Description
from rwe.stats.survival import Times

LIMITS = (
    "The coordinator sees the values of all sites together, without site or patient, and no site's own.",
    "The coordinator and all sites but one could, together, work out that one's.",
    "A site's key that is stolen later opens what the coordinator has kept of that site's.",
    "An arm too small over all sites is held back by the coordinator's rwe, not by the masks.",
    "Without one of the sites there is no result, nothing is recovered: all of them answer a new request.",
    "If all but one site have nobody in an arm, it is that site's own: of fewer than 3 rwe shows none.",
    "No site lets anything be summed over two sets of sites: the difference would be a site's own.",
    "A site that sends wrong numbers spoils the sum, and nobody can tell which site did.",
)

OF_ROUNDS = (
    "Of a model in rounds every site sees the totals, too: less its own, what all other sites have together.",
    "A site that sends wrong numbers can lead a model to where it likes; of a score and of ANCOVA each site "
    "stops where a few of its own patients would outweigh the others, but a site of 3 to 9 is open to it.",
)


def limits(asks: Iterable[Ask]) -> list[str]:
    """Of what is asked by secure sums; none if nothing is."""
    some = [*asks]
    summed, rounds = any(map(is_summed, some)), any(map(in_rounds, some))
    return [*(LIMITS if summed else ()), *(OF_ROUNDS if rounds else ())]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """One statistic of a request; digest: of the request.  quantile_type: as in R."""

    asked: Request
    digest: str
    place: int
    quantile_type: int

    @property
    def ask(self) -> Ask:
        return self.asked.asks[self.place]

    def slot(self, stratum: str) -> Slot:
        return Slot(request=self.digest, ask=self.place, stratum=stratum, patients=self.asked.patients)


@dataclass(frozen=True, kw_only=True)
class Sum:
    """sites: of those with anybody treated and those with anybody else, the fewer; in each stratum."""

    tally: Any
    sites: int

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(tally=self.tally + other.tally, sites=min(self.sites, other.sites))


def summed_rows(sums: Sums, parts: Parts) -> list[Row]:
    strata = [part.stratum for part in next(iter(parts.values()))]
    missing = [site for site in sums.asked.sites if site not in parts]
    totals = {name: None if missing else _total(sums, parts, name) for name in strata}
    if len(strata) > 1:
        totals[ALL] = _sum(totals)
    return [*_rows(sums, totals, missing)]


def _total(sums: Sums, parts: Mapping[str, Sequence[Part]], stratum: str) -> Sum | None:
    texts = [p.masked or "" for found in parts.values() for p in found if p.stratum == stratum]
    found = total(texts, sums.slot(stratum))
    read = None if found.keys is None else tally(found.keys, sums.ask.statistic)
    return None if read is None else Sum(tally=read, sites=min(found.sites))


def _sum(totals: Mapping[str, Any]) -> Any:
    return None if None in totals.values() else reduce(add, totals.values())


def _rows(sums: Sums, totals: Mapping[str, Sum | None], missing: list[str]) -> Iterator[Row]:
    """The total, less all strata but one, is that one: it is held back with any of them."""
    why = {name: _why_not(sums, found, missing) for name, found in totals.items()}
    for name, found in totals.items():
        reason = why[name] or (next(filter(None, why.values()), None) if name == ALL else None)
        held = [Held(site=site, stratum=name, reason=reason or "") for site in missing]
        row = empty(sums.ask, name, sums.asked.sites, held, secure_sum=True)
        if found is None or reason:
            yield hidden(row, reason or "")
        else:
            yield estimated(row, _arms(found.tally, sums.quantile_type), [found.tally])


def _why_not(sums: Sums, found: Sum | None, missing: list[str]) -> str | None:
    if missing:
        return "site_missing"
    if found is None:
        return "not_readable"
    if rules.small_arm(*_sizes(found.tally), least=max(sums.asked.min_arm, rules.LEAST)):
        return "small_arm"
    return None if rules.enough_sites(found.sites) else "few_sites"


def _sizes(found: Tally) -> tuple[int, int]:
    return (
        (found.treated.n, found.control.n) if isinstance(found, Times) else (found.n_treated, found.n_control)
    )


def _arms(found: Tally, kind: int) -> tuple[Arm, Arm]:
    if isinstance(found, Times):
        return _survival(found.treated), _survival(found.control)
    first, second = (_described(Description.of(values, kind=kind)) for values in found.arms())
    return first, second


def _described(d: Description) -> Arm:
    return Arm(n=d.n, mean=d.mean, sd=d.sd, median=d.median, q1=d.q1, q3=d.q3)


def _survival(arm: survival.Arm) -> Arm:
    """Kaplan–Meier: the median, and S from each day with an event on."""
    days = arm.days[arm.events > 0].tolist()
    curve = [(day, survival.survival(arm, day)[0]) for day in days]
    return Arm(n=arm.n, patients=int(arm.events.sum()), median=survival.median(arm), curve=curve)
