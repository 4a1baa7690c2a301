"""A Bulk Data export against a server of ours: whole, or loudly not; and never twice for nothing."""

import base64
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rwe.errors import SiteError
from rwe.fhir.bulk import Exported, Wanted, cancel, export, finish, read
from rwe.resource import PassedOver, Resource, Unusable
from tests.fhir.canary import CANARY, patient, said
from tests.fhir.exports import NDJSON, TIME, Exports, ndjson, outcome
from tests.fhir.server import Reply

TOKEN = {"TOKEN": CANARY}
BEARER = {"auth": {"scheme": "bearer", "token": "env:TOKEN"}}
PATIENTS = [patient(n, name=[{"family": CANARY}]) for n in range(25)]
CONDITIONS = [{"resourceType": "Condition", "id": f"c{n}"} for n in range(7)]
WANTED = Wanted(level="Patient", types=("Condition", "Patient"))
TRANSIENT = json.dumps(outcome("transient", diagnostics=CANARY)).encode()


def content(reply: Reply) -> bytes:
    return b"".join(reply.pieces)


def changed(change: Callable[[bytes], bytes]) -> Callable[[Reply], Reply]:
    return lambda reply: Reply(kind=NDJSON, body=change(content(reply)))


class Site:
    """An export and all that was said of it."""

    def __init__(self, client: Callable[..., Any], server: Any, folder: Any) -> None:
        self.make, self.server, self.folder = client, server, folder
        self.lines: list[str] = []

    def serve(self, **how: Any) -> Exports:
        exports = Exports(lambda: {"Patient": PATIENTS, "Condition": CONDITIONS}, **{"per_file": 10, **how})
        self.server.mounts = [exports.handle]
        return exports

    def export(self, wanted: Wanted = WANTED, *, post: bool = False, **table: Any) -> Exported:
        return export(
            self.make(TOKEN, **{**BEARER, **table}), wanted, self.folder, self.lines.append, post=post
        )


@pytest.fixture
def site_of(client, server, tmp_path):
    made = Site(client, server, tmp_path / "work" / "bulk")
    yield made
    assert CANARY not in "\n".join(made.lines)


def ids(found: Exported) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    for file in found.files:
        rows.setdefault(file.type, []).extend(r.id for r in read(file) if isinstance(r, Resource))
    return {kind: sorted(names) for kind, names in rows.items()}


ALL = {
    "Condition": sorted(r["id"] for r in CONDITIONS),
    "Patient": sorted(r["id"] for r in PATIENTS),
}


def same(found: Exported) -> bool:
    return ids(found) == ALL and not found.failures and not found.notes and found.transaction_time == TIME


def test_an_export_brings_every_row_byte_for_byte(site_of):
    exports = site_of.serve()
    found = site_of.export()
    assert same(found)
    rows = [r.body for f in found.files if f.type == "Patient" for r in read(f)]
    assert rows == [json.dumps(p).encode() for p in PATIENTS]
    assert exports.log[:3] == ["kick-off", "poll", "poll"]
    assert sorted(exports.log[3:]) == ["Condition 1", "Patient 1", "Patient 2", "Patient 3"]
    assert [f.name for f in found.files if f.type == "Patient"] == [f"Patient, file {n}" for n in (1, 2, 3)]


def test_the_kick_off_says_what_the_guide_asks_for(site_of):
    exports = site_of.serve()
    wanted = Wanted(
        level="Group/g-1",
        types=("Condition", "Patient"),
        since="2024-01-01T00:00:00Z",
        type_filter=("Patient?gender=female", "Condition?code=a,b"),
    )
    site_of.export(wanted)
    method, query, headers, body = exports.kick_offs[0]
    assert (method, body, site_of.server.requests[0].path) == ("GET", b"", "/fhir/Group/g-1/$export")
    assert query == {
        "_type": ["Condition,Patient"],
        "_since": ["2024-01-01T00:00:00Z"],
        "_typeFilter": ["Patient?gender=female,Condition?code=a%2Cb"],
    }
    assert (headers["accept"], headers["prefer"]) == ("application/fhir+json", "respond-async")
    assert headers["cache-control"] == "no-cache"
    accepts = {r.path.split("/")[2]: r.headers["accept"] for r in site_of.server.requests[1:]}
    assert accepts == {"export-job": NDJSON}


