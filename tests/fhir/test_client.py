"""One request: where the login goes, what is asked again, what an error tells."""

import ast
import gzip
import json
import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time as real_time
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe.errors import SiteError
from rwe.fhir.auth import NoAuth, authorisation
from rwe.fhir.client import AGAIN, Client, Clock, Request, origin, shown, shown_type
from rwe.fhir.coding import Decoder
from rwe.fhir.headers import http_date, retry_after
from rwe.fhir.limiter import RUN_OF_SUCCESSES, Gate
from rwe.fhir.origins import Origins
from rwe.fhir.request import TryAgainError
from tests.fhir.canary import CANARY, said
from tests.fhir.server import Reply, Server
from tests.fhir.tunnel import Tunnel

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
    assert client().get("x", [("a", "b c")], what="x").body == OK
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


def test_security_05_the_environment_is_obeyed_where_the_site_says_so(foreign, client, monkeypatch, tmp_path):
    """Its proxy, but never its .netrc."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine h.example login wrong password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{foreign.port}")
    table = {"url": "http://h.example/fhir", "allow_insecure_http": True, "use_environment": True}
    foreign.script("x", Reply(body=OK, forever=True))
    client(TOKEN, **BEARER, **table).get("x", what="x")
    c = client(**table)
    c.get("x", what="x")
    c.ask(Request(url="x", what="x", token=False))
    assert [r.headers.get("authorization") for r in foreign.requests] == [f"Bearer {CANARY}", None, None]
    assert {r.target for r in foreign.requests} == {"http://h.example/fhir/x"}


def test_a_ca_of_the_environment_that_is_not_there_is_named_at_once(client, monkeypatch, time):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with pytest.raises(SiteError, match="CA file that the environment names is not there"):
        client(url="https://127.0.0.1:9/", use_environment=True).get("x", what="x")
    assert not time.slept


def test_a_proxy_of_the_site_is_used_and_no_other(foreign, server, client, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("no_proxy", "h.example")
    foreign.script("x", Reply(body=OK))
    proxy = f"http://127.0.0.1:{foreign.port}"
    client(url="http://h.example/fhir", allow_insecure_http=True, proxy=proxy).get("x", what="x")
    assert foreign.requests[0].target == "http://h.example/fhir/x"
    assert not server.requests


def test_redirects_of_the_same_origin_are_followed_with_the_login(server, client):
    server.script("x", Reply(status=307, headers={"Location": "y?z=1"}))
    server.script("y", Reply(status=302, headers={"Location": f"{server.base}/z"}))
    server.script("z", Reply(body=OK))
    answer = client(TOKEN, **BEARER).get("x", [("a", "1")], what="x")
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


def test_security_02_a_page_is_not_redirected_to_a_listed_origin_either(server, foreign, client):
    server.script("x", Reply(status=307, headers={"Location": f"{foreign.base}/x"}))
    with pytest.raises(SiteError, match="redirects to another origin"):
        client(TOKEN, **BEARER, allowed_origins=listed(foreign)).get("x", what="x")
    assert not foreign.requests


@pytest.mark.parametrize("place", ["http://h.example/x", "http://H.EXAMPLE:80/", "http://listed.example/"])
@pytest.mark.parametrize("purpose", ["api", "file", "token"])
def test_security_02_https_never_goes_on_as_http(site, place, purpose):
    table = {"allow_insecure_http": True, "allowed_origins": ("http://listed.example", "http://h.example")}
    origins = Origins(site(url="https://h.example/fhir", **table))
    with pytest.raises(SiteError, match="from https to http"):
        origins.redirect("https://h.example/fhir/x", place, purpose, "x")


def listed(*servers: Server) -> tuple[str, ...]:
    return tuple(f"http://127.0.0.1:{s.port}" for s in servers)


def fetched(c: Client, url: str, **more) -> bytes:
    """A file, in the pieces that the last attempt brought."""
    pieces: list[bytes] = []

    def begin():
        pieces.clear()
        return pieces.append

    c.download(Request(url=url, what="file 1", **more), begin)
    return b"".join(pieces)


def test_security_02_a_file_moves_to_a_listed_origin_without_the_login(server, foreign, client):
    """As Oracle Health's do; nor does the login come back with the next redirect."""
    server.script("f", Reply(status=307, headers={"Location": "g"}))
    server.script("g", Reply(status=307, headers={"Location": f"{foreign.base}/h"}))
    foreign.script("h", Reply(status=302, headers={"Location": f"{server.base}/i"}))
    server.script("i", Reply(body=OK))
    assert fetched(client(TOKEN, **BEARER, allowed_origins=listed(foreign)), "f") == OK
    assert [r.headers.get("authorization") for r in server.requests] == [f"Bearer {CANARY}"] * 2 + [None]
    assert [r.headers.get("authorization") for r in foreign.requests] == [None]


