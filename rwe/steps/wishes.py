"""What a person may ask of a pull beside what the study needs."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """sites: by name, none for all.  full: whatever was landed, all is fetched again.

    everything: all resources of every mapped type, not only what the study needs.
    removals: many may be gone at once.
    """

    sites: tuple[str, ...] = ()
    full: bool = False
    everything: bool = False
    removals: bool = False
