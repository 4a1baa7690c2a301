"""rwe doctor: what it finds of each kind of server, with what to do; nothing is landed, nothing leaks."""

import json
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from rwe import study as study_file
from rwe.steps.doctor import Finding, hopeless
from tests.cli.served import site, study_of
from tests.fhir.canary import CANARY
from tests.fhir.exports import Exports
from tests.fhir.manners import EPIC, GOOD, GOOGLE, WSO2, Manners
from tests.fhir.memory import Memory
from tests.fhir.server import Reply, Server
from tests.fhir.tls import certificate
from tests.fhir.tokens import Guarded
from tests.fhir.wire import Asked
from tests.run import rwe

KINDS = ("AdverseEvent", "Condition", "Encounter", "MedicationAdministration", "Observation", "Patient")
SECRET = "canary-secret-4b1e"
BEARER = 'auth = { scheme = "bearer", token = "env:RWE_TEST_TOKEN" }'


def hospital(memory):
    """More Patients than a page holds, and an Observation of the study's; canaries in both."""
    for n in range(30):
        memory.put({"resourceType": "Patient", "id": f"{CANARY}-{n}", "name": [{"family": CANARY}]})
    code = {"coding": [{"system": "http://loinc.org", "code": "20150-9"}]}
    subject = {"reference": f"Patient/{CANARY}-1", "display": CANARY}
    memory.put({"resourceType": "Observation", "id": "o", "code": code, "subject": subject})
    memory.now = datetime.now(UTC)


@pytest.fixture
def memory(request):
    with Memory(getattr(request, "param", GOOD)) as m:
        hospital(m)
        yield m


@pytest.fixture
def doctor(tmp_path):
    """The findings by what they are about; every one that is not ok says what to do."""

    def run(url, *more, expect=0, environment=None):
        folder = tmp_path / "study"
        if folder.exists():
            site(folder, url, *more)
        else:
            study_of(folder, url, *more)
        ended = rwe("doctor", "--dir", folder, "--json", expect=expect, environment=environment)
        found = run.all = json.loads(ended.stdout)["findings"]
        assert all(f["todo"] for f in found if f["verdict"] != "ok"), found
        assert [f"{f['site']}: {f['about']}: {f['what']}" for f in found if f["verdict"] == "fault"] == [
            line.partition(": ")[2] for line in ended.stderr.splitlines()
        ]
        assert CANARY not in ended.stdout + ended.stderr
        assert SECRET not in ended.stdout + ended.stderr
        assert [p.name for p in (folder / "data").iterdir()] == ["audit.ndjson"]
        return {f["about"]: f for f in found}

    return run


def group(memory, *members):
    memory.put(
        {
            "resourceType": "Group",
            "id": "g1",
            "type": "person",
            "actual": True,
            "member": [{"entity": {"reference": f"Patient/{m}"}} for m in members],
        }
    )


# servers that can be pulled from


@pytest.mark.parametrize("memory", [GOOD, WSO2, GOOGLE], indirect=True)
def test_a_good_server_has_no_fault_and_nothing_to_do(memory, doctor):
    found = doctor(memory.base)
    assert {f["verdict"] for f in found.values()} == {"ok"}
    assert {*KINDS, "Medication", "login", "TLS", "clock", "method", "server"} <= {*found}
    assert "30 there; one page; what is new by _lastUpdated" in found["Patient"]["what"]
    assert "1 there" in found["Observation"]["what"]
    assert "deletions by history and counts" in found["Patient"]["what"]


def test_a_search_is_tried_as_the_pull_will_make_it(memory, doctor):
    doctor(memory.base)
    asked = [r for r in memory.requests if r.path.endswith("/Observation")]
    assert asked
    assert all("http://loinc.org|20150-9" in dict(r.parameters)["combo-code"] for r in asked)
    assert {r.method for r in memory.requests} == {"GET"}


@pytest.mark.parametrize("memory", [EPIC], indirect=True)
def test_a_server_that_cannot_tell_what_is_new_is_fetched_whole(memory, doctor):
    """Epic's 400 to an Observation without category or code does not come: the study names codes."""
    found = doctor(memory.base)
    assert "all of it each time, compared" in found["Observation"]["what"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Epic", "by search, for an export may take weeks"),
        ("Oracle Health", "leave MedicationAdministration and AdverseEvent out"),
        ("HAPI FHIR Server", "an export of a Group is always whole"),
        ("Smile CDR", "an export of a Group is always whole"),
        ("WSO2", "rows may move between its pages"),
    ],
)
def test_a_vendor_is_recognised_and_what_that_means_is_said(memory, doctor, monkeypatch, name, said):
    plain = memory._statement
    monkeypatch.setattr(memory, "_statement", lambda: {**plain(), "software": {"name": name}})
    assert said in doctor(memory.base)["server"]["what"]


