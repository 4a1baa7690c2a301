"""A view comes from elsewhere: no text in it may become SQL."""

from typing import Any

import pytest

from rwe.errors import MappingError
from rwe.views import compile_view
from rwe.views.values import identifier, literal

HOSTILE = [
    "it's",
    "'; DROP TABLE line; --",
    "''",
    "\\",
    "\\' OR 1 = 1 --",
    '"',
    "$$x$$",
    "{x} {0} %s %(a)s ? $1",
    "/* */ --",
    "line\nbreak\ttab",
    "naïve 漢字 🫁",
]


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def patient(path: str, **more: Any) -> dict[str, Any]:
    return {"resource": "Patient", "select": [{"column": [{"name": "v", "path": path}]}], **more}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_in_a_path_stays_a_text(value: Any, text: str) -> None:
    content = {"name": [{"use": text, "family": "found"}], "extension": [{"url": text, "valueCode": text}]}
    assert value("Patient", quoted(text), content) == text
    assert value("Patient", f"name.where(use = {quoted(text)}).family", content) == "found"
    assert value("Patient", f"extension({quoted(text)}).value.ofType(code)", content) == text
    assert value("Patient", f"name.use.join({quoted(text)})", content) == text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["valueString", "valueCode", "valueDateTime", "valueUri"])
def test_a_text_constant_stays_a_text(rows: Any, text: str, kind: str) -> None:
    view = patient("%c", constant=[{"name": "c", kind: text}])
    assert rows(view, {"id": "p"}) == [{"v": text}]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_date_literal_cannot_end_its_quotes(text: str) -> None:
    with pytest.raises(MappingError):
        compile_view(patient(f"birthDate = @2020-01-01{text}"), "4.0.1")


@pytest.mark.parametrize("text", [*HOSTILE, "", "1a", "a b", "é", "v\n"])
def test_names_of_columns_and_views_are_plain(text: str) -> None:
    with pytest.raises(MappingError):
        compile_view({"resource": "Patient", "select": [{"column": [{"name": text, "path": "id"}]}]}, "4.0.1")
    with pytest.raises(MappingError):
        compile_view({**patient("id"), "name": text}, "4.0.1")


@pytest.mark.parametrize("name", ["select", "end", "json", "r", "line", "resource", "u1", "e"])
def test_a_column_may_have_a_word_of_sql_as_its_name(rows: Any, name: str) -> None:
    column = {"name": name, "path": "family"}
    view = {"resource": "Patient", "select": [{"forEach": "name", "column": [column]}]}
    assert rows(view, {"name": [{"family": "a"}]}) == [{name: "a"}]
    assert f'AS "{name}"' in compile_view(view, "4.0.1").query("line")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\0Patient\0"])
def test_what_sql_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(MappingError):
        compile_view(patient("%c", constant=[{"name": "c", "valueString": text}]), "4.0.1")


@pytest.mark.parametrize("path", ["ofType(`Patient'`)", "getReferenceKey(`x') --`)", '`id" FROM x --`'])
def test_a_delimited_name_is_looked_up_not_pasted(path: str) -> None:
    with pytest.raises(MappingError):
        compile_view(patient(path), "4.0.1")


@pytest.mark.parametrize("ansi", ["VARCHAR); DROP TABLE line; --", "DECIMAL(5,2)) --", "", "VARCHAR USING x"])
def test_a_type_is_looked_up_not_pasted(ansi: str) -> None:
    column = {"name": "v", "path": "id", "tag": [{"name": "ansi/type", "value": ansi}]}
    with pytest.raises(MappingError, match="ansi/type"):
        compile_view({"resource": "Patient", "select": [{"column": [column]}]}, "4.0.1")


def test_quoting() -> None:
    assert literal("it's") == "'it''s'"
    assert identifier('a"b') == '"a""b"'
