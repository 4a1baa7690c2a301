"""The adjusted analysis in words, for the terminal and the report."""

from collections.abc import Iterable, Iterator

from rwe.output.numbers import fixed
from rwe.output.words import DETAILS, STATUS, sentence, spoken
from rwe.results import Comparison

WHAT = {
    "overlap": "the difference of weighted means, treated minus control. Overlap weights of the propensity"
    " score give both arms the same mean of each of its terms; who might have had either treatment counts"
    " most",
    "att": "the difference of weighted means, treated minus control. Weights of the propensity score make the"
    " controls resemble the treated, each of whom counts as one (ATT)",
    "match": "the mean difference within pairs of a treated patient and a control of like propensity score,"
    " of one site and stratum",
}
WHOM = (
    "The score is fitted anew in the patients who have a value at the visit and all terms, so that those who"
    " are compared are alike in them; what is no term is not adjusted for. It is not the quantity of other"
    " analyses, nor is its P theirs. Effective n: (Σw)²/Σw²."
)


def explained(rows: Iterable[Comparison]) -> Iterator[str]:
    """Nothing of other analyses."""
    estimands = dict.fromkeys((c.analysis, c.adjusted.estimand) for c in rows if c.adjusted)
    for analysis, estimand in estimands:
        yield f"Analysis “{analysis}” is {WHAT[estimand]}. {WHOM}"


def brief(c: Comparison) -> str:
    """For one line of the terminal, the terms whole: `not estimable: separation (age, site: west)`."""
    assert c.adjusted is not None
    at_fault = ", ".join(c.adjusted.at_fault)
    why = spoken(c.adjusted.detail or c.reason or "") + (f" ({at_fault})" if at_fault else "")
    return f"{STATUS[c.status]}: {why}"


def details(rows: Iterable[Comparison]) -> Iterator[str]:
    """What the words of `brief` mean, each once."""
    for detail in dict.fromkeys(c.adjusted.detail for c in rows if c.adjusted and c.adjusted.detail):
        yield f"{sentence(spoken(detail))}: {DETAILS[detail]}."


def adjusted_arms(c: Comparison, digits: int) -> list[str]:
    """`13, 9.8` and the weighted mean, of both arms."""
    assert c.adjusted is not None
    arms = ((c.treated, c.adjusted.treated), (c.control, c.adjusted.control))
    return [
        part
        for arm, weighted in arms
        for part in (f"{arm.n}, {fixed(weighted.effective, 1)}", fixed(weighted.mean, digits))
    ]
