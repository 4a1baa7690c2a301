"""A patient of a site's own, seen by one statistic.  Rows end where these do."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A patient with a value; of events a Watched and the days of theirs; of a model a number a column.

    patient: site first.
    """

    patient: tuple[str, ...]
    stratum: str
    arm: str
    value: Any


def time_of(value: Any) -> tuple[float, bool]:
    """Of who is followed: until the first event, or to the end.  Of another: its value."""
    if not isinstance(value, tuple):
        return float(value), False
    watched, onsets = value
    return (min(onsets), True) if onsets else (watched.days, False)
