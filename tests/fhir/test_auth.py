"""Logins that a server gives out: who asks, how often, and where a secret may go."""

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from rwe.errors import SiteError
from rwe.fhir import backend, scopes
from rwe.fhir.auth import authorisation, bulk_authorisation
from rwe.fhir.client import Client, Request
from rwe.fhir.scopes import Discovery
from tests.fhir.canary import CANARY
from tests.fhir.canary import said as shown
from tests.fhir.server import Reply
from tests.fhir.tokens import DISCOVERY, Guarded, said

OK = b'{"ok":1}'
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP384R1())


def pem(key, password: bytes | None = None, form=serialization.PrivateFormat.PKCS8) -> str:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, hidden).decode()


def jwk(key, **more: str) -> str:
    kind = RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        found = kind.import_key(pem(key)).as_dict(private=True)
    return msgspec.json.encode({**found, **more}).decode()


@pytest.fixture
def guarded():
    with Guarded() as s:
        yield s


@pytest.fixture
def ask(client):
    """A client of a guarded server, by the scheme's keys."""

    def make(server, environment, **auth):
        auth.setdefault("client_id", "rwe")
        more = {k: auth.pop(k) for k in ("limits", "allowed_origins") if k in auth}
        return client(environment, url=server.base, auth=auth, **more)

    return make


@pytest.fixture
def by_key(ask):
    def make(server, key=EC, **auth):
        server.public = server.public or key.public_key()
        return ask(server, {"KEY": jwk(key, kid="k1")}, scheme="backend", key="env:KEY", **auth)

    return make


@pytest.fixture
def by_secret(ask):
    def make(server, **auth):
        keys = {"client_secret": "env:WORD", "token_url": f"{server.base}/token", **auth}
        return ask(server, {"WORD": CANARY}, scheme="client_secret", **keys)

    return make


def status(c: Client) -> int:
    return c.ask(Request(url="x", what="x", expected=(200, 404))).status


@pytest.mark.parametrize(
    ("key", "text", "kid"),
    [
        (RSA, jwk(RSA, kid="k1"), "k1"),
        (EC, jwk(EC, kid="k1", alg="ES384", use="sig"), "k1"),
        (EC, msgspec.json.encode({"keys": [msgspec.json.decode(jwk(EC, kid="k1"))]}).decode(), "k1"),
        (RSA, jwk(RSA), None),
        (RSA, pem(RSA), None),
        (RSA, pem(RSA, form=serialization.PrivateFormat.TraditionalOpenSSL), None),
        (EC, pem(EC), None),
        (EC, pem(EC, form=serialization.PrivateFormat.TraditionalOpenSSL), None),
    ],
    ids=["rsa-jwk", "ec-jwk", "ec-jwks", "rsa-no-kid", "rsa-pem", "rsa-pkcs1", "ec-pem", "ec-sec1"],
)
@pytest.mark.parametrize("where", ["env", "file"])
def test_auth_02_the_token_endpoint_finds_nothing_wrong(ask, tmp_path, *, key, text, kid, where):
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)
    with Guarded(key.public_key(), kid=kid) as s:
        reference = "env:KEY" if where == "env" else "file:key"
        assert status(ask(s, {"KEY": text}, scheme="backend", key=reference)) == 404
    assert (s.violations, len(s.forms)) == ([], 1)