def test_a_cookie_does_not_move_with_a_file(server, foreign, client):
    """A cookie knows no port: it would go to the other origin of the same host."""
    moved = {"Location": f"{foreign.base}/h", "Set-Cookie": f"session={CANARY}; Path=/"}
    server.script("x", Reply(body=OK, headers={"Set-Cookie": f"session={CANARY}; Path=/"}), Reply(body=OK))
    server.script("f", Reply(status=307, headers=moved))
    foreign.script("h", Reply(body=OK))
    c = client(TOKEN, **BEARER, allowed_origins=listed(foreign))
    c.get("x", what="x")
    c.get("x", what="x")
    assert fetched(c, "f") == OK
    assert server.requests[1].headers["cookie"] == f"session={CANARY}"
    assert "cookie" not in foreign.requests[0].headers


def test_security_02_a_file_does_not_move_to_another_origin(server, foreign, client):
    server.script("f", Reply(status=307, headers={"Location": f"{foreign.base}/h"}))
    with pytest.raises(SiteError, match="another origin"):
        fetched(client(TOKEN, **BEARER), "f")
    assert not foreign.requests


@pytest.mark.parametrize(
    ("token", "file_token", "own", "other"),
    [(True, "manifest", 1, 1), (False, "manifest", 0, 0), (False, "always", 1, 0), (True, "always", 1, 1)],
)
def test_a_file_gets_the_login_that_its_manifest_says(
    server, foreign, client, *, token, file_token, own, other
):
    for s in (server, foreign):
        s.script("f", Reply(body=OK))
    c = client(TOKEN, **BEARER, allowed_origins=listed(foreign), file_token=file_token)
    for s, sent in ((server, own), (foreign, other)):
        fetched(c, f"{s.base}/f", token=token)
        assert [r.headers.get("authorization") for r in s.requests] == [f"Bearer {CANARY}" if sent else None]


def test_file_token_is_for_files_alone(server, client):
    server.script("x", Reply(body=OK))
    client(TOKEN, **BEARER, file_token="always").ask(Request(url="x", what="x", token=False))
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("url", ["gs://bucket/x", "s3://bucket/x", "abfss://c@a.dfs.core.windows.net/x"])
def test_security_03_a_bucket_is_refused_with_advice(client, server, url):
    with pytest.raises(SiteError, match="storage bucket") as e:
        fetched(client(TOKEN, **BEARER), url)
    assert 'method = "files"' in e.value.hint
    assert not server.requests


@pytest.mark.parametrize(
    "host",
    [
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://2852039166/",
        "http://0xa9.0xfe.43518/",
        "http://metadata.google.internal/x",
        "file:///etc/passwd",
    ],
)
def test_security_03_no_setting_leads_to_a_metadata_address(client, server, host):
    with pytest.raises(SiteError, match="another origin") as e:
        client(TOKEN, **BEARER).get(host, what="x")
    assert "no setting" in e.value.hint
    assert not server.requests


def test_security_03_http_below_an_https_base_is_another_origin(client):
    with pytest.raises(SiteError, match="another origin"):
        client(TOKEN, **BEARER, url="https://h.example/fhir").get("http://h.example/fhir/x", what="x")


