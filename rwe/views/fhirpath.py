"""Parse the SQL-on-FHIR subset of FHIRPath.

    path (str)  ──▶  parse()  ──▶  Node: a small tree of frozen dataclasses

Knows the grammar only: no element, type, function or constant.  What a name means is decided by
rwe.views.expression and rwe.views.functions.  Anything outside the subset is refused here, when the
view is loaded (MappingError naming the path and the construct), never skipped.
Left out on purpose: `|`, `in`, `contains`, `is`, `as`, `implies`, `xor`, quantities with a unit.
Source: https://sql-on-fhir.org and https://hl7.org/fhirpath
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from rwe.errors import MappingError


@dataclass(frozen=True)
class This:
    """`$this`, and what a path starts from when nothing is written before the first name."""


@dataclass(frozen=True)
class Literal:
    value: str  # unescaped; the text as written for numbers, dates and times
    type: str  # string, boolean, integer, decimal, date, dateTime, time


@dataclass(frozen=True)
class Constant:
    name: str  # without the %


@dataclass(frozen=True)
class Member:
    base: "Node"
    name: str


@dataclass(frozen=True)
class Index:
    base: "Node"
    at: "Node"


@dataclass(frozen=True)
class Call:
    base: "Node"
    name: str
    args: tuple["Node", ...]


@dataclass(frozen=True)
class Minus:
    operand: "Node"


@dataclass(frozen=True)
class Binary:
    operator: str
    left: "Node"
    right: "Node"


Node = This | Literal | Constant | Member | Index | Call | Minus | Binary

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<time>@T\d\d(?::\d\d(?::\d\d(?:\.\d+)?)?)?)
      | (?P<clock>@\d{4}(?:-\d\d(?:-\d\d)?)?T(?:\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)
      | (?P<date>@\d{4}(?:-\d\d(?:-\d\d)?)?)
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<boolean>(?:true|false)\b)
      | (?P<name>[A-Za-z_]\w*|`(?:[^`\\]|\\.)+`)
      | (?P<constant>%(?:[A-Za-z_]\w*|`(?:[^`\\]|\\.)+`|'(?:[^'\\]|\\.)+'))
      | (?P<this>\$this\b)
      | (?P<symbol><=|>=|!=|[=<>+\-*/.,()\[\]])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
OPERATORS = ("or", "and", "= !=", "< <= > >=", "+ -", "* /")  # the later, the tighter
LEVELS = {operator: level for level, row in enumerate(OPERATORS, 1) for operator in row.split()}
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def parse(path: object) -> Node:
    if not isinstance(path, str):
        raise MappingError(f"a path must be text, not {path!r}")
    return _Parser(path).whole()


def _unescape(quoted: str) -> str:
    def one(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else LETTERS.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, quoted[1:-1], flags=re.DOTALL)


def _plain(name: str) -> str:
    return _unescape(name) if name[0] in "`'" else name


TERMS: dict[str, Callable[[str], Node]] = {
    "string": lambda text: Literal(_unescape(text), "string"),
    "boolean": lambda text: Literal(text, "boolean"),
    "number": lambda text: Literal(text, "decimal" if "." in text else "integer"),
    "date": lambda text: Literal(text[1:], "date"),
    "clock": lambda text: Literal(text[1:].removesuffix("T"), "dateTime"),
    "time": lambda text: Literal(text[2:], "time"),
    "constant": lambda text: Constant(_plain(text[1:])),
    "this": lambda _: This(),
}


class _Parser:
    def __init__(self, path: str) -> None:
        self.path = path
        self.tokens = self._tokens()
        self.at = 0

    def _tokens(self) -> list[tuple[str, str]]:
        found, at = [], 0
        while at < len(self.path):
            match = TOKEN.match(self.path, at)
            if match is None:
                raise self._refused(self.path[at:])
            if match.lastgroup != "space":
                found.append((str(match.lastgroup), match[0]))
            at = match.end()
        return [*found, ("end", "")]

    def _refused(self, construct: str) -> MappingError:
        what = f"'{construct[:40]}'" if construct else "its end"
        return MappingError(
            f"path '{self.path}': not understood at {what}",
            hint="a view may use the SQL-on-FHIR subset of FHIRPath; see https://sql-on-fhir.org",
        )

    def _take(self, symbol: str) -> bool:
        if self.tokens[self.at] != ("symbol", symbol):
            return False
        self.at += 1
        return True

    def _need(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._refused(self.tokens[self.at][1])

    def whole(self) -> Node:
        node = self._binary(1)
        if self.tokens[self.at][0] != "end":
            raise self._refused(self.tokens[self.at][1])
        return node

    def _binary(self, level: int) -> Node:
        """Precedence climbing: all operators of the subset are left-associative."""
        left = self._unary()
        while LEVELS.get(operator := self.tokens[self.at][1], 0) >= level:
            self.at += 1
            left = Binary(operator, left, self._binary(LEVELS[operator] + 1))
        return left

    def _unary(self) -> Node:
        if self._take("-"):
            return Minus(self._unary())
        if self._take("+"):
            return self._unary()
        return self._steps(self._term())

    def _term(self) -> Node:
        if self._take("("):
            node = self._binary(1)
            self._need(")")
            return node
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind in TERMS:
            return TERMS[kind](text)
        if kind != "name" or text in LEVELS:
            raise self._refused(text)
        return self._named(This(), _plain(text))

    def _named(self, base: Node, name: str) -> Node:
        if not self._take("("):
            return Member(base, name)
        args: list[Node] = []
        while not self._take(")"):
            if args:
                self._need(",")
            args.append(self._binary(1))
        return Call(base, name, tuple(args))

    def _steps(self, node: Node) -> Node:
        while True:
            if self._take("["):
                node = Index(node, self._binary(1))
                self._need("]")
            elif self._take("."):
                kind, text = self.tokens[self.at]
                if kind != "name":
                    raise self._refused(text)
                self.at += 1
                node = self._named(node, _plain(text))
            else:
                return node
