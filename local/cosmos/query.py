"""Queries of one logical partition: from the parsed query to SQL, and to pages of answers.

SQL sees keys (`values`), never JSON. Undefined is NULL there, and a condition is compiled for the
outcome it must have, true or false, with every NOT pushed down to the tests: so only AND and OR
are left above them, where undefined and false are the same.
"""

from dataclasses import dataclass
from typing import cast

import orjson

from local.cosmos import charges, policy, syntax, values
from local.cosmos.errors import CosmosError, refused
from local.cosmos.store import Container, Store
from local.cosmos.syntax import Condition, Constant, Junction, Not, Query, Test
from local.cosmos.values import Document, Json, Path

MAX_PAGE_BYTES = 4 * 1024 * 1024
MAX_ELEMENTS = 20_000
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_RANGES = ("<", "<=", ">", ">=", "BETWEEN", "IN", "STARTSWITH", "ARRAY_CONTAINS")


@dataclass(frozen=True, slots=True)
class Page:
    """Results as JSON texts, the continuation (None at the end) and the charge in RU."""

    results: list[bytes]
    continuation: str | None
    charge: float


@dataclass(frozen=True, slots=True)
class _Sql:
    text: str
    keys: tuple[bytes | int | float, ...] = ()


def run(
    store: Store,
    container: Container,
    partition: bytes,
    body: Document,
    page_items: int,
    continuation: str | None,
) -> Page:
    """One page of the query in `body`; CosmosError 400 for what is outside the subset."""
    parameters = _parameters(body)
    query = syntax.read(str(body.get("query", "")))
    policy.check_order(container.indexing, query.order)
    compiler = _Compiler(store, container, parameters)
    where = compiler.scope(partition, query.where)
    narrowed = compiler.index(query)
    if query.count:
        (count,) = store.execute(f"SELECT count(*) FROM items WHERE {where.text}", where.keys).fetchone()  # noqa: S608 - columns are our own names, values are bound
        return Page([orjson.dumps(count)], None, charges.query(0))
    window = _Window.of(query, parameters, continuation)
    order = [(compiler.column(path), descending) for path, descending in query.order]
    # Items of equal rank come in the order of their creation. The plus keeps SQLite from walking
    # the whole partition in that order where an index finds the items.
    order.append(("+number" if narrowed else "number", bool(order) and order[-1][1]))
    return _page(store, query, where, order, window, page_items)


@dataclass(frozen=True, slots=True)
class _Window:
    """What is left to skip and to return (None: all), and the sort key of the last result."""

    offset: int
    left: int | None
    after: tuple[bytes | int, ...] | None

    @staticmethod
    def of(query: Query, parameters: Document, continuation: str | None) -> "_Window":
        if continuation is None:
            limit = None if query.limit is None else _whole(query.limit, parameters)
            return _Window(_whole(query.offset, parameters), limit, None)
        try:
            left, number, *keys = orjson.loads(continuation)
            after: tuple[bytes | int, ...] = (*map(bytes.fromhex, keys), int(number))
        except (ValueError, TypeError):
            raise CosmosError(400, "The continuation token is invalid") from None
        if len(keys) != len(query.order):
            raise CosmosError(400, "The continuation token is of another query")
        return _Window(0, left, after)

    @staticmethod
    def token(left: int | None, last: tuple[bytes | int, ...]) -> str:
        *keys, number = last
        texts = [cast("bytes", key).hex() for key in keys]
        return orjson.dumps([left, number, *texts]).decode()


