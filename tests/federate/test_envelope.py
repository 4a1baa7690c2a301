"""Keys, signatures and seals: what is changed, foreign or of another kind is not read."""

import base64
import json

import msgspec
import pytest

from rwe.errors import RefusedError, UsageError
from rwe.federate import box, envelope
from rwe.federate.keys import Public, Secret


class Message(msgspec.Struct, frozen=True, kw_only=True):
    number: float
    text: str = ""


ANNE, BERT = Secret.make(), Secret.make()
SIGNED = envelope.sign(Message(number=5.0, text="ä"), "note", ANNE, BERT)


def opened(content, *keys, kind="note"):
    return envelope.opened(content, kind, Message, keys=[k.public for k in keys], where="here")


def refused(content, *keys, **more):
    with pytest.raises(RefusedError) as e:
        opened(content, *keys, **more)
    return e.value.code


def resigned(payload, *keys):
    """Signed as it stands, canonical or not."""
    kind = "application/vnd.rwe.note+json"
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signatures = [{"keyid": "", "sig": base64.b64encode(k.sign(signed)).decode()} for k in keys]
    body = base64.b64encode(payload).decode()
    return json.dumps({"payload": body, "payloadType": kind, "signatures": signatures}).encode()


def test_what_was_signed_is_read_back():
    assert opened(SIGNED, ANNE, BERT) == Message(number=5.0, text="ä")
    assert opened(resigned(b'{"number":5,"text":""}', ANNE), ANNE) == Message(number=5.0)


def test_each_key_must_have_signed():
    assert refused(SIGNED, Secret.make()) == "bad_signature"
    assert refused(SIGNED) == "bad_signature"
    twice = envelope.sign(Message(number=1), "note", ANNE, ANNE)
    assert refused(twice, ANNE, BERT) == "bad_signature"


def test_a_changed_value_breaks_the_signature():
    whole = json.loads(SIGNED)
    body = base64.b64decode(whole["payload"]).replace(b"5", b"6")
    whole["payload"] = base64.b64encode(body).decode()
    assert refused(json.dumps(whole).encode(), ANNE, BERT) == "bad_signature"


def test_a_message_of_another_kind_is_none_of_this_kind():
    assert refused(SIGNED, ANNE, BERT, kind="order") == "wrong_kind"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'{"number":5,"text":"","more":1}', "not_canonical"),
        (b'{"number":5.0,"text":""}', "not_canonical"),
        (b'{"number":5,"number":5,"text":""}', "not_canonical"),
        (b'{"text":"","number":5}', "not_canonical"),
        (b'{"number":NaN,"text":""}', "bad_form"),
        (b'{"number":1e999,"text":""}', "bad_form"),
        (b'{"number":"5","text":""}', "bad_form"),
        (b'{"text":""}', "bad_form"),
        (b"[]", "bad_form"),
        (b"\xff", "bad_form"),
    ],
)
def test_what_is_signed_but_not_as_we_write_it_is_refused(payload, code):
    assert refused(resigned(payload, ANNE), ANNE) == code


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000, SIGNED[:-1], b'{"payload":1}'])
def test_what_is_no_envelope_is_refused(content):
    assert refused(content, ANNE) == "not_signed"


def test_a_file_larger_than_any_of_ours_is_not_read():
    assert refused(SIGNED + b" " * envelope.LARGEST, ANNE, BERT) == "too_large"


def test_a_box_opens_for_its_key_alone_and_hides_what_is_in_it():
    sealed = box.seal(b"seven patients", to=ANNE.public)
    assert b"seven" not in sealed
    assert box.unseal(sealed, by=ANNE, where="here") == b"seven patients"
    for content in (sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:20], b""):
        with pytest.raises(RefusedError, match="not_for_us"):
            box.unseal(content, by=ANNE, where="here")
    with pytest.raises(RefusedError, match="not_for_us"):
        box.unseal(sealed, by=BERT, where="here")


def test_a_key_is_private_is_never_shown_and_replaces_none(tmp_path):
    path = tmp_path / "site.key"
    ANNE.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Secret.read(path) == ANNE
    assert "raw" not in repr(ANNE)
    with pytest.raises(UsageError, match="there is a key already"):
        BERT.write(path)
    assert Secret.read(path) == ANNE


def test_a_key_that_others_may_read_is_not_used(tmp_path):
    path = tmp_path / "site.key"
    ANNE.write(path)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="others may read"):
        Secret.read(path)


def test_a_public_key_is_read_from_its_text_and_from_nothing_else():
    assert Public.read(ANNE.public.text) == ANNE.public
    assert len(ANNE.public.fingerprint.split()) == 5
    for text in ("", "rwe1-public-", ANNE.public.text[:-1], f"x{ANNE.public.text}", "rwe1-public-é"):
        with pytest.raises(ValueError, match="no key"):
            Public.read(text)