def test_the_token_endpoint_does_find_what_is_wrong(ask):
    """The judge judged: another key and kid, another client, another URL, an assertion sent twice."""
    with Guarded(ec.generate_private_key(ec.SECP384R1()).public_key(), kid="other") as s:
        s.aud = "https://elsewhere.example"
        status(ask(s, {"KEY": jwk(EC)}, scheme="backend", key="env:KEY", client_id="someone"))
        s._check(next(r for r in s.requests if r.method == "POST"))
    assert {*s.violations} == {"kid", "iss, sub", "aud", "signature", "jti"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "too weak"),
        (jwk(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "too weak"),
        (jwk(ec.generate_private_key(ec.SECP256R1())), "too weak"),
        (jwk(ec.generate_private_key(ec.SECP521R1())), "too weak"),
        (jwk(RSA, alg="RS256"), "another algorithm than RS384"),
        (msgspec.json.encode(ECKey.import_key(pem(EC)).as_dict(private=False)).decode(), "public key"),
        (pem(EC, b"word"), "no private key"),
        (CANARY, "no private key"),
        (f'{{"kty":"{CANARY}"}}', "no private key"),
        (f'{{"kty":"RSA","n":"{CANARY}","e":"AQAB","d":"{CANARY}"}}', "no private key"),
        (f'{{"keys":["{CANARY}"]}}', "no private key"),
        ('{"keys":[]}', "no private key"),
        (f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----", "no private key"),
        ("[" * 5000, "no private key"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_before_any_request(site, text, wrong):
    table = site(auth={"scheme": "backend", "client_id": "rwe", "key": "env:KEY"})
    with pytest.raises(SiteError, match=wrong) as e:
        authorisation(table, {"KEY": text})
    assert CANARY not in shown(e)
    assert e.value.exit_code == 12


@given(st.text())
def test_any_text_is_a_key_or_refused(text):
    with pytest.raises(SiteError):
        backend.read("north", text, None)


def test_kid_of_the_file_stands_for_one_that_the_key_lacks(ask):
    with Guarded(EC.public_key(), kid="registered") as s:
        status(ask(s, {"KEY": pem(EC)}, scheme="backend", key="env:KEY", kid="registered"))
    assert s.violations == []


def test_each_token_request_has_a_jti_of_its_own(guarded, by_key, time):
    guarded.script("token", Reply(status=503), Reply(drop=True), Reply(status=429))
    assert status(by_key(guarded)) == 404
    assert (guarded.violations, len(guarded.forms)) == ([], 4)
    assert len({f["client_assertion"] for f in guarded.forms}) == 4


@pytest.mark.parametrize(
    "endpoint", ["{base}/token", "/fhir/token", "token", "//127.0.0.1:{port}/fhir/token"]
)
def test_the_token_endpoint_is_discovered(guarded, by_key, endpoint):
    guarded.discovery = {"token_endpoint": endpoint.format(base=guarded.base, port=guarded.port)}
    assert status(by_key(guarded)) == 404
    assert guarded.violations == []
    assert [r.path for r in guarded.requests] == [DISCOVERY, "/fhir/token", "/fhir/x"]


def test_token_url_and_scope_need_no_discovery(guarded, by_key):
    guarded.discovery = None
    c = by_key(
        guarded, token_url=f"{guarded.base}/token", scope="system/Patient.read system/Observation.read"
    )
    assert status(c) == 404
    assert [r.path for r in guarded.requests] == ["/fhir/token", "/fhir/x"]
    assert guarded.forms[0]["scope"] == "system/Patient.read system/Observation.read"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(status=404), "the server answers 404"),
        (Reply(status=401), "refuses the login"),
        (said({}), "does not tell where tokens are given out"),
        (said({"token_endpoint": None}), "does not tell where"),
        (said({"token_endpoint": 1}), "cannot be read"),
        (said({"token_endpoint": "http://[" + CANARY}), "no URL"),
        (said({"token_endpoint": f"https://h.example/{CANARY}"}), "another origin, https://h.example:443"),
        (said({"token_endpoint": f"file:///{CANARY}"}), "another origin"),
        (Reply(body=CANARY.encode()), "not whole JSON"),
    ],
)
def test_a_discovery_that_fails_says_what_to_write(guarded, by_key, reply, said):
    reply.forever = True
    guarded.script(".well-known/smart-configuration", reply)
    with pytest.raises(SiteError, match=said) as e:
        status(by_key(guarded))
    assert CANARY not in shown(e)
    assert "token_url" in e.value.hint or "no setting" in e.value.hint or "no URL" in said
    assert not guarded.forms


def test_token_url_stands_without_a_discovery(guarded, by_key, by_secret):
    guarded.discovery = None
    assert status(by_secret(guarded)) == 404
    guarded.script(".well-known/smart-configuration", Reply(body=b"<html>", kind="text/html", forever=True))
    assert status(by_key(guarded, token_url=f"{guarded.base}/token")) == 404


def test_a_token_endpoint_elsewhere_has_to_be_written_down(guarded, foreign, by_key):
    guarded.discovery = {"token_endpoint": f"{foreign.base}/token"}
    with pytest.raises(SiteError, match="another origin") as e:
        status(by_key(guarded))
    assert e.value.hint == "if it is trusted, give token_url in [north.auth]"
    assert not foreign.requests


def test_a_token_url_elsewhere_gets_the_login_and_nothing_else(client, guarded, server):
    """The assertion goes there, the token to the API alone, and the API's links may not lead there."""
    guarded.public = EC.public_key()
    server.script("x", Reply(body=OK), Reply(status=307, headers={"Location": f"{guarded.base}/x"}))
    auth = {"scheme": "backend", "client_id": "rwe", "key": "env:KEY", "token_url": f"{guarded.base}/token"}
    c = client({"KEY": jwk(EC)}, url=server.base, auth=auth)
    assert status(c) == 200
    assert [r.path for r in guarded.requests] == ["/fhir/token"]
    assert guarded.violations == []
    assert server.asked("x")[0].headers["authorization"] == "Bearer token-0"
    assert all(not r.body for r in server.requests)
    for url in ("x", f"{guarded.base}/x"):
        with pytest.raises(SiteError, match="another origin"):
            c.get(url, what="x")
    assert len(guarded.requests) == 1