@pytest.mark.parametrize("memory", [Manners(most=10)], indirect=True)
def test_a_page_size_that_is_not_given_is_told(memory, doctor):
    assert "pages of 10, though 200 are asked for" in doctor(memory.base)["Patient"]["what"]


@pytest.mark.parametrize("memory", [Manners(ignores=frozenset({"combo-code"}))], indirect=True)
def test_a_search_by_code_that_is_not_made_is_a_note(memory, doctor):
    assert doctor(memory.base)["Observation"]["verdict"] == "ok"  # the finding that came last: how it goes


@pytest.mark.parametrize(
    ("memory", "verdict", "what"),
    [
        (GOOD, "ok", "with the Medication it refers to, by _include"),
        (Manners(include="drop"), "note", "does not say that it heeds _include"),
        (Manners(include="refuse"), "note", "and refuses it"),
    ],
    indirect=["memory"],
)
@pytest.mark.parametrize("more", [(), ('group = "g1"',)], ids=["all", "group"])
def test_what_comes_along_is_tried_and_a_refusal_is_a_note(memory, doctor, more, verdict, what):
    group(memory, f"{CANARY}-1")
    doctor(memory.base, *more)
    said = [f for f in doctor.all if f["about"] == "MedicationAdministration"]
    assert [f["what"] for f in said if f["verdict"] == verdict and what in f["what"]]
    assert {f["verdict"] for f in said} <= {"ok", "note"}
    assert not more or not [r for r in memory.requests if CANARY in r.target]


@pytest.mark.parametrize("memory", [EPIC], indirect=True)
def test_a_server_that_lists_nothing_to_include_is_not_asked_to(memory, doctor):
    assert "_include" not in doctor(memory.base)["MedicationAdministration"]["what"]
    assert not [r for r in memory.requests if "_include" in r.target]


def test_types_that_an_export_brings_are_not_searched(memory, doctor):
    memory.mounts.append(Exports(memory.resources).handle)
    found = doctor(memory.base)
    assert found["method"]["what"] == "by bulk export, system level"
    assert found["Patient"]["what"] == "by export, held against the server's count"
    assert not [r for r in memory.requests if r.path.endswith(("/Patient", "/$export"))]


def test_a_group_is_counted_and_its_patients_asked_for_by_post(memory, doctor):
    group(memory, *[f"{CANARY}-{n}" for n in range(3)])
    found = doctor(memory.base, 'group = "g1"')
    assert found["Group"]["what"] == "3 patients"
    assert found["POST _search"]["verdict"] == "ok"
    assert "by search, POST" in found["Observation"]["what"]
    assert not [r for r in memory.requests if r.method == "GET" and CANARY in r.target]


@pytest.mark.parametrize("memory", [Manners(post_search=False)], indirect=True)
def test_a_server_that_takes_no_search_by_post_is_noted(memory, doctor):
    group(memory, f"{CANARY}-1")
    assert doctor(memory.base, 'group = "g1"')["POST _search"]["verdict"] == "note"


# servers that cannot


@pytest.mark.parametrize("members", [None, []], ids=["missing", "empty"])
def test_a_group_without_patients_ends_it(memory, doctor, members):
    if members is not None:
        group(memory, *members)
    found = doctor(memory.base, 'group = "g1"', expect=12)
    assert found["Group"]["verdict"] == "fault"
    assert "correct `group` of [north]" in found["Group"]["todo"]
    assert not {*KINDS} & {*found}


def test_a_type_that_is_not_offered_is_a_fault(doctor):
    with Memory(Manners(offers=tuple(k for k in GOOD.offers if k != "AdverseEvent"))) as m:
        found = doctor(m.base, expect=3)
    assert found["AdverseEvent"]["what"] == "the server does not offer it"
    assert found["Patient"]["what"].startswith("by search")


