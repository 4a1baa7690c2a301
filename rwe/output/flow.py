"""Attrition rows as steps: sums over sites, arms and strata."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from rwe.output.arrange import in_order
from rwe.results import Attrition, Results

ARMS = ("treated", "control")
Counted = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    description: str
    rows: list[Attrition]
    declared: list[str]

    def of(self, *, arm: str | None, stratum: str | None = None) -> Counted:
        """n in and out of an arm, over sites; of one stratum where it is named."""
        return _sum(r for r in self.rows if r.arm == arm and (stratum is None or r.stratum == stratum))

    def at(self, *, site: str, arm: str | None, stratum: str | None) -> Counted:
        return _sum(r for r in self.rows if (r.site, r.arm, r.stratum) == (site, arm, stratum))

    def site(self, name: str) -> Counted:
        return _sum(r for r in self.rows if r.site == name)

    @property
    def n_in(self) -> int:
        return _sum(self.rows)[0]

    @property
    def n_out(self) -> int:
        return _sum(self.rows)[1]

    @property
    def dropped(self) -> str:
        return left_out(self.n_in, self.n_out)

    @property
    def arms(self) -> list[str | None]:
        """Not known first, then treated and control."""
        unknown: list[str | None] = [None] if any(r.arm is None for r in self.rows) else []
        return unknown + list(in_order((r.arm for r in self.rows if r.arm is not None), ARMS))

    def strata(self, arm: str | None) -> list[str]:
        return in_order((r.stratum for r in self.rows if r.arm == arm and r.stratum), self.declared)

    @property
    def cells(self) -> list[tuple[str | None, str | None]]:
        """Each arm and stratum that occurs."""
        found = {(r.arm, r.stratum) for r in self.rows}
        names = in_order((r.stratum for r in self.rows if r.stratum), self.declared)
        return [pair for pair in product(self.arms, [None, *names]) if pair in found]


def _sum(rows: Iterable[Attrition]) -> Counted:
    pairs = [(r.n_in, r.n_out) for r in rows]
    return sum(n for n, _ in pairs), sum(n for _, n in pairs)


def last_step(found: Sequence[Attrition]) -> list[Attrition]:
    """The rows with whose n_out the attrition ends; none where nobody landed."""
    return [a for a in found if (a.step, a.description) == (found[-1].step, found[-1].description)]


def left_out(n_in: int, n_out: int) -> str:
    """How many a step left out; `+n` where n came: the treated who are controls too."""
    return str(n_in - n_out) if n_in >= n_out else f"+{n_out - n_in}"


def steps(results: Results) -> list[Step]:
    """A step with several reasons is one Step for each of them, in their order."""
    grouped: dict[tuple[str, str], list[Attrition]] = {}
    for r in results.attrition:
        grouped.setdefault((r.step, r.description), []).append(r)
    return [Step(name, text, rows, results.design.strata) for (name, text), rows in grouped.items()]


def sites(results: Results) -> list[str]:
    return in_order((r.site for r in results.attrition), (s.id for s in results.sites))
