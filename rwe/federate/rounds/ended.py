"""The rows of a model that was computed in rounds."""

from collections.abc import Iterator, Sequence

import msgspec

from rwe.federate.messages import Ask
from rwe.federate.pooled import Arm, Held, Row, empty, hidden
from rwe.federate.rounds.gather import Gathered
from rwe.stats.rounds.step import Ended
from rwe.steps.comparisons import estimate_result, test_result


def model_rows(
    ask: Ask, place: int, found: Gathered, *, sites: Sequence[str], missing: Sequence[str]
) -> Iterator[Row]:
    """missing: sites that have not answered at all."""
    ends = {slot.stratum: end for slot, end in found.steps.items() if slot.place == place}
    for stratum, end in ends.items():
        lacks = [Held(site=site, stratum=stratum, reason="site_missing") for site in missing]
        row = empty(ask, stratum, [*sites], lacks, secure_sum=True)
        held = end.held if isinstance(end, Ended) else None
        if missing or held:
            yield hidden(row, held or "site_missing")
        elif isinstance(end, Ended):
            yield _row(row, end)
        else:
            yield msgspec.structs.replace(row, status="unfinished", reason=f"round {found.number}")


def _row(row: Row, end: Ended) -> Row:
    e = end.estimate
    assert e is not None
    means, effective = end.means or (None, None), end.effective or (None, None)
    treated, control = (Arm(n=end.arms[arm], mean=means[arm], effective=effective[arm]) for arm in (0, 1))
    return msgspec.structs.replace(
        row,
        status=e.status,
        reason=e.reason,
        treated=treated,
        control=control,
        estimate=estimate_result(e),
        test=test_result(e),
        coefficients=end.coefficients,
    )