def test_a_type_that_fails_costs_the_others_nothing(memory, doctor, monkeypatch):
    plain = memory._of_type
    shut = Reply(status=403)
    monkeypatch.setattr(memory, "_of_type", lambda k, *more: shut if k == "Condition" else plain(k, *more))
    found = doctor(memory.base, expect=3)
    assert "refuses the login (403)" in found["Condition"]["what"]
    assert found["Encounter"]["verdict"] == "ok"


@pytest.mark.parametrize("open_to", [None, "metadata"], ids=["all shut", "metadata open"])
def test_a_wrong_token_ends_it(doctor, open_to):
    with Memory(token="another") as m:
        m.open = open_to
        found = doctor(m.base, BEARER, expect=12, environment={"RWE_TEST_TOKEN": SECRET})
    fault = found["Patient" if open_to else "login"]
    assert "refuses the login (401)" in fault["what"]
    assert "check [north.auth]" in fault["todo"]


def test_a_secret_that_is_not_there_ends_it(memory, doctor):
    found = doctor(memory.base, BEARER, expect=12, environment={"RWE_TEST_TOKEN": ""})
    assert "the environment variable RWE_TEST_TOKEN is not set" in found["login"]["what"]
    assert memory.requests == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404, forever=True),
        Reply(body=b"<html>Welcome</html>", kind="text/html", forever=True),
        Reply(body=b'{"resourceType": "Patient"}', forever=True),
    ],
    ids=["404", "HTML", "other JSON"],
)
def test_a_url_that_leads_elsewhere_ends_it(doctor, reply):
    with Server() as s:
        s.script("metadata", reply)
        found = doctor(s.base, expect=12)
    assert found["capability statement"]["todo"] == "does `url` of [north] end where the FHIR API begins?"


def test_no_server_ends_it(doctor):
    found = doctor("http://127.0.0.1:9/fhir", expect=12)
    assert "no connection" in found["capability statement"]["what"]
    assert "reachable" in found["capability statement"]["todo"]


def test_another_fhir_version_ends_it(doctor):
    with Memory(version="5.0.0") as m:
        found = doctor(m.base, expect=12)
    assert found["capability statement"]["what"] == "the server speaks FHIR 5.0.0, not 4.0.1"
    assert found["capability statement"]["todo"] == "correct fhir_version of [north]"


def test_a_clock_that_is_off_is_a_note(memory, doctor):
    memory.now += timedelta(hours=2)
    note = doctor(memory.base)["clock"]
    assert note["verdict"] == "note"
    assert "s apart" in note["what"]


def test_a_clock_that_is_not_told_is_a_note(memory, doctor, monkeypatch):
    plain = memory.reply

    def without(asked):
        reply = plain(asked)
        reply.headers["Date"] = "no date"
        return reply

    monkeypatch.setattr(memory, "reply", without)
    found = doctor(memory.base)
    assert "does not tell its time" in found["clock"]["what"]
    assert "all of it each time" in found["Patient"]["what"]


def test_an_export_without_a_statement_is_a_note(doctor):
    exports = Exports(dict)
    with Server() as s:
        s.script("metadata", Reply(status=404, forever=True))
        s.mounts.append(exports.handle)
        found = doctor(s.base, 'method = "bulk"')
    assert found["capability statement"]["verdict"] == "note"
    assert found["Observation"]["what"] == "by export"
    assert exports.log == []


# logins and TLS


CLIENT = [
    "[north.auth]",
    'scheme = "client_secret"',
    'client_id = "rwe"',
    'client_secret = "env:RWE_TEST_SECRET"',
]


def served_by(memory):
    """To be mounted in a server that has what a Memory has not: tokens, TLS."""

    def handle(method, path, query, headers, body):
        target = f"{path}?{urlencode(query, doseq=True)}"
        inner = path.startswith("/fhir/") and not path.endswith(("/token", "smart-configuration"))
        asked = Asked(method=method, path=path, query=query, target=target, headers=headers, body=body)
        return memory.reply(asked) if inner else None

    memory.now = datetime.now(UTC)
    return handle


@contextmanager
def guarded(scope):
    with Memory() as memory, Guarded() as server:
        server.mounts.append(served_by(memory))
        server.scope = scope
        yield server


def test_scopes_that_were_not_granted_are_named(doctor):
    with guarded("system/Patient.rs") as s:
        more = [*CLIENT, f'token_url = "{s.base}/token"', 'scope = "system/*.rs"']
        found = doctor(s.base, *more, expect=3, environment={"RWE_TEST_SECRET": SECRET})
    assert found["login"]["verdict"] == "fault"
    assert "Observation" in found["login"]["what"]
    assert "Patient," not in found["login"]["what"]


