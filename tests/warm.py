"""A process that has read all of rwe and becomes a command by forking: a command without its start.

    Warm.run(words, …)  ──socket──▶  serve() forks  ──▶  the child is `python -m rwe WORDS`

The child is a process of its own: its streams, folder, environment, exit code and end are the command's.
It does not show what a start shows: that each verb imports what it needs, what PYTHON… variables do, and,
since all children have the parent's, that nothing hangs on the seed of hashes; nor what Python's own end
prints.  rwe(…, fresh=True) does.
"""

import atexit
import gc
import json
import os
import pkgutil
import runpy
import selectors
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LONGEST = 1 << 20
EXTRA = "rwe.federate.engine"
"""Needs a package that is not there for the tests."""
LATE = ("fhir.resources", "polars", "pydantic.type_adapter", "encodings.utf_8_sig", "resource")


class Warm:
    """The tests' end: one such process for each process of pytest, begun when first asked."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-m", "tests.warm", str(theirs.fileno())]
            pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)  # as a command's will be
            self._process = subprocess.Popen(words, cwd=ROOT, pass_fds=[theirs.fileno()], **pipes)

    def close(self) -> None:
        self._channel.close()
        self._process.communicate()

    def run(
        self, words: list[str], *, cwd: Path | None, environment: dict[str, str], stdin: bytes
    ) -> tuple[int, bytes, bytes]:
        """Exit code, stdout, stderr."""
        asked = {"words": words, "cwd": str(cwd or Path.cwd()), "environment": environment}
        (in_, feed), *reading = (os.pipe() for _ in range(4))
        theirs = [in_, *(write for _, write in reading)]
        socket.send_fds(self._channel, [json.dumps(asked).encode()], theirs)
        for fd in theirs:
            os.close(fd)
        with ThreadPoolExecutor(4) as pool:
            pool.submit(_feed, feed, stdin)
            out, err, code = pool.map(_drain, (read for read, _ in reading))
        assert code, self._process.communicate()[1].decode()
        return int(code), out, err


def _feed(fd: int, content: bytes) -> None:
    with suppress(BrokenPipeError), open(fd, "wb") as pipe:
        pipe.write(content)


def _drain(fd: int) -> bytes:
    with open(fd, "rb") as pipe:
        return pipe.read()


def serve(channel: socket.socket) -> dict[str, Any] | None:
    """In a child what it is to become; None in the parent, when nobody is left to ask."""
    waiting: dict[int, int] = {}
    with selectors.DefaultSelector() as ready:
        ready.register(channel, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not channel:
                    ready.unregister(key.fileobj)
                    _tell(key.fd, key.data, waiting.pop(key.fd))
                    continue
                message, fds, *_ = socket.recv_fds(channel, LONGEST, 4)
                if not message:
                    return None
                *streams, status = fds
                child = os.fork()
                if child == 0:
                    for said in (status, *waiting.values()):
                        os.close(said)
                    return _become(json.loads(message), streams)
                for fd in streams:
                    os.close(fd)
                ended = os.pidfd_open(child)
                waiting[ended] = status
                ready.register(ended, selectors.EVENT_READ, child)


def _tell(ended: int, child: int, status: int) -> None:
    """As subprocess has it: minus the signal's number where one ended the child."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(status, str(code).encode())
    os.close(status)
    os.close(ended)


def _become(asked: dict[str, Any], streams: list[int]) -> dict[str, Any]:
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.path[0] = asked["cwd"]
    sys.argv[1:] = asked["words"]
    return asked


def _read_all() -> None:
    import rwe

    for module in pkgutil.walk_packages(rwe.__path__, "rwe."):
        if not module.name.endswith("__main__") and not module.name.startswith(EXTRA):
            import_module(module.name)
    for name in LATE:
        import_module(name)


def _command() -> None:
    """To the exit code as Python does it, but for taking apart all modules: half a second each time."""
    try:
        runpy.run_module("rwe", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as e:
        code = int(e.code or 0)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        _read_all()
        gc.freeze()  # a child's collector would copy every page of what is read here
        asked = serve(channel)
    if asked:
        _command()


if __name__ == "__main__":
    main()
