"""One request: where the login goes, what is asked again, what an error tells."""

import gzip
import shutil
import subprocess
import time as real_time
from pathlib import Path

import pytest
from canary import CANARY, said
from hypothesis import given, settings
from hypothesis import strategies as st
from server import Reply, Server

from rwe.errors import SiteError
from rwe.fhir.auth import NoAuth, authorisation
from rwe.fhir.client import AGAIN, Client, Clock, _retry_after, _time, origin, shown, shown_type

OK = b'{"ok":1}'
BEARER = {"auth": {"scheme": "bearer", "token": "env:TOKEN"}}
TOKEN = {"TOKEN": CANARY}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h.example/fhir", ("https", "h.example", 443)),
        ("http://h.example", ("http", "h.example", 80)),
        ("HTTPS://H.EXAMPLE:443/", ("https", "h.example", 443)),
        ("https://h.example:8443/x?y#z", ("https", "h.example", 8443)),
        ("http://h.example:0/", ("http", "h.example", 0)),
        ("http://[::1]:80/", ("http", "::1", 80)),
        ("https://user@h.example/", None),
        ("https://user:word@h.example/", None),
        ("https://:word@h.example/", None),
        ("https://@h.example/", None),
        (r"https://h.example\@evil.example/", None),
        ("https://h.example:99999/", None),
        ("https://h.example:x/", None),
        ("https://[bad/", None),
        ("https://h\u2100.example/", None),
        ("https:///path", None),
        ("file:///etc/passwd", None),
        ("ftp://h.example/", None),
        ("gs://bucket/x", None),
        ("/relative", None),
        ("", None),
    ],
)
def test_origin_is_scheme_host_and_port(url, expected):
    assert origin(url) == expected


@settings(deadline=None)
@given(st.text())
def test_any_text_has_an_origin_or_none(text):
    origin(text)
    assert shown("http://h/" + text).isprintable()


@pytest.mark.parametrize("url", ["https://h.example/Patient?name=X", "gopher://h", "https://h\x1b[2J/"])
def test_what_is_shown_of_a_url_is_its_origin(url):
    assert "name" not in shown(url)
    assert shown(url).isprintable()


def test_an_odd_content_type_is_not_repeated():
    assert shown_type("text/html") == "text/html"
    assert shown_type("x" * 60) == shown_type("a\x1bb") == shown_type("ü") == "an odd content type"


def test_a_bad_origin_in_allowed_origins_allows_nothing(site, time, foreign):
    table = site().table.model_copy(update={"allowed_origins": ("https://h.example:99999",)})
    c = Client(site().model_copy(update={"table": table}), NoAuth(), time.clock())
    with c, pytest.raises(SiteError, match="another origin"):
        c.get(f"http://user@127.0.0.1:{foreign.port}/", what="x")
    assert not foreign.requests


def test_a_request_asks_for_fhir_json_that_is_not_cached(server, client):
    server.script("x", Reply(body=OK))
    assert client().get("x", {"a": "b c"}, what="x").body == OK
    headers = server.requests[0].headers
    assert (headers["accept"], headers["cache-control"]) == ("application/fhir+json", "no-cache")
    assert server.requests[0].query == {"a": ["b c"]}
    assert "authorization" not in headers


def test_a_url_of_the_server_goes_out_unchanged(server, client):
    target = "/fhir/x?_getpages=" + "a" * 8000 + "&b=1+2%2B3&c=%7C"
    server.script("x", Reply(body=OK))
    client().get(f"http://127.0.0.1:{server.port}{target}", what="x")
    assert server.requests[0].target == target


@pytest.mark.parametrize(
    ("table", "header"),
    [
        ({"scheme": "none"}, None),
        ({"scheme": "bearer", "token": "env:TOKEN"}, f"Bearer {CANARY}"),
        ({"scheme": "basic", "username": "rwe", "password": "env:WORD"}, "Basic cndlOsO8"),
    ],
)
def test_the_login_is_as_declared(server, client, table, header):
    server.script("x", Reply(body=OK))
    client({**TOKEN, "WORD": "ü"}, auth=table).get("x", what="x")
    assert server.requests[0].headers.get("authorization") == header