def test_a_secret_goes_by_basic_and_form_encoded(guarded, ask):
    keys = {"client_secret": "env:WORD", "token_url": f"{guarded.base}/token"}
    assert status(ask(guarded, {"WORD": "a b:ü"}, scheme="client_secret", **keys)) == 404
    asked = next(r for r in guarded.requests if r.path == "/fhir/token")
    assert asked.headers["authorization"] == "Basic cndlOmErYiUzQSVDMyVCQw=="  # rwe:a+b%3A%C3%BC
    assert asked.body == b"grant_type=client_credentials&scope=system%2F%2A.read"
    assert guarded.violations == []


@pytest.mark.parametrize(
    ("methods", "post"),
    [
        (None, False),
        ([], False),
        (["private_key_jwt"], False),
        (["client_secret_post", "client_secret_basic"], False),
        (["client_secret_post", "private_key_jwt"], True),
    ],
)
def test_a_secret_goes_in_the_body_where_the_discovery_names_only_that(guarded, by_secret, methods, post):
    guarded.discovery = {"token_endpoint_auth_methods_supported": methods}
    status(by_secret(guarded))
    asked = next(r for r in guarded.requests if r.path == "/fhir/token")
    assert ("authorization" not in asked.headers) == (CANARY.encode() in asked.body) == post
    assert guarded.forms[0].get("client_id") == ("rwe" if post else None)


def test_a_secret_without_smart_asks_for_no_scope_but_the_one_written(guarded, by_secret):
    guarded.discovery = None
    status(by_secret(guarded))
    status(by_secret(guarded, scope="api"))
    assert [f.get("scope") for f in guarded.forms] == [None, "api"]


def test_a_token_request_is_redirected_to_its_own_origin_only(guarded, foreign, by_key):
    guarded.script("token", Reply(status=307, headers={"Location": f"{foreign.base}/token"}, forever=True))
    with pytest.raises(SiteError, match="another origin"):
        status(by_key(guarded, allowed_origins=(f"http://127.0.0.1:{foreign.port}",)))
    assert not foreign.requests


def test_auth_01_a_token_is_renewed_30_s_early_by_one_thread_for_all(guarded, by_key, time):
    c = by_key(guarded)
    with ThreadPoolExecutor(8) as pool:
        for minute in range(60):
            time.now = 60.0 * minute
            assert {*pool.map(lambda _: status(c), range(16))} == {404}
    assert len(guarded.given) <= 3600 / 270 + 1
    assert not [r for r in guarded.requests if r.path == "/fhir/x" and "authorization" not in r.headers]
    assert guarded.violations == []


@pytest.mark.parametrize(
    ("life", "renewed"),
    [(300, 270), ("300", 270), (None, 270), ("soon", 270), (0, 270), (-5, 270), (40, 20), (3600, 3570)],
)
def test_a_token_lives_as_long_as_it_says(guarded, by_key, time, life, renewed):
    guarded.life = life
    c = by_key(guarded)
    for now in (0, renewed - 1, renewed):
        time.now = now
        status(c)
    assert len(guarded.given) == 2


@pytest.mark.parametrize("threads", [1, 8])
def test_auth_03_401_for_ever_ends_with_three_tokens_at_most(guarded, by_key, threads):
    guarded.accepts = False
    c = by_key(guarded)
    refused = []

    def one(_: int) -> None:
        with pytest.raises(SiteError, match=r"north: x: the server refuses the login \(401\)") as e:
            status(c)
        refused.append(e.value)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(40)))
    assert len(refused) == 40
    assert 2 <= len(guarded.forms) <= 3
    assert guarded.violations == []


def test_one_401_costs_one_token_and_is_over(guarded, by_key, time):
    c = by_key(guarded)
    for _ in range(5):
        assert status(c) == 404
        guarded.given.append("revoked")  # what was given before counts no more
    assert status(c) == 404
    assert len(guarded.forms) == 6
    assert not time.slept


def test_a_401_to_a_token_that_another_thread_has_replaced_costs_none(guarded, by_key):
    c = by_key(guarded)
    old = c._auth.current(c)
    assert c._auth.refused(old)
    new = c._auth.current(c)
    assert new is not old
    assert c._auth.refused(old)
    assert c._auth.current(c) is new