def test_scopes_that_were_granted_are_well(doctor):
    with guarded("system/*.rs") as s:
        more = [*CLIENT, f'token_url = "{s.base}/token"', 'scope = "system/*.rs"']
        found = doctor(s.base, *more, environment={"RWE_TEST_SECRET": SECRET})
    assert found["login"]["what"] == "client_secret; scopes for all that the study needs are granted"


def test_a_token_endpoint_that_refuses_ends_it(doctor):
    with guarded("system/*.rs") as s:
        s.script("token", Reply(status=401, body=b'{"error": "invalid_client"}', forever=True))
        more = [*CLIENT, f'token_url = "{s.base}/token"', 'scope = "system/*.rs"']
        found = doctor(s.base, *more, expect=12, environment={"RWE_TEST_SECRET": SECRET})
    assert "(401) (invalid_client)" in found["login"]["what"]
    assert "check [north.auth]" in found["login"]["todo"]


@pytest.fixture
def secure(tmp_path):
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with Memory() as memory, Server(context=context) as s:
        s.mounts.append(served_by(memory))
        yield s, pem


def test_an_unknown_ca_ends_it(secure, doctor):
    found = doctor(secure[0].base, expect=12)
    assert "certificate is not trusted" in found["capability statement"]["what"]
    assert "ca_file" in found["capability statement"]["todo"]


def test_a_certificate_that_ends_soon_is_noted(secure, doctor):
    server, pem = secure
    note = doctor(server.base, f'ca_file = "{pem}"')["TLS"]
    assert (note["verdict"], note["what"]) == ("note", "the server's certificate ends in 2 days")


def test_http_to_another_computer_is_noted(doctor):
    found = doctor(
        "http://192.0.2.1/fhir", "allow_insecure_http = true", "limits.connect_timeout = 0.1", expect=12
    )
    assert "no connection" in found["capability statement"]["what"]


# folders, several sites, the table


def test_a_folder_is_counted_and_an_empty_one_ends_it(tmp_path, doctor):
    (tmp_path / "study" / "export").mkdir(parents=True)
    (tmp_path / "study").rename(tmp_path / "kept")
    study_of(tmp_path / "study", "http://127.0.0.1:9")
    (tmp_path / "kept" / "export").rename(tmp_path / "study" / "export")
    path = tmp_path / "study" / "sites.toml"
    path.write_text('[only]\nfiles = "export"\nfhir_version = "4.0.1"\n')
    ended = rwe("doctor", "--dir", tmp_path / "study", expect=12)
    assert "put NDJSON, Bundles or resources there" in ended.stdout
    (tmp_path / "study" / "export" / "a.ndjson").write_text("{}\n")
    assert "1 files below" in rwe("doctor", "--dir", tmp_path / "study").stdout


def test_one_site_that_is_well_makes_it_partial(memory, tmp_path):
    folder = study_of(tmp_path / "study", memory.base)
    with (folder / "sites.toml").open("a") as f:
        f.write('[south]\nurl = "http://127.0.0.1:9/fhir"\nfhir_version = "4.0.1"\nlimits.attempts = 1\n')
    ended = rwe("doctor", "--dir", folder, expect=3)
    assert ended.stderr.startswith("partial: south: capability statement: ")
    rwe("doctor", "--dir", folder, "--site", "north")
    rwe("doctor", "--dir", folder, "--site", "south", expect=12)


def test_the_table_says_below_each_what_to_do(memory, tmp_path):
    memory.now += timedelta(hours=2)
    folder = study_of(tmp_path / "study", memory.base)
    lines = rwe("doctor", "--dir", folder).stdout.splitlines()
    assert lines[0] == study_file.load(folder).label
    at = next(n for n, line in enumerate(lines) if line.startswith("note   north: clock: "))
    assert lines[at + 1].startswith("       set both by NTP")


def test_a_finding_that_is_not_ok_says_what_to_do():
    with pytest.raises(AssertionError):
        Finding(site="a", about="x", verdict="note", what="y")


def test_hopeless_is_every_site():
    ends = Finding(site="a", about="x", verdict="fault", what="y", todo="z", ends=True)
    well = Finding(site="b", about="x", verdict="ok", what="y")
    assert [hopeless(found) for found in ([], [ends], [well], [ends, well])] == [False, True, False, False]
