"""The files of an export, several at once; one that fails costs the others nothing.

    Client, [Piece]  ──▶  fetch_all()  ──▶  {key: Whole | SiteError}

The threads are daemons: a Ctrl-C is not held up by a download of hours.  What they leave is a file under
another name, which the next start writes anew.
"""

import queue
import threading
from collections.abc import Iterable

from rwe.errors import SiteError
from rwe.fhir.bulk.ask import Say
from rwe.fhir.bulk.file import Fetcher
from rwe.fhir.bulk.job import Folder, Piece, Whole
from rwe.fhir.client import Client, Sink

Outcome = Whole | BaseException


def fetch_all(
    client: Client, folder: Folder, pieces: Iterable[Piece], say: Say, came: Sink = lambda _: None
) -> dict[str, Whole | SiteError]:
    waiting = list(pieces)
    todo: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Piece, Outcome]] = queue.SimpleQueue()
    stop = threading.Event()
    threads = min(client.site.table.limits.concurrency, len(waiting))
    for piece in [*waiting, *[None] * threads]:
        todo.put(piece)
    fetcher = Fetcher(client, folder, stop, came)
    for _ in range(threads):
        threading.Thread(target=_work, args=(fetcher, todo, done, stop), daemon=True).start()
    try:
        return dict(_outcome(client, *done.get(), say) for _ in waiting)
    finally:
        stop.set()


def _work(
    fetcher: Fetcher,
    todo: "queue.SimpleQueue[Piece | None]",
    done: "queue.SimpleQueue[tuple[Piece, Outcome]]",
    stop: threading.Event,
) -> None:
    while (piece := todo.get()) and not stop.is_set():
        try:
            done.put((piece, fetcher.fetch(piece)))
        except BaseException as e:  # noqa: BLE001  the thread that waits raises it
            done.put((piece, e))


def _outcome(client: Client, piece: Piece, found: Outcome, say: Say) -> tuple[str, Whole | SiteError]:
    if isinstance(found, Whole):
        say(f"{client.site.id}: {piece.what}: {found.size} bytes")
    elif not isinstance(found, SiteError):
        raise found
    return piece.key, found
