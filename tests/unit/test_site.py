"""sites.toml: where the data are, checked before anything is asked."""

import re
from pathlib import Path

import pytest

from rwe import data, site
from rwe.errors import SiteError, UsageError
from rwe.fhir.auth import authorisation

NORTH = '[north]\nurl = "https://h.example/fhir"\nfhir_version = "4.0.1"\n'
CANARY = "canary-7f3a"


def load(folder: Path, text: str) -> list[site.Site]:
    (folder / "sites.toml").write_text(text, encoding="utf-8")
    return site.load(folder)


def failure(folder: Path, text: str) -> str:
    with pytest.raises(SiteError) as e:
        load(folder, text)
    assert e.value.exit_code == 12
    message = str(e.value)
    assert message.startswith(f"{folder}/sites.toml: ")
    return f"{message.removeprefix(f'{folder}/sites.toml: ')} | {e.value.hint}"


@pytest.mark.parametrize("folder", [data.demo_study(), data.root() / "fixtures" / "template"])
def test_the_shipped_files_are_sound(folder):
    assert site.load(folder)


def test_sites_come_in_the_order_of_the_file(tmp_path):
    sites = load(tmp_path, NORTH.replace("north", "z") + NORTH.replace("north", "a"))
    assert [(s.id, s.fhir_version) for s in sites] == [("z", "4.0.1"), ("a", "4.0.1")]


