"""What is mapped bit by bit equals what is mapped at once."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rwe import address
from rwe.fhir.bundle import resource
from rwe.landing import Run
from rwe.resource import Place, Unusable
from rwe.steps import map as mapping
from rwe.store import Store

TYPES = ["Patient", "Observation"]
OLD, NEW = "https://old.example/fhir", "https://new.example/fhir"
Text = str


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rwe.landing.shards.ROWS_PER_SHARD", 3)


def patient(
    name: str, version: str | None = None, updated: str | None = None, *, gender: str = "male", more: str = ""
) -> Text:
    meta = {k: v for k, v in (("versionId", version), ("lastUpdated", updated)) if v}
    body = {"resourceType": "Patient", "id": name, "meta": meta, "gender": gender}
    return json.dumps({k: v for k, v in body.items() if v})[:-1] + more + "}"


def observation(name: str, number: str, status: str = "final", *, base: str = "") -> Text:
    code = '"code": {"coding": [{"system": "s", "code": "c"}, {"system": "s", "code": "d"}]}'
    subject = f'"subject": {{"reference": "{base}Patient/a"}}'
    value = f'"valueQuantity": {{"value": {number}}}'
    return (
        f'{{"resourceType": "Observation", "id": "{name}", "status": "{status}", {code}, {subject}, {value}}}'
    )


def pull(raw: Path, site: str, lines: list[Text]) -> None:
    with Run(raw, site=site, types=TYPES) as run:
        for number, line in enumerate(lines, start=1):
            place = Place(source="x.ndjson", position=number)
            broken = Unusable(type=None, reason="not_json", body=line.encode(), place=place)
            run.add(broken if line == "{" else resource(line.encode(), place))
        run.commit({}, fhir_version="4.0.1", method="files", pulled_at=None)


@contextmanager
def study() -> Iterator[tuple[Path, Store]]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "raw").mkdir()
        with Store.open(Path(name), create=True) as store:
            yield Path(name) / "raw", store


def mapped(store: Store, raw: Path, *, sites: tuple[str, ...] = ("north", "south"), **bases: str) -> None:
    """bases: by site, its address."""
    own = {name: address.own([bases[name]] if name in bases else []) for name in sites}
    with store.transaction():
        mapping.build(store, raw, own, say=lambda _: None)


def content(store: Store) -> dict[str, Counter[Any]]:
    return {t: Counter(map(repr, store.rows(f'FROM "{t}"'))) for t in sorted(store.tables())}


def of_whole(raw: Path, sites: tuple[str, ...] = ("north", "south"), **bases: str) -> dict[str, Counter[Any]]:
    with study() as (fresh, store):
        shutil.copytree(raw, fresh, dirs_exist_ok=True)
        mapped(store, fresh, sites=sites, **bases)
        return content(store)


LINE = st.one_of(
    st.builds(
        patient,
        st.sampled_from("abcd"),
        st.sampled_from([None, "1", "2", "10"]),
        st.sampled_from([None, "2024-01-01T00:00:00Z", "2024-02-01T00:00:00+02:00"]),
        gender=st.sampled_from(["male", "female", "bogus"]),
        more=st.sampled_from(["", "", ', "birthDate": "2024-13-01"', ', "shoe": 1', ', "active": true']),
    ),
    st.builds(
        observation,
        st.sampled_from("vw"),
        st.sampled_from(["1.10", "2"]),
        st.sampled_from(["final", "bogus"]),
        base=st.sampled_from(["", f"{OLD}/", f"{NEW}/"]),
    ),
    st.just("{"),
)
PULL = st.tuples(
    st.sampled_from(["north", "south"]), st.lists(LINE, min_size=1, max_size=12), st.sampled_from([OLD, NEW])
)


@settings(max_examples=25, deadline=None)
@given(pulls=st.lists(PULL, min_size=2, max_size=4), grows=st.booleans())
def test_pull_after_pull_gives_the_tables_of_a_whole_map(pulls, grows):
    """grows: each pull of a site holds what the one before held, and more.  A site may get an address."""
    before: dict[str, list[Text]] = {"north": [], "south": []}
    with study() as (raw, store):
        for site, lines, base in pulls:
            before[site] = (before[site] if grows else []) + lines
            pull(raw, site, before[site])
            mapped(store, raw, north=base)
            assert content(store) == of_whole(raw, north=base)


def test_another_address_of_a_site_reads_that_site_again_and_no_other():
    said: list[str] = []
    with study() as (raw, store):
        pull(raw, "north", [observation("v", "1", base=f"{OLD}/"), observation("w", "1", base=f"{NEW}/")])
        pull(raw, "south", [observation("v", "1")])
        mapped(store, raw, north=OLD)
        asked = "SELECT DISTINCT site_id, observation_id FROM observation WHERE patient_id = 'a' ORDER BY ALL"
        assert store.rows(asked) == [("north", "v"), ("south", "v")]
        own = {"north": address.own([NEW]), "south": address.own([])}
        mapping.build(store, raw, own, say=said.append)
        assert store.rows(asked) == [("north", "w"), ("south", "v")]
        assert [line for line in said if "checking" in line] == ["north: checking 2 Observation"]
        assert content(store) == of_whole(raw, north=NEW)


def test_a_resource_that_is_set_aside_names_no_patient_of_another_server():
    with study() as (raw, store):
        bases = ["", f"{OLD}/", f"{NEW}/"]
        pull(raw, "north", [observation(f"o{n}", "1", "bogus", base=b) for n, b in enumerate(bases)])
        mapped(store, raw, north=OLD)
        asked = "SELECT line, patient_id FROM set_aside_subject ORDER BY line"
        assert store.rows(asked) == [(1, "a"), (2, "a"), (3, None)]


def test_a_site_that_left_takes_its_rows_along():
    with study() as (raw, store):
        pull(raw, "north", [patient("a")])
        pull(raw, "south", [patient("a"), patient("b")])
        mapped(store, raw)
        mapped(store, raw, sites=("north",))
        assert store.rows("SELECT site_id, patient_id FROM patient") == [("north", "a")]
        assert content(store) == of_whole(raw, ("north",))


def test_a_map_without_news_reads_no_shard():
    said: list[str] = []
    with study() as (raw, store):
        pull(raw, "north", [patient("a"), observation("v", "1")])
        mapped(store, raw)
        before = content(store)
        mapping.build(store, raw, {"north": address.RELATIVE}, say=said.append)
        assert not [line for line in said if "checking" in line]
        assert content(store) == before


def test_only_new_shards_are_checked():
    said: list[str] = []
    with study() as (raw, store):
        first = [patient(f"p{n}") for n in range(6)]
        pull(raw, "north", first)
        mapped(store, raw)
        pull(raw, "north", [*first, patient("p6")])
        mapping.build(store, raw, {"north": address.RELATIVE}, say=said.append)
        assert [line for line in said if "checking" in line] == ["north: checking 1 Patient"]
        assert store.rows("SELECT COUNT(*) FROM patient") == [(7,)]


def test_a_folder_may_be_named_with_the_signs_of_a_pattern(tmp_path):
    folder = tmp_path / "study [2021] {a,b}"
    folder.mkdir()
    with Store.open(folder, create=True) as store:
        pull(folder / "raw", "north", [patient("a")])
        mapped(store, folder / "raw", sites=("north",))
        assert store.rows("SELECT patient_id FROM patient") == [("a",)]