@pytest.mark.parametrize("level", ["Group/../x", "Group/", "group", "Patient/x"])
def test_a_level_that_is_none_is_refused_before_any_request(site_of, level):
    site_of.serve()
    with pytest.raises(SiteError, match="level"):
        site_of.export(Wanted(level=level, types=()))
    assert not site_of.server.requests


def test_all_files_are_their_owners_only(site_of):
    site_of.serve()
    site_of.export()
    assert stat.S_IMODE(site_of.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(f.stat().st_mode) for f in site_of.folder.iterdir()} == {0o600}


def test_finish_ends_the_job_and_empties_the_folder(site_of):
    exports = site_of.serve()
    site_of.export()
    finish(site_of.make(TOKEN, **BEARER), site_of.folder)
    assert exports.log[-1] == "delete"
    assert not list(site_of.folder.iterdir())


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_without_delete_is_no_fault(site_of, status):
    site_of.serve().fault("delete", Reply(status=status, kind="text/html", body=b"<p>no"))
    site_of.export()
    finish(site_of.make(), site_of.folder)


def test_a_cancel_that_the_server_refuses_keeps_the_job(site_of):
    site_of.serve().fault("delete", Reply(status=500))
    site_of.export()
    with pytest.raises(SiteError, match="500"):
        cancel(site_of.make(), site_of.folder)
    cancel(site_of.make(), site_of.folder)
    assert not list(site_of.folder.iterdir())


def test_bulk_01_a_poll_that_failed_is_not_the_job(site_of):
    exports = site_of.serve()
    exports.fault("poll", Reply(status=500, body=TRANSIENT), Reply(status=502, kind="text/html", body=b"<p>"))
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 1


def test_bulk_01_a_job_that_failed_is_named_by_its_codes_and_not_polled_again(site_of):
    exports = site_of.serve()
    exports.fault(
        "poll", Reply(status=500, body=json.dumps(outcome("exception", diagnostics=CANARY)).encode())
    )
    with pytest.raises(SiteError, match="500, exception") as e:
        site_of.export()
    assert CANARY not in said(e)
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 2


def test_bulk_02_a_poll_too_soon_waits_as_told(site_of, time):
    date = {"Date": "Wed, 01 May 2024 10:00:00 GMT", "Retry-After": "Wed, 01 May 2024 10:00:40 GMT"}
    exports = site_of.serve(polls=3)
    exports.fault("poll", Reply(status=429, headers={"Retry-After": "17"}, kind="text/plain", body=b"slow"))
    exports.fault("poll", Reply(status=202, headers=date, kind="text/plain", body=b"wait"))
    assert same(site_of.export())
    assert time.slept[:2] == [17.0, 40.0]


def test_waits_grow_to_a_minute_where_the_server_asks_for_none(site_of, time):
    site_of.serve(polls=9)
    site_of.export()
    assert time.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert "north: the export is at 90 %" in site_of.lines


def test_a_wait_beyond_the_cap_is_cut_and_said(site_of, time):
    site_of.serve().fault("poll", Reply(status=202, headers={"Retry-After": "9000"}))
    assert same(site_of.export(limits={"retry_after_max": 30}))
    assert time.slept[0] == 30
    assert any("beyond 30 s" in line for line in site_of.lines)


def test_what_a_server_calls_its_progress_is_not_shown(site_of):
    site_of.serve().fault("poll", Reply(status=202, headers={"X-Progress": f"{CANARY} 12.5%"}))
    site_of.export()
    assert "north: the export is at 12 %" in site_of.lines


def test_bulk_03_a_server_that_exports_already_is_asked_again(site_of, time):
    exports = site_of.serve()
    exports.fault("kick-off", *[Reply(status=429, headers={"Retry-After": "20"})] * 2)
    assert same(site_of.export())
    assert time.slept[:2] == [20.0, 20.0]
    assert len(exports.jobs) == 1


def test_bulk_03_the_waiting_for_room_has_an_end(site_of):
    site_of.serve().always["kick-off"] = Reply(status=429, headers={"Retry-After": "300"})
    with pytest.raises(SiteError, match="kick-off of the export: the server answers 429"):
        site_of.export()


def test_a_kick_off_is_not_sent_again_after_an_unclear_end(site_of):
    exports = site_of.serve()
    exports.fault("kick-off", Reply(status=504))
    with pytest.raises(SiteError, match="504") as e:
        site_of.export()
    assert "may be two" in e.value.hint
    assert exports.log == ["kick-off"]
    assert same(site_of.export())
    assert any("one may be running there already" in line for line in site_of.lines)


