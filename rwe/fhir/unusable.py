"""What cannot be a resource, with where in it the fault is, as far as that tells no value.

Bytes are counted from 1.  Where an element is at fault its name is told, if it is one of the standard's.
"""

import re
from typing import Any

import msgspec

from rwe.resource import Place, Unusable

BYTE = re.compile(r"\(byte ([0-9]+)\)$")
AT = re.compile(r" - at `\$\.([A-Za-z.\[\]0-9]+)`$")  # elements of rwe.fhir.bundle's own structs


def unusable(
    reason: str, body: bytes, place: Place, *, kind: str | None = None, read: Any = None
) -> Unusable:
    """read: the decoder that refused it."""
    return Unusable(type=kind, reason=reason, body=body, place=place, detail=_where(reason, body, kind, read))


def _where(reason: str, body: bytes, kind: str | None, read: Any) -> str | None:
    match reason:
        case "no_id" | "bad_id":
            return f"{kind}.id"
        case "unknown_type":
            return "resourceType"
        case "not_utf8" | "not_json" | "not_a_resource":
            return _refused(body, read)
    return None


def _refused(body: bytes, read: Any) -> str | None:
    try:
        body.decode("utf-8")
        read(body)
    except UnicodeDecodeError as e:
        return f"byte {e.start + 1}"
    except msgspec.ValidationError as e:
        found = AT.search(str(e))
        return found and found[1]
    except msgspec.DecodeError as e:
        if found := BYTE.search(str(e)):
            return f"byte {int(found[1]) + 1}"
        return f"byte {len(body) + 1}" if not body.endswith(b"}") else None  # it is cut
    return "resourceType"