@pytest.mark.parametrize(
    ("status", "method", "after"),
    [(s, "POST", "POST") for s in (301, 302, 307, 308)]
    + [(303, "POST", "GET"), (303, "DELETE", "GET"), (303, "GET", "GET"), (307, "DELETE", "DELETE")],
)
def test_a_redirect_keeps_the_method_but_303(server, client, status, method, after):
    server.script("x", Reply(status=status, headers={"Location": "y"}))
    server.script("y", Reply(body=OK))
    c = client(TOKEN, **BEARER)
    c.ask(Request(url="x", what="x", method=method, body=b"a=b" if method == "POST" else None))
    assert [r.method for r in server.requests] == [method, after]
    assert server.requests[1].body == (b"a=b" if after == "POST" else b"")
    assert {r.headers["authorization"] for r in server.requests} == {f"Bearer {CANARY}"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_is_posted_never_leaves_the_origin(server, foreign, client, status):
    server.script("x", Reply(status=status, headers={"Location": f"{foreign.base}/x"}))
    with pytest.raises(SiteError, match="another origin"):
        client(allowed_origins=listed(foreign)).ask(Request(url="x", what="x", method="POST", body=b"a=b"))
    assert not foreign.requests


def outcome(*codes: str) -> bytes:
    issues = [{"severity": "error", "code": c, "diagnostics": CANARY} for c in codes]
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (outcome("required"), " (required)"),
        (outcome("required", "not-found", "required"), " (required, not-found)"),
        (outcome(CANARY, "Patient Smith", "x" * 50, ""), ""),
        (outcome(*(f"a{c}" for c in "bcdefgh")), " (ab, ac, ad, ae, af)"),
        (b'{"resourceType":"OperationOutcome","issue":"x"}', ""),
        (b'{"resourceType":"Patient","issue":[{"code":"required"}]}', ""),
        (b'{"error":"invalid_scope"}', " (invalid_scope)"),
        (b'{"error":"smith"}', ""),
        (b"<html>", ""),
        (b"\xff", ""),
        (b"[" * 60_000, ""),
        (outcome("required") + b" " * 100_000, ""),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 500])
def test_an_error_is_named_with_its_issue_codes(server, client, body, told, status):
    server.script("x", Reply(status=status, body=body))
    with pytest.raises(SiteError) as e:
        client(limits={"attempts": 1}).get("x", what="x")
    verb = "refuses the login (401)" if status == 401 else f"answers {status}"
    assert str(e.value).removesuffix(" (1 attempts)") == f"north: x: the server {verb}{told}"
    assert CANARY not in said(e)


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


def test_http_04_a_pause_is_for_all_threads_and_is_said(server, site, time):
    """No request before it is over, and one line for it."""
    said: list[str] = []
    server.script(CANARY, Reply(status=429, headers={"Retry-After": "120"}), Reply(body=OK, forever=True))
    server.script("y", Reply(body=OK, forever=True))
    asked_at: list[float] = []
    with Client(site(), NoAuth(), time.clock(), said.append) as c:
        send = c._transport.send
        c._transport.send = lambda wire: (asked_at.append(time.now), send(wire))[1]
        with pytest.raises(TryAgainError):
            c._renewing(Request(url=CANARY, what="page 1"), "api", c._body.page)
        c._pause(0, TryAgainError("the server answers 429", 120, crowded=True), "page 1")
        c.get("y", what="y")
        c.get(CANARY, what="page 1")
    assert asked_at == [0, 120, 120]
    assert said == ["north: page 1: the server answers 429, and asks for a pause of 120 s"]


@pytest.mark.parametrize(
    ("reply", "sent"),
    [
        (Reply(status=429), 2),
        (Reply(status=503), 2),
        (Reply(status=500), 1),
        (Reply(status=502), 1),
        (Reply(drop=True), 1),
        (Reply(body=OK, sent=3), 1),
    ],
)
def test_what_may_not_be_sent_twice_is_so_only_where_it_was_not_taken(server, client, reply, sent):
    server.script("x", reply, Reply(body=OK, forever=True))
    request = Request(url="x", what="the kick-off", method="POST", safe=False)
    if sent == 2:
        assert client().ask(request).body == OK
    else:
        with pytest.raises(SiteError, match=r"the kick-off: .* \(1 attempts\)"):
            client().ask(request)
    assert len(server.requests) == sent


