"""A signed file: a DSSE envelope around canonical JSON (RFC 8785).

    message, kind, keys  ──▶  sign()  ──▶  bytes  ──▶  opened()  ──▶  the message, or a refusal

Every key that is asked for must have signed: two signatures of one key are one.
Source: secure-systems-lab/dsse, protocol 1.0.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec
import rfc8785

from rwe.errors import RweError
from rwe.federate.keys import Public, Secret
from rwe.federate.refusals import refusal

KIND = "application/vnd.rwe.{}+json"
LARGEST = 1_000_000
"""Bytes of a signed file; a request or an answer has at most some 100,000."""
M = TypeVar("M", bound=msgspec.Struct)


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: list[Signature]


def canonical(message: msgspec.Struct) -> bytes:
    """The one way to write it."""
    return rfc8785.dumps(msgspec.to_builtins(message))


def digest(message: msgspec.Struct) -> str:
    return hashlib.sha256(canonical(message)).hexdigest()


def sign(message: msgspec.Struct, kind: str, *keys: Secret) -> bytes:
    body, named = canonical(message), KIND.format(kind)
    signatures = [
        Signature(sig=_text(key.sign(_signed(named, body))), keyid=key.public.fingerprint) for key in keys
    ]
    return msgspec.json.encode(Envelope(payload=_text(body), payload_type=named, signatures=signatures))


def opened(content: bytes, kind: str, form: type[M], *, keys: Sequence[Public], where: object) -> M:
    """The message, of exactly this kind and form, if each of the keys has signed it."""
    envelope = _envelope(content, where)
    if envelope.payload_type != KIND.format(kind):
        raise refusal("wrong_kind", where)
    body = _bytes(envelope.payload, where)
    signed = _signed(envelope.payload_type, body)
    given = [_bytes(s.sig, where) for s in envelope.signatures]
    if not keys or not all(any(key.signed(signed, sig) for sig in given) for key in {*keys}):
        raise refusal("bad_signature", where)
    return _message(body, form, where)


def is_text(content: bytes) -> bool:
    """As an envelope is, and what is sealed is not: that is any bytes."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def unverified(content: bytes, form: type[M], *, where: object) -> M:
    """What it says, of nobody yet: for whoever looks at the signatures next."""
    return _message(_bytes(_envelope(content, where).payload, where), form, where)


def kind(content: bytes, where: object) -> str:
    """Which it says to be."""
    return _envelope(content, where).payload_type.removeprefix(KIND.partition("{}")[0]).removesuffix("+json")


def signers(content: bytes, where: object) -> set[str]:
    """The fingerprints of who says to have signed: whose keys to look for, and no more than that."""
    return {s.keyid for s in _envelope(content, where).signatures}


def _envelope(content: bytes, where: object) -> Envelope:
    if len(content) > LARGEST:
        raise refusal("too_large", where)
    try:
        return msgspec.json.decode(content, type=Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise refusal("not_signed", where) from None


def _message(body: bytes, form: type[M], where: object) -> M:
    """Unknown fields, other spellings of a number and repeated keys are not in what is written anew."""
    try:
        message = msgspec.json.decode(body, type=form)
        same = canonical(message) == body
    except (
        msgspec.MsgspecError,
        UnicodeDecodeError,
        RecursionError,
        RweError,
        OverflowError,
        rfc8785.CanonicalizationError,
    ):
        raise refusal("bad_form", where) from None
    if not same:
        raise refusal("not_canonical", where)
    return message


def _signed(kind: str, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(body), body)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str, where: object) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # of which binascii.Error is one
        raise refusal("not_signed", where) from None
