"""Whose resources are asked for, where a site has a Group."""

from collections.abc import Collection, Sequence

from rwe.landing import Purged
from rwe.steps.ask import Need
from rwe.steps.by_search import Before


def asked_for(
    now: Collection[str], before: Before | None, needs: Sequence[Need], group: str, purged: Purged
) -> tuple[list[str], int]:
    """Ids, sorted, and how many of them have left: to leave is not to be deleted.

    now: the Group's members.  before: the Patients as an earlier pull left them.
    """
    same = before and before.series.query in {n.query(group) for n in needs if n.kind == "Patient"}
    had = set(before.series.patients) if before and same else set()
    return sorted(p for p in had | set(now) if not purged.knows(p)), len(had - set(now))