def taken(site_of, change):
    """A file in another form, fetched once, is what it is in the usual one."""
    exports = site_of.serve()
    exports.fault("Patient 1", changed(change))
    assert same(site_of.export())
    assert exports.log.count("Patient 1") == 1


def test_bulk_04_a_file_without_a_final_newline_is_whole(site_of):
    taken(site_of, lambda b: b.rstrip(b"\n"))


@pytest.mark.parametrize("change", [lambda b: b.replace(b"\n", b"\n\n \n"), lambda b: b"\n\n" + b])
def test_bulk_05_blank_lines_are_nothing(site_of, change):
    taken(site_of, change)


def test_bulk_06_crlf_line_ends_are_harmless(site_of):
    taken(site_of, lambda b: b.replace(b"\n", b"\r\n"))


def test_a_byte_order_mark_is_harmless(site_of):
    taken(site_of, lambda b: b"\xef\xbb\xbf" + b)


def test_a_file_that_comes_as_a_binary_resource_is_unpacked(site_of):
    def binary(body):
        data = base64.b64encode(body).decode()
        return json.dumps({"resourceType": "Binary", "contentType": NDJSON, "data": data}).encode()

    taken(site_of, binary)


@pytest.mark.parametrize("counts", [True, False])
def test_bulk_07_a_file_cut_inside_its_last_line_is_fetched_again(site_of, counts):
    exports = site_of.serve(counts=counts)
    exports.fault("Patient 1", changed(lambda b: b[:-20]))
    assert same(site_of.export())
    assert exports.log.count("Patient 1") == 2


def test_bulk_07_a_file_that_is_always_cut_alike_is_named_and_what_came_is_kept(site_of):
    exports = site_of.serve(counts=False)
    exports.always["Patient 1"] = changed(lambda b: b[:-20])
    found = site_of.export()
    assert exports.log.count("Patient 1") == 2
    assert found.failures == {"Patient": "a file ends inside its last line"}
    assert len(ids(found)["Patient"]) == 24
    assert ids(found)["Condition"] == ALL["Condition"]
    exports.always.clear()
    assert same(site_of.export())
    assert exports.log[-2:] == ["poll", "Patient 1"]


def test_a_file_with_fewer_rows_than_counted_is_fetched_again_then_named(site_of):
    exports = site_of.serve()
    exports.fault("Patient 1", changed(lambda b: b[: b.rindex(b"\n", 0, -1) + 1]))
    assert same(site_of.export())
    finish(site_of.make(), site_of.folder)
    exports.always["Patient 1"] = changed(lambda b: b[: b.rindex(b"\n", 0, -1) + 1])
    found = site_of.export()
    assert found.failures == {"Patient": "a file holds fewer rows than the manifest counts"}
    assert same(found) is False


def test_a_file_with_more_rows_than_counted_is_whole_and_said(site_of):
    site_of.serve().change = lambda m: m["output"][0].update(count=1)
    found = site_of.export()
    assert found.notes == ("Patient, file 1: a file holds more rows than the manifest counts",)
    assert ids(found) == ALL
    assert not found.failures


def test_an_empty_file_is_fetched_again_then_said(site_of):
    exports = site_of.serve(counts=False)
    exports.fault("Patient 1", Reply(kind=NDJSON))
    assert same(site_of.export())
    finish(site_of.make(), site_of.folder)
    exports.always["Patient 1"] = Reply(kind=NDJSON)
    assert site_of.export().notes == ("Patient, file 1: a file is empty",)


def test_a_file_whose_end_nothing_tells_is_taken_when_it_comes_twice_alike(site_of):
    def close(cut: int | None) -> Callable[[Reply], Reply]:
        return lambda reply: Reply(
            kind=NDJSON, framing="close", body=b"".join(content(reply).splitlines(True)[:cut])
        )

    exports = site_of.serve(counts=False)
    exports.fault("Patient 1", close(3), close(None), close(None))
    assert same(site_of.export())
    assert exports.log.count("Patient 1") == 3


