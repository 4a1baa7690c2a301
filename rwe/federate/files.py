"""Files that come and go: read with a name for what is wrong, written whole or not at all."""

import os
from pathlib import Path

from rwe.errors import UsageError
from rwe.federate.envelope import LARGEST
from rwe.federate.refusals import refusal


def content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except OSError as e:
        raise UsageError(f"{path}: cannot be read ({e.strerror})") from None
    if len(found) > LARGEST:
        raise refusal("too_large", path)
    return found


def whole(path: Path, written: bytes) -> None:
    part = beside(path, written)
    os.replace(part, path)


def beside(path: Path, written: bytes) -> Path:
    """On the disk, but not yet under its name."""
    part = path.with_name(f".{path.name}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
    except OSError as e:
        part.unlink(missing_ok=True)
        hint = "nothing was signed away; make room or mend that, then run it again"
        raise UsageError(f"{path}: cannot be written ({e.strerror})", hint=hint) from None
    return part