class _Compiler:
    def __init__(self, store: Store, container: Container, parameters: Document) -> None:
        self._store = store
        self._container = container
        self._parameters = parameters

    def column(self, path: Path) -> str:
        return self._store.column(self._container, path)

    def scope(self, partition: bytes, where: Condition | None) -> _Sql:
        """The condition for a visible item of the partition that meets `where`."""
        base = _Sql(
            "container = ? AND partition = ? AND coalesce(expires > ?, 1)",
            (self._container.number, partition, self._store.now()),
        )
        return base if where is None else _join("AND", [base, self._condition(where, True)])

    def index(self, query: Query) -> bool:
        """Let SQLite have an index for the tests that every result meets, or else for the order.

        False when there are no such tests: then the query is a walk through the partition.
        """
        tests = [part for part in _conjuncts(query.where) if isinstance(part, Test)]
        equal = {self.column(test.path) for test in tests if test.operator == "="}
        ranges = [test.path for test in tests if test.operator in _RANGES]
        paths = [*ranges, *(path for path, _ in query.order)]
        then = [column for column in map(self.column, paths) if column not in equal]
        if "id" not in {*equal, *then[:1]}:
            self._store.ensure_index(sorted(equal), then[0] if then else None)
        return bool(equal or ranges)

    def _condition(self, node: Condition, wanted: bool) -> _Sql:
        if isinstance(node, Not):
            return self._condition(node.inner, not wanted)
        if isinstance(node, Junction):
            operator = node.operator if wanted else {"AND": "OR", "OR": "AND"}[node.operator]
            return _join(operator, [self._condition(part, wanted) for part in node.parts])
        return self._test(node, wanted)

    def _test(self, test: Test, wanted: bool) -> _Sql:
        column = self.column(test.path)
        arguments = [constant(argument, self._parameters) for argument in test.arguments]
        match test.operator:
            case "IS_DEFINED":
                return _Sql(f"{column} IS NOT NULL" if wanted else f"{column} IS NULL")
            case "ARRAY_CONTAINS":
                return _contains(column, arguments[0], wanted)
            case "IN":
                return _in(column, arguments, wanted)
            case "STARTSWITH":
                return _starts_with(column, arguments[0], wanted)
            case "BETWEEN":
                low = _compare(column, ">=" if wanted else "<", arguments[0])
                high = _compare(column, "<=" if wanted else ">", arguments[1])
                return _join("AND" if wanted else "OR", [low, high])
        return _compare(column, test.operator if wanted else _OPPOSITE[test.operator], arguments[0])


def constant(argument: Constant, parameters: Document) -> Json:
    """The value of a literal or parameter; CosmosError 400 for a parameter that is missing."""
    if isinstance(argument, syntax.Literal):
        return argument.value
    if argument.name not in parameters:
        raise CosmosError(400, f"The parameter {argument.name} has no value")
    return parameters[argument.name]


def _compare(column: str, operator: str, value: Json) -> _Sql:
    """True where the property has the type of `value` and compares so to it."""
    key = _scalar_key(value)
    first, end = values.type_range(key)
    if operator == "=":
        return _Sql(f"{column} = ?", (key,))
    if operator == "!=":
        return _Sql(f"({column} >= ? AND {column} < ? AND {column} != ?)", (first, end, key))
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise refused("ordering by comparison with null or a boolean")
    if operator in ("<", "<="):
        return _Sql(f"({column} >= ? AND {column} {operator} ?)", (first, key))
    return _Sql(f"({column} {operator} ? AND {column} < ?)", (key, end))


def _in(column: str, members: list[Json], wanted: bool) -> _Sql:
    keys = [_scalar_key(member) for member in members]
    first, end = values.type_range(keys[0])
    if any(values.type_range(key) != (first, end) for key in keys):
        raise refused("IN with members of several types")
    if wanted:
        return _Sql(f"{column} IN ({_marks(keys)})", tuple(keys))
    outside = f"{column} NOT IN ({_marks(keys)})"
    return _Sql(f"({column} >= ? AND {column} < ? AND {outside})", (first, end, *keys))


def _contains(column: str, array: Json, wanted: bool) -> _Sql:
    """Unlike IN, this is false for a property of another type; it is undefined only with it."""
    if not isinstance(array, list):
        raise refused("ARRAY_CONTAINS with a first argument that is no list")
    keys = [_scalar_key(element) for element in array]
    if wanted:
        return _Sql(f"{column} IN ({_marks(keys)})", tuple(keys))
    return _Sql(f"({column} IS NOT NULL AND {column} NOT IN ({_marks(keys)}))", tuple(keys))


def _starts_with(column: str, prefix: Json, wanted: bool) -> _Sql:
    if not isinstance(prefix, str):
        raise refused("STARTSWITH with a prefix that is no string")
    low = values.key(prefix)
    high = low + b"\xff"  # no UTF-8 text has this byte
    if wanted:
        return _Sql(f"({column} >= ? AND {column} < ?)", (low, high))
    first, end = values.type_range(low)
    outside = f"({column} < ? OR {column} >= ?)"
    return _Sql(f"({column} >= ? AND {column} < ? AND {outside})", (first, end, low, high))


