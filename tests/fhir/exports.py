"""A Bulk Data server in memory, to be mounted in a Server; it misbehaves as a test says.

    Exports(lambda: {"Patient": [...]})  ──▶  handle(method, path, query, headers, body)  ──▶  Reply | None

A fault stands for the next request of a stage: "kick-off", "poll", "delete" or "TYPE N" (the Nth file of a
type), and is a Reply or a change of the right one.  `log` holds the stages in their order; `heard` is called
at each request, `pause` after each piece of a file.
"""

import json
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fhir.server import Reply

Query = Mapping[str, Sequence[str]]
Fault = Reply | Callable[[Reply], Reply]
NDJSON = "application/fhir+ndjson"
TIME = "2024-05-01T10:00:00.000Z"


def outcome(code: str, severity: str = "error", diagnostics: str = "") -> dict[str, Any]:
    issue = {"severity": severity, "code": code, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def ndjson(rows: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


@dataclass(kw_only=True)
class Job:
    asked: dict[str, list[str]]
    polls: int
    deleted: bool = False
    files: dict[str, bytes] = field(default_factory=dict)


class Exports:
    """methods: those the kick-off takes.  parts: manifests that the files are spread over."""

    def __init__(
        self,
        resources: Callable[[], Mapping[str, list[dict[str, Any]]]],
        *,
        methods: Sequence[str] = ("GET",),
        polls: int = 1,
        per_file: int = 1000,
        parts: int = 1,
        version: int = 2,
        counts: bool = True,
        piece: int = 1 << 16,
    ) -> None:
        self.resources, self.methods, self.polls = resources, methods, polls
        self.per_file, self.parts, self.version, self.counts, self.piece = (
            per_file,
            parts,
            version,
            counts,
            piece,
        )
        self.deleted: list[dict[str, Any]] = []
        self.outcomes: list[Any] = []
        self.change: Callable[[dict[str, Any]], object] = lambda manifest: None
        self.pause: Callable[[], object] = lambda: None
        self.heard: Callable[[], object] = lambda: None
        self.time = TIME
        self.needs_token = True
        self.jobs: list[Job] = []
        self.log: list[str] = []
        self.kick_offs: list[tuple[str, Query, Mapping[str, str], bytes]] = []
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}

    def fault(self, stage: str, *faults: Fault) -> None:
        self.faults[stage].extend(faults)

    def handle(
        self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> Reply | None:
        base, found, rest = path.partition("/export-job/")
        if path.endswith("/$export"):
            return self._faulty("kick-off", self._kick_off(method, path, query, headers, body))
        if not found:
            return None
        number, _, name = rest.partition("/")
        job = self.jobs[int(number)]
        url = f"http://{headers['host']}{base}/export-job/{number}"
        if not name.startswith("file/"):
            return self._status(method, job, url, int(name or 0))
        return self._file(job, name.removeprefix("file/"))

    def _faulty(self, stage: str, right: Reply) -> Reply:
        self.log.append(stage)
        self.heard()
        waiting = self.faults[stage]
        fault = waiting.popleft() if waiting else self.always.get(stage, right)
        return fault if isinstance(fault, Reply) else fault(right)

    def _kick_off(
        self, method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        self.kick_offs.append((method, query, headers, body))
        if method not in self.methods:
            return Reply(status=405, body=json.dumps(outcome("not-supported")).encode())
        if isinstance(next(iter(self.faults["kick-off"]), None), Reply):
            return Reply()  # what takes its place starts nothing
        self.jobs.append(Job(asked=self._asked(query, body), polls=self.polls))
        job = self.jobs[-1]
        prefix = path.removesuffix("/$export").partition("/Group/")[0].removesuffix("/Patient")
        job.files = self._written(job)
        place = f"http://{headers['host']}{prefix}/export-job/{len(self.jobs) - 1}/"
        return Reply(status=202, headers={"Content-Location": place})

    def _asked(self, query: Query, body: bytes) -> dict[str, list[str]]:
        if not body:
            return {name: ",".join(texts).split(",") for name, texts in query.items()}
        asked = defaultdict(list)
        for parameter in json.loads(body)["parameter"]:
            asked[parameter["name"]].append(next(v for k, v in parameter.items() if k != "name"))
        return asked

    def _written(self, job: Job) -> dict[str, bytes]:
        files = {}
        for kind, rows in self.resources().items():
            if job.asked.get("_type") and kind not in job.asked["_type"]:
                continue
            for n, start in enumerate(range(0, len(rows), self.per_file), start=1):
                files[f"{kind} {n}"] = ndjson(rows[start : start + self.per_file])
        extra = {"deleted 1": ndjson(self.deleted), "outcome 1": ndjson(self.outcomes)}
        return files | {name: body for name, body in extra.items() if body}

    def _status(self, method: str, job: Job, url: str, part: int) -> Reply:
        if method == "DELETE":
            job.deleted = True
            return self._faulty("delete", Reply(status=202))
        if job.deleted:
            return self._faulty("poll", Reply(status=404, body=json.dumps(outcome("not-found")).encode()))
        if job.polls > 0:
            job.polls -= 1
            return self._faulty("poll", Reply(status=202, headers={"X-Progress": f"{90 - job.polls}% done"}))
        return self._faulty("poll", Reply(body=json.dumps(self._manifest(job, url, part)).encode()))

    def _manifest(self, job: Job, url: str, part: int) -> dict[str, Any]:
        names = list(job.files)[part :: self.parts]
        items = [
            (name, {"type": name.split()[0], "url": f"{url}/file/{name.replace(' ', '-')}"}) for name in names
        ]
        for name, item in items:
            if self.counts:
                item["count"] = job.files[name].count(b"\n")
        told = "outcome" if self.version == 4 else "error"
        manifest: dict[str, Any] = {
            "transactionTime": self.time,
            "request": url,
            "requiresAccessToken": self.needs_token,
            "output": [i for n, i in items if n.split()[0] not in ("deleted", "outcome")],
            "deleted": [{**i, "type": "Bundle"} for n, i in items if n.startswith("deleted")],
            told: [{**i, "type": "OperationOutcome"} for n, i in items if n.startswith("outcome")],
        }
        if part + 1 < self.parts:
            manifest["link"] = [{"relation": "next", "url": f"{url}/{part + 1}"}]
        self.change(manifest)
        return manifest

    def _file(self, job: Job, name: str) -> Reply:
        stage = name.replace("-", " ")
        body = job.files[stage]
        pieces = [body[at : at + self.piece] for at in range(0, len(body), self.piece)]

        return self._faulty(stage, Reply(kind=NDJSON, pieces=pieces, pause=self.pause))