def test_bulk_08_a_row_of_another_type_is_set_aside(site_of):
    site_of.serve().fault(
        "Patient 3", changed(lambda b: b.replace(b'"Patient", "id": "p24"', b'"Group", "id": "p24"'))
    )
    found = site_of.export()
    odd = [i for f in found.files for i in read(f) if isinstance(i, Unusable)]
    assert [(i.type, i.reason, i.place.source, i.place.position) for i in odd] == [
        ("Patient", "other_type", "Patient, file 3", 5)
    ]
    assert len(ids(found)["Patient"]) == 24


def test_headers_between_patients_are_passed_over(site_of):
    header = ndjson([{"resourceType": "Parameters", "parameter": [{"name": "header"}]}])
    site_of.serve(counts=False).fault("Patient 3", changed(lambda b: header + b))
    found = site_of.export()
    assert same(found)
    odd = [i for f in found.files for i in read(f) if not isinstance(i, Resource)]
    assert odd == [PassedOver(source="Patient, file 3, line 1")]


@pytest.mark.parametrize("version", [2, 4])
def test_bulk_09_a_manifest_in_parts_is_read_whole(site_of, version):
    exports = site_of.serve(parts=3, version=version)
    exports.outcomes = [outcome("processing", "warning", CANARY), outcome("processing", "error", CANARY)]
    found = site_of.export()
    assert ids(found) == ALL
    assert found.failures == {"outcome": "it reports processing (1)"}
    assert found.notes == ("the server remarks processing (1)",)


def test_bulk_09_parts_that_go_round_are_refused(site_of):
    site_of.serve(parts=2).change = lambda m: m.update(
        link=[{"relation": "next", "url": m["request"] + "/1"}]
    )
    with pytest.raises(SiteError, match="without end"):
        site_of.export()


@pytest.mark.parametrize("severity", ["information", "warning"])
def test_bulk_10_a_remark_is_only_shown(site_of, severity):
    site_of.serve().outcomes = [outcome("informational", severity, CANARY)]
    found = site_of.export()
    assert (found.failures, found.notes) == ({}, ("the server remarks informational (1)",))
    assert ids(found) == ALL


@pytest.mark.parametrize("severity", ["error", "fatal", CANARY])
def test_bulk_10_an_error_beside_the_data_makes_it_partial(site_of, severity):
    site_of.serve().outcomes = [outcome("processing", severity, CANARY), outcome(CANARY.upper(), severity)]
    found = site_of.export()
    assert found.failures == {"outcome": "it reports processing (1), another code (1)"}
    assert ids(found) == ALL


def test_bulk_10_a_report_that_cannot_be_read_is_a_failure(site_of):
    site_of.serve().outcomes = [patient(1), outcome("processing", "warning")]
    assert site_of.export().failures == {"outcome": "1 lines of its report cannot be read"}


def test_bulk_10_outcomes_among_the_output_are_read_as_such(site_of):
    def move(manifest: dict[str, Any]) -> None:
        manifest["output"] += manifest.pop("error")

    exports = site_of.serve()
    exports.outcomes, exports.change = [outcome("processing")], move
    assert site_of.export().failures == {"outcome": "it reports processing (1)"}


def test_bulk_11_a_second_call_asks_for_nothing(site_of):
    exports = site_of.serve()
    first = site_of.export()
    asked = len(site_of.server.requests)
    assert site_of.export() == first
    assert len(site_of.server.requests) == asked
    assert exports.log.count("kick-off") == 1


def test_bulk_11_only_what_is_not_whole_is_fetched_again(site_of):
    exports = site_of.serve()
    site_of.export()
    damaged, gone = [f for f in site_of.export().files if f.type == "Patient"][:2]
    damaged.path.write_bytes(damaged.path.read_bytes()[:-9])
    gone.path.unlink()
    del exports.log[:]
    assert same(site_of.export())
    assert sorted(exports.log) == ["Patient 1", "Patient 2", "poll"]


def test_bulk_11_links_signed_anew_are_the_same_files(site_of):
    signed = iter(range(1, 9))

    def sign(manifest: dict[str, Any]) -> None:
        n = next(signed)
        for item in manifest["output"]:
            item["url"] += f"?signature={n}"

    exports = site_of.serve()
    exports.change = sign
    exports.always["Patient 2"] = Reply(status=500)
    found = site_of.export(limits={"attempts": 2})
    assert found.failures == {
        "Patient": "Patient, file 2: the server answers 500 (2 attempts) (is the server up and reachable"
        " from here? then run the same command again)"
    }
    exports.always.clear()
    del exports.log[:]
    assert same(site_of.export())
    assert exports.log == ["poll", "Patient 2"]
    assert "signature=2" in site_of.server.requests[-1].target


