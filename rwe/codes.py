"""Code lists: codes/NAME.csv with the header system,code,display.

A code counts only together with its system.  `display` is for people and is never matched.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from rwe.errors import StudyError

HEADER = ["system", "code", "display"]


@dataclass(frozen=True, kw_only=True)
class Code:
    system: str
    code: str
    display: str


def read_code_list(path: Path) -> tuple[Code, ...]:
    """The codes of a list, in the file's order; an empty list is an error, for it would match nobody."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except FileNotFoundError:
        raise StudyError(
            f"{path}: this code list is named in study.toml but is not there",
            hint=f"write it with the header {','.join(HEADER)}",
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise StudyError(f"{path}: cannot be read as CSV in UTF-8 ({type(e).__name__})") from None
    if not rows or rows[0] != HEADER:
        raise StudyError(f"{path}:1: the header must be {','.join(HEADER)}")
    codes: dict[tuple[str, str], Code] = {}
    for number, row in enumerate(rows[1:], start=2):
        if row:
            code = _code(path, number, row)
            if codes.setdefault((code.system, code.code), code) is not code:
                raise StudyError(f"{path}:{number}: this code stands twice: its records would count twice")
    if not codes:
        raise StudyError(f"{path}: the list holds no code, so it would match nobody")
    return tuple(codes.values())


def _code(path: Path, line: int, row: list[str]) -> Code:
    if len(row) != len(HEADER):
        raise StudyError(f"{path}:{line}: {len(row)} columns where {','.join(HEADER)} asks for three")
    system, code, display = (cell.strip() for cell in row)
    if not system or not code:
        raise StudyError(f"{path}:{line}: system and code must both be given")
    return Code(system=system, code=code, display=display)
