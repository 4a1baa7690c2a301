"""What others refer to, where it comes along with them by _include.

[Need], Capability  ──▶  marked()     ──▶  [Need], with what is to come along
items of a search   ──▶  Included     ──▶  which of them are new, the ids that need not be asked for

Only what the server lists is asked for: others refuse.  What does not come is fetched by its id.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from rwe.fhir.capability import Capability
from rwe.fhir.include import Include
from rwe.fhir.search import Item
from rwe.resource import Resource
from rwe.steps.ask import BY_PARAMETER, Need
from rwe.steps.walks import Walked


def marked(needs: Iterable[Need], can: Capability) -> list[Need]:
    """Each with what the server says that it includes of what is needed by reference."""
    needs = list(needs)
    found = {
        need.referred_by: Include(by=by, kind=need.kind)
        for need in needs
        if need.referred_by and can.offered(need.referred_by).includes(by := _by(need))
    }
    return [replace(need, include=found.get(need.kind)) for need in needs]


def _by(need: Need) -> str:
    return f"{need.referred_by}:{BY_PARAMETER[need.kind]}"


class Included:
    """What came along in one pull.  walked: the searches that it came with."""

    def __init__(self) -> None:
        self.walked: list[Walked] = []
        self._ids: dict[str, set[str]] = defaultdict(set)
        self._came: set[bytes] = set()

    def add(self, item: Item) -> bool:
        """Is it new?  Each page brings what its rows refer to, also what another page has brought."""
        if item in self:
            return False
        self._came.add(_digest(item))
        if isinstance(item, Resource) and item.id:
            self._ids[item.type].add(item.id)
        return True

    def __contains__(self, item: Item) -> bool:
        return _digest(item) in self._came

    def ids(self, kind: str) -> set[str]:
        return self._ids[kind]


def _digest(item: Item) -> bytes:
    """Of type and content: another version is another."""
    return blake2b(f"{item.type}\0".encode() + item.body, digest_size=16).digest()