def test_a_file_that_fails_costs_only_its_type(site_of):
    exports = site_of.serve()
    exports.always["Condition 1"] = Reply(status=500)
    found = site_of.export(limits={"attempts": 2})
    assert list(found.failures) == ["Condition"]
    assert ids(found) == {"Patient": ALL["Patient"]}


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_expired_is_named_and_the_next_call_exports_anew(site_of, status):
    exports = site_of.serve()
    exports.always["Patient 2"] = Reply(status=status, kind="application/xml", body=CANARY.encode())
    found = site_of.export()
    assert f"no longer gives it ({status})" in found.failures["Patient"]
    assert "new export" in found.failures["Patient"]
    exports.always.clear()
    assert same(site_of.export())
    assert (exports.log.count("kick-off"), exports.log.count("delete")) == (2, 1)


def test_a_changed_export_cancels_the_old_one(site_of):
    exports = site_of.serve()
    site_of.export()
    exports.fault("delete", Reply(status=500))
    site_of.export(Wanted(level="Patient", types=("Patient",)))
    assert exports.log.count("kick-off") == 2
    assert any("asked for something else" in line for line in site_of.lines)
    assert site_of.export().transaction_time == TIME
    assert [job.deleted for job in exports.jobs] == [True, True, False]


def test_a_job_that_is_gone_is_started_anew_once(site_of):
    exports = site_of.serve()
    exports.fault("poll", Reply(status=404))
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 2
    assert any("asked for anew" in line for line in site_of.lines)
    cancel(site_of.make(), site_of.folder)
    exports.always["poll"] = Reply(status=404)
    with pytest.raises(SiteError, match="404"):
        site_of.export()
    assert exports.log.count("kick-off") == 4


def test_bulk_12_a_ctrl_c_while_polling_keeps_the_job(site_of, time):
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    exports = site_of.serve()
    clock = time.clock()
    stopped = replace(clock, sleep=interrupt)
    with pytest.raises(KeyboardInterrupt):
        export(site_of.make(clock=stopped), WANTED, site_of.folder, site_of.lines.append)
    assert exports.log == ["kick-off", "poll"]
    assert same(site_of.export())
    assert (exports.log.count("kick-off"), exports.log.count("delete")) == (1, 0)


@pytest.mark.parametrize(
    "text", [None, "", "yesterday", "2024-05-01", "2024-13-01T00:00:00Z", 5, "2024-05-01T10:00:00"]
)
def test_bulk_13_a_time_that_is_no_instant_is_none(site_of, text):
    site_of.serve().time = text
    found = site_of.export()
    assert found.transaction_time is None
    assert list(found.failures) == ["transactionTime"]
    assert ids(found) == ALL


def test_bulk_14_a_job_that_never_ends_is_kept_for_resuming(site_of, time):
    exports = site_of.serve(polls=10_000)
    with pytest.raises(SiteError, match="kept for resuming"):
        site_of.export(limits={"job_deadline": 3600})
    assert time.now >= 3600
    exports.jobs[0].polls = 2
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 1


@pytest.mark.parametrize(("post", "methods"), [(False, ["POST"]), (True, ["GET"])])
@pytest.mark.parametrize("status", [400, 405])
def test_bulk_15_the_other_method_is_tried(site_of, post, methods, status):
    exports = site_of.serve(methods=methods)
    exports.fault("kick-off", Reply(status=status, kind="text/html", body=b"<p>"))
    assert same(site_of.export(post=post))
    assert [k[0] for k in exports.kick_offs] == [*({"GET", "POST"} - {*methods}), *methods]


def test_bulk_15_parameters_hold_no_comma_lists(site_of):
    exports = site_of.serve(methods=["POST"], version=4)
    wanted = Wanted(
        level="system", types=("Condition", "Patient"), since=TIME, type_filter=("Condition?code=a,b",)
    )
    assert ids(site_of.export(wanted, post=True)) == ALL
    method, query, headers, body = exports.kick_offs[0]
    assert (method, query, headers["content-type"]) == ("POST", {}, "application/fhir+json")
    assert json.loads(body) == {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "_type", "valueString": "Condition"},
            {"name": "_type", "valueString": "Patient"},
            {"name": "_since", "valueInstant": TIME},
            {"name": "_typeFilter", "valueString": "Condition?code=a,b"},
        ],
    }


