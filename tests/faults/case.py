"""One case: pulls of one hospital, faulted and not, and what they left.

case.pull(Rule(…))    ──▶  Ended (exit code, all that was said, what is landed)
same(ended, case)     exit 0, and landed is what an unfaulted pull lands
loud(ended, kind)     exit 3 or 12, the site and the type named
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Any

import polars as pl

from rwe.errors import RweError
from rwe.steps.map import map_, views
from rwe.steps.progress import silent
from rwe.steps.pull import pull
from rwe.steps.wishes import Wishes
from rwe.steps.world import World
from rwe.store import Store, quoted
from tests.fhir.clock import FakeClock
from tests.fhir.memory import Memory
from tests.fhir.proxy import Proxy, Rule

SECRET = "canary-token-51d7e0"
NAME, NUMBER, BORN = "Qxvortzhul", "canary-mrn-88123", "1903-07-19"
PATIENT_CANARIES = (NAME, NUMBER, BORN)
# Where a patient's values may be: the resources themselves, as landed, set aside and loaded.
ALLOWED = re.compile(r"\.ndjson\.zst$|\.set_aside\.bin$|/\.fetched/.*\.pages$|\.duckdb(\.wal)?$")
READ_ONLY = re.compile(r"GET |HEAD |POST \S*/(_search|\$export|token)\b|DELETE ")


def hospital() -> Iterator[dict[str, Any]]:
    """A dozen Patients, over several pages, and some of each type that a study reads; a canary in all."""
    for n in range(12):
        yield {
            "resourceType": "Patient",
            "id": f"p{n}",
            "name": [{"family": NAME, "given": ["O'Brien-Nuñez"]}],
            "identifier": [{"system": "urn:mrn", "value": f"{NUMBER}-{n}"}],
            "birthDate": BORN,
        }
    given = {"subject": {"reference": "Patient/p1", "display": NAME}, "note": [{"text": NAME}]}
    lab = {"coding": [{"system": "urn:x", "code": "lab"}]}
    for n in range(5):
        yield {"resourceType": "Observation", "id": f"o{n}", "status": "final", "code": lab, **given}
    yield {"resourceType": "Medication", "id": "cells", "code": {"text": NAME}}
    treated = {"status": "completed", "medicationReference": {"reference": "Medication/cells"}}
    yield {"resourceType": "MedicationAdministration", "id": "m1", **treated, **given}
    for kind in ("AdverseEvent", "Condition", "Encounter"):
        yield {"resourceType": kind, "id": "one", **given}


@dataclass(frozen=True, kw_only=True)
class Ended:
    code: int
    text: str
    landed: dict[str, Any]
    proxy: Proxy


class Case:
    def __init__(self, memory: Memory, folder: Path) -> None:
        self.memory, self.folder = memory, folder
        self.time = FakeClock()
        self.studies: list[Path] = []
        self.text = ""
        self._unfaulted: dict[str, Any] | None = None

    def pull(
        self,
        *rules: Rule,
        table: str | Callable[[Proxy], str] = "",
        context: SSLContext | None = None,
        into: Path | None = None,
        full: bool = False,
        removals: bool = False,
    ) -> Ended:
        """table: further lines of the site's table; its own lines are the shortest that work."""
        with Proxy(self.memory.base, rules, sleep=self.time.sleep, context=context) as proxy:
            more = table if isinstance(table, str) else table(proxy)
            study = into or self.study(proxy.base, more)
            if into:
                (into / "sites.toml").write_text(site(proxy.base, more))
            code, text = self.run(study, full=full, removals=removals)
        return self.ended(code, text, study, proxy)

    def ended(self, code: int, text: str, study: Path, proxy: Proxy) -> Ended:
        return Ended(code=code, text=text, landed=dump(study), proxy=proxy)

    def study(self, base: str, more: str = "") -> Path:
        folder = self.folder / f"study-{len(self.studies)}"
        folder.mkdir()
        (folder / "sites.toml").write_text(site(base, more))
        self.studies.append(folder)
        return folder

    def run(self, study: Path, *, full: bool = False, removals: bool = False) -> tuple[int, str]:
        """The step as the command runs it, and all that a person would see."""
        said: list[str] = []
        world = World(
            environment={"RWE_TOKEN": SECRET}, clock=self.time.clock(), say=said.append, progress=silent
        )
        try:
            outcomes = pull(study, world, Wishes(everything=True, full=full, removals=removals))
            said += [line for o in outcomes for line in (*o.missing, *o.notes)]
            code = 3 if any(o.missing for o in outcomes) else 0
        except RweError as e:
            said += [str(e), e.hint]
            code = e.exit_code
        self.text += "\n".join(said)
        return code, "\n".join(said)

    def unfaulted(self) -> dict[str, Any]:
        if self._unfaulted is None:
            study = self.study(self.memory.base)
            code, text = self.run(study)
            assert code == 0, text
            self._unfaulted = dump(study)
        return self._unfaulted

    def fresh(self) -> str:
        """The store of a study that sees the server for the first time, as it is now."""
        study = self.study(self.memory.base)
        code, text = self.run(study)
        assert code == 0, text
        return dump_store(study)

    def see_no_canary(self, printed: str) -> None:
        files = list(self._files())
        secrets_in = [p for p, text in files if SECRET in p + text]
        values_in = [
            p
            for p, text in files
            if any(c in p + ("" if ALLOWED.search(p) else text) for c in PATIENT_CANARIES)
        ]
        assert (secrets_in, values_in) == ([], [])
        seen = [c for c in (SECRET, *PATIENT_CANARIES) if c in printed + self.text]
        assert seen == []

    def _files(self) -> Iterator[tuple[str, str]]:
        for path in sorted(p for p in self.folder.rglob("*") if p.is_file()):
            text = path.read_bytes().decode("latin-1")
            if path.suffix == ".parquet":
                text += json.dumps(pl.read_parquet(path).to_dicts(), default=str)
            yield str(path.relative_to(self.folder)), text

    def see_nothing_written(self) -> None:
        asked = [f"{r.method} {r.target}" for r in self.memory.requests]
        assert [a for a in asked if not READ_ONLY.match(a)] == []


