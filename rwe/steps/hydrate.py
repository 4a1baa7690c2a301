"""What resources refer to, fetched by its ids: the Medications of administrations.

bodies  ──▶  References.take()  ──▶  ids
"""

import re
from collections import Counter, defaultdict

from rwe.landing import Got
from rwe.steps import by_search
from rwe.steps.ask import BY_REFERENCE
from rwe.steps.by_search import Before, Fetched
from rwe.steps.include import Included

# Relative, versioned or absolute; some writers of JSON escape every slash.
REFERENCE = r'"reference"\s*:\s*"((?:[^"\\]|\\/)*?)%s\\?/([A-Za-z0-9\-.]{1,255})(?:\\?/_history[^"]*)?"'


class References:
    """own: what stands before Type/id in a reference to the server itself, as a regular expression."""

    def __init__(self, own: str) -> None:
        self._own = re.compile(own.encode())
        self._ids: dict[str, set[str]] = defaultdict(set)
        self._foreign: Counter[str] = Counter()
        self._patterns = {
            by: (kind, re.compile((REFERENCE % kind).encode())) for kind, by in BY_REFERENCE.items()
        }

    def take(self, kind: str, body: bytes) -> None:
        if kind not in self._patterns:
            return
        target, pattern = self._patterns[kind]
        for before, identity in pattern.findall(body):
            if self._own.fullmatch(before.replace(b"\\/", b"/")):
                self._ids[target].add(identity.decode())
            elif b":" in before:
                self._foreign[target] += 1

    def ids(self, kind: str) -> set[str]:
        return self._ids[kind]

    def unresolved(self, kind: str, came: int) -> list[str]:
        """In words, what of the references led nowhere."""
        asked, foreign = len(self._ids[kind]), self._foreign[kind]
        lines = [f"{kind}: {asked - came} of {asked} referred to are not there"] if came < asked else []
        return lines + (
            [f"{kind}: {foreign} references lead to another server: not followed"] if foreign else []
        )


def got(fetched: Fetched, included: Included, before: Before | None, *, query: str, date: str | None) -> Got:
    """fetched: what did not come along.  date: the server's time when nothing needed to be asked."""
    walked = [*fetched.walked, *included.walked]
    now = by_search.date(walked) if walked else date
    asked = by_search.asked(fetched.walked)
    return Got(
        method=by_search.METHOD,
        asked=None if asked is None else asked + len(included.ids(fetched.need.kind)),
        query=query,
        extends=before is not None and before.series.query == query and not before.series.failure,
        complete=True,
        watermark=now,
        deletions_known_at=now,
    )
