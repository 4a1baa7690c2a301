"""A pseudonym for each patient of a study: a keyed hash, whose key stays in the study's data/.

The same in every export of the study, another in every other study.  Whoever holds the key and a list of ids
can find who is who; without the key nobody can, but by what else the tables say.
"""

import hmac
import os
import secrets
from pathlib import Path

from rwe.errors import DataError

KEY = "pseudonym.key"
BYTES = 32
LENGTH = 16
"""Signs of 4 bits: of a million patients two are alike once in 37 million studies."""


def pseudonym(key: bytes, site: str, patient: str) -> str:
    mark = hmac.new(key, f"{site}\0{patient}".encode(), "sha256").hexdigest()
    return f"P{mark[:LENGTH]}"


def key(folder: Path) -> bytes:
    """folder: the study's data/.  Made where there is none: the first export of a study."""
    path = folder / KEY
    if not path.exists():
        _make(path)
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        found = b""
    if len(found) != BYTES:
        raise DataError(
            f"{path}: is no key of pseudonyms",
            hint="put it back as it was; or remove it, and the next export has other pseudonyms",
        )
    if path.stat().st_mode & 0o077:
        raise DataError(f"{path}: others may read it", hint=f"chmod 600 {path}")
    return found


def _make(path: Path) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(BYTES))
        file.flush()
        os.fsync(file.fileno())