def test_a_refused_filter_is_never_left_out_in_silence(site_of):
    refusal = Reply(status=400, body=json.dumps(outcome("not-supported", diagnostics=CANARY)).encode())
    exports = site_of.serve()
    exports.always["kick-off"] = refusal
    with pytest.raises(SiteError, match="400, not-supported") as e:
        site_of.export(Wanted(level="Patient", types=("Patient",), type_filter=("Patient?x=1",)))
    assert "filter" in e.value.hint
    assert CANARY not in said(e)
    assert [k[0] for k in exports.kick_offs] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(status=202), "does not say where"),
        (Reply(status=202, headers={"Content-Location": "http://[bad"}), "does not say where"),
        (Reply(status=200, body=b"{}"), "answers 200"),
        (Reply(status=403), "answers 403"),
        (Reply(status=422, body=b"\xff"), "answers 422"),
    ],
)
def test_a_kick_off_that_starts_nothing_is_named(site_of, reply, text):
    site_of.serve().fault("kick-off", reply)
    with pytest.raises(SiteError, match=text):
        site_of.export()


def test_the_status_may_be_told_apart_and_its_url_be_relative(site_of):
    def relative(reply: Reply) -> Reply:
        reply.headers["Content-Location"] = (
            reply.headers["Content-Location"].partition("/fhir/")[2].join(["/fhir/", ""])
        )
        return reply

    exports = site_of.serve()
    exports.fault("kick-off", relative)
    exports.fault("poll", Reply(status=200, body=b"{}", headers={"X-Export-Status": "202 Accepted"}))
    exports.fault("poll", Reply(status=200, body=TRANSIENT, headers={"X-Export-Status": "503"}))
    assert same(site_of.export())


@pytest.mark.parametrize(
    "body", [b"{}", b'{"output": null}', b'{"output": 3}', b"[]", b'{"resourceType":"Bundle"}']
)
def test_what_is_no_manifest_ends_loudly(site_of, body):
    exports = site_of.serve()
    exports.fault("poll", Reply(body=body))
    with pytest.raises(SiteError, match="manifest"):
        site_of.export()
    assert same(site_of.export())


def test_a_manifest_that_is_cut_is_asked_for_again(site_of):
    site_of.serve(polls=0).fault("poll", Reply(body=b'{"output": ['), Reply(body=b""))
    assert same(site_of.export())


def test_a_manifest_that_is_always_cut_ends_and_the_job_is_kept(site_of):
    exports = site_of.serve()
    exports.always["poll"] = Reply(body=b'{"output": [')
    with pytest.raises(SiteError, match="kept for resuming"):
        site_of.export(limits={"attempts": 3})
    assert exports.log.count("poll") == 3
    exports.always.clear()
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 1


def test_a_manifest_without_output_is_whole(site_of):
    site_of.serve().change = lambda m: m.update(output=[])
    found = site_of.export()
    assert (found.files, found.failures, found.transaction_time) == ((), {}, TIME)


def test_types_that_nobody_asked_for_are_counted_not_loaded(site_of):
    exports = site_of.serve()
    exports.change = lambda m: m["output"].extend(
        [{"type": "Group", "url": "x"}, {"type": "Group", "url": "y"}]
    )
    found = site_of.export()
    assert same(found)
    assert found.passed_over == {"Group": 2}


@pytest.mark.parametrize("kind", ["../../../../outside/x", "patient", None, 3, CANARY])
def test_security_04_a_type_of_the_manifest_makes_no_path(site_of, tmp_path, kind):
    exports = site_of.serve()
    exports.change = lambda m: m["output"].append({"type": kind, "url": m["output"][0]["url"]})
    found = site_of.export()
    assert ids(found) == ALL
    assert found.failures == {
        "manifest": "it lists a file of a type that is none of FHIR's, which is not loaded"
    }
    outside = {p for p in tmp_path.rglob("*") if p.is_file()} - {*site_of.folder.iterdir()}
    assert not outside


@pytest.mark.parametrize("item", [{"type": "Patient"}, {"type": "Patient", "url": "http://[bad"}])
def test_a_file_without_a_url_is_a_failure_of_its_type(site_of, item):
    site_of.serve().change = lambda m: m["output"].append(item)
    assert site_of.export().failures == {"Patient": "the manifest lists a file without a URL"}


