"""Landed resources: raw NDJSON shards with an index, and the ledger of what was asked and got.

    Resource | Unusable | PassedOver  ──▶  Run.add(), Run.commit()  ──▶  data/raw/<site>/<run>/
    data/raw/<site>                   ──▶  current()                ──▶  Manifest

A site's picture is its newest manifest: for each type the shards that hold it, of one run or of several,
up to when it was asked, and what is gone.  A run is written beside its place and renamed into it when
whole, so a stop leaves nothing half: data, counts and watermarks stand or fall together.  A type that
could not be had whole keeps the picture it had.
Knows no study and no FHIR: what a type holds is for rwe.views, whether it is valid for rwe.validate.
"""

from rwe.landing.ledger import current, damaged, set_aside
from rwe.landing.manifest import UNKNOWN_TYPE, Manifest, Series, SetAside, Shard, gone_in
from rwe.landing.purged import Purged
from rwe.landing.run import Run
from rwe.landing.settle import Got
from rwe.landing.shards import lines
from rwe.landing.sift import Tally, live, newest, updated_since

__all__ = [
    "UNKNOWN_TYPE",
    "Got",
    "Manifest",
    "Purged",
    "Run",
    "Series",
    "SetAside",
    "Shard",
    "Tally",
    "current",
    "damaged",
    "gone_in",
    "lines",
    "live",
    "newest",
    "set_aside",
    "updated_since",
]