def site(base: str, more: str) -> str:
    auth = 'auth = { scheme = "bearer", token = "env:RWE_TOKEN" }'
    size = "" if "page_size" in more else "limits.page_size = 5"
    lines = [f'url = "{base}"', 'fhir_version = "4.0.1"', auth, size, more]
    return "\n".join(["[north]", *lines, ""])


def dump(study: Path) -> dict[str, Any]:
    """What is landed, by site and type: how many and a hash of the contents, in any order."""
    manifests = sorted((study / "data" / "raw").glob("*/*/manifest.json"))
    found = {m.parent.parent.name: json.loads(m.read_bytes())["types"] for m in manifests}
    return {
        name: {k: (t["landed"], t["set_aside"], t["hash"]) for k, t in types.items()}
        for name, types in found.items()
    }


def dump_store(study: Path) -> str:
    """What `map` makes of it: the rows of every mapped table, in any order, with how many of each."""
    map_(study, say=lambda _: None)
    with Store.open(study / "data") as store:
        return table_text(store)


def table_text(store: Store) -> str:
    names = sorted({v.name for version in ("4.0.1", "5.0.0") for v in views(version)} & {*store.tables()})
    kept = "fate NOT IN ('superseded', 'gone')"
    there = f"(SELECT site_id, resource_type, id, hash, fate FROM resource WHERE {kept})"
    relations = {"resource": there, **{name: quoted(name) for name in names}}
    return "\n".join(
        f"{name}\n" + "\n".join(sorted(map(repr, store.rows(f"FROM {relation}"))))
        for name, relation in relations.items()
    )


def same(ended: Ended, case: Case) -> None:
    assert (ended.code, ended.landed) == (0, case.unfaulted()), ended.text
    assert ended.proxy.made(), "the fault was never made"


def loud(ended: Ended, case: Case, kind: str = "Patient", *, reason: str = "") -> None:
    """The type is named with its reason; all others are whole where any was landed."""
    assert ended.code in (3, 12), ended.text
    assert re.search(rf"north: (.*\b)?{kind}\b.*{reason}", ended.text), ended.text
    others = {k: t for k, t in ended.landed.get("north", {}).items() if k != kind}
    expected = {k: t for k, t in case.unfaulted()["north"].items() if k != kind}
    assert others == (expected if ended.code == 3 else {})
    assert ended.proxy.made(), "the fault was never made"