CASES = {
    "unknown key": (NORTH + 'urll = "x"', "[north]: urll: unknown key | did you mean url?"),
    "unknown below": (
        NORTH + "[north.limits]\nattempt = 3",
        "[north]: limits.attempt: unknown key | did you mean attempts?",
    ),
    "a later key": (NORTH + 'shoes = "x"', "[north]: shoes: unknown key | keys here: url, files"),
    "another login": (
        NORTH + '[north.auth]\nscheme = "digest"',
        "[north]: auth.scheme: input should be 'none', 'bearer', 'basic', 'client_secret', 'backend' or",
    ),
    "half a backend": (
        NORTH + '[north.auth]\nscheme = "backend"\nkey = "env:X"',
        "[north]: auth: scheme backend takes client_id and key, and may take kid, scope, token_url",
    ),
    "half a secret": (
        NORTH + '[north.bulk_auth]\nscheme = "client_secret"\nclient_id = "x"\nclient_secret = "env:X"',
        "[north]: bulk_auth: scheme client_secret takes client_id, client_secret and token_url, "
        "and may take scope",
    ),
    "a key for a secret": (
        NORTH + '[north.auth]\nscheme = "backend"\nclient_id = "x"\nkey = "env:X"\nclient_secret = "env:X"',
        "[north]: auth: scheme backend takes client_id and key",
    ),
    "a scope of two lines": (
        NORTH + '[north.auth]\nscheme = "backend"\nclient_id = "x"\nkey = "env:X"\nscope = "a\\nb"',
        "[north]: auth.scope: string should match pattern",
    ),
    "no certificate": (
        NORTH + '[north.auth]\nscheme = "mtls"',
        "[north]: scheme mtls takes `client_cert` and `client_key` of the site",
    ),
    "no certificate for bulk": (
        NORTH + '[north.bulk_auth]\nscheme = "mtls"',
        "[north]: scheme mtls takes `client_cert` and `client_key` of the site",
    ),
    "odd file token": (
        NORTH + 'file_token = "never"',
        "[north]: file_token: input should be 'manifest' or 'always'",
    ),
    "two proxies": (
        NORTH + 'use_environment = true\nproxy = "http://p.example:3128"',
        "[north]: give either `proxy` or `use_environment`",
    ),
    "an odd proxy": (
        NORTH + 'proxy = "socks5://p.example"',
        "[north]: a URL begins with https:// and names a",
    ),
    "a proxy with a password": (
        NORTH + f'proxy = "http://u:{CANARY}@p.example"',
        "[north]: `proxy` carries no user or password",
    ),
    "wrong type": (
        NORTH + '[north.limits]\nattempts = "3"',
        "[north]: limits.attempts: input should be a valid integer",
    ),
    "too many": (
        NORTH + "[north.limits]\nattempts = 51",
        "[north]: limits.attempts: input should be less than or equal",
    ),
    "endless": (
        NORTH + "[north.limits]\nread_timeout = inf",
        "[north]: limits.read_timeout: input should be a finite",
    ),
    "no version": ('[north]\nfiles = "x"', "[north]: fhir_version: this key is needed"),
    "odd version": (
        '[north]\nfiles = "x"\nfhir_version = "4"',
        "[north]: fhir_version: input should be '4.0.1', '4.3.0' or",
    ),
    "both sources": (NORTH + 'files = "x"', "[north]: give either `url` or `files`"),
    "no source": ('[north]\nfhir_version = "4.0.1"', "[north]: give either `url` or `files`"),
    "empty url": (
        '[north]\nurl = ""\nfhir_version = "4.0.1"',
        "[north]: url: string should have at least 1 character",
    ),
    "empty files": (
        '[north]\nfiles = ""\nfhir_version = "4.0.1"',
        "[north]: files: string should have at least 1",
    ),
    "method of files": (NORTH + 'method = "files"', '[north]: method = "files" does not go with `url`'),
    "method of url": (
        '[north]\nfiles = "x"\nfhir_version = "4.0.1"\nmethod = "search"',
        '[north]: method = "search" does not go with `files`',
    ),
    "half a certificate": (
        NORTH + 'client_cert = "x"',
        "[north]: `client_cert` and `client_key` stand together",
    ),
    "no token": (NORTH + '[north.auth]\nscheme = "bearer"', "[north]: auth: scheme bearer takes token"),
    "no password": (
        NORTH + '[north.auth]\nscheme = "basic"\nusername = "x"',
        "[north]: auth: scheme basic takes username and password",
    ),
    "token for none": (
        NORTH + '[north.auth]\ntoken = "env:X"',
        "[north]: auth: scheme none takes no other key",
    ),
    "token for basic": (
        NORTH + '[north.auth]\nscheme = "basic"\ntoken = "env:X"\nusername = "x"\npassword = "env:X"',
        "[north]: auth: scheme basic takes",
    ),
    "outside": ('url = "x"', "url stands outside of a site | write [url] for a site"),
    "a list": ("[[north]]", "north stands outside of a site"),
    "empty": ("", "no site in it | begin with [mysite]"),
    "only a comment": ("# nothing", "no site in it"),
    "not TOML": ("[north", "not valid TOML: "),
    "twice": (NORTH + NORTH, "not valid TOML: "),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_with_its_site_and_key(tmp_path, case):
    text, said = CASES[case]
    found = failure(tmp_path, text)
    assert said in found
    assert CANARY not in found


def test_not_utf8(tmp_path):
    (tmp_path / "sites.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(SiteError, match="not UTF-8 at byte 3"):
        site.load(tmp_path)


def test_no_file_says_what_it_is_for(tmp_path):
    with pytest.raises(SiteError, match="there is no such file") as e:
        site.load(tmp_path)
    assert e.value.hint == "it names the FHIR servers or folders to read"


@pytest.mark.parametrize("name", ["../x", "a b", "ä", "1a", ".a", "a/b", "a" * 65, "", "a\\u001b"])
def test_a_name_that_could_not_be_a_folder_is_refused(tmp_path, name):
    assert "name: string should match pattern" in failure(tmp_path, NORTH.replace("[north]", f'["{name}"]'))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://h.example", "a URL begins with https:// and names a host"),
        ("h.example/fhir", "a URL begins with https:// and names a host"),
        ("https:///fhir", "a URL begins with https:// and names a host"),
        ("https://u@h.example", "a URL here carries no user, query or fragment"),
        ("https://:p@h.example", "a URL here carries no user, query or fragment"),
        ("https://@h.example", "a URL here carries no user, query or fragment"),
        ("https://h.example?x=1", "a URL here carries no user, query or fragment"),
        ("https://h.example#x", "a URL here carries no user, query or fragment"),
        ("https://h.example:99999", "no URL has this host or port"),
        ("https://h.example:x", "no URL has this host or port"),
        ("https://" + "a" * 64, "no URL has this host or port"),
        ("https://a..example", "no URL has this host or port"),
        ("https://[bad", "Invalid IPv6 URL"),
        (
            "http://h.example",
            "http sends patient data in clear: use https, or set allow_insecure_http = true",
        ),
        ("http://127.0.0.1.h.example", "http sends patient data in clear"),
        ("https://169.254.169.254/", "no FHIR server has a link-local address"),
        ("https://[fe80::1]/", "no FHIR server has a link-local address"),
        ("https://2852039166/", "no FHIR server has a link-local address"),
        ("https://metadata.google.internal./", "no FHIR server has a link-local address"),
    ],
)
def test_an_unsafe_url_is_refused_wherever_it_stands(tmp_path, url, said):
    assert said in failure(tmp_path, NORTH.replace("https://h.example/fhir", url))
    assert said in failure(tmp_path, NORTH + f'allowed_origins = ["{url}"]')
    if "in clear" not in said and "link-local" not in said:  # nothing is sent to it
        assert said in failure(tmp_path, NORTH + f'base_urls = ["{url}"]')
    if "?" not in url:
        for table in ("auth", "bulk_auth"):
            login = f'scheme = "backend"\nclient_id = "x"\nkey = "env:X"\ntoken_url = "{url}"'
            assert said in failure(tmp_path, NORTH + f"[north.{table}]\n{login}")


