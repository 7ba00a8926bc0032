"""The query subset as text: what it is, and its reader.

    SELECT * | c.a, c.b.c [AS x], … | VALUE c.a | VALUE COUNT(1)   [TOP n]
    FROM c
    [WHERE condition]    AND OR NOT ( ) = != <> < <= > >= BETWEEN IN
                         ARRAY_CONTAINS(@list, c.a) STARTSWITH(c.a, @p) IS_DEFINED(c.a)
    [ORDER BY c.a [ASC|DESC], …] [OFFSET n LIMIT m]

A comparison has a property on one side and a literal or a parameter on the other. Anything else is
refused: CosmosError 400.
"""

import functools
import re
from dataclasses import dataclass

from local.cosmos import values
from local.cosmos.errors import CosmosError, refused
from local.cosmos.values import Json, Path

MAX_TESTS = 500
MAX_DEPTH = 100
_TOKEN = re.compile(
    r"""\s+ | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?) | (?P<string>'[^'\\]*'|"[^"\\]*")
    | (?P<parameter>@\w+) | (?P<word>[A-Za-z_]\w*) | (?P<symbol><=|>=|!=|<>|[=<>()\[\],.*])""",
    re.VERBOSE | re.ASCII,
)
_RESERVED = re.compile(
    r"ALL|AND|ARRAY|AS|ASC|BETWEEN|BY|CASE|CAST|CONVERT|CROSS|DESC|DISTINCT|ELSE|END|ESCAPE|EXISTS|"
    r"FALSE|FROM|GROUP|HAVING|IN|INNER|INSERT|INTO|IS|JOIN|LEFT|LIKE|LIMIT|NOT|NULL|OFFSET|ON|OR|ORDER|OUTER|"
    r"OVER|RIGHT|SELECT|SET|THEN|TOP|TRUE|UDF|UNDEFINED|UPDATE|VALUE|WHEN|WHERE|WITH",
    re.IGNORECASE,
)
_COMPARISONS = ("=", "!=", "<>", "<", "<=", ">", ">=")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant in the text."""

    value: Json


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constant that comes with the request."""

    name: str


type Constant = Literal | Parameter


