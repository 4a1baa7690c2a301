"""A propensity score in words, for the terminal and the report."""

from collections.abc import Iterator

from rwe.output.grid import columns
from rwe.output.numbers import NONE, digits_for, fixed
from rwe.output.words import ESTIMANDS, because, plural, spoken
from rwe.results import Balance, Propensity, WeightedArm


def balance_text(p: Propensity) -> str:
    """The score's sizes, then a line for each variable."""
    heads = ["treated", "control", "SMD", "weighted: treated", "control", "SMD"]
    rows = [[name(b), *means(b)] for b in p.balance]
    left_out = ["† no term of the score"] if any(not b.in_score for b in p.balance) else []
    return "\n".join([*described(p), *columns([["", *heads], *rows]), *left_out])


def described(p: Propensity) -> Iterator[str]:
    yield f"Propensity score, {p.stratum}, {ESTIMANDS[p.estimand]}: {verdict(p)}"
    for title, arm in (("treated", p.treated), ("control", p.control)):
        yield f"  {title}: {sizes(arm)}"
    if p.treated.scores and p.control.scores:
        yield "  patients by tenths of the score, lowest first:"
        yield f"    treated {_bins(p.treated.scores)}"
        yield f"    control {_bins(p.control.scores)}"


def verdict(p: Propensity) -> str:
    """`not estimable: an arm has no counterpart at some values (site: north)`."""
    if p.status == "estimated":
        pairs = f", {plural(p.pairs, 'pair')} within {fixed(p.caliper, 3)}" if p.pairs is not None else ""
        return f"converged in {plural(p.steps, 'step')}{pairs}"
    return f"not estimable: {because(p.reason, p.detail, p.at_fault)}"


def sizes(arm: WeightedArm) -> str:
    left = f", {arm.n_missing} left out ({lacking(arm)})" if arm.n_missing else ""
    effective = f", effective {fixed(arm.effective, 1)}" if arm.effective is not None else ""
    return f"{plural(arm.n, 'patient')}{effective}{left}"


def _bins(scores: list[int]) -> str:
    return " ".join(f"{n:3}" for n in scores)


def lacking(arm: WeightedArm) -> str:
    return ", ".join(f"{n} without {spoken(term)}" for term, n in sorted(arm.missing.items()))


def name(b: Balance, label: str | None = None) -> str:
    """With a dagger where the score has no term of it."""
    level = f": {b.level}" if b.level is not None else ""
    unit = f" ({b.unit})" if b.unit else ""
    return f"{label or spoken(b.variable)}{level}{unit}" + ("" if b.in_score else " †")


def means(b: Balance) -> list[str]:
    """Treated, control and SMD without weights, then with them; shares in percent."""
    found = (b.treated_before, b.control_before, b.treated_after, b.control_after)
    digits, scale = (digits_for(found), 1.0) if b.level is None else (0, 100.0)
    shown = [
        NONE if v is None else fixed(v, digits, scale=scale) + ("" if b.level is None else " %")
        for v in found
    ]
    return [*shown[:2], fixed(b.smd_before, 2), *shown[2:], fixed(b.smd_after, 2)]
