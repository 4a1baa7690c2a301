"""What a secure sum is of, at either end: a site's rows as keys, and summed keys as a summary.

Seen of one stratum  ──▶  keys  ──▶  secure sum  ──▶  Counter  ──▶  TwoSamples, or Times of events
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rwe.errors import DataError
from rwe.federate.secure_sum import key_of, value_of
from rwe.federate.seen import Seen, time_of
from rwe.federate.statistics import STATISTICS
from rwe.stats.summaries import TwoSamples
from rwe.stats.survival import Times

Tally = TwoSamples | Times


def keys(rows: Mapping[str, Sequence[Seen]]) -> Iterator[int]:
    for arm, seen in rows.items():
        for s in seen:
            value, event = time_of(s.value)
            yield key_of(value, treated=arm == "treated", event=event)


def tally(found: Counter[int], statistic: str) -> Tally | None:
    """None where a site put in what is no value."""
    try:
        return _times(found) if STATISTICS[statistic].of == "event" else _samples(found)
    except DataError:
        return None


def _samples(found: Counter[int]) -> TwoSamples:
    values = [value_of(key) for key in found.elements()]
    return TwoSamples.of(
        [v for v, treated, _ in values if treated], [v for v, treated, _ in values if not treated]
    )


def _times(found: Counter[int]) -> Times:
    days, treated, event = zip(*map(value_of, found.elements()), strict=True) if found else ((), (), ())
    return Times.of(days, event, treated)
