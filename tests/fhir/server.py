"""A FHIR server in memory, on 127.0.0.1, that misbehaves as a test says.

    with Server() as s:  s.pages("Patient", [...], size=2);  s.script("Patient", Reply(status=429), …)

Replies scripted for a path come first, one for each request, the last again and again where it says
`forever`; then the pages.  Every request is recorded, with its headers.
"""

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FHIR = "application/fhir+json"


@dataclass(kw_only=True)
class Reply:
    """`sent`: the bytes really sent of a body; `pieces`: sent one by one, `pause` seconds apart.

    framing: "length" (Content-Length), "close" (none, the connection ends it), "chunked" or "cut-chunked".
    """

    body: bytes = b""
    status: int = 200
    kind: str | None = FHIR
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    framing: str = "length"
    pieces: Iterable[bytes] = ()
    pause: Callable[[], object] = lambda: None
    forever: bool = False
    drop: bool = False

    @property
    def ends_itself(self) -> bool:
        return self.framing == "chunked" or (self.framing == "length" and self.sent is None)


@dataclass(frozen=True, kw_only=True)
class Request:
    path: str
    query: dict[str, list[str]]
    target: str
    headers: dict[str, str]
    method: str = "GET"
    body: bytes = b""


Mount = Callable[[str, str, dict[str, list[str]], dict[str, str], bytes], "Reply | None"]
"""(method, path, query, headers, body); None where the path is not its own."""


class Server:
    """`base` is where the FHIR API begins; next links are made of `link`, with {base} and {token} in it."""

    def __init__(self, link: str = "{base}?_getpages={token}", context: Any = None) -> None:
        self.link = link
        self.requests: list[Request] = []
        self.scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self.listings: dict[str, list[list[Any]]] = {}
        self.totals: dict[str, int | None] = {}
        self.mounts: list[Mount] = []
        self.statement: dict[str, Any] = {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "server", "resource": [{"type": "Patient"}]}],
        }
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._http.daemon_threads = True
        if context:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_port
        self.base = f"http{'s' if context else ''}://127.0.0.1:{self.port}/fhir"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def pages(self, kind: str, resources: list[Any], *, size: int = 100, overlap: int = 0) -> None:
        """Serve resources in pages; `overlap` rows of a page come again on the next."""
        starts = range(0, max(1, len(resources)), size)
        self.listings[kind] = [resources[max(0, n - overlap) : n + size] for n in starts]
        self.totals.setdefault(kind, len(resources))

    def script(self, path: str, *replies: Reply) -> None:
        """`path` is below the base."""
        self.scripts[f"/fhir/{path}".rstrip("/")].extend(replies)

    def asked(self, path: str) -> list[Request]:
        return [r for r in self.requests if r.path == f"/fhir/{path}".rstrip("/")]

    def reply(self, request: Request) -> Reply:
        waiting = self.scripts[request.path.rstrip("/")]
        if waiting:
            return waiting[0] if waiting[0].forever else waiting.popleft()
        if mounted := self._mounted(request):
            return mounted
        if request.path == "/fhir/metadata":
            return Reply(body=json.dumps(self.statement).encode())
        kind, number = self._page(request)
        if kind not in self.listings:
            return Reply(status=404)
        if request.query.get("_summary") == ["count"]:
            return Reply(body=json.dumps({"resourceType": "Bundle", "total": self.totals[kind]}).encode())
        return Reply(body=json.dumps(self._bundle(kind, number)).encode())

    def _mounted(self, request: Request) -> Reply | None:
        r = request
        replies = (mount(r.method, r.path, r.query, r.headers, r.body) for mount in self.mounts)
        return next((reply for reply in replies if reply), None)

    def _page(self, request: Request) -> tuple[str, int]:
        token = request.query.get("_getpages", [f"{request.path.rpartition('/')[2]}-0"])[0]
        kind, _, number = token.rpartition("-")
        return kind, int(number)

    def _bundle(self, kind: str, number: int) -> dict[str, Any]:
        pages = self.listings[kind]
        link = [{"relation": "self", "url": self.base}]
        if number + 1 < len(pages):
            url = self.link.format(base=self.base, token=f"{kind}-{number + 1}")
            link.append({"relation": "next", "url": url})
        entry = [{"fullUrl": f"{self.base}/{kind}/{r['id']}", "resource": r} for r in pages[number]]
        return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry}


class _Handler(BaseHTTPRequestHandler):
    owner: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each reply waits 40 ms for the client's acknowledgement

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        request = Request(
            path=parts.path,
            query=parse_qs(parts.query),
            target=self.path,
            headers={k.lower(): v for k, v in self.headers.items()},
            method=self.command,
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        self.owner.requests.append(request)
        reply = self.owner.reply(request)
        # Only where the reply itself needs it: a close without a word races with the next request.
        self.close_connection = reply.drop or not reply.ends_itself
        if not reply.drop:
            self._send(reply)

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _send(self, reply: Reply) -> None:
        chunked = reply.framing.endswith("chunked")
        pieces = list(reply.pieces) or [reply.body]
        self.send_response_only(reply.status)
        for name, value in {"Content-Type": reply.kind, **reply.headers}.items():
            if value is not None:
                self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.framing == "length":
            self.send_header("Content-Length", str(sum(map(len, pieces))))
        self.end_headers()
        for piece in pieces:
            data = piece[: reply.sent]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
            reply.pause()
        if reply.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")

    def handle(self) -> None:
        with suppress(OSError):  # the client has hung up
            super().handle()

    def log_message(self, *_: object) -> None:
        pass
