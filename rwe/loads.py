"""data/loads.ndjson: what was written to the store, a line each time, apart from the store.

    the store's last line, the ledger's last line  ──▶  compare()  ──▶  LostError where they do not fit

DuckDB opens a store whose write-ahead log was cut or changed without a word, and with what is left.  So
each transaction leaves in the store the line that goes to the ledger after the commit.
"""

from pathlib import Path

import msgspec

from rwe import chain
from rwe.errors import DataError

NAME = "loads.ndjson"
ANEW = "`rwe map` builds it again from the landed data"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """tables: rows of each after the step; before: the hash of the ledger's line before."""

    step: str
    before: str
    tables: dict[str, int]


class LostError(DataError):
    """The store is not what the ledger says, or cannot be read: it has to be built anew."""


def lines(folder: Path) -> list[tuple[Load, str]]:
    """folder: the study's data/."""
    path = folder / NAME
    try:
        return chain.read(path, Load)
    except chain.BrokenError:
        raise DataError(
            f"{path}: the ledger of the store cannot be read", hint=f"remove it and the store: {ANEW}"
        ) from None


def line(folder: Path, step: str, tables: dict[str, int]) -> bytes:
    """What comes next."""
    found = lines(folder)
    return msgspec.json.encode(Load(step=step, before=found[-1][1] if found else "", tables=tables))


def compare(folder: Path, held: bytes | None) -> Load | None:
    """held: the line in the store.  One that a stop kept from the ledger is added to it."""
    found = lines(folder)
    last = found[-1][1] if found else ""
    if held is None and not found:
        return None
    if held is None or chain.sha256(held) in {digest for _, digest in found[:-1]}:
        raise LostError("the store has lost what was written last", hint=ANEW)
    load = _load(held)
    if chain.sha256(held) != last:
        if load.before != last:
            raise LostError("the store is not the one that its ledger tells of", hint=ANEW)
        chain.append(folder / NAME, held)
    return load


def _load(held: bytes) -> Load:
    try:
        return msgspec.json.decode(held, type=Load)
    except msgspec.MsgspecError:
        raise LostError("the store does not say how it was made", hint=ANEW) from None
