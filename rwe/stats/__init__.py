"""Pure statistics: arrays to summaries to estimates.  Definitions are checked against R in tests/stats.

A test is one function of a summary and its line in TESTS; commands and reports know estimates only.
"""

from collections.abc import Callable, Mapping

from rwe.stats.ancova import Changes, ancova_of_change
from rwe.stats.estimate import Estimate
from rwe.stats.means import welch
from rwe.stats.ranks import (
    mann_whitney,
    mann_whitney_asymptotic,
    mann_whitney_asymptotic_no_continuity,
    mann_whitney_exact,
)
from rwe.stats.summaries import TwoSamples
from rwe.stats.worst_rank import Composite, worst_rank, worst_rank_exact

TESTS: Mapping[str, Callable[[TwoSamples], Estimate]] = {
    "mann_whitney": mann_whitney,
    "mann_whitney_asymptotic": mann_whitney_asymptotic,
    "mann_whitney_asymptotic_no_continuity": mann_whitney_asymptotic_no_continuity,
    "mann_whitney_exact": mann_whitney_exact,
    "welch": welch,
}
CHANGE_TESTS: Mapping[str, Callable[[Changes], Estimate]] = {"ancova": ancova_of_change}
"""Of a change alone: they need the baseline of each patient."""
DEATH_TESTS: Mapping[str, Callable[[Composite], Estimate]] = {
    "worst_rank": worst_rank,
    "worst_rank_exact": worst_rank_exact,
}
"""Of who died before the visit too: they need to know which end of the endpoint's scale is worse."""
