"""Law: whatever a source does between pulls, and whatever passing fault meets them, the store holds what
a dict of the source holds.
"""

import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rwe.store import Store
from tests.faults.case import SECRET, Case, dump_store
from tests.faults.test_mixtures import by_chance
from tests.fhir.manners import Manners
from tests.fhir.memory import Memory
from tests.fhir.proxy import Proxy

VALUE = {"Patient": "gender", "Observation": "status", "Encounter": "status"}
WORDS = {
    "Patient": ["male", "female", "other"],
    "Observation": ["final", "amended", "registered"],
    "Encounter": ["planned", "finished", "cancelled"],
}
SUBJECT = {"subject": {"reference": "Patient/a"}}
REST = {
    "Patient": {},
    "Observation": {**SUBJECT, "code": {"text": "lab"}},
    "Encounter": {**SUBJECT, "class": {"code": "AMB"}},
}
HOW = {
    "unknown": ["drop", "keep", "refuse"],
    "ignores": [frozenset(), frozenset(), frozenset({"_lastUpdated"})],
    "history": [True, False],
    "total": ["exact", "none", "estimate"],
    "paging": ["snapshot", "offset"],
    "meta": [True, True, False],
    "to_the_second": [False, True],
    "post_search": [True, False],
}
manners = st.builds(Manners, **{k: st.sampled_from(v) for k, v in HOW.items()})


@dataclass(frozen=True, kw_only=True)
class Change:
    """value: None for a deletion."""

    kind: str
    id: str
    value: str | None

    def make(self, memory: Memory, held: dict[tuple[str, str], str]) -> None:
        if self.value is not None:
            body = {"resourceType": self.kind, "id": self.id, VALUE[self.kind]: self.value}
            memory.put({**body, **REST[self.kind]})
            held[self.kind, self.id] = self.value
        elif (self.kind, self.id) in held:
            memory.delete(self.kind, self.id)
            del held[self.kind, self.id]


def change(kind: str) -> st.SearchStrategy[Change]:
    values = st.sampled_from([*WORDS[kind], None])
    return st.builds(Change, kind=st.just(kind), id=st.sampled_from("abcd"), value=values)


rounds = st.lists(st.lists(st.sampled_from(list(VALUE)).flatmap(change), max_size=8), min_size=2, max_size=4)
pauses = st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(minutes=10), timedelta(days=9)])


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    how=manners, rounds=rounds, pause=pauses, size=st.sampled_from([1, 2, 3, 50]), seed=st.integers(0, 999)
)
def test_the_store_is_what_the_source_is(
    how: Manners, rounds: list[list[Change]], pause: timedelta, size: int, seed: int
) -> None:
    held: dict[tuple[str, str], str] = {}
    with tempfile.TemporaryDirectory() as folder, Memory(how, token=SECRET) as memory:
        case = Case(memory, Path(folder))
        with Proxy(memory.base, by_chance(0.02), seed=seed, sleep=case.time.sleep) as proxy:
            study = case.study(proxy.base, f"limits.page_size = {size}")
            for changes in rounds:
                for made in changes:
                    made.make(memory, held)
                memory.now += pause
                code, text = case.run(study, removals=True)
                assert code == 0, text
        dump_store(study)
        assert stored(study) == held


def stored(study: Path) -> dict[tuple[str, str], str]:
    with Store.open(study / "data") as store:
        rows = {
            (kind, identity): value
            for kind, column in VALUE.items()
            for identity, value in store.rows(f"SELECT {kind.lower()}_id, {column} FROM {kind.lower()}")
        }
        mapped = {*store.rows("SELECT resource_type, id FROM resource WHERE fate = 'mapped'")}
    assert mapped == {*rows}
    return rows
