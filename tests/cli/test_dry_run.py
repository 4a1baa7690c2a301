"""rwe pull --dry-run: the requests that the next pull then makes, and none of them made."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.cli.served import dummies, site, study_of
from tests.fhir.exports import Exports
from tests.fhir.manners import EPIC, GOOD, WSO2, Manners
from tests.fhir.memory import INCLUDE, Memory
from tests.fhir.server import Reply
from tests.fhir.tokens import Guarded
from tests.run import rwe

DECIDES = re.compile(r"/fhir/(metadata|Group/g1)$")
IDS = ("_id", "patient", "subject")


@pytest.fixture
def memory(request):
    with Memory(getattr(request, "param", GOOD)) as m:
        yield m


@pytest.fixture
def study(memory, tmp_path):
    folder = study_of(tmp_path / "study", memory.base)
    memory.put(*dummies(folder))
    memory.now = datetime.now(UTC)
    return folder


def plan(study, *more):
    return json.loads(rwe("pull", "--dry-run", "--json", *more, "--dir", study).stdout)["requests"]


def told(planned):
    """Method, path and parameters of what is to be asked for; Medications are those referred to."""
    found = set()
    for p in planned:
        parts = urlsplit(p["url"])
        if p["method"] and not p["made"] and not parts.path.endswith("/Medication"):
            pairs = parse_qsl(f"{parts.query}&{p['body']}".strip("&"), keep_blank_values=True)
            found.add((p["method"], parts.path, tuple(pairs)))
    return found


def asked(requests):
    found = set()
    for r in requests:
        further = "_getpages" in r.target or "_offset" in r.target
        if not (DECIDES.search(r.path) or further or r.path.endswith("/Medication")):
            pairs = [(k, hidden(v) if r.method == "POST" and k in IDS else v) for k, v in r.parameters]
            found.add((r.method, r.path, tuple(pairs)))
    return found


def hidden(ids):
    return f"<{ids.count(',') + 1}-patients>"


def foretold(memory, study, *more):
    """A dry run, then a pull: the one says what the other asks."""
    began = len(memory.requests)
    planned = told(plan(study, *more))
    dry = memory.requests[began:]
    assert all(DECIDES.search(r.path) for r in dry), [r.target for r in dry]
    began = len(memory.requests)
    rwe("pull", "--dir", study, *more)
    assert planned == asked(memory.requests[began:])
    return planned


@pytest.mark.parametrize("memory", [GOOD, WSO2, EPIC], indirect=True)
def test_a_first_pull_asks_what_was_foretold(memory, study):
    assert len(foretold(memory, study)) >= 12


def test_nothing_is_written(study):
    before = sorted(p.relative_to(study) for p in study.rglob("*"))
    plan(study)
    assert sorted(p.relative_to(study) for p in study.rglob("*")) == before


def test_a_second_pull_asks_for_what_is_new_as_foretold(memory, study):
    rwe("pull", "--dir", study)
    memory.now += timedelta(hours=1)
    memory.put(next(r for r in dummies(study) if r["resourceType"] == "Patient"))
    planned = foretold(memory, study)
    since = {v for _, path, pairs in planned for k, v in pairs if k == "_lastUpdated"}
    assert since
    assert all(re.fullmatch(r"ge\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", v) for v in since)
    assert [p for _, p, _ in planned if p.endswith("/Patient/_history")]
    before = {p: p.read_bytes() for p in study.rglob("*") if p.is_file()}
    plan(study)
    assert {p: p.read_bytes() for p in study.rglob("*") if p.is_file()} == before


def test_full_asks_for_all_as_foretold(memory, study):
    rwe("pull", "--dir", study)
    planned = foretold(memory, study, "--full")
    assert not [1 for _, _, pairs in planned for k, _ in pairs if k == "_lastUpdated"]


def test_everything_is_foretold(memory, study):
    planned = foretold(memory, study, "--everything")
    assert ("GET", "/fhir/Observation", (("_summary", "count"),)) in planned


def group(memory, ids):
    member = [{"entity": {"reference": f"Patient/{i}"}} for i in ids]
    memory.put({"resourceType": "Group", "id": "g1", "member": member})


def patients(study):
    return [r["id"] for r in dummies(study) if r["resourceType"] == "Patient"]


def test_patients_of_a_group_are_asked_for_and_not_shown(memory, study):
    """Whoever joins is asked for whole, whoever leaves as before."""
    ids = patients(study)
    site(study, memory.base, 'group = "g1"')
    group(memory, ids[:3])
    first = foretold(memory, study)
    assert ("POST", "/fhir/Patient/_search", (("_id", "<3-patients>"), ("_summary", "count"))) in first
    group(memory, ids[1:4])
    again = foretold(memory, study)
    assert ("POST", "/fhir/Patient/_search", (("_id", "<1-patients>"), ("_summary", "count"))) in again
    shown = rwe("pull", "--dry-run", "--dir", study).stdout
    assert not [i for i in ids if i in shown]


@pytest.fixture
def exports(memory):
    made = Exports(memory.resources)
    memory.mounts.append(made.handle)
    return made


def kick_offs(exports):
    return [(query.get("_type"), query.get("_since")) for _, query, _, _ in exports.kick_offs]


def test_an_export_is_kicked_off_as_foretold(memory, study, exports):
    exports.time = memory.now.isoformat()
    planned = plan(study)
    assert exports.log == []
    rwe("pull", "--dir", study)
    (first,) = [p for p in planned if "$export" in p["url"]]
    assert dict(parse_qsl(urlsplit(first["url"]).query))["_type"] == kick_offs(exports)[0][0][0]
    memory.now += timedelta(hours=1)
    (second,) = [p for p in plan(study) if "$export" in p["url"]]
    rwe("pull", "--dir", study)
    since = dict(parse_qsl(urlsplit(second["url"]).query))["_since"]
    assert kick_offs(exports)[-1][1] == [since]
    assert since == (datetime.fromisoformat(exports.time) - timedelta(minutes=5)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def test_what_a_stopped_pull_left_is_said(memory, study, exports):
    site(study, memory.base, 'method = "bulk"')
    exports.fault("poll", Reply(status=403))
    rwe("pull", "--dir", study, expect=12)
    assert "north: goes on with the export under way" in rwe("pull", "--dry-run", "--dir", study).stdout


@pytest.mark.parametrize(
    "memory", [Manners(offers=tuple(k for k in GOOD.offers if k != "AdverseEvent"))], indirect=True
)
def test_a_type_that_is_not_offered_is_named(memory, tmp_path):
    study = study_of(tmp_path / "study", memory.base)
    said = rwe("pull", "--dry-run", "--dir", study).stdout
    assert "north: AdverseEvent: the server does not offer it: it is not asked for" in said


def test_a_token_is_asked_for_and_nothing_else(tmp_path):
    with Guarded() as s:
        more = [
            "[north.auth]",
            'scheme = "client_secret"',
            'client_id = "rwe"',
            'client_secret = "env:RWE_S"',
        ]
        study = study_of(
            tmp_path / "study", s.base, *more, f'token_url = "{s.base}/token"', 'scope = "system/*.rs"'
        )
        done = rwe("pull", "--dry-run", "--dir", study, environment={"RWE_S": "canary-secret-9"})
        assert {r.path for r in s.requests} <= {
            "/fhir/token",
            "/fhir/metadata",
            "/fhir/.well-known/smart-configuration",
        }
    assert "canary-secret-9" not in done.stdout + done.stderr
    assert f"north: GET {s.base}/metadata (made now)" in done.stdout


def test_a_folder_is_counted(tmp_path):
    study = study_of(tmp_path / "study", "http://127.0.0.1:9")
    (study / "export").mkdir()
    (study / "export" / "a.ndjson").write_text("")
    (study / "sites.toml").write_text('[only]\nfiles = "export"\nfhir_version = "4.0.1"\n')
    assert "only: reads 1 files below" in rwe("pull", "--dry-run", "--dir", study).stdout


def test_a_site_that_cannot_be_asked_is_an_error(tmp_path):
    study = study_of(tmp_path / "study", "http://127.0.0.1:9")
    assert "no connection" in rwe("pull", "--dry-run", "--dir", study, expect=12).stderr
    assert not (study / "data").exists()


@pytest.mark.parametrize(
    ("memory", "includes"), [(GOOD, True), (EPIC, False), (Manners(includes=()), False)], indirect=["memory"]
)
def test_what_comes_along_is_foretold_where_the_server_lists_it(memory, study, includes):
    pages = [p for p in foretold(memory, study) if p[1].endswith("Administration") and "_count" in dict(p[2])]
    assert [dict(pairs).get("_include") for _, _, pairs in pages] == [INCLUDE if includes else None]
    (said,) = [dict(parse_qsl(urlsplit(p["url"]).query)) for p in plan(study) if "/Medication?" in p["url"]]
    assert ("but those that come along" in said["_id"]) == includes


def test_of_a_group_what_comes_along_is_foretold(memory, study):
    site(study, memory.base, 'group = "g1"')
    group(memory, patients(study)[:3])
    planned = foretold(memory, study)
    (along,) = [p for p in planned if "_include" in dict(p[2])]
    assert along[:2] == ("POST", "/fhir/MedicationAdministration/_search")
