"""The door for people: runs the command line and turns errors into a line, a hint and an exit code."""

import io
import os
import sys
import traceback
from types import TracebackType

from rwe.errors import RweError

ISSUES = "this is a bug of rwe: please report these lines, they hold no data"


def main() -> None:
    os.umask(0o077)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may know no `→`: no reason to lose the table
        sys.stdout.reconfigure(errors="replace")
    from rwe.cli import app  # noqa: PLC0415

    try:
        app(prog_name="rwe")
    except RweError as e:
        fail(e)
    except Exception as e:  # noqa: BLE001
        crash(e)


def fail(error: RweError) -> None:
    from rwe.output.words import plain  # noqa: PLC0415

    print(f"rwe: {plain(str(error))}", file=sys.stderr)  # noqa: T201
    if error.hint:
        print(f"     {plain(error.hint)}", file=sys.stderr)  # noqa: T201
    sys.exit(error.exit_code)


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
