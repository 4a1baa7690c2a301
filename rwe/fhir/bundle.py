"""JSON text to resources, without touching a number: single resources and Bundles.

    bytes, Place  ──▶  resource() or document()  ──▶  Resource | Unusable

msgspec.Raw hands each resource of a Bundle back as the bytes that came in.  References to a Bundle's
own fullUrl are rewritten to Type/id, as a server does when it commits a transaction; nothing else is.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from rwe.fhir.types import TYPES
from rwe.fhir.unusable import unusable
from rwe.resource import Place, Resource, Unusable, digest
from rwe.strict import repeated, repeats, tree

# FHIR allows 64 characters; some servers give 88, and nothing is gained by losing their data.
ID = re.compile(r"[A-Za-z0-9\-.]{1,255}")
REFERENCE = re.compile(rb'("reference"\s*:\s*")((?:[^"\\]|\\/)+)(")')
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')
# DuckDB 2.0 takes a whole database down on a few hundred levels; FHIR needs some 30.
DEEPEST = 100
UUID = re.compile(r"urn:uuid:([A-Za-z0-9\-]{1,64})")


class Meta(msgspec.Struct, rename="camel"):
    version_id: Any = None
    last_updated: Any = None


class Head(msgspec.Struct, rename="camel"):
    resource_type: Any = None
    id: Any = None
    meta: Meta | None = None


NO_META = Meta()


class Entry(msgspec.Struct, rename="camel"):
    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw(b"")


class Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class Bundle(msgspec.Struct):
    entry: list[Entry | None] = []
    link: list[Link] = []
    total: int | None = None


read_head = msgspec.json.Decoder(Head).decode
read_bundle = msgspec.json.Decoder(Bundle).decode


def resource(body: bytes, place: Place) -> Resource | Unusable:
    """One resource from its bytes; line ends inside become spaces, for strings cannot hold them."""
    quick, reason = _quick(body), ""
    head, compact = quick or (None, b"")
    if head is None:
        head, reason = _head(body)
    if head is None:
        return unusable(reason, body, place, read=read_head)
    if too_deep(body):
        return Unusable(type=None, reason="too_deep", body=body, place=place)
    kind = head.resource_type
    if not _is_type(kind):
        reason = "unknown_type" if isinstance(kind, str) and kind else "not_a_resource"
        return unusable(reason, body, place, read=read_head)
    if not _is(ID, head.id):
        return unusable("bad_id" if head.id else "no_id", body, place, kind=kind)
    if not compact and repeats(body):
        at = kind + repeated(body)
        return Unusable(type=kind, reason="repeated_key", body=body, place=place, detail=at)
    compact = compact or msgspec.json.format(body, indent=-1)
    meta = head.meta or NO_META
    return Resource(
        type=kind,
        id=head.id,
        version=_text(meta.version_id),
        updated=_text(meta.last_updated),
        body=compact if b"\n" in body or b"\r" in body else body,
        content=digest(compact),
        place=place,
    )


def _quick(body: bytes) -> tuple[Head, bytes] | None:
    """The head and the compact text of what comes back from dicts as it went in; None of all else."""
    if (found := tree(body)) is None or not isinstance(found[0], dict):
        return None
    told, compact = found
    meta = told.get("meta")
    if meta is not None and not isinstance(meta, dict):
        return None
    of = Meta(version_id=meta.get("versionId"), last_updated=meta.get("lastUpdated")) if meta else None
    return Head(resource_type=told.get("resourceType"), id=told.get("id"), meta=of), compact


def _head(body: bytes) -> tuple[Head | None, str]:
    try:
        body.decode("utf-8")  # msgspec lets bad UTF-8 through, DuckDB does not
        return read_head(body), ""
    except UnicodeDecodeError:
        return None, "not_utf8"
    except msgspec.ValidationError:
        return None, "not_a_resource"
    except msgspec.DecodeError:
        return None, "not_json"
    except RecursionError:
        return None, "too_deep"


def is_resource(body: bytes) -> bool:
    """A whole one in itself, and not a Bundle of others."""
    head, _ = _head(body)
    return head is not None and isinstance(head.resource_type, str) and head.resource_type != "Bundle"


def too_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for token in TOKEN.finditer(body):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > DEEPEST:
            return True
    return False


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def document(body: bytes, source: str) -> Iterator[Resource | Unusable]:
    """A JSON document: a Bundle's entries, numbered from 1, or the one resource it is."""
    place = Place(source=source, position=1)
    head, _ = _head(body)
    if head is None or head.resource_type != "Bundle":
        yield resource(body, place)
        return
    bundle, reason = whole_bundle(body)
    if bundle is None:
        yield unusable(reason, body, place, read=read_bundle)
        return
    yield from entries(bundle, source)