def test_a_token_may_stand_in_a_file_that_only_its_owner_reads(server, client, tmp_path):
    server.script("x", Reply(body=OK))
    (tmp_path / "token").write_text(f"{CANARY}\n")
    (tmp_path / "token").chmod(0o600)
    client(auth={"scheme": "bearer", "token": "file:token"}).get("x", what="x")
    assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("text", ["", " \n", f"{CANARY}\r\nX-Evil: 1", f"{CANARY}\0"])
def test_a_secret_that_is_none_is_refused_before_any_request(site, text):
    with pytest.raises(SiteError, match="environment variable TOKEN") as e:
        authorisation(site(**BEARER), {"TOKEN": text})
    assert CANARY not in said(e)


def test_a_secret_is_not_in_a_repr(site):
    assert CANARY not in repr(authorisation(site(**BEARER), TOKEN))


def test_netrc_and_proxies_of_the_machine_are_not_obeyed(server, foreign, client, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login wrong password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{foreign.port}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    server.script("x", Reply(body=OK), Reply(body=OK))
    client(TOKEN, **BEARER).get("x", what="x")
    client().get("x", what="x")
    assert [r.headers.get("authorization") for r in server.requests] == [f"Bearer {CANARY}", None]
    assert not foreign.requests


def test_redirects_of_the_same_origin_are_followed_with_the_login(server, client):
    server.script("x", Reply(status=307, headers={"Location": "y?z=1"}))
    server.script("y", Reply(status=302, headers={"Location": f"{server.base}/z"}))
    server.script("z", Reply(body=OK))
    answer = client(TOKEN, **BEARER).get("x", {"a": "1"}, what="x")
    assert answer.url == f"{server.base}/z"
    assert [r.target for r in server.requests] == ["/fhir/x?a=1", "/fhir/y?z=1", "/fhir/z"]
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {CANARY}"}


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:{port}/x", "//127.0.0.1:{port}/x", "http://[bad", "file:///x"]
)
def test_redirects_elsewhere_are_refused(server, foreign, client, place):
    server.script("x", Reply(status=301, headers={"Location": place.format(port=foreign.port)}))
    with pytest.raises(SiteError, match=r"another origin|no URL"):
        client(TOKEN, **BEARER).get("x", what="x")
    assert not foreign.requests
    assert len(server.requests) == 1


def test_an_allowed_origin_is_followed(server, foreign, client):
    server.script("x", Reply(status=307, headers={"Location": f"{foreign.base}/x"}))
    foreign.script("x", Reply(body=OK))
    assert client(allowed_origins=(f"http://127.0.0.1:{foreign.port}",)).get("x", what="x").body == OK


def test_a_redirects_body_is_not_read(server, client):
    endless = Reply(status=302, headers={"Location": "y"}, framing="chunked", pieces=[b"x" * 65536] * 500)
    read = []
    endless.pause = lambda: read.append(1)
    server.script("x", endless)
    server.script("y", Reply(body=OK))
    assert client().get("x", what="x").body == OK
    assert len(read) < 500


def test_redirects_end(server, client):
    server.script("x", Reply(status=302, headers={"Location": "x"}, forever=True))
    with pytest.raises(SiteError, match="redirects without end"):
        client().get("x", what="x")
    assert len(server.requests) == 6


def test_a_redirect_that_leads_nowhere_is_an_error(server, client):
    server.script("x", Reply(status=302))
    with pytest.raises(SiteError, match="the server answers 302"):
        client().get("x", what="x")


@pytest.mark.parametrize("status", AGAIN)
def test_a_passing_status_is_asked_again(server, client, time, status):
    server.script("x", Reply(status=status), Reply(status=status), Reply(body=OK))
    assert client().get("x", what="x").body == OK
    assert time.slept == [0.5, 1.0]


