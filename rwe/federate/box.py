"""What is sealed to a key: HPKE (RFC 9180) with X25519, HKDF-SHA256 and ChaCha20-Poly1305.

A seal hides what is in a file that goes by e-mail.  It says nothing of who made it: signatures do.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from rwe.federate.keys import Public, Secret
from rwe.federate.refusals import refusal

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
ANSWER, ROUND = b"rwe federated answer 1", b"rwe federated round 1"
"""What it is for: to the coordinator, or to a site."""


def seal(message: bytes, *, to: Public, info: bytes = ANSWER) -> bytes:
    return SUITE.encrypt(message, to.to_seal, info=info)


def unseal(box: bytes, *, by: Secret, where: object, info: bytes = ANSWER) -> bytes:
    try:
        return SUITE.decrypt(box, by.to_unseal, info=info)
    except (InvalidTag, ValueError):
        raise refusal("not_for_us", where) from None