def whole_bundle(body: bytes) -> tuple[Bundle | None, str]:
    """A Bundle, or why its text is none."""
    try:
        bundle = read_bundle(body)
        envelope = _envelope(body, bundle)
        return (None, "repeated_key") if tree(envelope) is None and repeats(envelope) else (bundle, "")
    except msgspec.DecodeError:
        return None, "not_a_resource"
    except RecursionError:
        return None, "too_deep"


def _envelope(body: bytes, bundle: Bundle) -> bytes:
    """A Bundle without its resources: a key repeated in one of them costs that one, not the others."""
    pieces, end = [], 0
    for entry in bundle.entry:
        text = bytes(entry.resource) if entry else b""
        if text and (start := body.find(text, end)) >= 0:
            pieces.append(body[end:start])
            end = start + len(text)
    return b"null".join([*pieces, body[end:]])


def entries(bundle: Bundle, source: str, *, searchset: bool = False) -> Iterator[Resource | Unusable]:
    """searchset: a server's own, in which only a urn: stands for another of its entries."""
    all_entries = [entry or Entry() for entry in bundle.entry]
    bodies = [_with_id(e) for e in all_entries]
    names = _names([e for e in zip(all_entries, bodies, strict=True) if not searchset or _is_urn(e[0])])
    for position, body in enumerate(bodies, start=1):
        place = Place(source=source, position=position)
        if not body or body == b"null":
            yield Unusable(type=None, reason="no_resource", body=b"", place=place)
        elif b'"Bundle"' in body and (head := _head(body)[0]) is not None and head.resource_type == "Bundle":
            yield from _nested(body, place)
        else:
            yield resource(_resolve(body, names), place)


def _nested(body: bytes, place: Place) -> Iterator[Resource | Unusable]:
    if too_deep(body):  # each level costs Python frames
        yield Unusable(type=None, reason="too_deep", body=body, place=place)
    else:
        yield from document(body, f"{place.source}#{place.position}")


def _with_id(entry: Entry) -> bytes:
    """The entry's bytes; a resource to be created gets the uuid of its fullUrl for an id."""
    body = bytes(entry.resource)
    if not body or not _is_urn(entry) or not (uuid := UUID.fullmatch(entry.full_url or "")):
        return body
    head, _ = _head(body)
    if head is None or head.id is not None or head.resource_type is None:
        return body
    return body.replace(b"{", b'{"id":"%s",' % uuid[1].encode(), 1)


def _is_urn(entry: Entry) -> bool:
    return entry.full_url is not None and entry.full_url.startswith("urn:")


def _names(all_entries: list[tuple[Entry, bytes]]) -> dict[bytes, bytes]:
    """fullUrl ▶ Type/id of each entry that has both.  Both are checked: they are put into other rows."""
    names = {}
    for entry, body in all_entries:
        head, _ = _head(body) if entry.full_url and body else (None, "")
        if entry.full_url and head is not None and _is_type(head.resource_type) and _is(ID, head.id):
            names[entry.full_url.encode()] = f"{head.resource_type}/{head.id}".encode()
    return names


def _is_type(value: Any) -> bool:
    return isinstance(value, str) and value in TYPES


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))


def _resolve(body: bytes, names: dict[bytes, bytes]) -> bytes:
    if not names:
        return body
    # Some writers of JSON escape every slash.
    return REFERENCE.sub(lambda m: m[1] + names.get(m[2].replace(b"\\/", b"/"), m[2]) + m[3], body)