@pytest.mark.parametrize("status", [204, 304, 400, 404, 405, 410, 422, 501])
def test_any_other_status_is_not(server, client, status):
    server.script("x", Reply(status=status, forever=True))
    with pytest.raises(SiteError, match=f"the server answers {status}"):
        client().get("x", what="x")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_says_where_to_look(server, client, status):
    server.script("x", Reply(status=status, body=CANARY.encode()))
    with pytest.raises(SiteError, match=rf"north: x: the server refuses the login \({status}\)") as e:
        client().get("x", what="x")
    assert "[north.auth]" in e.value.hint
    assert (len(server.requests), e.value.exit_code) == (1, 12)


def test_attempts_end_with_what_was_last_wrong(server, client, time):
    server.script("x", Reply(status=500), Reply(status=503, forever=True))
    with pytest.raises(SiteError, match=r"the server answers 503 \(8 attempts\)"):
        client().get("x", what="x")
    assert time.slept == [0.5, 1, 2, 4, 8, 16, 32]


def test_pauses_grow_to_a_minute_and_are_spread(server, client, time):
    server.script("x", Reply(status=500, forever=True))
    with pytest.raises(SiteError):
        client(clock=time.clock(jitter=0.5), limits={"attempts": 10}).get("x", what="x")
    assert time.slept[-3:] == [16, 30, 30]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7),
        ("0", 0),
        ("9999999", 300),
        ("9" * 400, 300),
        ("Fri, 01 Jan 2100 00:00:07 GMT", 7),
        ("Fri, 01 Jan 2100 01:00:00 GMT", 300),
        ("Thu, 31 Dec 2099 23:00:00 GMT", 0),
        ("soon", 0.5),
        ("-1", 0.5),
    ],
)
def test_retry_after_is_kept_up_to_the_cap(server, client, time, asked, waited):
    date = {"Date": "Fri, 01 Jan 2100 00:00:00 GMT"}
    server.script("x", Reply(status=429, headers={"Retry-After": asked, **date}), Reply(body=OK))
    client().get("x", what="x")
    assert time.slept == [waited]


def test_a_date_to_retry_after_needs_the_servers_own_clock():
    assert _retry_after({"Retry-After": "Fri, 01 Jan 2100 00:00:07 GMT"}) is None


@pytest.mark.parametrize(
    "reply",
    [
        Reply(drop=True),
        Reply(body=OK, sent=3),
        Reply(body=OK, sent=3, framing="close"),
        Reply(body=OK, framing="cut-chunked"),
        Reply(body=OK, sent=3, framing="chunked"),
        Reply(body=b""),
        Reply(body='{"a":"ü"}'.encode()[:-3]),
        Reply(body='{"a":"ü"}'.encode("latin-1")),
        Reply(body=gzip.compress(OK)[:-12], headers={"Content-Encoding": "gzip"}),
        Reply(body=b"\x1f\x8b damaged", headers={"Content-Encoding": "gzip"}),
        Reply(body=OK + b"}"),
        Reply(body=b"[" * 5000 + b"]" * 5000),
        Reply(status=502, kind="text/html", body=b"<html>"),
    ],
    ids=lambda r: f"{r.status}-{r.framing}-{r.sent}-{r.body[:12]!r}",
)
def test_a_body_that_is_not_whole_is_asked_for_again(server, client, time, reply):
    server.script("x", reply, Reply(body=OK))
    assert client().get("x", what="x").body == OK
    assert len(time.slept) == 1


@pytest.mark.parametrize(
    "kind", [None, "application/json;charset=latin-1", "APPLICATION/FHIR+JSON", "text/json"]
)
@pytest.mark.parametrize("framing", ["length", "close", "chunked"])
def test_a_body_is_utf8_json_whatever_its_type_says(server, client, kind, framing):
    body = '{"a":"O’Brien-Nuñez"}'.encode()
    server.script("x", Reply(pieces=[body[:5], body[5:]], kind=kind, framing=framing))
    assert client().get("x", what="x").body == body


