"""What is asked of a server and what comes back, and how an attempt fails.

Nothing here shows a body, a header or a URL in its repr: they hold patients and secrets.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from requests.auth import AuthBase

from rwe.errors import SiteError

Parameters = Sequence[tuple[str, str]]
Sink = Callable[[bytes], object]
Purpose = Literal["api", "file", "token"]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time and chance, handed in so that a test need not wait."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    """Between 0 and 1."""
    wall: Callable[[], float] = time.time
    """Seconds since 1970: a signed login names when it ends."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """url: may be relative to the server's base.  what: its name in errors, without any value.

    expected: the statuses that are an answer; those of AGAIN among them are then not asked again.
    safe: may be sent twice; a kick-off of an export may not, but where it surely was not taken.
    token: False for a file that the manifest says to need none.
    login: in place of the site's, for this request alone; made anew at each attempt.
    """

    url: str = field(repr=False)
    what: str
    method: str = "GET"
    parameters: Parameters = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    expected: Collection[int] = (200,)
    safe: bool = True
    token: bool = True
    login: AuthBase | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """headers: their names in lower case.  date: the server's time, ISO 8601 in UTC."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    date: str | None
    url: str = field(repr=False)
    """Where it came from at last: what a relative link in it is relative to."""


class TryAgainError(Exception):
    """An attempt that is worth another.

    wait: what the server asked for, in seconds.  not_taken: the server surely did nothing.
    crowded: it has too many requests.
    """

    def __init__(
        self, why: str, wait: float | None = None, *, not_taken: bool = False, crowded: bool = False
    ) -> None:
        super().__init__(why)
        self.wait, self.not_taken, self.crowded = wait, not_taken, crowded


class StatusError(SiteError):
    """An answer with a status that nobody expected and that asking again would not change."""

    def __init__(self, message: str, status: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
