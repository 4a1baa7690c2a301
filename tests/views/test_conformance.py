"""The official tests of SQL-on-FHIR, one case each, read where they lie and never copied.

RWE_VIEW_CASES names the folder; by default ../shared/conformance/sql-on-fhir beside the repository.
Its README says how the tests read and compare.
"""

import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from rwe.errors import MappingError
from rwe.views import compile_view
from tests.views import oracle

BESIDE = Path(__file__).parents[2].parent / "shared" / "conformance" / "sql-on-fhir"
FOLDER = Path(os.environ.get("RWE_VIEW_CASES", BESIDE))
ONLY_IN_THE_DATA = "fail when 'collection' is not true"


class Case(msgspec.Struct):
    title: str
    view: dict[str, Any]
    expect: msgspec.Raw = msgspec.Raw(b"null")
    expectColumns: list[str] | None = None  # noqa: N815 (their name)
    expectError: bool = False  # noqa: N815 (their name)


class CaseFile(msgspec.Struct):
    tests: list[Case]
    resources: list[msgspec.Raw]  # the bytes: 1.0 must not become 1


def cases() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        file = msgspec.json.decode(path.read_bytes(), type=CaseFile)
        lines = [bytes(r).decode() for r in file.resources]
        found += [pytest.param(lines, case, id=f"{path.stem}: {case.title}") for case in file.tests]
    absent = pytest.mark.skip(reason=f"no official tests in {FOLDER}: set RWE_VIEW_CASES")
    return found or [pytest.param([], None, marks=absent, id="absent")]


def comparable(value: Any) -> tuple[str, Any]:
    """Numbers by value, exactly; true is not 1, and "1" is not 1."""
    match value:
        case bool() | str() | None:
            return type(value).__name__, str(value)
        case list():
            return "list", tuple(map(comparable, value))
    return "number", Decimal(str(value))


def multiset(rows: list[dict[str, Any]]) -> Counter[Any]:
    return Counter(frozenset((name, comparable(v)) for name, v in row.items()) for row in rows)


def of_type(lines: list[str], resource: str) -> list[str]:
    return [line for line in lines if json.loads(line)["resourceType"] == resource]


@pytest.mark.parametrize(("lines", "case"), cases())
def test_official(execute: Any, lines: list[str], case: Case) -> None:
    if case.expectError and case.title != ONLY_IN_THE_DATA:
        with pytest.raises(MappingError):
            compile_view(case.view, "4.3.0")
        return
    view = compile_view(case.view, "4.3.0")
    if case.expectError:
        with pytest.raises(duckdb.Error, match="more than one value"):
            execute(view, of_type(lines, view.resource))
        return
    found = execute(view, of_type(lines, view.resource))
    assert multiset(found) == multiset(json.loads(bytes(case.expect), parse_float=Decimal))
    assert case.expectColumns in (None, [c.name for c in view.columns])


@pytest.mark.parametrize(("lines", "case"), cases())
def test_official_by_the_oracle(lines: list[str], case: Case) -> None:
    """What the compiled SQL is held against elsewhere is right here.  It refuses no view by itself."""
    if case.title == ONLY_IN_THE_DATA:
        with pytest.raises(oracle.ManyError):
            oracle.rows(case.view, lines, "4.3.0")
    elif not case.expectError:
        found = oracle.rows(case.view, lines, "4.3.0")
        assert multiset(found) == multiset(json.loads(bytes(case.expect), parse_float=Decimal))


def test_none_is_missing() -> None:
    if not FOLDER.is_dir():
        pytest.skip(f"no official tests in {FOLDER}")
    assert len(cases()) >= 144
