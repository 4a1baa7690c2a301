"""A Bulk Data export, versions 1 to 4: from its kick-off to files that are whole, in a folder of its own.

    Client, Wanted, folder  ──▶  export()  ──▶  Exported; a stop at any instant, and called again it goes on
    ExportedFile            ──▶  read()    ──▶  Resource | Unusable | PassedOver
                                 finish(), cancel(): the server's job and the folder are no longer needed

Nothing is loaded here, and the watermark is the caller's: Exported.transaction_time, where failures is
empty for the type.
Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rwe.errors import SiteError
from rwe.fhir import files
from rwe.fhir.bulk.ask import ANY, Say, small, told
from rwe.fhir.bulk.fetch import fetch_all
from rwe.fhir.bulk.file import ExpiredError, intact
from rwe.fhir.bulk.job import Folder, Job, Kind, Manifest, Piece, Wanted, Whole
from rwe.fhir.bulk.kickoff import RefusedError, kick_off
from rwe.fhir.bulk.kickoff import request as kick_off_request
from rwe.fhir.bulk.manifest import gather
from rwe.fhir.bulk.outcome import deletions, report
from rwe.fhir.bulk.poll import FailedError, GoneError, poll
from rwe.fhir.client import Client, Request, Sink, origin
from rwe.resource import Found, PassedOver, Unusable

__all__ = ["Exported", "ExportedFile", "Wanted", "cancel", "export", "finish", "kick_off_request", "read"]

# What a server may say to DELETE of a job: done, long gone, or that it knows no DELETE.
DELETED = (200, 202, 204, 404, 405, 410, 501)
SAYS = {
    "fewer": "a file holds fewer rows than the manifest counts",
    "more": "a file holds more rows than the manifest counts",
    "cut": "a file ends inside its last line",
    "empty": "a file is empty",
}
LACKING = ("fewer", "cut")


@dataclass(frozen=True, kw_only=True)
class ExportedFile:
    """size, sha256: of the plain bytes.  count: of the manifest.  name: how places call it."""

    type: str
    path: Path
    size: int
    sha256: str
    count: int | None
    name: str
    line_bytes: int


@dataclass(frozen=True, kw_only=True)
class Exported:
    """failures: by type, or by "deleted", "outcome" (what the server reports), "manifest" and
    "transactionTime": why it is not whole; the files of such a type that came are there all the same.

    notes: what to show, and no more.  passed_over: files of types that nobody asked for.
    """

    transaction_time: str | None
    files: tuple[ExportedFile, ...]
    failures: Mapping[str, str]
    notes: tuple[str, ...]
    passed_over: Mapping[str, int]
    deleted_files: tuple[ExportedFile, ...]

    @property
    def deletions(self) -> Iterator[tuple[str, str]]:
        """(type, id) of what is gone at the source, of any type; what cannot be read is a failure."""
        for file in self.deleted_files:
            yield from (gone for gone in deletions([file.path], file.line_bytes) if gone)


def export(  # noqa: PLR0913  two of them only for who watches
    client: Client,
    wanted: Wanted,
    folder: Path,
    say: Say,
    *,
    post: bool = False,
    came: Sink = lambda _: None,
) -> Exported:
    """All of an export.  post: the server speaks version 4, so it is asked by POST first.

    came: is handed the files' bytes as they come, from several threads.
    """
    work = Folder(folder)
    job = _resumed(client, work, wanted, say)
    try:
        return _fetched(client, work, job or _started(client, work, wanted, say, post=post), say, came)
    except GoneError:
        say(f"{client.site.id}: the server no longer knows the export: it is asked for anew")
        return _fetched(client, work, _started(client, work, wanted, say, post=post), say, came)
    except FailedError:
        _let_go(client, work.job(), say)
        work.empty()
        raise


def read(file: ExportedFile) -> Iterator[Found]:
    """Its rows.  Headers between the patients of a file (version 3, organizeOutputBy) are passed over."""
    for item in files.read(file.path, name=file.name, line_bytes=file.line_bytes):
        if isinstance(item, PassedOver) or item.type in (file.type, None):
            yield item
        elif item.type == "Parameters":
            yield PassedOver(source=f"{file.name}, line {item.place.position}")
        else:
            yield Unusable(
                type=file.type,
                reason="other_type",
                body=item.body,
                place=item.place,
                detail="resourceType",
            )


def finish(client: Client, folder: Path) -> None:
    """All is kept elsewhere.  The folder first: what it holds must not be taken for the next export."""
    work = Folder(folder)
    job = work.job()
    work.empty()
    _delete(client, job)


def cancel(client: Client, folder: Path) -> None:
    """The server first: where it cannot be reached, the job is kept to be cancelled later."""
    work = Folder(folder)
    _delete(client, work.job())
    work.empty()


def _delete(client: Client, job: Job | None) -> None:
    if job is None or job.status is None:
        return
    what = "the end of the export"
    request = Request(url=job.status, what=what, method="DELETE", expected=ANY - {429, 503})
    reply = small(client, request)
    if reply.status not in DELETED:
        raise SiteError(f"{client.site.id}: {what}: {told(reply)}", hint="the server may keep its files")


def _resumed(client: Client, work: Folder, wanted: Wanted, say: Say) -> Job | None:
    """The job that is under way for just this."""
    job, site = work.job(), client.site.id
    if job is None:
        if work.noted:
            say(f"{site}: what is noted of the export under way cannot be read: it is asked for anew")
        return None
    if job.status is None:
        say(f"{site}: an export was asked for, but no answer came: one may be running there already")
        return None
    if job.wanted == wanted and not job.expired:
        say(f"{site}: going on with the export under way")
        return job
    say(f"{site}: the export under way {'lacks files' if job.expired else 'asked for something else'}")
    _let_go(client, job, say)
    return None


def _let_go(client: Client, job: Job | None, say: Say) -> None:
    """Of a job that is of no use any more; a server that keeps it does no harm."""
    try:
        _delete(client, job)
    except SiteError as e:
        say(f"{e} ({e.hint})")


def _started(client: Client, work: Folder, wanted: Wanted, say: Say, *, post: bool) -> Job:
    """Noted before and after, so that a stop between the two is known."""
    work.empty()
    job = work.save(Job(wanted=wanted))
    try:
        started = kick_off(client, wanted, say, post=post)
    except RefusedError:
        work.empty()
        raise
    return work.save(msgspec.structs.replace(job, status=started.status, started=started.date))


def _fetched(client: Client, work: Folder, job: Job, say: Say, came: Sink) -> Exported:
    kept = {
        key: whole
        for key, whole in work.wholes().items()
        if whole.doubt not in LACKING and intact(work.path, whole)
    }
    before = job.manifest
    if before is None or before.failures or any(p.key not in kept for p in before.pieces):
        manifest = _manifest(client, job, say)
        if before and before.transaction_time != manifest.transaction_time:
            work.drop_files()
            kept = {}
        job = work.save(msgspec.structs.replace(job, manifest=manifest))
    manifest = job.manifest or _manifest(client, job, say)
    missing = [p for p in manifest.pieces if p.key not in kept]
    found = fetch_all(client, work, missing, say, came)
    still_faulty = bool(before and before.failures and manifest.failures)
    if still_faulty or any(isinstance(e, ExpiredError) for e in found.values()):
        work.save(msgspec.structs.replace(job, expired=True))
    return _exported(client, work, manifest, {**kept, **found})


def _manifest(client: Client, job: Job, say: Say) -> Manifest:
    own = origin(client.base)
    return gather(job.wanted, poll(client, job.status or "", say), lambda url: origin(url) == own)


def _exported(
    client: Client, work: Folder, manifest: Manifest, found: Mapping[str, Whole | SiteError]
) -> Exported:
    limits = client.site.table.limits
    failures: dict[str, list[str]] = defaultdict(list)
    notes: list[str] = []
    came: dict[Kind, list[ExportedFile]] = {"output": [], "deleted": [], "outcome": []}
    for name, text in manifest.failures.items():
        failures[name].append(text)
    for piece in manifest.pieces:
        match found[piece.key]:
            case SiteError() as e:
                failures[piece.type].append(_short(client, e))
            case Whole() as whole:
                came[piece.kind].append(_file(work, piece, whole, limits.line_bytes))
                if whole.doubt in LACKING:
                    failures[piece.type].append(SAYS[whole.doubt])
                elif whole.doubt:
                    notes.append(f"{piece.what}: {SAYS[whole.doubt]}")
    said = report((f.path for f in came["outcome"]), limits.line_bytes)
    if said.failure:
        failures["outcome"].append(said.failure)
    unreadable = sum(gone is None for gone in deletions((f.path for f in came["deleted"]), limits.line_bytes))
    if unreadable:
        failures["deleted"].append(f"{unreadable} of its deletions cannot be read")
    return Exported(
        transaction_time=manifest.transaction_time,
        files=tuple(came["output"]),
        failures={name: _joined(texts) for name, texts in failures.items()},
        notes=(*([said.note] if said.note else []), *notes),
        passed_over=manifest.passed_over,
        deleted_files=tuple(came["deleted"]),
    )


def _file(work: Folder, piece: Piece, whole: Whole, line_bytes: int) -> ExportedFile:
    return ExportedFile(
        type=piece.type,
        path=work.path / whole.name,
        size=whole.size,
        sha256=whole.sha256,
        count=piece.count,
        name=piece.what,
        line_bytes=line_bytes,
    )


def _short(client: Client, error: SiteError) -> str:
    text = str(error).removeprefix(f"{client.site.id}: ")
    return f"{text} ({error.hint})" if error.hint else text


def _joined(texts: list[str]) -> str:
    different = list(dict.fromkeys(texts))
    more = f"; and {len(different) - 3} more" if len(different) > 3 else ""
    return "; ".join(different[:3]) + more