def _page(
    store: Store,
    query: Query,
    where: _Sql,
    order: list[tuple[str, bool]],
    window: _Window,
    page_items: int,
) -> Page:
    if window.after is not None:
        where = _join("AND", [where, _after(order, window.after)])
    wanted = page_items if window.left is None else min(page_items, window.left)
    columns = ", ".join(["size", *(column for column, _ in order)])
    sorting = ", ".join(f"{column} {'DESC' if down else 'ASC'}" for column, down in order)
    rows = store.execute(
        f"SELECT {columns} FROM items WHERE {where.text} ORDER BY {sorting} LIMIT ?",  # noqa: S608 - columns are our own names, values are bound
        (*where.keys, window.offset + wanted + 1),
    ).fetchall()
    _check_sortable(rows)
    rows = rows[window.offset :]
    taken = _fitting(rows[:wanted])
    results = _project(store, query, [row[-1] for row in taken])
    left = None if window.left is None else window.left - len(taken)
    more = len(taken) < len(rows) and left != 0
    token = _Window.token(left, taken[-1][1:]) if more else None
    return Page(results, token, charges.query(sum(map(len, results))))


def _after(order: list[tuple[str, bool]], last: tuple[bytes | int, ...]) -> _Sql:
    """The condition for a row that sorts after the row with the keys `last`."""
    (column, descending), *others = order
    beyond = _Sql(f"{column} {'<' if descending else '>'} ?", (last[0],))
    if not others:
        return beyond
    same = _Sql(f"{column} = ?", (last[0],))
    return _join("OR", [beyond, _join("AND", [same, _after(others, last[1:])])])


def _check_sortable(rows: list[tuple[bytes | None, ...]]) -> None:
    for row in rows:
        for key in row[1:-1]:
            if key is None or key >= values.ARRAY:
                raise refused(
                    "ORDER BY over items where the property is missing, an array or an object"
                    " (add IS_DEFINED to the WHERE)"
                )


def _fitting(rows: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The first rows whose bodies fit in a page, at least one."""
    size = 0
    for count, row in enumerate(rows):
        size += row[0]
        if count and size > MAX_PAGE_BYTES:
            return rows[:count]
    return rows


def _project(store: Store, query: Query, numbers: list[int]) -> list[bytes]:
    """The results for these items, as JSON; whole items are never parsed."""
    fetch = "SELECT body FROM bodies WHERE number = ?"
    bodies: list[bytes] = [store.execute(fetch, (n,)).fetchone()[0] for n in numbers]
    if not query.select:
        return bodies
    results: list[bytes] = []
    for body in bodies:
        item: Json = orjson.loads(body)
        found = {name: values.lookup(item, path) for name, path in query.select}
        defined = {name: value for name, (exists, value) in found.items() if exists}
        if not query.value:
            results.append(orjson.dumps(defined))
        elif defined:
            results.append(orjson.dumps(next(iter(defined.values()))))
        elif query.limit is not None:
            raise refused("TOP or LIMIT with VALUE over items that lack the property")
    return results


def _conjuncts(where: Condition | None) -> tuple[Condition, ...]:
    if where is None:
        return ()
    return where.parts if isinstance(where, Junction) and where.operator == "AND" else (where,)


def _join(operator: str, parts: list[_Sql]) -> _Sql:
    text = f" {operator} ".join(part.text for part in parts)
    return _Sql(f"({text})", tuple(key for part in parts for key in part.keys))


def _scalar_key(value: Json) -> bytes:
    key = values.key(value)
    if key >= values.ARRAY:
        raise refused("comparing with an array or an object")
    return key


def _marks(keys: list[bytes]) -> str:
    if len(keys) > MAX_ELEMENTS:
        raise refused(f"a list of more than {MAX_ELEMENTS} elements")
    return ",".join("?" * len(keys))


def _whole(argument: Constant, parameters: Document) -> int:
    value = constant(argument, parameters)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CosmosError(400, "TOP, OFFSET and LIMIT take a whole number of at least 0")
    return value


def _parameters(body: Document) -> Document:
    given = body.get("parameters") or []
    entries = [values.document(entry) for entry in given] if isinstance(given, list) else []
    return {str(entry.get("name")): entry.get("value") for entry in entries}
