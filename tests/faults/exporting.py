"""A hospital in memory that exports what it holds when it is asked, and what a study holds of it.

Hospital(memory)     ──▶  handle(), to be mounted: `_since`, `deleted` and a Group's members are obeyed
picture(study)       ──▶  {type: {id: resource}}, what is landed and not gone
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rwe import landing
from rwe.landing import Manifest
from tests.fhir.exports import Exports, Job, Query
from tests.fhir.memory import Memory, Version
from tests.fhir.searching import span
from tests.fhir.server import Reply

BULK = 'method = "bulk"'


class Hospital(Exports):
    """left_out: types that it does not export, without a word."""

    def __init__(self, memory: Memory, **more: Any) -> None:
        super().__init__(memory.resources, **more)
        self.memory, self.left_out = memory, set[str]()
        self.members: set[str] | None = None
        memory.mounts.append(self.handle)

    @property
    def asked(self) -> list[dict[str, list[str]]]:
        return [job.asked for job in self.jobs]

    def _kick_off(
        self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        self.time = self.memory.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        group = path.removesuffix("/$export").partition("/Group/")[2]
        self.members = set(members(self.memory, group)) if group else None
        return super()._kick_off(method, path, query, headers, body)

    def _written(self, job: Job) -> dict[str, bytes]:
        since = job.asked.get("_since")
        begin = span(since[0])[0] if since else None
        rows = {k: self._rows(k, begin) for k in self.memory.manners.offers if k not in self.left_out}
        gone = [v for v in self.memory.gone() if since and begin and v.at > begin]
        self.resources = lambda: rows
        self.deleted = [_deletion(v) for v in gone]
        return super()._written(job)

    def _rows(self, kind: str, begin: Any) -> list[dict[str, Any]]:
        found = [v for v in self.memory.current(kind) if (begin is None or v.at > begin) and self._here(v)]
        return [v.resource(self.memory.manners) for v in found]

    def _here(self, v: Version) -> bool:
        if self.members is None:
            return True
        subject = (v.body or {}).get("subject", {}).get("reference", "").removeprefix("Patient/")
        return (v.id if v.kind == "Patient" else subject) in self.members


def members(memory: Memory, group: str) -> list[str]:
    (found,) = [v.body for v in memory.current("Group") if v.id == group]
    return [m["entity"]["reference"].removeprefix("Patient/") for m in (found or {})["member"]]


def group(name: str, patients: Sequence[str]) -> dict[str, Any]:
    member = [{"entity": {"reference": f"Patient/{p}"}} for p in patients]
    return {"resourceType": "Group", "id": name, "type": "person", "actual": True, "member": member}


def _deletion(v: Version) -> dict[str, Any]:
    entry = {"request": {"method": "DELETE", "url": f"{v.kind}/{v.id}"}}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}


def manifest(study: Path) -> Manifest:
    found = landing.current(study / "data" / "raw" / "north")
    assert found
    return found


def picture(study: Path) -> dict[str, dict[str, Any]]:
    folder = study / "data" / "raw" / "north"
    shown = {}
    for kind, series in manifest(study).types.items():
        rows = (json.loads(line) for s in series.shards for line in landing.lines(folder / s.file))
        newest = {r["id"]: r for r in rows}
        shown[kind] = {i: newest[i] for i in sorted(landing.live(folder, series))}
    return shown


def fetched(exports: Exports) -> list[str]:
    """The files that were asked for, in any order."""
    return sorted(stage for stage in exports.log if stage[-1].isdigit())