@pytest.mark.parametrize("status_", [400, 401, 403])
def test_a_first_login_that_is_refused_is_not_tried_again(guarded, by_key, status_, time):
    body = {"error": "invalid_client", "error_description": CANARY, CANARY: CANARY}
    refusal = said(body, status_)
    refusal.forever = True
    guarded.script("token", refusal)
    c = by_key(guarded)
    with ThreadPoolExecutor(8) as pool:
        errors = [pool.submit(status, c).exception() for _ in range(20)]
    assert {str(e) for e in errors} == {
        f"north: the login: the server refuses the login ({status_}) (invalid_client)"
    }
    assert {e.hint for e in errors} == {"check [north.auth] and what this client may read"}
    assert (len(guarded.forms), time.slept) == (1, [])
    assert not guarded.asked("x")


def test_a_renewal_that_is_refused_at_random_is_tried_again(guarded, by_key, time):
    c = by_key(guarded)
    status(c)
    time.now = 1000
    guarded.script("token", said({"error": "invalid_request"}, 400), Reply(status=400))
    assert status(c) == 404
    assert len(guarded.forms) == 4
    assert guarded.violations == []


def test_a_renewal_that_is_refused_for_ever_ends(guarded, by_key, time):
    c = by_key(guarded)
    status(c)
    time.now = 1000
    guarded.script("token", Reply(status=400, forever=True))
    for _ in range(5):
        with pytest.raises(SiteError, match=r"the login: the server refuses the login \(400\)"):
            status(c)
    assert len(guarded.forms) == 1 + 3


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": ""},
        {"access_token": f"{CANARY}\n"},
        {"access_token": f"ü{CANARY}"},
        {"access_token": [CANARY]},
        {"access_token": CANARY, "token_type": "mac"},
        [CANARY],
    ],
)
def test_what_is_no_bearer_token_is_refused(guarded, by_secret, answer):
    guarded.script("token", said(answer))
    with pytest.raises(SiteError, match="something else than a bearer token") as e:
        status(by_secret(guarded))
    assert CANARY not in shown(e)
    assert not guarded.asked("x")


def test_no_error_of_a_login_holds_a_secret(guarded, by_key, by_secret):
    trouble = [
        Reply(status=400, body=CANARY.encode()),
        said({"error": CANARY, "error_description": CANARY}, 400),
        Reply(status=500, body=CANARY.encode()),
        Reply(drop=True),
        Reply(body=CANARY.encode()),
        Reply(status=302, headers={"Location": f"https://{CANARY}@h.example/{CANARY}"}),
        Reply(status=302, headers={"Location": f"https://h.example/{CANARY}"}),
    ]
    for make in (by_key, by_secret):
        guarded.public = None
        guarded.script("token", *trouble)
        for _ in trouble:
            with pytest.raises(SiteError) as e:
                status(make(guarded, limits={"attempts": 1}))
            text = shown(e)
            assert CANARY not in text
            assert "client_assertion" not in text
            assert "north: the login: " in text


def test_no_secret_is_in_a_repr(guarded, by_secret, by_key):
    guarded.script("token", said({"access_token": CANARY, "token_type": "bearer"}))
    c = by_secret(guarded)
    c.granted()
    request = c._auth._request
    for thing in (c, c._auth, request, request.login, c._auth._bearer, c.site):
        assert CANARY not in repr(thing)
    assert jwk(EC)[20:40] not in repr(backend.read("north", jwk(EC), None))


def test_a_password_that_is_refused_is_not_sent_again_and_again(server, client):
    server.script("x", Reply(status=401, forever=True))
    server.script("y", Reply(body=OK, forever=True))
    auth = {"scheme": "basic", "username": "rwe", "password": "env:WORD"}
    c = client({"WORD": CANARY}, auth=auth)
    for _ in range(2):
        with pytest.raises(SiteError, match=r"\(401\)"):
            c.get("x", what="x")
    c.get("y", what="y")
    for _ in range(3):
        with pytest.raises(SiteError, match=r"\(401\)"):
            c.get("x", what="x")
    for url in "xyx":
        with pytest.raises(SiteError, match="not tried further") as e:
            c.get(url, what=url)
        assert "locked" in e.value.hint
    assert len(server.asked("x")) == 5


