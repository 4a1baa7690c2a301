"""Where a server may lead us, and where the login goes: cases security-01 to -03 and -11."""

import ssl
from pathlib import Path

import pytest

from tests.faults.case import Case, loud, same
from tests.fhir.proxy import Proxy, Rule

FIRST = r"GET \S*/Patient\?_count"
METADATA = r"GET \S*/metadata"


def led_astray(fault: str, url: str = FIRST, **options: object) -> Rule:
    return Rule(url=url, fault=fault, times=None, options=options)


def over_tls(pem: Path, more: str = "") -> str:
    return f'ca_file = "{pem}"\n{more}'


def test_security_01_next_on_another_origin(case: Case) -> None:
    ended = case.pull(led_astray("next_is"))
    loud(ended, case, reason="another origin")
    assert ended.proxy.other.log() == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_security_02_redirect_to_another_origin(case: Case, status: int) -> None:
    ended = case.pull(led_astray("redirect", status=status))
    loud(ended, case, reason="another origin")
    assert ended.proxy.other.log() == []


def test_security_02_redirect_from_https_to_http(case: Case, tls: ssl.SSLContext, pem: Path) -> None:
    ended = case.pull(led_astray("redirect"), context=tls, table=over_tls(pem))
    loud(ended, case, reason="redirects from https to http")
    assert ended.proxy.other.log() == []


def test_security_02_redirect_from_https_to_http_though_listed(
    case: Case, tls: ssl.SSLContext, pem: Path
) -> None:
    def table(proxy: Proxy) -> str:
        return over_tls(pem, f'allowed_origins = ["{proxy.other.origin}"]')

    ended = case.pull(led_astray("redirect"), context=tls, table=table)
    loud(ended, case)
    assert ended.proxy.other.log() == []


def test_security_02_redirect_within_the_origin(case: Case) -> None:
    """The harmless one: once round, then the page."""
    rule = Rule(url=FIRST, fault="redirect", options={"to": "/fhir/Patient?_count=5"})
    same(case.pull(rule), case)


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "http://169.254.169.254/latest/meta-data", "gs://bucket/x"]
)
@pytest.mark.parametrize("fault", ["next_is", "redirect"])
def test_security_03_a_link_that_no_connection_may_follow(case: Case, fault: str, to: str) -> None:
    """Another origin is refused before any connection: none is tried, so none is waited for."""
    ended = case.pull(led_astray(fault, to=to))
    loud(ended, case, reason="the server points to")
    assert case.time.slept == []


def test_security_03_http_under_an_https_base(case: Case, tls: ssl.SSLContext, pem: Path) -> None:
    ended = case.pull(led_astray("next_is"), context=tls, table=over_tls(pem))
    loud(ended, case, reason="another origin")
    assert ended.proxy.other.log() == []


def test_security_11_only_reading_methods(case: Case) -> None:
    """As after every case here; this one without a fault, and with pages, counts and metadata."""
    ended = case.pull()
    assert (ended.code, ended.landed) == (0, case.unfaulted())
    log = ended.proxy.main.log()
    assert len(log) > 10
    assert {r["method"] for r in log} == {"GET"}
    assert all(r["authorization"] for r in log)
