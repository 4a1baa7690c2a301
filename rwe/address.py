"""Which references lead to the site they stand in: those that name no server, or one of its addresses.

    base URLs  ──▶  own()  ──▶  a regular expression of what stands before Type/id

For Python's `re` and DuckDB's RE2 alike.  Scheme and host may be of any case, the scheme's port may be
written or not; a path is as it is, and http is another address than https.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

RELATIVE = "^"
"""Of a site that has no address: each absolute reference leads elsewhere."""
PORTS = {"http": 80, "https": 443}


def own(bases: Iterable[str]) -> str:
    """bases: http or https, with a host, a port or none, and a path or none."""
    known = "|".join(sorted({_pattern(base) for base in bases}))
    return f"{RELATIVE}(?:(?:{known})/+)?" if known else RELATIVE


def _pattern(base: str) -> str:
    parts = urlsplit(base)
    host = re.sub(r":\d*$", "", parts.netloc)
    usual = PORTS[parts.scheme]
    port = f"(?::{usual})?" if parts.port in (None, usual) else f":{parts.port}"
    return f"(?i:{parts.scheme}://{re.escape(host)}){port}{re.escape(parts.path.rstrip('/'))}"
