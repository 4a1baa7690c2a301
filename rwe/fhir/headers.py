"""What the headers of an answer say: kind, server's time, how long to wait."""

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache


def content_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def shown_type(kind: str) -> str:
    return kind if kind.isascii() and kind.isprintable() and len(kind) < 60 else "an odd content type"


def retry_after(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds, or a date, which is told by the server's own clock; by ours, `wall`, if it shows none."""
    header = headers.get("Retry-After", "")
    if header.isdecimal():
        return float(header)
    now = http_date(headers.get("Date")) or datetime.fromtimestamp(wall, UTC)
    then = http_date(header)
    return max(0.0, (then - now).total_seconds()) if then else None


@lru_cache(maxsize=8)  # a server gives the same one to all answers of a second
def http_date(header: str | None) -> datetime | None:
    """An HTTP-date in UTC; one without a zone is meant so."""
    try:
        when = email.utils.parsedate_to_datetime(header or "")
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