def test_a_refused_connection_took_nothing(client, time):
    with Server() as gone:
        pass
    with pytest.raises(SiteError, match=r"no connection \(ConnectionError\) \(8 attempts\)"):
        client(url=gone.base).ask(Request(url="x", what="x", method="POST", safe=False))


def test_a_429_that_is_an_answer_lowers_the_number_all_the_same(server, client):
    server.script("x", Reply(status=429))
    c = client()
    assert c.ask(Request(url="x", what="x", expected=(200, 429))).status == 429
    assert c._gate.allowed == 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("7", ["a pause of 7 s"]),
        ("0", []),
        ("9" * 400, ["a pause beyond 300 s, after which it is asked again"]),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_the_server_asks_for_is_said(server, site, time, *, asked, told, status):
    said: list[str] = []
    server.script("x", Reply(status=status, headers={"Retry-After": asked}), Reply(body=OK))
    with Client(site(), NoAuth(), time.clock(), said.append) as c:
        c.get("x", what="x")
    assert said == [f"north: x: the server answers {status}, and asks for {t}" for t in told]


class Counting(Server):
    """Takes `limit` requests at once, 429 to more; the first `together` of them wait for each other."""

    def __init__(self, *, limit: int, together: int) -> None:
        super().__init__()
        self.limit, self.busy, self.most = limit, 0, 0
        self.lock, self.barrier = threading.Lock(), threading.Barrier(together)

    def reply(self, request):
        with self.lock:
            self.busy += 1
            self.most = max(self.most, self.busy)
            crowded, first = self.busy > self.limit, len(self.requests) <= self.barrier.parties
        if first:
            self.barrier.wait(30)
        real_time.sleep(0.001)
        with self.lock:
            self.busy -= 1
        return Reply(status=429) if crowded else Reply(body=OK)


def test_http_17_a_storm_of_429_lowers_the_number_at_once(client):
    """8 threads at a server that takes 4."""
    with Counting(limit=4, together=8) as s, ThreadPoolExecutor(8) as pool:
        c = client(url=s.base, limits={"concurrency": 8})
        assert {a.body for a in pool.map(lambda n: c.get(f"x{n}", what="x"), range(200))} == {OK}
    assert s.most == 8
    assert len(s.requests) < 1.5 * 200


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_requests_are_under_way_than_the_site_says(client, most):
    with Counting(limit=99, together=most) as s, ThreadPoolExecutor(8) as pool:
        c = client(url=s.base, limits={"concurrency": most})
        list(pool.map(lambda n: c.get("x", what="x"), range(60)))
    assert s.most == most


def test_the_gate_halves_once_for_all_that_were_under_way_and_opens_by_one(time):
    gate = Gate(8, time.clock())
    for age in (0, 0, 0):
        gate.throttled(age)
    assert gate.allowed == 4
    gate.throttled(1)
    gate.throttled(2)
    gate.throttled(3)
    assert gate.allowed == 1
    for opened in range(1, 12):
        for _ in range(RUN_OF_SUCCESSES):
            gate.succeeded()
        assert gate.allowed == min(8, 1 + opened)


def test_a_date_to_retry_after_is_told_by_our_clock_where_the_server_shows_none():
    assert retry_after({"Retry-After": "Fri, 01 Jan 2100 00:00:07 GMT"}, 4102444800) == 7


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
        Reply(body=gzip.compress(OK, mtime=0)[:-12], headers={"Content-Encoding": "gzip"}),
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


BIG = b'"' + bytes(range(97, 123)) * 40_000 + b'"'
MEMBERS = gzip.compress(BIG[:500_000]) + gzip.compress(b"") + gzip.compress(BIG[500_000:])
GZIP = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", " GZIP "])
@pytest.mark.parametrize("size", [1, 997, 10**6])
def test_http_16_gzip_in_several_members_is_read_whole(server, client, coding, size):
    pieces = [MEMBERS[n : n + size] for n in range(0, len(MEMBERS), size)] + [b"\0" * 512]
    reply = Reply(pieces=pieces, headers={"Content-Encoding": coding}, framing="close", forever=True)
    server.script("x", reply)
    assert client().get("x", what="x").body == BIG
    assert fetched(client(), "x") == BIG