def test_a_manifest_that_lists_a_file_without_a_url_is_asked_for_again_then_the_export(site_of):
    exports = site_of.serve()
    exports.change = lambda m: m["output"].append({"type": "Patient"})
    before = exports.log.count("poll")
    site_of.export()
    first = exports.log.count("poll") - before
    assert site_of.export().failures
    assert exports.log.count("poll") > before + first
    assert exports.log.count("kick-off") == 1
    exports.change = lambda m: None
    assert same(site_of.export())
    assert (exports.log.count("kick-off"), exports.log.count("delete")) == (2, 1)


def test_a_file_listed_twice_is_fetched_once_and_its_url_may_be_relative(site_of):
    def change(manifest: dict[str, Any]) -> None:
        first = manifest["output"][0]
        manifest["output"] = [*manifest["output"], dict(first)]
        first["url"] = "/fhir/" + first["url"].partition("/fhir/")[2]

    exports = site_of.serve()
    exports.change = change
    assert same(site_of.export())
    assert exports.log.count("Patient 1") == 1


@pytest.mark.parametrize(("needs", "sent"), [(True, True), (False, False), (None, True)])
def test_the_token_goes_with_a_file_as_the_manifest_says(site_of, needs, sent):
    exports = site_of.serve()
    exports.needs_token = needs
    site_of.export()
    seen = {"authorization" in r.headers for r in site_of.server.requests if "/file/" in r.path}
    assert seen == {sent}


def test_security_02_a_file_elsewhere_is_refused_and_no_token_goes_there(site_of, foreign):
    exports = site_of.serve()
    exports.always["Patient 1"] = Reply(status=307, headers={"Location": f"{foreign.base}/x"})
    exports.change = lambda m: m["output"][-1].update(url=f"{foreign.base}/y")
    found = site_of.export()
    assert {kind: "another origin" in text for kind, text in found.failures.items()} == {
        "Patient": True,
        "Condition": True,
    }
    assert not foreign.requests


def test_security_02_a_listed_origin_gets_a_file_request_without_the_token(site_of, foreign):
    exports = site_of.serve()
    exports.needs_token = False
    exports.change = lambda m: m["output"][-1].update(url=f"{foreign.base}/y")
    foreign.script("y", Reply(kind=NDJSON, body=ndjson(CONDITIONS)))
    assert same(site_of.export(allowed_origins=(f"http://127.0.0.1:{foreign.port}",)))
    assert ["authorization" in r.headers for r in foreign.requests] == [False]


def test_deletions_are_read_and_what_is_none_is_named(site_of):
    def bundle(*entries: tuple[str, str]) -> dict[str, Any]:
        entry = [{"request": {"method": method, "url": url}} for method, url in entries]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entry}

    exports = site_of.serve()
    exports.deleted = [
        bundle(("DELETE", "Patient/a"), ("DELETE", "http://h/fhir/Condition/b")),
        bundle(("DELETE", "Patient/c")),
    ]
    found = site_of.export()
    assert (
        [*found.deletions] == [*found.deletions] == [("Patient", "a"), ("Condition", "b"), ("Patient", "c")]
    )
    assert not found.failures
    cancel(site_of.make(), site_of.folder)
    exports.deleted += [
        bundle(("PUT", "Patient/x")),
        bundle(("DELETE", f"Patient?name={CANARY}")),
        {"entry": 3},
    ]
    found = site_of.export()
    assert found.failures == {"deleted": "3 of its deletions cannot be read"}
    assert len([*found.deletions]) == 3


def test_a_binary_resource_that_cannot_be_read_is_named(site_of):
    binary = Reply(body=b'{"resourceType": "Binary", "data": "!!"}')
    site_of.serve().always["Condition 1"] = binary
    assert "Binary resource that cannot be read" in site_of.export().failures["Condition"]


def test_a_damaged_job_is_no_job(site_of):
    exports = site_of.serve()
    site_of.export()
    (site_of.folder / "job.json").write_bytes(b"{")
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 2
    assert any("cannot be read" in line for line in site_of.lines)


