"""A Bundle that is no JSON for what stands in its resources: found by its brackets, it costs these alone.

    bytes  ──▶  tamed()  ──▶  JSON with {} in their place, entry ▶ what stood there       or None

None also where it is cut: then its brackets do not end with it.
"""

import re
from collections.abc import Iterator

import msgspec

TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
KEY = re.compile(rb"\s*:")
Spoiled = dict[int, bytes]


def tamed(body: bytes) -> tuple[bytes, Spoiled] | None:
    """Entries are numbered from 1."""
    pieces, spoiled, end = [], Spoiled(), 0
    for number, start, stop in _resources(body):
        if not is_json(body[start:stop]):
            spoiled[number] = body[start:stop]
            pieces += [body[end:start], b"{}"]
            end = stop
    whole = b"".join([*pieces, body[end:]])
    return (whole, spoiled) if spoiled and is_json(whole) else None


def is_json(text: bytes) -> bool:
    try:
        text.decode("utf-8")
        msgspec.json.decode(text, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False
    return True


def _resources(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Entry, begin and end of each object `resource` of the array `entry`."""
    depth, number, start = 0, 0, 0
    keys = [b"", b"", b"", b""]
    for token in TOKEN.finditer(body):
        mark = token[0][:1]
        if mark == b'"':
            if depth in (1, 3) and KEY.match(body, token.end()):
                keys[depth] = token[0]
        elif mark in b"[{":
            number = number + (depth == 2) if depth > 1 else 0
            depth += 1
            if depth == 4:
                start = token.start()
        else:
            depth -= 1
            if depth == 3 and keys[1] == b'"entry"' and keys[3] == b'"resource"':
                yield number, start, token.end()
