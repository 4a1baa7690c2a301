"""Who was alive, seen and measured at each visit, as `cohort` counted it."""

from rwe.results import NotMeasured, VisitCount
from rwe.store import Store

COUNTS = (
    "endpoint",
    "visit",
    "stratum",
    "arm",
    "n",
    "alive",
    "seen",
    "measured",
    "treated_later",
    "dead",
    "window_not_reached",
)
ROWS = f"""
SELECT site_id, lost, in_contact, MAP_KEYS(set_aside_reason), MAP_VALUES(set_aside_reason),
    {", ".join(COUNTS)}
FROM visit_count ORDER BY endpoint_number, visit_number, stratum, arm, site_id
"""


def visits(store: Store) -> list[VisitCount]:
    """In the order of the study file."""
    return [
        VisitCount(
            site=site,
            not_measured=NotMeasured(lost=lost, in_contact=in_contact),
            set_aside=dict(sorted(zip(reasons or (), n or (), strict=True))),
            **dict(zip(COUNTS, counts, strict=True)),
        )
        for site, lost, in_contact, reasons, n, *counts in store.rows(ROWS)
    ]