def test_an_answer_beyond_its_deadline_ends_loudly_and_the_job_is_kept(site_of, time):
    exports = site_of.serve(polls=0)

    def late() -> float:
        time.now += 400 if "poll" in exports.log else 0
        return time.now

    slow = site_of.make(clock=replace(time.clock(), monotonic=late), limits={"attempts": 3})
    with pytest.raises(SiteError, match="in time"):
        export(slow, WANTED, site_of.folder, site_of.lines.append)
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 1


def test_a_manifest_beyond_page_bytes_is_refused_and_the_job_kept(site_of):
    exports = site_of.serve(polls=0)
    with pytest.raises(SiteError, match="larger than 100 bytes"):
        site_of.export(limits={"page_bytes": 100})
    assert same(site_of.export())
    assert exports.log.count("kick-off") == 1


def test_a_binary_resource_beyond_page_bytes_is_not_unpacked(site_of):
    binary = json.dumps({"resourceType": "Binary", "data": "A" * 4000}).encode()
    site_of.serve().always["Condition 1"] = Reply(body=binary)
    assert "Binary resource of 40" in site_of.export(limits={"page_bytes": 3000}).failures["Condition"]


def test_a_file_that_comes_differently_each_time_fails(site_of):
    exports = site_of.serve(counts=False)
    exports.fault("Patient 1", *[changed(lambda b, n=n: b[:-n]) for n in range(20, 24)])
    found = site_of.export(limits={"attempts": 4})
    assert found.failures == {"Patient": "Patient, file 1: it comes cut, or differently each time"}


def test_a_job_of_another_time_keeps_no_file_of_the_old_one(site_of):
    exports = site_of.serve()
    exports.always["Condition 1"] = Reply(status=404)
    site_of.export(limits={"attempts": 1})
    job = site_of.folder / "job.json"
    job.write_bytes(job.read_bytes().replace(b'"expired":true', b'"expired":false'))
    exports.always.clear()
    exports.time = "2024-06-01T00:00:00Z"
    del exports.log[:]
    found = site_of.export()
    assert (ids(found), found.transaction_time) == (ALL, exports.time)
    assert sorted(exports.log) == ["Condition 1", "Patient 1", "Patient 2", "Patient 3", "poll"]


def test_parts_of_different_times_name_none(site_of):
    times = iter([TIME, "2024-06-01T00:00:00Z"])
    site_of.serve(parts=2).change = lambda m: m.update(transactionTime=next(times))
    found = site_of.export()
    assert found.transaction_time is None
    assert found.failures == {"transactionTime": "the manifest's parts name different times"}


@pytest.mark.parametrize(("status", "text"), [(403, "403"), (302, "302"), (418, "418")])
def test_a_poll_that_is_refused_is_named(site_of, status, text):
    site_of.serve().fault("poll", Reply(status=status))
    with pytest.raises(SiteError, match=f"the export's status: the server answers {text}"):
        site_of.export()
    assert same(site_of.export())


def test_a_part_whose_link_is_no_url_ends_loudly(site_of):
    site_of.serve().change = lambda m: m.update(link=[{"relation": "next", "url": "http://[bad"}])
    with pytest.raises(SiteError, match="next part is no URL"):
        site_of.export()


def test_a_disk_that_is_full_is_not_the_servers_fault(site_of, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    site_of.serve()
    monkeypatch.setattr("rwe.fhir.bulk.file.Writer.take", full)
    with pytest.raises(OSError, match="No space left") as e:
        site_of.export()
    assert e.value.filename.startswith(str(site_of.folder))
    monkeypatch.undo()
    assert same(site_of.export())


def test_security_02_a_file_that_moves_to_a_listed_origin_leaves_the_token_behind(site_of, foreign):
    exports = site_of.serve()
    exports.always["Condition 1"] = Reply(status=307, headers={"Location": f"{foreign.base}/y"})
    foreign.script("y", Reply(kind=NDJSON, body=ndjson(CONDITIONS)))
    assert same(site_of.export(allowed_origins=(f"http://127.0.0.1:{foreign.port}",)))
    assert ["authorization" in r.headers for r in foreign.requests] == [False]


@pytest.mark.parametrize(("key", "sent"), [("always", True), ("manifest", False)])
def test_a_server_that_lies_about_its_token_gets_it_where_its_site_says_so(site_of, key, sent):
    exports = site_of.serve()
    exports.needs_token = False
    site_of.export(file_token=key)
    seen = {"authorization" in r.headers for r in site_of.server.requests if "/file/" in r.path}
    assert seen == {sent}
