"""A listener on 127.0.0.1: every method, every request kept, a thread for each connection.

    class Echo(Listener):  def reply(self, asked): return Reply(body=asked.body)

Sends a Reply of tests.fhir.server, with all its ways to break off.
"""

import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tests.fhir.server import Reply, Request, _Handler


@dataclass(frozen=True, kw_only=True)
class Asked(Request):
    method: str
    body: bytes

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Of the URL, and of a form."""
        form = "x-www-form-urlencoded" in self.headers.get("content-type", "")
        pairs = urlsplit(self.target).query + ("&" + self.body.decode() if form else "")
        return parse_qsl(pairs, keep_blank_values=True)


@dataclass(kw_only=True)
class Reset(Reply):
    """Ends in a reset of the connection: before the status line, or after what was sent of the body."""


class _AnyMethod(_Handler):
    owner: "Listener"  # type: ignore[assignment]

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query={},
            target=self.path,
            headers={k.lower(): v for k, v in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        with self.owner.lock:
            self.owner.requests.append(asked)
        reply = self.owner.reply(asked)
        self.close_connection = reply.drop or not reply.ends_itself
        if not reply.drop:
            self._send(reply)
        if isinstance(reply, Reset):
            self.close_connection = True
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815


class Listener:
    """`port` is known from the start; it is served inside `with`."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Asked] = []
        self.lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_AnyMethod,), {"owner": self}))
        self._http.daemon_threads = True
        if context:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.port = self._http.server_port
        self.origin = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def reply(self, asked: Asked) -> Reply:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()