@pytest.mark.parametrize("source", ['url = "https://h.example/fhir"', 'files = "x"'])
def test_a_site_is_itself_by_its_url_and_by_its_base_urls(tmp_path, source):
    more = 'base_urls = ["http://inside.example:8080/r4/"]'
    (north,) = load(tmp_path, f'[north]\n{source}\nfhir_version = "4.0.1"\n{more}\n')
    assert re.fullmatch(north.own, "")
    assert re.fullmatch(north.own, "http://inside.example:8080/r4/")
    assert bool(re.fullmatch(north.own, "https://h.example/fhir/")) == source.startswith("url")
    assert not re.fullmatch(north.own, "https://elsewhere.example/fhir/")


def test_a_token_url_may_have_a_query(tmp_path):
    login = 'scheme = "backend"\nclient_id = "x"\nkey = "env:X"\ntoken_url = "https://h.example/t?a=b"'
    assert load(tmp_path, f"{NORTH}[north.auth]\n{login}")


@pytest.mark.parametrize("url", ["https://u:WORD@h.example:99999", "https://u:WORD@" + "a" * 64])
def test_a_password_in_a_url_is_not_repeated(tmp_path, url):
    text = failure(tmp_path, NORTH.replace("https://h.example/fhir", url.replace("WORD", CANARY)))
    assert CANARY not in text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/fhir", "http://localhost/fhir", "http://[::1]/", "HTTPS://H.EXAMPLE"]
)
def test_https_and_the_own_machine_need_no_word(tmp_path, url):
    assert load(tmp_path, NORTH.replace("https://h.example/fhir", url))


def test_http_elsewhere_has_to_be_said(tmp_path):
    text = NORTH.replace("https", "http") + "allow_insecure_http = true"
    assert load(tmp_path, text)[0].table.allow_insecure_http


@pytest.mark.parametrize("reference", [CANARY, "env:", "env:1X", "env:A B", "file:", "FILE:x", "cmd:x"])
def test_a_secret_never_stands_in_the_file(tmp_path, reference):
    found = failure(tmp_path, NORTH + f'[north.auth]\nscheme = "bearer"\ntoken = "{reference}"')
    assert "auth.token: string should match pattern" in found
    assert CANARY not in found


def bearer(folder: Path, reference: str) -> site.Site:
    return load(folder, NORTH + f'[north.auth]\nscheme = "bearer"\ntoken = "{reference}"')[0]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_secret_that_others_may_read_is_refused(tmp_path, mode):
    (tmp_path / "token").write_text(CANARY)
    (tmp_path / "token").chmod(mode)
    with pytest.raises(SiteError, match="north: others may read the secret file") as e:
        authorisation(bearer(tmp_path, "file:token"), {})
    assert e.value.hint == f"chmod 600 {tmp_path}/token"
    assert CANARY not in str(e.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff" + CANARY.encode(), CANARY.encode() + b"\nx"])
def test_a_secret_file_that_is_none_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
        (tmp_path / "token").chmod(0o600)
    with pytest.raises(SiteError, match="north: the secret file") as e:
        authorisation(bearer(tmp_path, "file:token"), {})
    assert CANARY not in str(e.value)


def test_a_secret_that_the_environment_lacks_is_named(tmp_path):
    with pytest.raises(SiteError, match="north: the environment variable RWE_TOKEN is not set"):
        authorisation(bearer(tmp_path, "env:RWE_TOKEN"), {})


def test_secrets_are_read_below_the_files_folder_or_from_a_full_path(tmp_path):
    path = tmp_path / "elsewhere"
    path.write_text(f" {CANARY}\n")
    path.chmod(0o600)
    assert bearer(tmp_path, "file:elsewhere").secret(f"file:{path}") == CANARY


def test_sites_are_selected_by_name(tmp_path):
    sites = load(tmp_path, NORTH + NORTH.replace("north", "south"))
    assert site.select(sites, []) == sites
    assert site.select(sites, ["south"]) == sites[1:]
    with pytest.raises(UsageError, match="no site is called west") as e:
        site.select(sites, ["west", "north"])
    assert (e.value.hint, e.value.exit_code) == ("sites: north, south", 2)
