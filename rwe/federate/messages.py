"""What travels: a request, a site's approval of it, its answer, and of models the sums of later rounds.

Numbers are the summaries of rwe.stats: what one site compares by itself is what it sends.
"""

from typing import Literal

import msgspec

from rwe.stats.moments import TwoMoments
from rwe.stats.summaries import Events
from rwe.stats.van_elteren import Ranked

REQUEST, APPROVAL, ANSWER = "request", "approval", "answer"
SUMS, ROUND = "sums", "round"
Tier = Literal["agreement", "publish"]
Held = Literal["small_arm", "small_cell", "small_group", "few_missing"]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic of STATISTICS.  centre: what sums of a measured variable are taken about."""

    statistic: str
    variable: str
    visit: str | None = None
    centre: float = 0.0

    def __str__(self) -> str:
        return ":".join(filter(None, (self.statistic, self.variable, self.visit)))


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """plan: the hash of each part of it, as `rwe lock` has them.  query: a nonce of 128 bits.

    tier: `agreement` if cells of 1 to 4 may go to the coordinator under the agreement named.
    patients: most that a secure sum may be of, over all sites; 0: there is none.
    """

    study: str
    plan: dict[str, str]
    query: str
    asks: list[Ask]
    sites: list[str]
    tier: Tier
    agreement: str
    min_arm: int
    created: str
    not_after: str
    software: str
    patients: int = 0


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    request: str
    site: str
    approved_at: str


class Count(msgspec.Struct, frozen=True, kw_only=True):
    treated: int
    control: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Of one stratum: released with the one summary that its statistic needs, or suppressed and why.

    masked: of a secure sum; noise without those of all other sites.  Of a model in rounds there is nothing:
    its numbers are in Sums.
    """

    stratum: str
    suppressed: Held | None = None
    count: Count | None = None
    ranks: Ranked | None = None
    moments: TwoMoments | None = None
    events: Events | None = None
    masked: str | None = None


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """A site's sums of one round, signed by themselves, as all other sites read them.

    before: the hash of the Round that asks for them; "" of the first.  slots: of each model that goes on, its
    numbers under masks, by its place in the request and its stratum.
    """

    query: str
    request: str
    site: str
    number: int
    before: str
    slots: dict[str, str]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """number: 2 or more.  asked: the signed request.  told: each site's signed Sums of the round before."""

    number: int
    asked: str
    told: list[str]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """parts: of each ask, in the order of the request.  data_as_of: the source's time of the newest pull.

    sums: a signed Sums, where a model is asked that takes rounds.
    """

    query: str
    request: str
    site: str
    created: str
    data_as_of: str | None
    software: str
    parts: list[list[Part]]
    sums: str = ""
