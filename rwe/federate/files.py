"""Files that come and go: read with a name for what is wrong, written whole or not at all."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rwe.errors import UsageError
from rwe.federate.envelope import LARGEST
from rwe.federate.messages import ANSWER, APPROVAL
from rwe.federate.refusals import refusal

LOCK, PART = ".lock", ".part"


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
    part = _beside(path, written)
    os.replace(part, path)


@contextmanager
def signed(path: Path, written: bytes) -> Iterator[None]:
    """An approval or an answer: on the disk before the block, under its name after it, or gone.

    What was left by one that was killed in between goes too: nobody else is in between now.
    """
    with _one_at_a_time(path.parent):
        for kind in (APPROVAL, ANSWER):
            for stale in path.parent.glob(f".{kind}-*{PART}"):
                stale.unlink()
        part = _beside(path, written)
        try:
            yield
        except BaseException:
            part.unlink()
            raise
        os.replace(part, path)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Waits; the lock ends with the process, however it ends."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise _unwritten(folder / LOCK, e) from None
    with open(descriptor, "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _beside(path: Path, written: bytes) -> Path:
    """On the disk, but not yet under its name."""
    part = path.with_name(f".{path.name}{PART}")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
    except OSError as e:
        part.unlink(missing_ok=True)
        raise _unwritten(path, e) from None
    return part


def _unwritten(path: Path, why: OSError) -> UsageError:
    hint = "nothing was signed away; make room or mend that, then run it again"
    return UsageError(f"{path}: cannot be written ({why.strerror})", hint=hint)
