"""Keys of coordinator, sites and data stewards: one to sign with (Ed25519), one to be sealed to (X25519).

    keygen  ──▶  ROLE.key (0600, stays)  and one line of text that others pin in members.toml

The only place beside box.py that knows `cryptography`.
"""

import base64
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rwe.errors import UsageError

PUBLIC, SECRET = "rwe1-public-", "rwe1-secret-"
HALF = 32
"""Bytes of either key."""


@dataclass(frozen=True, kw_only=True)
class Public:
    """Which signatures are whose; raw: Ed25519, then X25519."""

    raw: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """ValueError where the text is no public key."""
        return cls(raw=_read(text, PUBLIC))

    @property
    def halves(self) -> tuple[bytes, bytes]:
        return self.raw[:HALF], self.raw[HALF:]

    @property
    def text(self) -> str:
        return PUBLIC + base64.urlsafe_b64encode(self.raw).decode().rstrip("=")

    @property
    def fingerprint(self) -> str:
        """To be read aloud: 80 bits in groups of four."""
        digits = hashlib.sha256(self.raw).hexdigest()[:20]
        return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))

    @property
    def to_seal(self) -> X25519PublicKey:
        return X25519PublicKey.from_public_bytes(self.raw[HALF:])

    def signed(self, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw[:HALF]).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class Secret:
    raw: bytes = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        pair = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
        return cls(raw=b"".join(key.private_bytes_raw() for key in pair))

    @classmethod
    def read(cls, path: Path) -> Self:
        """UsageError where it is not there, is no key, or others may read it."""
        try:
            if path.stat().st_mode & 0o077:
                raise UsageError(f"{path}: others may read this key", hint=f"run: chmod 600 {path}")
            return cls(raw=_read(path.read_text(encoding="utf-8"), SECRET))
        except FileNotFoundError:
            hint = f"run `rwe federate keygen {path.stem}`, or put the key there"
            raise UsageError(f"{path}: this key is not there", hint=hint) from None
        except (OSError, ValueError) as e:
            raise UsageError(f"{path}: cannot be read as a key ({type(e).__name__})") from None

    def write(self, path: Path) -> None:
        """Never over another: what it signed or opens would be lost with it."""
        text = SECRET + base64.urlsafe_b64encode(self.raw).decode().rstrip("=")
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text + "\n")
        except FileExistsError:
            raise UsageError(f"{path}: there is a key already", hint="move it away first") from None

    @property
    def public(self) -> Public:
        keys = self._to_sign.public_key(), self.to_unseal.public_key()
        return Public(raw=b"".join(key.public_bytes_raw() for key in keys))

    @property
    def _to_sign(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.raw[:HALF])

    @property
    def to_unseal(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.raw[HALF:])

    def sign(self, message: bytes) -> bytes:
        return self._to_sign.sign(message)

    def shared(self, other: Public, *, salt: bytes, info: bytes) -> bytes:
        """32 bytes that these two alone can make."""
        agreed = self.to_unseal.exchange(other.to_seal)
        return HKDF(SHA256(), HALF, salt=salt, info=info).derive(agreed)


def _read(text: str, kind: str) -> bytes:
    body = text.strip().removeprefix(kind)
    try:
        raw = base64.b64decode(body + "==", altchars=b"-_", validate=True)
    except ValueError:  # of which binascii.Error is one
        raw = b""
    if not text.strip().startswith(kind) or len(raw) != 2 * HALF:
        raise ValueError(f"no key: it begins with {kind} and has 86 characters more")
    return raw