def test_gzip_in_several_members_is_read_whole(server, client):
    body = gzip.compress(OK[:4]) + gzip.compress(OK[4:])
    server.script("x", Reply(body=body, headers={"Content-Encoding": "gzip"}))
    assert client().get("x", what="x").body == OK


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/fhir+xml", "text/plain\u00fc"])
def test_another_content_type_is_refused(server, client, kind):
    server.script("x", Reply(body=OK, kind=kind))
    with pytest.raises(SiteError, match="not JSON"):
        client().get("x", what="x")


@pytest.mark.parametrize("coding", ["gzip", None])
def test_a_page_has_a_size_after_decoding(server, client, coding):
    big = b'"' + b"x" * 2_000_000 + b'"'
    body = gzip.compress(big) if coding else big
    server.script("x", Reply(body=body, headers={"Content-Encoding": coding}, forever=True))
    with pytest.raises(SiteError, match="larger than 1000000 bytes") as e:
        client(limits={"page_bytes": 1_000_000}).get("x", what="x")
    assert "page_size" in e.value.hint
    assert client(limits={"page_bytes": len(big)}).get("x", what="x").body == big


def test_a_body_that_dribbles_ends_at_the_deadline(server, client, time):
    """In real time: each byte comes long before the read timeout."""
    dribble = Reply(pieces=[b" "] * 100, pause=lambda: real_time.sleep(0.05), forever=True)
    server.script("x", dribble)
    clock = Clock(monotonic=real_time.monotonic, sleep=time.sleep, jitter=lambda: 0.0)
    began = real_time.monotonic()
    with pytest.raises(SiteError, match="did not end in time"):
        client(clock=clock, limits={"request_deadline": 0.2, "attempts": 2}).get("x", what="x")
    assert real_time.monotonic() - began < 2


def test_the_deadline_is_over_all_redirects(server, client, time):
    server.script(
        "x", Reply(status=302, headers={"Location": "y"}, pause=lambda: time.sleep(200), forever=True)
    )
    server.script("y", Reply(body=OK, pause=lambda: time.sleep(200), forever=True))
    with pytest.raises(SiteError, match="did not end in time"):
        client(limits={"attempts": 1}).get("x", what="x")


def test_a_silent_server_ends_at_the_read_timeout(server, client):
    server.script("x", Reply(pieces=[b"[", b"]"], pause=lambda: real_time.sleep(0.3), forever=True))
    with pytest.raises(SiteError, match=r"broke off \(ReadTimeoutError\) \(2 attempts\)"):
        client(limits={"read_timeout": 0.05, "attempts": 2}).get("x", what="x")


def test_no_server_is_named_without_its_address(client, time):
    with Server() as gone:
        pass
    with pytest.raises(SiteError, match=r"x: no connection \(ConnectionError\) \(8 attempts\)"):
        client(url=gone.base).get("x", what="x")
    assert len(time.slept) == 7


def test_a_host_that_none_can_have_is_not_tried_again(site, time):
    with Client(site(url="https://" + "a" * 63 + ".example"), NoAuth(), time.clock()) as c:
        c.base, c._origins = "http://*.example/", {("http", "*.example", 80)}
        with pytest.raises(SiteError, match="no valid host"):
            c.get("x", what="x")
    assert not time.slept


def test_errors_hold_no_query_path_body_or_secret(server, client):
    secret = f"Patient/{CANARY}"
    replies = [
        Reply(status=404, body=CANARY.encode()),
        Reply(status=500, body=CANARY.encode()),
        Reply(status=401, headers={"WWW-Authenticate": CANARY}),
        Reply(status=302, headers={"Location": f"http://{CANARY}@h/{CANARY}?{CANARY}"}),
        Reply(status=302, headers={"Location": f"http://other.example/{CANARY}?{CANARY}"}),
        Reply(status=302, headers={"Location": f"http://[{CANARY}"}),
        Reply(body=CANARY.encode()),
        Reply(body=OK, kind="text/html\x1b" + CANARY),
        Reply(body=f'{{"a":"{CANARY}"}}'.encode(), sent=18),
        Reply(drop=True),
    ]
    server.script(secret, *replies)
    for _ in replies:
        with pytest.raises(SiteError) as e:
            client(TOKEN, **BEARER, limits={"attempts": 1}).get(secret, {"name": CANARY}, what="page 1")
        assert CANARY not in said(e)
        assert "north: page 1" in said(e)


