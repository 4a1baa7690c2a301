"""What of a site's landed runs goes with a patient, of several runs, and of a Group's."""

import json
from pathlib import Path

import polars as pl
import pytest

from rwe.landing import Got, Purged, Run, current, live
from rwe.landing.purge import Patient, purge
from rwe.landing.purged import patients
from rwe.landing.verify import ledger_troubles, series
from rwe.resource import Place, Resource, Unusable, digest

TYPES = ["Observation", "Patient"]
WHO = Patient(site="north", id="p1")


def row(kind: str, name: str, **more: object) -> Resource:
    body = json.dumps({"resourceType": kind, "id": name, **more}, separators=(",", ":")).encode()
    place = Place(source=f"{kind} since", position=1)
    return Resource(
        type=kind, id=name, version=None, updated=None, body=body, content=digest(body), place=place
    )


def of(patient: str, name: str, **more: object) -> Resource:
    return row("Observation", name, subject={"reference": f"Patient/{patient}"}, **more)


def pull(raw: Path, *items: Resource, purged: Purged | None = None, deleted: tuple[str, ...] = ()) -> Run:
    how = {"method": "search", "query": "q", "extends": True, "patients": ["p1", "p10", "p2"]}
    with Run(raw, site="north", types=TYPES, purged=purged) as run:
        for item in items:
            run.add(item)
        gone = {"Observation": deleted, "Patient": ()}
        got = {k: Got(**how, asked=None, deleted=gone[k]) for k in TYPES}
        run.commit(got, fhir_version="4.0.1", method="search", pulled_at=None)
    return run


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """o1 changes in a later run, o9 is deleted, and p10 is somebody else."""
    raw = tmp_path / "raw"
    everyone = [row("Patient", p) for p in ("p1", "p10", "p2")]
    pull(raw, *everyone, of("p1", "o1"), of("p2", "o2", n=1), of("p10", "o3"), of("p1", "o9"))
    pull(raw, of("p1", "o1", n=2), of("p2", "o2", n=2), deleted=("o9",))
    return raw


def test_only_the_patients_own_go_and_the_newest_stays_the_newest(raw):
    removed = purge(raw, WHO, first=lambda: None)
    assert dict(removed.types) == {"Patient": 1, "Observation": 3}
    at = raw / "north"
    manifest = current(at)
    assert manifest.run == "000003"
    assert {k: sorted(live(at, s)) for k, s in manifest.types.items()} == {
        "Observation": ["o2", "o3"],
        "Patient": ["p10", "p2"],
    }
    assert [s.run for s in manifest.types["Observation"].shards] == ["000001", "000002"]
    assert manifest.types["Observation"].gone == []
    assert all("p1" not in s.patients for s in manifest.types.values())


def test_what_stays_is_whole_to_the_last_hash(raw):
    purge(raw, WHO, first=lambda: None)
    at, manifest = raw / "north", current(raw / "north")
    assert [*ledger_troubles(at, manifest)] == []
    assert [series(at, s, lambda _: None).troubles for s in manifest.types.values()] == [[], []]
    files = {str(p.relative_to(at)) for p in at.rglob("*") if p.is_file()}
    assert files == {*manifest.files(), "000003/manifest.json", "ledger.ndjson"}


def test_a_stop_before_the_switch_leaves_the_picture_before(raw):
    before = current(raw / "north")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purge(raw, WHO, first=stop)
    assert current(raw / "north") == before
    assert [series(raw / "north", s, lambda _: None).troubles for s in before.types.values()] == [[], []]
    assert purge(raw, WHO, first=lambda: None).n == 4


def test_a_pull_after_it_lands_what_is_new_of_the_others_alone(raw, tmp_path):
    purged = Purged(tmp_path, "north")
    purge(raw, WHO, first=lambda: purged.add("p1"))
    run = pull(raw, row("Patient", "p1"), of("p1", "o4"), of("p2", "o5"), purged=Purged(tmp_path, "north"))
    assert run.kept_out == 2
    assert sorted(live(raw / "north", current(raw / "north").types["Observation"])) == ["o2", "o3", "o5"]


def test_nobody_of_the_name_is_no_run(raw):
    asked: list[int] = []
    assert purge(raw, Patient(site="north", id="p3"), first=lambda: asked.append(1)).n == 0
    assert (asked, current(raw / "north").run) == ([], "000002")


def test_purged_is_of_one_site_and_of_the_whole_id(tmp_path):
    Purged(tmp_path, "north").add("p1")
    assert Purged(tmp_path, "north").knows("p1")
    assert not Purged(tmp_path, "north").knows("p10")
    assert not Purged(tmp_path, "south").knows("p1")


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        "Patient\\/p1",
        "Patient/p1/_history/2",
        "https://x.example/fhir/Patient/p1",
        "P\\u0061tient/p1",
    ],
)
def test_every_way_to_refer_to_a_patient_is_seen(reference):
    body = f'{{"resourceType": "Observation", "id": "o", "subject": {{"reference": "{reference}"}}}}'.encode()
    place = Place(source="x", position=1)
    whole = Resource(
        type="Observation", id="o", version=None, updated=None, body=body, content=digest(body), place=place
    )
    broken = Unusable(type=None, reason="not_json", body=body, place=place)
    assert b"p1" in patients(whole)
    assert b"p1" in patients(broken)
    assert WHO.within("Observation", "o", body)


@pytest.mark.parametrize("reference", ["Patient/p10", "Patient/p1-a", "Group/p1", "#p1"])
def test_others_are_not_taken_for_it(reference):
    body = (
        f'{{"resourceType": "Observation", "id": "p1", "subject": {{"reference": "{reference}"}}}}'.encode()
    )
    assert not WHO.within("Observation", "p1", body)


def test_an_id_that_was_gone_already_goes_from_the_list_too(tmp_path):
    raw = tmp_path / "raw"
    pull(raw, of("p1", "o1"), of("p2", "o2"), row("Patient", "p2"))
    pull(raw, deleted=("o1", "o2"))
    purge(raw, WHO, first=lambda: None)
    (name,) = current(raw / "north").types["Observation"].gone
    assert pl.read_parquet(raw / "north" / name)["id"].to_list() == ["o2"]