@pytest.mark.parametrize(
    "body",
    [
        MEMBERS[:-1],
        MEMBERS[:-8],
        MEMBERS[: len(MEMBERS) // 2],
        MEMBERS[:5],
        b"",
        MEMBERS + b"\x1f\x8b garbage",
        MEMBERS + b"garbage",
        MEMBERS[:-6] + b"\0" + MEMBERS[-5:],
    ],
    ids=["byte", "trailer", "half", "head", "empty", "member", "garbage", "checksum"],
)
def test_a_gzip_that_is_not_whole_is_fetched_again_though_its_framing_is(server, client, time, body):
    """urllib3 gives the first members and no error: a file would lose its last rows."""
    server.script("x", Reply(body=body, headers=GZIP), Reply(body=MEMBERS, headers=GZIP))
    assert fetched(client(), "x") == BIG
    assert len(time.slept) == 1


def test_a_coding_that_was_not_asked_for_is_no_answer(server, client, time):
    server.script("x", Reply(body=OK, headers={"Content-Encoding": "br"}), Reply(body=OK))
    assert client().get("x", what="x").body == OK
    assert server.requests[0].headers["accept-encoding"] == "gzip"
    assert len(time.slept) == 1


def test_an_answer_without_a_body_may_name_a_coding(server, client):
    server.script("x", Reply(status=202, headers=GZIP))
    assert client().ask(Request(url="x", what="x", expected=(202,))).body == b""


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200_000), min_size=1, max_size=4), st.integers(1, 70_000))
def test_any_members_in_any_pieces_are_what_was_packed(members, size):
    packed = b"".join(map(gzip.compress, members))
    decoder = Decoder("gzip")
    cut = [packed[n : n + size] for n in range(0, len(packed), size)]
    pieces = [piece for part in cut for piece in decoder.pieces(part)]
    decoder.end()
    assert b"".join(pieces) == b"".join(members)
    assert max(map(len, pieces)) <= 65_536


@pytest.mark.parametrize("length", [65_535, 65_536, 65_537, 131_072, 10**6, 65_536 * 258])
@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_output_that_is_held_back_is_not_lost(length, size):
    packed = gzip.compress(b" " * length)
    decoder = Decoder("gzip")
    cut = [packed[n : n + size] for n in range(0, len(packed), size)]
    assert sum(len(piece) for part in cut for piece in decoder.pieces(part)) == length
    decoder.end()


