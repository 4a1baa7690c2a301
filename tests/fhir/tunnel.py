"""An HTTP proxy that tunnels, as a hospital's does: CONNECT, then bytes both ways.

with Tunnel() as p:  client(proxy=p.url)  …  p.heads == [b"CONNECT …"]
"""

import socket
import threading
from contextlib import suppress
from typing import Any


class Tunnel:
    """heads: what was said to the proxy itself, of each connection."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listening]
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> "Tunnel":
        self._run(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        for s in self._open:
            with suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for s in self._open:
            s.close()

    def _run(self, work: Any, *args: Any) -> None:
        self._threads.append(threading.Thread(target=work, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._tunnel(self._listening.accept()[0])

    def _tunnel(self, near: socket.socket) -> None:
        self._open.append(near)
        head = b""
        while not head.endswith(b"\r\n\r\n") and (byte := near.recv(1)):
            head += byte
        self.heads.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        far = socket.create_connection((host, int(port)))
        self._open.append(far)
        near.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: y\r\n\r\n")
        self._run(_pump, near, far)
        self._run(_pump, far, near)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
