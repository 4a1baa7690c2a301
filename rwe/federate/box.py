"""What is sealed to a key: HPKE (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305.

A seal hides what is in a file that goes by e-mail.  It says nothing of who made it: signatures do.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from rwe.federate.keys import Public, Secret
from rwe.federate.refusals import refusal

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
ANSWER = b"rwe federated answer 1"


def seal(message: bytes, *, to: Public) -> bytes:
    return SUITE.encrypt(message, to.to_seal, info=ANSWER)


def unseal(box: bytes, *, by: Secret, where: object) -> bytes:
    try:
        return SUITE.decrypt(box, by.to_unseal, info=ANSWER)
    except (InvalidTag, ValueError):
        raise refusal("not_for_us", where) from None