@pytest.fixture(scope="module")
def loopback(tmp_path_factory):
    """A certificate for 127.0.0.1 with its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    pem = tmp_path_factory.mktemp("tls") / "loopback.pem"
    asked = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=loopback",
    ]
    asked += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", pem, "-out", f"{pem}.crt"]
    subprocess.run(asked, check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + Path(f"{pem}.crt").read_bytes())
    return pem


@pytest.fixture
def tls(loopback):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(loopback)
    with Server(context=context) as s:
        yield s


def test_an_unknown_certificate_is_refused_at_once(tls, client, time):
    with pytest.raises(SiteError, match="certificate is not trusted") as e:
        client(url=tls.base).get("x", what="x")
    assert "ca_file of [north]" in e.value.hint
    assert tls.requests == time.slept == []


def test_a_ca_file_of_the_site_is_trusted(tls, client, tmp_path, loopback):
    (tmp_path / "ca.pem").write_bytes(loopback.read_bytes())
    tls.script("x", Reply(body=OK))
    assert client(url=tls.base, ca_file="ca.pem").get("x", what="x").body == OK


def test_a_client_certificate_may_be_given(tls, client, tmp_path, loopback):
    for name in ("own.pem", "own.key"):
        (tmp_path / name).write_bytes(loopback.read_bytes())
        (tmp_path / name).chmod(0o600)
    tls.script("x", Reply(body=OK))
    table = {"client_cert": "own.pem", "client_key": "own.key", "ca_file": "own.pem"}
    assert client(url=tls.base, **table).get("x", what="x").body == OK


def test_a_client_key_that_others_may_read_is_refused(client, tmp_path, loopback):
    (tmp_path / "own.pem").write_bytes(loopback.read_bytes())
    (tmp_path / "own.pem").chmod(0o640)
    with pytest.raises(SiteError, match="others may read the secret file"):
        client(url="https://h.example", client_cert="own.pem", client_key="own.pem")


def test_tls_that_fails_for_another_reason_says_so(server, client):
    with pytest.raises(SiteError, match="TLS failed"):
        client(url=server.base.replace("http:", "https:")).get("x", what="x")


@pytest.mark.parametrize("content", [None, "no certificate"])
@pytest.mark.parametrize(
    ("table", "key"),
    [({"ca_file": "f.pem"}, "ca_file"), ({"client_cert": "f.pem", "client_key": "f.pem"}, "client_cert")],
)
def test_a_bad_certificate_file_names_its_key(client, tmp_path, content, table, key):
    if content:
        (tmp_path / "f.pem").write_text(content)
        (tmp_path / "f.pem").chmod(0o600)
    with pytest.raises(SiteError, match=rf"north: {key}.* cannot be used"):
        client(url="https://h.example", **table)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Fri, 01 Jan 2021 00:00:00 GMT", "2021-01-01T00:00:00+00:00"),
        ("Fri, 01 Jan 2021 02:00:00 +0200", "2021-01-01T00:00:00+00:00"),
        ("Fri, 01 Jan 2021 00:00:00 -0000", "2021-01-01T00:00:00+00:00"),
        ("Fri, 01 Jan 2021 00:00:00", "2021-01-01T00:00:00+00:00"),
        ("Fri, 31 Dec 9999 23:59:59 -0500", None),
        ("Fri, 99 Jan 2021 00:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_the_servers_time_is_utc_or_not_known(header, expected, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    real_time.tzset()
    found = _time(header)
    monkeypatch.undo()
    real_time.tzset()
    assert (found and found.isoformat()) == expected


def test_an_answer_tells_the_servers_time(server, client):
    server.script("x", Reply(body=OK, headers={"Date": "Fri, 01 Jan 2021 00:00:00 GMT"}), Reply(body=OK))
    c = client()
    assert [c.get("x", what="x").date for _ in range(2)] == ["2021-01-01T00:00:00+00:00", None]