def test_exports_may_have_a_login_of_their_own(server, client, site):
    auth = {"scheme": "bearer", "token": "env:ONE"}
    table = {"auth": auth, "bulk_auth": {**auth, "token": "env:TWO"}}
    words = {"ONE": "one", "TWO": "two"}
    server.script("x", Reply(body=OK, forever=True))
    c = client(words, **table)
    bulk = c.logged_in(bulk_authorisation(site(**table), words))
    for one in (c, bulk, c):
        one.get("x", what="x")
    assert [r.headers["authorization"][7:] for r in server.requests] == ["one", "two", "one"]
    assert bulk._gate is c._gate
    assert bulk_authorisation(site(auth=auth), words) is None


def test_cryptography_is_loaded_only_for_a_login_that_signs():
    code = "import sys, rwe.fhir.client, rwe.fhir.auth; print({'joserfc', 'cryptography'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


READ, V2 = ["permission-v1"], ["permission-v2", "permission-v1"]


@pytest.mark.parametrize(
    ("supported", "capabilities", "types", "expected"),
    [
        (None, None, (), "system/*.read"),
        (None, READ, ("B", "A"), "system/A.read system/B.read"),
        (None, V2, ("B", "A"), "system/A.rs system/B.rs"),
        ([], V2, (), "system/*.rs"),
        (["system/*.read", "openid"], V2, (), "system/*.read"),
        (["system/*.rs", "system/*.read"], READ, (), "system/*.rs"),
        (["system/*.cruds"], None, ("A",), "system/A.rs"),
        (["system/*.*"], V2, ("A",), "system/A.rs"),
        (["system/*.*"], None, ("A",), "system/A.read"),
        (["system/A.read", "system/C.read", "system/D.write"], V2, (), "system/A.read system/C.read"),
        (["system/A.rs", "system/C.rs"], READ, ("A", "B"), "system/A.rs"),
        (["system/C.rs"], READ, ("A", "B"), "system/A.rs system/B.rs"),
        (["patient/*.read", "launch"], V2, ("A",), "system/A.rs"),
    ],
)
def test_scopes_are_asked_as_the_server_spells_them(supported, capabilities, types, expected):
    found = Discovery(scopes_supported=supported, capabilities=capabilities)
    assert scopes.to_ask(found, types) == expected


@pytest.mark.parametrize(
    ("granted", "covered"),
    [
        ("system/*.read", True),
        ("system/*.rs", True),
        ("system/*.*", True),
        ("user/A.cruds", True),
        ("system/A.rs", True),
        ("system/B.rs system/A.rs", True),
        ("system/B.rs", False),
        ("system/A.r", False),
        ("system/A.s", False),
        ("system/A.write", False),
        ("system/A.rs?category=x", False),
        ("openid system/B.rs", False),
        ("openid", False),
        ("", False),
    ],
)
def test_a_scope_covers_a_type_or_not(granted, covered):
    assert scopes.covers(granted.split(), "A") == covered


@pytest.mark.parametrize(
    ("granted", "missing", "told"),
    [
        (None, (), []),
        ("system/Patient.read system/Observation.read", (), []),
        ("system/Patient.rs", ("Observation",), ["system/Observation.rs"]),
        (["system/Patient.rs", "x"], ("Observation",), ["system/Observation.rs"]),
        ("system/Patient.rs system/Observation.rs?x=y", ("Observation",), ["system/Observation.rs"]),
        ("", ("Patient", "Observation"), ["system/Observation.rs", "system/Patient.rs"]),
        ("openid", ("Patient", "Observation"), ["system/Observation.rs", "system/Patient.rs"]),
    ],
)
def test_what_was_not_granted_is_said(guarded, site, time, *, granted, missing, told):
    guarded.scope = granted
    guarded.public = EC.public_key()
    guarded.discovery["capabilities"] = V2
    said: list[str] = []
    types = ("Patient", "Observation")
    s = site(url=guarded.base, auth={"scheme": "backend", "client_id": "rwe", "key": "env:KEY"})
    with Client(s, authorisation(s, {"KEY": jwk(EC)}, types), time.clock(), said.append) as c:
        for now in (0, 1000):
            time.now = now
            assert c.missing_scopes(types) == missing
            asked = "system/Observation.rs system/Patient.rs"
            words = asked if granted is None else granted
            assert c.granted() == frozenset(words if isinstance(words, list) else words.split())
    assert guarded.forms[0]["scope"] == asked
    lines = [f"north: the login: asked for and not granted: {', '.join(told)}"] if told else []
    assert said == lines
    assert len(guarded.given) == 2


def test_a_login_without_scopes_misses_none(client, guarded, by_secret):
    guarded.discovery = None
    for c in (client(), by_secret(guarded), by_secret(guarded, scope="api")):
        assert c.granted() is None
        assert c.missing_scopes(["Patient"]) == ()