def test_http_15_a_bomb_is_unpacked_no_further_than_the_limit(server, client):
    bomb = gzip.compress(b" " * 10**8)
    server.script("x", Reply(body=bomb + bomb, headers=GZIP))
    tracemalloc.start()
    with pytest.raises(SiteError, match="larger than 1000000 bytes"):
        client(limits={"page_bytes": 1_000_000}).get("x", what="x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**7


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


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX-A: "])
def test_headers_that_dribble_end_at_the_deadline(client, time, start):
    """In real time: each byte comes long before the read timeout."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def dribble() -> None:
            with listening.accept()[0] as s, suppress(OSError):
                s.sendall(start)
                while True:
                    s.sendall(b"a")
                    real_time.sleep(0.02)

        threading.Thread(target=dribble, daemon=True).start()
        clock = Clock(monotonic=real_time.monotonic, sleep=time.sleep, jitter=lambda: 0.0)
        c = client(
            clock=clock,
            url=f"http://127.0.0.1:{listening.getsockname()[1]}",
            limits={"request_deadline": 0.3, "attempts": 1},
        )
        with pytest.raises(SiteError, match="did not end in time"):
            c.get("x", what="x")


@pytest.mark.parametrize(("seconds", "whole"), [(11, True), (13, False)])
def test_http_11_a_body_brings_100_bytes_a_second(server, client, time, seconds, whole):
    """Pieces of 1,200 bytes: 6,000 in a minute are enough."""
    pieces = [b" " * 1200] * 30 + [OK]
    server.script("x", Reply(pieces=pieces, forever=True))
    c = client(limits={"attempts": 1, "request_deadline": 1000})
    send = c._body._stream

    def slow(response, until, take):
        def taken(piece: bytes) -> None:
            time.now += seconds * len(piece) / 1200
            take(piece)

        send(response, until, taken)

    c._body._stream = slow
    if whole:
        assert c.get("x", what="x").body.endswith(OK)
    else:
        with pytest.raises(SiteError, match="comes too slowly"):
            c.get("x", what="x")


def test_the_deadline_is_over_all_redirects(server, client, time):
    """The second piece of y comes after both pauses: x has the same connection."""
    slow = {"pause": lambda: time.sleep(200), "forever": True}
    server.script("x", Reply(status=302, headers={"Location": "y"}, **slow))
    server.script("y", Reply(pieces=[OK[:3], OK[3:]], **slow))
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
        c.base, c._origins._listed = "http://*.example/", {("http", "*.example", 80)}
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
            client(TOKEN, **BEARER, limits={"attempts": 1}).get(secret, [("name", CANARY)], what="page 1")
        assert CANARY not in said(e)
        assert "north: page 1" in said(e)


def test_the_log_of_urllib3_is_silent(server, client, caplog):
    """At every level it names URLs with their queries."""
    caplog.set_level(logging.DEBUG)
    bad = Reply(body=OK, headers={"X-A": "1\r\nbad header"}, framing="close")
    server.script(CANARY, bad, Reply(drop=True), Reply(body=OK))
    client(TOKEN, **BEARER).get(CANARY, [("name", CANARY)], what="x")
    assert CANARY not in caplog.text


def test_no_repr_shows_a_patient_or_a_secret(server, client):
    server.script(CANARY, Reply(body=f'"{CANARY}"'.encode(), headers={"X-A": CANARY}))
    request = Request(
        url=CANARY, what="x", parameters=[("name", CANARY)], headers={"Authorization": CANARY}, body=b"x"
    )
    c = client(TOKEN, **BEARER)
    assert CANARY not in repr(request)
    assert CANARY not in repr(c._wire(request, "api"))
    assert CANARY not in repr(c.ask(request))


def test_nothing_but_the_transport_sends():
    """requests, urllib3 and http.client open connections in one file only, and certificates are checked."""
    senders = {"Session", "get", "post", "put", "patch", "delete", "head", "options", "request", "api"}
    for path in sorted((Path(__file__).parents[2] / "rwe").rglob("*.py")):
        tree = ast.parse(path.read_text())
        called = {
            (n.value.id, n.attr)
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
        }
        named = {(n.module, a.name) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
        loaded = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        if path.name != "transport.py":
            assert not {c for c in called if c[0] == "requests"} & {("requests", s) for s in senders}, path
            assert not {n for n in named if n[0] == "requests"}, path
            assert not {n for n in named if n[0] and n[0].startswith("urllib3")}, path
            assert not {
                n for n in loaded if n.startswith(("urllib.request", "httpx", "aiohttp", "socket"))
            } - ({"socket"} if path.name == "site.py" else set()), path
            assert not {c for c in called if c[0] == "urllib3"} - {("urllib3", "exceptions")}, path
        keywords = [k for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords]
        unchecked = [k for k in keywords if k.arg == "verify" and ast.unparse(k.value) == "False"]
        assert not unchecked, path
        assert not {"CERT_NONE", "check_hostname", "_create_unverified_context"} & {c[1] for c in called}, (
            path
        )


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def loopback(tmp_path_factory):
    """A certificate for 127.0.0.1 with its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    pem = tmp_path_factory.mktemp("tls") / "loopback.pem"
    made = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=loopback")
    names = ("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    openssl("req", *made, *names, "-keyout", pem, "-out", f"{pem}.crt")
    pem.write_bytes(pem.read_bytes() + Path(f"{pem}.crt").read_bytes())
    return pem


@pytest.fixture(scope="module")
def hospital(loopback, tmp_path_factory):
    """A CA, and client.pem and client.key that it has signed."""
    folder = tmp_path_factory.mktemp("ca")
    made = ("-newkey", "rsa:2048", "-nodes", "-subj")
    openssl(
        "req", "-x509", *made, "/CN=CA", "-days", 2, "-keyout", folder / "ca.key", "-out", folder / "ca.pem"
    )
    openssl("req", *made, "/CN=rwe", "-keyout", folder / "client.key", "-out", folder / "client.csr")
    signed = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", 2)
    openssl("x509", "-req", "-in", folder / "client.csr", *signed, "-out", folder / "client.pem")
    (folder / "client.key").chmod(0o600)
    return folder


def test_https_goes_through_a_proxy_and_is_still_checked(tls, client, loopback):
    tls.script("x", Reply(body=OK, forever=True))
    with Tunnel() as p:
        c = client(TOKEN, **BEARER, url=tls.base, proxy=p.url, ca_file=str(loopback))
        assert [c.get("x", what="x").body for _ in range(2)] == [OK, OK]
        with pytest.raises(SiteError, match="certificate is not trusted"):
            client(TOKEN, **BEARER, url=tls.base, proxy=p.url).get("x", what="x")
        c.__exit__()
    assert p.heads[0].startswith(f"CONNECT 127.0.0.1:{tls.port} HTTP/1.".encode())
    assert CANARY.encode() not in b"".join(p.heads)
    assert {r.headers["authorization"] for r in tls.requests} == {f"Bearer {CANARY}"}


def test_mtls_is_the_clients_certificate_alone(client, loopback, hospital):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(loopback)
    context.load_verify_locations(hospital / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    own = {"client_cert": str(hospital / "client.pem"), "client_key": str(hospital / "client.key")}
    with Server(context=context) as s:
        s.script("x", Reply(body=OK, forever=True))
        table = {"url": s.base, "ca_file": str(loopback), "limits": {"attempts": 1}}
        assert client(auth={"scheme": "mtls"}, **own, **table).get("x", what="x").body == OK
        with pytest.raises(SiteError, match=r"no connection|broke off"):
            client(**table).get("x", what="x")
        assert len(s.requests) == 1


def test_the_certificate_goes_where_the_login_goes(server, foreign, client, loopback, tmp_path):
    (tmp_path / "own.pem").write_bytes(loopback.read_bytes())
    (tmp_path / "own.pem").chmod(0o600)
    server.script("f", Reply(status=307, headers={"Location": f"{foreign.base}/f"}))
    foreign.script("f", Reply(body=OK))
    own = {"client_cert": "own.pem", "client_key": "own.pem", "auth": {"scheme": "mtls"}}
    c = client(**own, allowed_origins=listed(foreign))
    wires, send = [], c._transport.send
    c._transport.send = lambda wire: (wires.append(wire), send(wire))[1]
    assert fetched(c, "f") == OK
    assert [w.certificate for w in wires] == [True, False]


def test_tls_below_1_2_is_refused(client, loopback):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(loopback)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        easy = ssl.create_default_context(cafile=loopback)
        easy.minimum_version = ssl.TLSVersion.TLSv1
        easy.set_ciphers("ALL:@SECLEVEL=0")
    with Server(context=old) as s:
        plain = socket.create_connection(("127.0.0.1", s.port))
        with easy.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
            assert wrapped.version() == "TLSv1.1"
        with pytest.raises(SiteError, match=r"TLS failed"):
            client(url=s.base, ca_file=str(loopback), limits={"attempts": 1}).get("x", what="x")
        assert not s.requests


@pytest.fixture
def tls(loopback):
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
    found = http_date(header)
    monkeypatch.undo()
    real_time.tzset()
    assert (found and found.isoformat()) == expected


def test_an_answer_tells_the_servers_time(server, client):
    server.script("x", Reply(body=OK, headers={"Date": "Fri, 01 Jan 2021 00:00:00 GMT"}), Reply(body=OK))
    c = client()
    assert [c.get("x", what="x").date for _ in range(2)] == ["2021-01-01T00:00:00+00:00", None]
