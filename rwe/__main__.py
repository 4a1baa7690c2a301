"""The door for people: runs the command line and turns errors into a line, a hint and an exit code."""

import _thread
import errno
import io
import os
import resource
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rwe.errors import DataError, RweError

ISSUES = "this is a bug of rwe: please report these lines, they hold no data"
# What a machine may refuse to anyone; any other OSError is ours.
REFUSED = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES),
    *(errno.EPERM, errno.EIO, errno.EMFILE, errno.ENOLCK),
}


def main() -> None:
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold patients and secrets
    sys.unraisablehook = _unraisable
    _open_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know no `→`: no reason to lose the table
        sys.stdout.reconfigure(errors="replace")
    try:
        from rwe.federate_cli import app, ended  # noqa: PLC0415  once streams and limits are as they must be
    except KeyboardInterrupt:
        sys.exit(130)

    try:
        _run(app)
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else 0
        try:
            ended(code)
        except RweError as unlogged:
            tell(unlogged)
            sys.exit(code or unlogged.exit_code)
        raise


def _run(app: Callable[..., object]) -> None:
    try:
        app(prog_name="rwe")
    except KeyboardInterrupt:  # before there is a command that could end with it
        sys.exit(130)
    except RweError as e:
        fail(e)
    except OSError as e:
        if e.errno not in REFUSED:
            crash(e)
        fail(
            DataError(
                f"{e.filename or 'output'}: {e.strerror}",
                hint="mend that and run it again: nothing whole was lost",
            )
        )
    except Exception as e:  # noqa: BLE001
        crash(e)


def _open_streams() -> None:
    """A closed stream's number goes to the next file opened, so that a print would end up in the store."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+"))  # noqa: SIM115  it stays open to the end


def _unraisable(what: Any) -> None:
    """A Ctrl-C that Python cannot raise where it came, in a callback: it would be printed and forgotten."""
    if not issubclass(what.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(what)
    elif not sys.is_finalizing():
        again = threading.Timer(0.01, _thread.interrupt_main)  # here it would be lost once more
        again.daemon = True
        again.start()


def fail(error: RweError) -> None:
    tell(error)
    sys.exit(error.exit_code)


def tell(error: RweError) -> None:
    from rwe.output.words import plain  # noqa: PLC0415

    print(f"rwe: {plain(str(error))}", file=sys.stderr)  # noqa: T201
    if error.hint:
        print(f"     {plain(error.hint)}", file=sys.stderr)  # noqa: T201


def crash(error: BaseException) -> None:
    """Name the kind of error and our own lines.  Its message may hold a patient's value: never shown."""
    print(f"rwe: {type(error).__name__}; {ISSUES}", file=sys.stderr)  # noqa: T201
    for frame in traceback.extract_tb(_traceback(error)):
        if f"{os.sep}rwe{os.sep}" in frame.filename:
            place = frame.filename.rpartition(f"{os.sep}rwe{os.sep}")[2]
            print(f"     rwe/{place}:{frame.lineno} {frame.name}", file=sys.stderr)  # noqa: T201
    sys.exit(1)


def _traceback(error: BaseException) -> TracebackType | None:
    return error.__traceback__


if __name__ == "__main__":
    main()
