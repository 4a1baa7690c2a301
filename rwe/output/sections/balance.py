"""The propensity scores: how alike the arms are without and with weights, and how far they overlap."""

from rwe.output.arrange import endpoint
from rwe.output.balance import lacking, means, name, verdict
from rwe.output.figures import balance_figures
from rwe.output.numbers import NONE, fixed
from rwe.output.page import Cell, Column, Group, Part, Row, Section, Table, row
from rwe.output.words import ESTIMANDS, imbalance
from rwe.results import Balance, Propensity, Results, WeightedArm

TITLE = "Propensity score: balance and overlap"
NOTES = [
    "Means, or shares. SMD: standardised mean difference, treated minus control, over the spread without"
    " weights in both columns. †: the score has no term of it. Of patients whose terms are all known."
]


def balance(results: Results) -> Section:
    if not results.propensity:
        return Section("balance", TITLE, [Part(paragraphs=["No propensity score was asked for."])])
    tables = [_sizes(results), _table(results), _overlap(results)]
    return Section("balance", TITLE, [Part(figures=balance_figures(results), tables=tables)])


def _sizes(results: Results) -> Table:
    titles = ("n", "left out", "effective n", "weights")
    columns = [
        Column("Score", prose=True),
        *(Column(title, over=arm) for arm in ("Treated", "Control") for title in titles),
    ]
    rows = [row(_head(p), *_size(p.treated), *_size(p.control), note=verdict(p)) for p in results.propensity]
    notes = ["Effective n: (Σw)²/Σw². Weights: median [Q1, Q3], least to most."]
    return Table("scores", "Propensity scores", columns, [Group("", rows)], notes, cards=True)


def _head(p: Propensity) -> str:
    return f"{p.stratum}, {ESTIMANDS[p.estimand]}"


def _size(arm: WeightedArm) -> list[Cell]:
    return [
        Cell(str(arm.n)),
        Cell(str(arm.n_missing), lacking(arm)),
        Cell(fixed(arm.effective, 1)),
        _weights(arm),
    ]


def _weights(arm: WeightedArm) -> Cell:
    if arm.weights is None:
        return Cell(NONE)
    least, q1, median, q3, most = (fixed(w, 2) for w in arm.weights)
    return Cell(f"{median} [{q1}, {q3}]", f"{least} to {most}")


def _table(results: Results) -> Table:
    columns = [
        Column("Variable", prose=True),
        *(
            Column(t, over=over)
            for over in ("Without", "With weights")
            for t in ("treated", "control", "SMD")
        ),
        Column("|SMD| with weights", prose=True),
    ]
    groups = [Group(_head(p), [_variable(b, results) for b in p.balance]) for p in results.propensity]
    return Table("balance-weighted", "Balance without and with weights", columns, groups, NOTES, cards=True)


def _variable(b: Balance, results: Results) -> Row:
    return row(name(b, endpoint(results, b.variable).label), *means(b), imbalance(b.smd_after))


def _overlap(results: Results) -> Table:
    """Patients in equal bins of the score."""
    columns = [Column("Score", prose=True), Column("Treated"), Column("Control")]
    groups = [Group(_head(p), _bins(p)) for p in results.propensity if p.treated.scores]
    return Table("overlap", "Overlap: patients by score", columns, groups)


def _bins(p: Propensity) -> list[Row]:
    treated, control = p.treated.scores or [], p.control.scores or []
    width = 1 / len(treated)
    return [
        row(f"{i * width:.1f} to {(i + 1) * width:.1f}", str(a), str(b))
        for i, (a, b) in enumerate(zip(treated, control, strict=True))
    ]