@dataclass(frozen=True, slots=True)
class Test:
    """A condition on one property: an operator or function, and its other arguments."""

    path: Path
    operator: str
    arguments: tuple[Constant, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a condition: undefined where that is undefined."""

    inner: "Condition"


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by AND or OR (`operator`)."""

    operator: str
    parts: tuple["Condition", ...]


type Condition = Test | Not | Junction


@dataclass(frozen=True, slots=True)
class Query:
    """A query as read. `select` names properties of the result; empty means the whole item."""

    select: tuple[tuple[str, Path], ...]
    value: bool
    count: bool
    where: Condition | None
    order: tuple[tuple[Path, bool], ...]
    offset: Constant
    limit: Constant | None


@functools.lru_cache(1000)
def read(text: str) -> Query:
    """The query in `text`; CosmosError 400 for what is outside the subset."""
    return _Reader(text).query()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._alias = ""
        self._tests = 0
        self._depth = 0

    def query(self) -> Query:
        self._expect("SELECT")
        top = self._constant() if self._accept("TOP") else None
        self._alias = self._find_alias()
        value = bool(self._accept("VALUE"))
        count = value and self._accept_all("COUNT", "(", "1", ")")
        select = () if count or (not value and self._accept("*")) else self._select(value)
        self._expect("FROM")
        self._name()
        where = self._or() if self._accept("WHERE") else None
        order = self._order() if self._accept("ORDER") else ()
        offset, limit = self._window(top)
        if self._kind() != "end":
            raise self._unexpected()
        if count and (order or limit):
            raise refused("COUNT with TOP, ORDER BY, OFFSET or LIMIT")
        return Query(select, value, count, where, order, offset, limit)

    def _find_alias(self) -> str:
        """The name after FROM: properties before it begin with that name."""
        for (_, word), (kind, name) in zip(self._tokens, self._tokens[1:], strict=False):
            if word.upper() == "FROM" and kind == "word":
                return name
        raise refused("a query without FROM and a name")

    def _select(self, value: bool) -> tuple[tuple[str, Path], ...]:
        items = [self._select_item()]
        while not value and self._accept(","):
            items.append(self._select_item())
        if len({name for name, _ in items}) < len(items):
            raise refused("two results of one name (use AS)")
        return tuple(items)

    def _select_item(self) -> tuple[str, Path]:
        path = self._path()
        return (self._name() if self._accept("AS") else path[-1]), path

    def _order(self) -> tuple[tuple[Path, bool], ...]:
        self._expect("BY")
        keys = [(self._path(), self._accept("ASC", "DESC") == "DESC")]
        while self._accept(","):
            keys.append((self._path(), self._accept("ASC", "DESC") == "DESC"))
        return tuple(keys)

    def _window(self, top: Constant | None) -> tuple[Constant, Constant | None]:
        if not self._accept("OFFSET"):
            return Literal(0), top
        if top is not None:
            raise refused("TOP with OFFSET and LIMIT")
        offset = self._constant()
        self._expect("LIMIT")
        return offset, self._constant()

    def _or(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refused(f"conditions nested deeper than {MAX_DEPTH}")
        parts = [self._and()]
        while self._accept("OR"):
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Junction("OR", tuple(parts))

    def _and(self) -> Condition:
        parts = [self._not()]
        while self._accept("AND"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Junction("AND", tuple(parts))

    def _not(self) -> Condition:
        negations = 0
        while self._accept("NOT"):
            negations += 1
        condition = self._condition()
        return Not(condition) if negations % 2 else condition

    def _condition(self) -> Condition:
        if self._accept("("):
            inner = self._or()
            self._expect(")")
            return inner
        self._tests += 1
        if self._tests > MAX_TESTS:
            raise refused(f"more than {MAX_TESTS} comparisons in one query")
        name = self._tokens[self._at][1].upper()
        if self._kind() == "word" and self._tokens[self._at + 1][1] == "(":
            return self._function(name)
        if name == self._alias.upper():
            return self._property_test()
        constant = self._constant()
        operator = self._comparison()
        return Test(self._path(), _MIRRORED.get(operator, operator), (constant,))

    def _function(self, name: str) -> Test:
        self._at += 2
        if name == "IS_DEFINED":
            test = Test(self._path(), name, ())
        elif name == "STARTSWITH":
            path = self._path()
            self._expect(",")
            test = Test(path, name, (self._constant(),))
        elif name == "ARRAY_CONTAINS":
            array = self._constant()
            self._expect(",")
            test = Test(self._path(), name, (array,))
        else:
            raise refused(f"the function {name}")
        self._expect(")")
        return test

    def _property_test(self) -> Test:
        path = self._path()
        if self._accept("BETWEEN"):
            low = self._constant()
            self._expect("AND")
            return Test(path, "BETWEEN", (low, self._constant()))
        if self._accept("IN"):
            self._expect("(")
            members = [self._constant()]
            while self._accept(","):
                members.append(self._constant())
            self._expect(")")
            return Test(path, "IN", tuple(members))
        return Test(path, self._comparison(), (self._constant(),))

    def _comparison(self) -> str:
        operator = self._accept(*_COMPARISONS)
        if not operator:
            raise self._unexpected()
        return "!=" if operator == "<>" else operator

    def _path(self) -> Path:
        if self._name() != self._alias:
            self._at -= 1
            raise self._unexpected()
        path: list[str] = []
        while True:
            if self._accept("."):
                path.append(self._name())
            elif self._accept("["):
                path.append(self._take("string")[1:-1])
                self._expect("]")
            elif path:
                return tuple(path)
            else:
                raise self._unexpected()

    def _constant(self) -> Constant:
        kind = self._kind()
        if kind == "parameter":
            return Parameter(self._take(kind))
        if kind == "string":
            return Literal(self._take(kind)[1:-1])
        if kind == "number":
            return Literal(values.parse(self._take(kind).encode()))
        word = self._accept("TRUE", "FALSE", "NULL")
        if not word:
            raise self._unexpected()
        return Literal({"TRUE": True, "FALSE": False}.get(word))

    def _name(self) -> str:
        if _RESERVED.fullmatch(self._tokens[self._at][1]):
            raise self._unexpected()
        return self._take("word")

    def _take(self, kind: str) -> str:
        if self._kind() != kind:
            raise self._unexpected()
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _accept(self, *texts: str) -> str | None:
        kind, text = self._tokens[self._at]
        if kind not in ("word", "symbol") or text.upper() not in texts:
            return None
        self._at += 1
        return text.upper()

    def _accept_all(self, *texts: str) -> bool:
        following = [text.upper() for _, text in self._tokens[self._at : self._at + len(texts)]]
        if following != list(texts):
            return False
        self._at += len(texts)
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _unexpected(self) -> CosmosError:
        text = self._tokens[self._at][1]
        return refused(f"this query: unexpected {text!r}" if text else "this query: it ends too soon")


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise refused(f"this query: unexpected {text[at : at + 20]!r} (a parameter may help)")
        if match.lastgroup:
            found.append((match.lastgroup, match.group()))
        at = match.end()
    return [*found, ("end", ""), ("end", "")]
