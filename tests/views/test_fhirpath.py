"""The grammar: what is read, how it binds, and what is refused with its place."""

import pytest

from rwe.errors import MappingError
from rwe.views.fhirpath import Binary, Call, Constant, Index, Literal, Member, Minus, This, parse

A, B, C = (Member(This(), name) for name in "abc")


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("a", A),
        ("$this", This()),
        ("a.b", Member(A, "b")),
        ("a [ 0 ]", Index(A, Literal("0", "integer"))),
        ("%use", Constant("use")),
        ("%`my use`", Constant("my use")),
        ("`div`", Member(This(), "div")),
        ("contains.code", Member(Member(This(), "contains"), "code")),
        ("f()", Call(This(), "f", ())),
        ("a.f(b, c)", Call(A, "f", (B, C))),
        ("true", Literal("true", "boolean")),
        ("trueish", Member(This(), "trueish")),
        ("1.50", Literal("1.50", "decimal")),
        ("-1", Minus(Literal("1", "integer"))),
        ("+1", Literal("1", "integer")),
        ("@2020", Literal("2020", "date")),
        ("@2020-02-03", Literal("2020-02-03", "date")),
        ("@2020T", Literal("2020", "dateTime")),
        ("@2020-02-03T04:05:06.7+01:00", Literal("2020-02-03T04:05:06.7+01:00", "dateTime")),
        ("@T04:05", Literal("04:05", "time")),
        ("'it\\'s'", Literal("it's", "string")),
        (r"'\u00e9\n\\\q'", Literal("é\n\\q", "string")),
        ("a // to the end", A),
        ("a /* b */ .b", Member(A, "b")),
    ],
)
def test_read(path: str, node: object) -> None:
    assert parse(path) == node


@pytest.mark.parametrize(
    ("path", "node"),
    [
        ("a or b and c", Binary("or", A, Binary("and", B, C))),
        ("(a or b) and c", Binary("and", Binary("or", A, B), C)),
        ("a = b and c", Binary("and", Binary("=", A, B), C)),
        ("a < b = c", Binary("=", Binary("<", A, B), C)),
        ("a + b * c", Binary("+", A, Binary("*", B, C))),
        ("a - b - c", Binary("-", Binary("-", A, B), C)),
        ("a and b and c", Binary("and", Binary("and", A, B), C)),
        ("-a.b", Minus(Member(A, "b"))),
        ("(a = b).not()", Call(Binary("=", A, B), "not", ())),
    ],
)
def test_precedence(path: str, node: object) -> None:
    assert parse(path) == node


@pytest.mark.parametrize(
    ("path", "construct"),
    [
        ("@@", "@@"),
        ("a | b", "| b"),
        ("a in b", "in"),
        ("a as Quantity", "as"),
        ("a is string", "is"),
        ("a implies b", "implies"),
        ("a ~ b", "~ b"),
        ("a & 'x'", "& 'x'"),
        ("a.", "its end"),
        ("a.1", "1"),
        ("f(a", "its end"),
        ("f(a,)", ")"),
        ("a[0", "its end"),
        ("(a", "its end"),
        ("a b", "b"),
        ("'open", "'open"),
        ("4 'mg'", "'mg'"),
        ("", "its end"),
        ("and", "and"),
        ("{}", "{}"),
        ("a; DROP TABLE b", "; DROP TABLE b"),
        ("a\0", "\0"),
    ],
)
def test_refused_with_path_and_construct(path: str, construct: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse(path)
    assert f"path '{path}'" in str(caught.value)
    assert construct in str(caught.value)
    assert "subset" in caught.value.hint


@pytest.mark.parametrize("path", [1, None, ["a"], {}])
def test_a_path_is_text(path: object) -> None:
    with pytest.raises(MappingError, match="must be text"):
        parse(path)
