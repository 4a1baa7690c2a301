"""`rwe demo --federated`: three hospitals and one store beside them, in one process."""

import json

import pytest

from rwe.errors import UsageError
from rwe.federate.demo import demo
from tests.federate import drop


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "new"
    out = drop.run("demo", "--federated", folder, "--json")
    return folder, json.loads(out[out.index("{") :])


def test_what_is_pooled_is_what_is_merged_and_suppressed_is_said(shown):
    _, found = shown
    rows = found["beside"]
    both = [r for r in rows if r["difference"] is not None]
    assert len(both) > 50
    assert max(r["difference"] for r in both) <= 1e-9
    sums = [r for r in both if r["pooled"]["secure_sum"] and r["pooled"]["stratum"] == "moderate"]
    assert len(sums) == 6
    assert all(0.007 < r["p"] < 0.042 for r in sums)
    held = [r["pooled"] for r in rows if r["pooled"]["status"] == "suppressed"]
    assert {r["reason"] for r in held} == {"small_arm", "small_group"}
    assert found["pooled"]["partial"] is None


def test_each_hospital_has_its_own_resources_alone_and_the_coordinator_none(shown):
    folder, _ = shown
    for name in drop.SITES:
        assert [p.name for p in (folder / name / "fhir").iterdir()] == [name]
    assert not (folder / "coordinator" / "fhir").exists()
    assert not (folder / "coordinator" / "data" / "store.duckdb").exists()


def test_the_demo_is_made_in_a_new_folder(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        demo(tmp_path, None, now=drop.NOW)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
